//! Later tries: deliveries whose next try is due.
//!
//! Promise: everything that is asked at a first try is asked again: the gate, the deadline, whether the endpoint is
//! still there and the user still wants it. A try is counted when it is begun.

use std::collections::BTreeMap;

use futures_util::FutureExt as _;

use super::edition::{self, Edition};
use super::gate::Gate;
use super::send::{call, judge, permit};
use super::verdict::{Case, Verdict};
use crate::domain::channel::Channel;
use crate::domain::delivery::{Event, Reason, State};
use crate::domain::id::{DeliveryId, EndpointId, FanOutId};
use crate::domain::message::{Address, Recipient};
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::refusal::Result;
use crate::storage::delivery::{self, DUE_LEASE, Due, Outcome};
use crate::storage::transact;
use crate::telemetry::metric;

/// Deliveries of one round.
const ROUND: i64 = 500;

/// Works what is due now; returns how many deliveries that were.
pub async fn work_due(deps: &Deps) -> Result<usize> {
    let due = transact!(deps.db, |tx| delivery::lease_due(tx, ROUND).await);
    let count = due.len();
    let mut units: BTreeMap<(FanOutId, String), Vec<Due>> = BTreeMap::new();
    for one in due {
        units.entry((one.fan_out_id, one.channel.clone())).or_default().push(one);
    }
    let works: Vec<_> = units
        .into_iter()
        .map(|((fan_out, channel), due)| work_unit_or_say_so(deps, fan_out, channel, due).boxed())
        .collect();
    futures_util::future::join_all(works).await;
    Ok(count)
}

async fn work_unit_or_say_so(deps: &Deps, fan_out: FanOutId, channel: String, due: Vec<Due>) {
    if let Err(error) = work_unit(deps, fan_out, &channel, due).await {
        // Their leases end, and they are due again.
        tracing::warn!(fan_out.id = %fan_out, channel, %error, "due deliveries could not be worked");
    }
}

async fn work_unit(deps: &Deps, fan_out: FanOutId, channel: &str, due: Vec<Due>) -> Result<()> {
    let Some(edition) = edition::load(deps, fan_out).await? else { return Ok(()) };
    let now = deps.clock.now();
    let gate = Gate::new(edition.fan_out.notice_id, edition.fan_out.revision());
    if !gate.is_open(deps).await? {
        return settle_all(deps, &due, Event::Supersede, Reason::Newer, now).await;
    }
    if now >= edition.fan_out.deadline_at {
        return settle_all(deps, &due, Event::Expire, Reason::Deadline, now).await;
    }
    let endpoints: Vec<EndpointId> = due.iter().map(|one| one.endpoint_id).collect();
    let door = delivery::door(deps.db.reader(), &endpoints, now).await?;
    let door: BTreeMap<EndpointId, (String, i64)> =
        door.into_iter().map(|(endpoint, address, consent)| (endpoint, (address, consent))).collect();
    let mut refused: BTreeMap<Reason, Vec<Due>> = BTreeMap::new();
    let mut addressed = Vec::new();
    for one in due {
        let reason = match door.get(&one.endpoint_id) {
            None => Reason::EndpointEnded,
            Some((_, 0)) => Reason::Ended,
            Some((_, 1)) => Reason::Paused,
            Some((address, _)) => match Address::parse(address) {
                Ok(address) => {
                    let delivery = DeliveryId::of(one.notice_id, one.revision(), one.endpoint_id);
                    let recipient = Recipient { endpoint: one.endpoint_id, address, delivery };
                    addressed.push((one, recipient));
                    continue;
                }
                Err(_) => Reason::BadAddress,
            },
        };
        refused.entry(reason).or_default().push(one);
    }
    for (reason, due) in refused {
        settle_all(deps, &due, Event::Skip, reason, now).await?;
    }
    send(deps, &edition, channel, addressed).await
}

/// Settles deliveries that are not tried again, all for one reason. The try that their lease has counted was not begun.
async fn settle_all(deps: &Deps, due: &[Due], event: Event, reason: Reason, now: Timestamp) -> Result<()> {
    let state = State::Due.on(event).unwrap_or(State::Due);
    let tx = deps.db.begin().await?;
    for one in due {
        let verdict =
            Verdict { state, reason: Some(reason), shown: one.shown, provider_ref: None, detail: None, due_at: None };
        let decided = Outcome { attempts: one.attempts - 1, ..outcome(one, verdict, now, now) };
        delivery::settle(&tx, one, &decided).await?;
    }
    Ok(tx.commit().await?)
}

async fn send(deps: &Deps, edition: &Edition, channel: &str, to: Vec<(Due, Recipient)>) -> Result<()> {
    let known = channel.parse::<Channel>().ok().and_then(|channel| deps.fan_out.providers.get(channel));
    let Some(provider) = known else { return Ok(()) };
    for batch in to.chunks(provider.max_batch().max(1)) {
        let _permit = permit(deps, provider.channel()).await?;
        let began_at = deps.clock.now();
        let recipients: Vec<Recipient> = batch.iter().map(|(_, recipient)| recipient.clone()).collect();
        // Half of the lease: the other half is for writing the outcome down.
        let answer = call(&*provider, &edition.message, &recipients, DUE_LEASE / 2).await;
        let now = deps.clock.now();
        let attempts = batch.iter().map(|(one, _)| one.attempts).max().unwrap_or(1);
        let case =
            Case { repeat: provider.repeat(), attempts, now, deadline: edition.fan_out.deadline_at, jitter: 0.0 };
        let verdicts = judge(case, answer, batch.len());
        let tx = deps.db.begin().await?;
        for ((one, _), verdict) in batch.iter().zip(verdicts) {
            delivery::settle(&tx, one, &outcome(one, verdict, began_at, now)).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

fn outcome(due: &Due, verdict: Verdict, began_at: Timestamp, decided_at: Timestamp) -> Outcome {
    metrics::counter!(metric::RETRIES, "channel" => due.channel.clone(), "state" => verdict.state.as_str())
        .increment(1);
    Outcome {
        endpoint: due.endpoint_id,
        user: due.user_id,
        channel: due.channel.clone(),
        state: verdict.state,
        reason: verdict.reason,
        shown: verdict.shown,
        attempts: due.attempts,
        provider_ref: verdict.provider_ref,
        detail: verdict.detail,
        began_at,
        decided_at,
        due_at: verdict.due_at,
    }
}
