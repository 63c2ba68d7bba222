//! Sending: one send unit a channel, in batches of the provider's size, as many at a time as it allows.
//!
//! Promise: a send begins only while the chunk's lease is held and the gate is open, both asked right before it; a
//! provider that is slow costs its own recipients the wait and nobody else's; what has no answer within the budget
//! leaves as a due delivery.

use futures_util::stream;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::mpsc::Sender;

use super::edition::Edition;
use super::failpoint;
use super::gate::Gate;
use super::lease::Kept;
use super::sort::{Addressed, decided};
use super::verdict::{Case, Verdict};
use crate::domain::channel::Channel;
use crate::domain::delivery::{Event, Reason};
use crate::domain::message::{CallFailure, Outcome as Answer, Recipient};
use crate::domain::time::Timestamp;
use crate::providers::Provider;
use crate::services::Deps;
use crate::services::refusal::{Error, Result};
use crate::storage::delivery::Outcome;

/// What a chunk sends with.
pub(super) struct Unit<'a> {
    pub(super) deps: &'a Deps,
    pub(super) edition: &'a Edition,
    pub(super) gate: &'a Gate,
    pub(super) kept: &'a Kept,
    pub(super) record: Sender<Vec<Outcome>>,
}

impl Unit<'_> {
    /// Sends to everyone of a channel; outcomes go to the recorder as they come.
    pub(super) async fn send(&self, channel: Channel, to: Vec<Addressed>) -> Result<()> {
        let Some(provider) = self.deps.fan_out.providers.get(channel) else {
            return Err(Error::broken(format!("channel {channel} is not configured any more")));
        };
        let batches: Vec<Vec<Addressed>> = to.chunks(provider.max_batch().max(1)).map(<[_]>::to_vec).collect();
        let sends: Vec<_> = batches.into_iter().map(|batch| self.send_batch(&*provider, batch).boxed()).collect();
        let mut sends = stream::iter(sends).buffer_unordered(provider.max_in_flight().max(1));
        while let Some(outcomes) = sends.next().await {
            if self.record.send(outcomes?).await.is_err() {
                return Err(Error::broken("the recorder has stopped"));
            }
        }
        Ok(())
    }

    async fn send_batch(&self, provider: &dyn Provider, batch: Vec<Addressed>) -> Result<Vec<Outcome>> {
        let _permit = permit(self.deps, provider.channel()).await?;
        if !self.kept.is_held() {
            return Err(Error::broken("the lease is lost: nothing more is sent"));
        }
        if !self.gate.is_open(self.deps).await? {
            let now = self.deps.clock.now();
            let superseded = |one: &Addressed| decided(&one.target, Event::Supersede, Reason::Newer, now);
            return Ok(batch.iter().map(superseded).collect());
        }
        failpoint::hit("before_send");
        let began_at = self.deps.clock.now();
        let recipients: Vec<Recipient> = batch.iter().map(|one| one.recipient.clone()).collect();
        let budget = self.deps.fan_out.settings.send_budget;
        let answer = call(provider, &self.edition.message, &recipients, budget).await;
        failpoint::hit("after_send");
        let case = Case {
            repeat: provider.repeat(),
            attempts: 1,
            now: self.deps.clock.now(),
            deadline: self.edition.fan_out.deadline_at,
            jitter: 0.0,
        };
        let verdicts = judge(case, answer, batch.len());
        Ok(batch.iter().zip(verdicts).map(|(one, verdict)| outcome(one, verdict, began_at, case)).collect())
    }
}

/// One more send in flight on this channel, across all chunks of this process.
pub(super) async fn permit(deps: &Deps, channel: Channel) -> Result<tokio::sync::OwnedSemaphorePermit> {
    let semaphore = deps.fan_out.in_flight.get(&channel).cloned();
    let semaphore = semaphore.ok_or_else(|| Error::broken(format!("channel {channel} is not configured")))?;
    semaphore.acquire_owned().await.map_err(|_| Error::broken("the channel's semaphore is closed"))
}

/// Calls the provider; no answer within the budget is a call that may have been delivered.
pub(super) async fn call(
    provider: &dyn Provider,
    message: &crate::domain::message::Message,
    to: &[Recipient],
    budget: std::time::Duration,
) -> std::result::Result<Vec<Answer>, CallFailure> {
    match tokio::time::timeout(budget, provider.send(message, to)).await {
        Ok(answer) => answer,
        Err(_) => Err(CallFailure::RetryAt { after: None, maybe_delivered: true }),
    }
}

/// A verdict for each recipient, each with jitter of its own.
pub(super) fn judge(
    case: Case,
    answer: std::result::Result<Vec<Answer>, CallFailure>,
    recipients: usize,
) -> Vec<Verdict> {
    let drawn = || Case { jitter: rand::random::<f64>(), ..case };
    match answer {
        Ok(outcomes) if outcomes.len() == recipients => {
            outcomes.into_iter().map(|outcome| drawn().judge(outcome)).collect()
        }
        Ok(outcomes) => {
            // A provider that breaks its own promise: nobody knows whose outcome is whose.
            let text = format!("{} outcomes for {recipients} recipients", outcomes.len());
            let failure = CallFailure::Unknown { status: 0, code: "outcome_count".to_owned(), text };
            (0..recipients).map(|_| drawn().judge_call(&failure)).collect()
        }
        Err(failure) => (0..recipients).map(|_| drawn().judge_call(&failure)).collect(),
    }
}

fn outcome(one: &Addressed, verdict: Verdict, began_at: Timestamp, case: Case) -> Outcome {
    Outcome {
        endpoint: one.target.endpoint,
        user: one.target.user,
        channel: one.target.channel.clone(),
        state: verdict.state,
        reason: verdict.reason,
        shown: verdict.shown,
        attempts: case.attempts,
        provider_ref: verdict.provider_ref,
        detail: verdict.detail,
        began_at,
        decided_at: case.now,
        due_at: verdict.due_at,
    }
}
