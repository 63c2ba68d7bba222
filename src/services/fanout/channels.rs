//! How channels stand: what each process that sends says of itself, and what is left of rates and quotas.

use std::time::Duration;

use tokio::time::Instant;

use super::allowance;
use crate::domain::allowance::{Limits, Standing};
use crate::domain::channel::Channel;
use crate::services::Deps;
use crate::services::refusal::{CanFail as _, Error, Result};
use crate::storage::channel::{self as record, Sender};
use crate::storage::transact;
use crate::telemetry::metric;

/// What nothing has changed of is said again after so long, so that it is known to be alive.
const SAY_AGAIN: Duration = Duration::from_secs(10);

/// What this process has said of itself last, and when.
#[derive(Debug, Default)]
pub struct Said(Option<(Vec<Sender>, Instant)>);

/// Writes down how this process stands with its channels, when that has changed or was said long ago.
pub async fn report(deps: &Deps, said: &mut Said) -> Result<()> {
    let owner = deps.fan_out.settings.owner.as_str();
    let (instant, now) = (Instant::now(), deps.clock.now());
    let senders: Vec<Sender> = deps
        .fan_out
        .paces
        .iter()
        .map(|(channel, pace)| {
            let standing = pace.standing(instant);
            Sender {
                owner: owner.to_owned(),
                channel: *channel,
                send_limit: standing.limit,
                send_most: standing.most,
                under_way: standing.under_way,
                resting_until: standing.rest.map(|rest| now + rest),
                seen_at: now,
            }
        })
        .collect();
    if let Some((before, at)) = &said.0
        && at.elapsed() < SAY_AGAIN
        && before.iter().zip(&senders).all(|(before, now)| says_the_same(before, now))
    {
        return Ok(());
    }
    transact!(deps.db, |tx| record::report(tx, owner, &senders).await.map_err(Error::from));
    said.0 = Some((senders, Instant::now()));
    Ok(())
}

/// An instant that a rest ends at is reckoned anew each time, and may waver.
fn says_the_same(one: &Sender, other: &Sender) -> bool {
    let fixed = |of: &Sender| (of.send_limit, of.under_way, of.resting_until.is_some());
    fixed(one) == fixed(other)
}

/// What a channel may send and what of it is left; nothing where nothing limits it.
pub async fn allowance(deps: &Deps, channel: Channel) -> Result<Option<(Limits, Standing)>> {
    allowance::standing(deps, channel).await
}

/// Sets the gauges of this copy's sends and of the quotas.
pub async fn measure(deps: &Deps) {
    for (channel, pace) in &deps.fan_out.paces {
        let under_way = u32::try_from(pace.show().under_way).unwrap_or(u32::MAX);
        metrics::gauge!(metric::CHANNEL_SENDING, "channel" => channel.as_str()).set(f64::from(under_way));
        let left = allowance::standing(deps, *channel).await.can_fail("the gauges keep their last values");
        if let Some((Limits { quota: Some(quota), .. }, standing)) = left.flatten() {
            let used = u32::try_from(standing.used.max(0)).unwrap_or(u32::MAX);
            metrics::gauge!(metric::CHANNEL_QUOTA, "channel" => channel.as_str()).set(f64::from(quota.messages));
            metrics::gauge!(metric::CHANNEL_QUOTA_USED, "channel" => channel.as_str()).set(f64::from(used));
        }
    }
}
