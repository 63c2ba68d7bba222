//! What channels may send: a rate and a quota of the provider's, shared by all processes.
//!
//! ```text
//!   a unit wants to send n ──▶ Redis, in one call; without it a row of the record, in one short transaction
//!        granted: m            n − m leave as due deliveries, each for when there is a place; nobody waits
//!        m go out              what was not sent, or in vain, is given back, in one call
//! ```
//!
//! Promise: one question for everything that a unit wants to send, whatever the size of its batches. Whoever begins to
//! count (a process that starts, Redis after it forgot, the record after Redis went away) first counts the deliveries of the
//! day in the record. What is granted a place and crashes is lost to the day: never more is sent, rather less. Not promised:
//! that what other copies have under way at the instant of such a count is in it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::send::{Sent, Unit};
use super::sort::Addressed;
use crate::domain::allowance::{Grant, Limits, Scarce, Standing};
use crate::domain::channel::Channel;
use crate::domain::delivery::State;
use crate::domain::fanout::Lane;
use crate::domain::id::FanOutId;
use crate::domain::time::Timestamp;
use crate::kv::allowance::{Answer, Ask};
use crate::providers::Registry;
use crate::services::Deps;
use crate::services::refusal::{Error, Result};
use crate::storage::delivery::Outcome;
use crate::storage::{channel as record, transact};
use crate::telemetry::metric;

/// Who counted last; the next one to count must be told what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Redis,
    Record,
}

/// What the channels of this process may send.
#[derive(Debug, Default)]
pub(super) struct Allowances {
    limits: BTreeMap<Channel, Limits>,
    sources: Mutex<BTreeMap<Channel, Source>>,
    /// Until when this process has promised places to what it put off, by fan-out.
    promised: Mutex<BTreeMap<(Channel, FanOutId), Instant>>,
}

impl Allowances {
    pub(super) fn new(providers: &Registry) -> Self {
        let of = |channel| Some((channel, providers.get(channel)?.limits())).filter(|(_, limits)| limits.any());
        Self { limits: providers.channels().filter_map(of).collect(), ..Self::default() }
    }

    /// What a channel may send; nothing where nothing limits it.
    pub(super) fn limits(&self, channel: Channel) -> Option<Limits> {
        self.limits.get(&channel).copied()
    }

    fn source(&self, channel: Channel) -> Option<Source> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).get(&channel).copied()
    }

    fn counted_by(&self, channel: Channel, source: Source) {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).insert(channel, source);
    }

    /// When each of so many messages of a fan-out shall come again that got no place: one after the other, as fast as the
    /// rate allows, so that they do not all come at once. Parts of whole seconds, in order.
    pub(super) fn put_off(
        &self,
        channel: Channel,
        fan_out: FanOutId,
        grant: &Grant,
        count: usize,
    ) -> Vec<(usize, Duration)> {
        let Some(scarce) = grant.scarce.filter(|_| count > 0) else { return Vec::new() };
        let postponed = u64::try_from(count).unwrap_or(u64::MAX);
        metrics::counter!(metric::CHANNEL_POSTPONED, "channel" => channel.as_str(), "by" => scarce.as_str())
            .increment(postponed);
        let (first, rate) = (grant.wait, self.limits(channel).and_then(|limits| limits.rate));
        let Some(rate) = rate else { return vec![(count, first)] };
        let now = Instant::now();
        let at_once = usize::try_from(rate.per_second()).unwrap_or(usize::MAX);
        let mut promised = self.promised.lock().unwrap_or_else(PoisonError::into_inner);
        promised.retain(|_, until| *until > now);
        let next = promised.entry((channel, fan_out)).or_insert(now);
        *next = (*next).max(now + first);
        let mut parts = Vec::new();
        let mut left = count;
        while left > 0 {
            let part = left.min(at_once);
            parts.push((part, *next - now));
            let share = f64::from(number(part)) / f64::from(rate.per_second());
            *next += Duration::from_secs_f64(share);
            left -= part;
        }
        parts
    }
}

/// Takes places for those who are to be sent to: returns whoever has one; the others leave at once, for when there is one.
pub(super) async fn admit(unit: &Unit<'_>, channel: Channel, mut to: Vec<Addressed>) -> Result<Vec<Addressed>> {
    let (deps, fan_out) = (unit.deps, &unit.edition.fan_out);
    let allowances = &deps.fan_out.allowances;
    let Some(limits) = allowances.limits(channel) else { return Ok(to) };
    let (grant, _) = ask(deps, asking(deps, channel, limits, fan_out.lane(), number(to.len()))).await?;
    let granted = usize::try_from(grant.granted).unwrap_or(usize::MAX).min(to.len());
    let mut rest = to.split_off(granted).into_iter();
    let until_deadline = fan_out.deadline_at.since(deps.clock.now());
    for (part, wait) in allowances.put_off(channel, fan_out.id, &grant, rest.len()) {
        let (batch, wait) = (rest.by_ref().take(part).collect(), wait.min(until_deadline));
        let sent = match grant.scarce {
            Some(Scarce::Quota) => Sent::Spent(batch, wait),
            _ => Sent::NoTurn(batch, wait),
        };
        unit.record.send(sent).await.map_err(|_| Error::broken("the recorder has stopped"))?;
    }
    Ok(to)
}

