//! How channels stand: what they may send, what waits, and who sends.

use std::collections::BTreeMap;

use crate::domain::allowance::{Limits, Standing};
use crate::domain::channel::{Channel, Repeat};
use crate::domain::delivery::State;
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::fanout::channels::allowance;
use crate::services::refusal::Result;
use crate::storage::channel::{self, Sender};
use crate::storage::depths;

/// A channel and how it stands.
#[derive(Debug, Clone)]
pub struct ChannelStanding {
    /// The channel.
    pub channel: Channel,
    /// What a repeat on it is; nothing when it is not configured here.
    pub repeat: Option<Repeat>,
    /// What it may send, and what of it is left.
    pub allowance: Option<(Limits, Standing)>,
    /// When the quota's next day begins.
    pub resets_at: Option<Timestamp>,
    /// Deliveries that wait for a try, and those that wait for a reason to end; counted to a limit.
    pub waiting: BTreeMap<State, i64>,
    /// Who sends on it, as they said themselves a moment ago.
    pub senders: Vec<Sender>,
}

/// The channels that are configured, that somebody sends on, or that something waits for.
pub async fn channels(deps: &Deps) -> Result<Vec<ChannelStanding>> {
    let conn = deps.db.reader();
    let (senders, waiting) = (channel::senders(conn).await?, depths::waiting(conn).await?);
    let mut standings = Vec::new();
    for &channel in Channel::ALL {
        let senders: Vec<Sender> = senders.iter().filter(|one| one.channel == channel).cloned().collect();
        let waiting: BTreeMap<State, i64> =
            waiting.iter().filter(|one| one.channel == channel).map(|one| (one.state, one.deliveries)).collect();
        let repeat = deps.fan_out.providers.get(channel).map(|provider| provider.repeat());
        if repeat.is_none() && senders.is_empty() && waiting.is_empty() {
            continue;
        }
        let allowance = allowance(deps, channel).await?;
        let quota = allowance.and_then(|(limits, _)| limits.quota);
        let resets_at = quota.map(|quota| quota.resets.next(deps.clock.now()));
        standings.push(ChannelStanding { channel, repeat, allowance, resets_at, waiting, senders });
    }
    Ok(standings)
}