/// Gives back the places of what was not sent at all, and the day's share of what was sent in vain; before it is written
/// down, so that a later try finds its place.
pub(super) async fn give_back(deps: &Deps, channel: Channel, sent: &Result<Sent>) -> Result<()> {
    let (Some(limits), Ok(sent)) = (deps.fan_out.allowances.limits(channel), sent) else { return Ok(()) };
    let (unsent, uncounted) = match sent {
        Sent::Outcomes(outcomes) => {
            let untried = |one: &&Outcome| matches!(one.state, State::Superseded | State::Expired);
            (number(outcomes.iter().filter(untried).count()), number(outcomes.iter().filter(|one| !one.shown).count()))
        }
        Sent::NoTurn(batch, _) | Sent::Spent(batch, _) => (number(batch.len()), number(batch.len())),
    };
    if uncounted == 0 {
        return Ok(());
    }
    let ask = asking(deps, channel, limits, Lane::Urgent, 0);
    if deps.kv.give_back(&ask, unsent, uncounted).await.is_some() {
        return Ok(());
    }
    transact!(deps.db, |tx| {
        if let Some((standing, _)) = record::hold(tx, channel).await? {
            record::save(tx, channel, limits.give_back(standing, unsent, uncounted, ask.day.0)).await?;
        }
        Ok::<_, Error>(())
    });
    Ok(())
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// What a channel may send, and what of it is left; nothing where nothing limits it.
pub(super) async fn standing(deps: &Deps, channel: Channel) -> Result<Option<(Limits, Standing)>> {
    let Some(limits) = deps.fan_out.allowances.limits(channel) else { return Ok(None) };
    let ask = asking(deps, channel, limits, Lane::Urgent, 0);
    match deps.kv.take(&ask).await {
        Some(Answer::Granted(_, standing)) => return Ok(Some((limits, standing))),
        Some(Answer::Forgotten) => {}
        None => {
            if let Some((standing, now)) = record::find(deps.db.reader(), channel).await? {
                let times = (now, ask.day.0, ask.day.1);
                return Ok(Some((limits, limits.take(standing, 0, Lane::Urgent, times).1)));
            }
        }
    }
    let used = i64::from(sent_today(deps, &ask).await?);
    Ok(Some((limits, Standing { used, ..limits.untouched(deps.clock.now(), ask.day.0) })))
}

fn asking(deps: &Deps, channel: Channel, limits: Limits, lane: Lane, wanted: u32) -> Ask {
    let now = deps.clock.now();
    let left = limits.quota.map_or(Duration::ZERO, |quota| quota.resets.next(now).since(now));
    Ask { channel, limits, lane, wanted, day: (limits.day(now), left), known: None, now: None }
}

async fn ask(deps: &Deps, ask: Ask) -> Result<(Grant, Standing)> {
    let allowances = &deps.fan_out.allowances;
    // Whoever has not counted until now is told what was sent; a look first, so that nothing is counted while it is away.
    let fresh = allowances.source(ask.channel) != Some(Source::Redis);
    let looked = deps.kv.take(&if fresh { Ask { wanted: 0, ..ask } } else { ask }).await;
    match looked {
        Some(Answer::Granted(grant, standing)) if !fresh => return Ok((grant, standing)),
        Some(_) => {
            let known = Some(sent_today(deps, &ask).await?);
            if let Some(Answer::Granted(grant, standing)) = deps.kv.take(&Ask { known, ..ask }).await {
                allowances.counted_by(ask.channel, Source::Redis);
                return Ok((grant, standing));
            }
        }
        None => {}
    }
    let fresh = allowances.source(ask.channel) != Some(Source::Record);
    let looked = if fresh { None } else { take_from_record(deps, &ask).await? };
    let taken = match looked {
        Some(taken) => taken,
        None => {
            let known = Some(sent_today(deps, &ask).await?);
            let taken = take_from_record(deps, &Ask { known, ..ask }).await?;
            taken.ok_or_else(|| Error::broken(format!("the allowance of {} cannot be kept", ask.channel)))?
        }
    };
    allowances.counted_by(ask.channel, Source::Record);
    Ok(taken)
}

/// Takes from the record; nothing when it does not know what was sent today and was not told.
async fn take_from_record(deps: &Deps, ask: &Ask) -> Result<Option<(Grant, Standing)>> {
    let (channel, limits, (day, left)) = (ask.channel, ask.limits, ask.day);
    let tx = deps.db.begin().await?;
    let mut held = record::hold(&tx, channel).await?;
    if held.is_none() && ask.known.is_some() {
        record::begin(&tx, channel, limits.untouched(Timestamp::default(), day)).await?;
        held = record::hold(&tx, channel).await?;
    }
    let Some((mut standing, now)) = held else { return Ok(None) };
    if standing.day < day {
        (standing.day, standing.used) = (day, 0);
    }
    standing.used = standing.used.max(ask.known.map_or(0, i64::from));
    let (grant, standing) = limits.take(standing, ask.wanted, ask.lane, (now, day, left));
    record::save(&tx, channel, standing).await?;
    tx.commit().await?;
    Ok(Some((grant, standing)))
}

/// How much of today's quota the record knows to be spent; nothing where there is no quota.
async fn sent_today(deps: &Deps, ask: &Ask) -> Result<u32> {
    let Some(quota) = ask.limits.quota else { return Ok(0) };
    let sent = record::sent_since(deps.db.reader(), ask.channel, ask.day.0, quota.messages).await?;
    Ok(u32::try_from(sent).unwrap_or(u32::MAX))
}
