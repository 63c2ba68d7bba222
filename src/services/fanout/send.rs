//! Sending: one send unit a channel, in batches of the provider's size, as many at a time as its [`pace`](super::pace)
//! allows. First tries and later ones go this way alike.
//!
//! Promise: what has no place within the channel's allowance leaves the unit at once, for when there is one. A send begins only while its lease is held and the gate is open, both asked right before it, after every
//! wait; where a repeat is forbidden, the tries of a batch are written down right before its call. A provider that is
//! slow, rests or is away costs its own recipients the wait and nobody else's: what has no turn by the unit's end is
//! handed back as it is, and so is what its provider does not want to be asked for yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _, stream};
use tokio::sync::RwLockReadGuard;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use super::allowance;
use super::edition::Edition;
use super::failpoint;
use super::gate::Gate;
use super::lease::Kept;
use super::pace::{Permit, Turn};
use super::sort::{Addressed, decided};
use super::verdict::{Case, Verdict};
use crate::domain::channel::{Channel, Repeat};
use crate::domain::delivery::{Event, Reason};
use crate::domain::message::{CallFailure, Message, Noted, Outcome as Answer, Recipient};
use crate::domain::time::Timestamp;
use crate::providers::Provider;
use crate::services::Deps;
use crate::services::refusal::{CanFail as _, Error, Result};
use crate::storage::delivery::{self, Outcome, Owner};
use crate::storage::lease::Token;
use crate::storage::{due, transact};

/// A recipient that is to be left alone for no longer is waited for where it is.
const SHORT_WAIT: Duration = Duration::from_secs(1);

/// Under whose lease tries are made.
pub(super) enum Warrant<'a> {
    /// The chunk's, for first tries.
    Chunk { kept: &'a Kept, owner: Owner, token: Token },
    /// The deliveries' own, until then.
    Due { until: Instant },
}

/// What a batch came to.
#[derive(Debug)]
pub(super) enum Sent {
    /// What is to be written down.
    Outcomes(Vec<Outcome>),
    /// No turn came: they are as they were, and should come again after this.
    NoTurn(Vec<Addressed>, Duration),
    /// The channel's quota is spent: the same.
    Spent(Vec<Addressed>, Duration),
}

/// What is sent with.
pub(super) struct Unit<'a> {
    pub(super) deps: &'a Deps,
    pub(super) edition: &'a Edition,
    pub(super) gate: &'a Gate,
    pub(super) warrant: Warrant<'a>,
    /// No batch begins after this.
    pub(super) until: Instant,
    pub(super) record: Sender<Sent>,
}

impl Unit<'_> {
    /// Sends to everyone of a channel; what became of them goes to the recorder as it comes.
    pub(super) async fn send(&self, channel: Channel, to: Vec<Addressed>) -> Result<()> {
        let Some(provider) = self.deps.fan_out.providers.get(channel) else {
            return Err(Error::broken(format!("channel {channel} is not configured any more")));
        };
        let to = allowance::admit(self, channel, to).await?;
        let batches: Vec<Vec<Addressed>> = to.chunks(provider.max_batch().max(1)).map(<[_]>::to_vec).collect();
        // Whoever waits for a recipient's own turn holds no place: the pace alone says how many are under way.
        let at_once = if provider.is_one_service() { provider.max_in_flight() } else { batches.len() };
        let failed = AtomicBool::new(false);
        let sends: Vec<_> = batches.into_iter().map(|batch| self.turn(&*provider, batch, &failed).boxed()).collect();
        let mut sends = stream::iter(sends).buffer_unordered(at_once.max(1));
        // After an error none begins; what is under way is waited for and written down.
        let mut first_error = None;
        while let Some(sent) = sends.next().await {
            let given_back = allowance::give_back(self.deps, channel, &sent).await;
            given_back.can_fail("less is sent than might be, until it is counted anew");
            let recorded = match sent {
                Ok(sent) => self.record.send(sent).await.map_err(|_| Error::broken("the recorder has stopped")),
                Err(error) => Err(error),
            };
            if let Err(error) = recorded {
                failed.store(true, Ordering::Relaxed);
                first_error.get_or_insert(error);
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    /// Waits for a batch's turn, of its channel and of its recipients, and sends it; a wait that is not short is not
    /// waited for here.
    async fn turn(&self, provider: &dyn Provider, batch: Vec<Addressed>, failed: &AtomicBool) -> Result<Sent> {
        let pace = self.deps.fan_out.pace(provider.channel())?;
        loop {
            let permit = match wait(provider, &batch) {
                Some(wait) => Turn::Later(wait),
                None => pace.turn(self.until).await,
            };
            if failed.load(Ordering::Relaxed) {
                return Ok(Sent::NoTurn(batch, Duration::ZERO));
            }
            let wait = match permit {
                Turn::Now(permit) => match (self.company(), wait(provider, &batch)) {
                    (None, _) => {
                        // Whoever is worked alone needs a permit, too: none is kept while it is waited for.
                        drop(permit);
                        drop(self.deps.fan_out.company.read().await);
                        continue;
                    }
                    (_, Some(wait)) => wait,
                    (Some(_company), None) => return self.send_batch(provider, batch, permit).await,
                },
                Turn::Later(wait) => wait,
            };
            // Not all at the same instant.
            let again = Instant::now() + wait.mul_f64(0.5 + rand::random::<f64>() / 2.0);
            if wait.is_zero() || wait > SHORT_WAIT || again >= self.until || provider.is_one_service() {
                return Ok(Sent::NoTurn(batch, wait));
            }
            tokio::time::sleep_until(again).await;
        }
    }

    /// Leave to send beside others, unless a chunk is worked alone at the moment. A chunk's worker has it already.
    fn company(&self) -> Option<Option<RwLockReadGuard<'_, ()>>> {
        match self.warrant {
            Warrant::Chunk { .. } => Some(None),
            Warrant::Due { .. } => self.deps.fan_out.company.try_read().ok().map(Some),
        }
    }

    async fn send_batch(&self, provider: &dyn Provider, batch: Vec<Addressed>, permit: Permit) -> Result<Sent> {
        if !self.gate.is_open(self.deps).await? {
            let now = self.deps.clock.now();
            let superseded = |one: &Addressed| decided(one, Event::Supersede, Reason::Newer, now);
            return Ok(Sent::Outcomes(batch.iter().map(superseded).collect()));
        }
        let began_at = self.deps.clock.now();
        if began_at >= self.edition.fan_out.deadline_at {
            let expired = |one: &Addressed| decided(one, Event::Expire, Reason::Deadline, began_at);
            return Ok(Sent::Outcomes(batch.iter().map(expired).collect()));
        }
        // While the gate was asked others may have begun.
        if let Some(wait) = wait(provider, &batch) {
            return Ok(Sent::NoTurn(batch, wait));
        }
        let batch = match provider.repeat() {
            Repeat::Forbidden => self.intend(batch, began_at).await?,
            Repeat::Safe | Repeat::Visible => batch,
        };
        failpoint::hit("before_send");
        // Last, and without a wait between it and the call.
        if !self.holds() {
            return Err(Error::broken("the lease is lost: nothing more is sent"));
        }
        let recipients: Vec<Recipient> = batch.iter().map(|one| one.recipient.clone()).collect();
        failpoint::hit_by("send_to", recipients.iter().map(|to| to.address.expose()));
        let budget = self.deps.fan_out.settings.send_budget;
        let (answer, notes) = noted(call(provider, &self.edition.message, &recipients, budget).await);
        failpoint::hit("after_send");
        let now = self.deps.clock.now();
        if provider.is_one_service() {
            permit.answered(&answer, now);
        }
        let case = |one: &Addressed| Case {
            repeat: provider.repeat(),
            attempts: one.attempts,
            now,
            deadline: self.edition.fan_out.deadline_at,
            jitter: rand::random(),
        };
        let verdicts = judge(batch.iter().map(case), answer);
        let notes = notes.into_iter().map(Some).chain(std::iter::repeat(None));
        let outcomes = batch.iter().zip(verdicts).zip(notes);
        Ok(Sent::Outcomes(
            outcomes.map(|((one, verdict), note)| outcome(one, verdict, note, (began_at, now))).collect(),
        ))
    }

    fn holds(&self) -> bool {
        match &self.warrant {
            Warrant::Chunk { kept, .. } => kept.is_held(),
            Warrant::Due { until } => Instant::now() < *until,
        }
    }

    /// Where a repeat is forbidden, what is about to be sent is committed first: after a crash it is `unknown`. Returns
    /// those whose try is ours.
    async fn intend(&self, batch: Vec<Addressed>, now: Timestamp) -> Result<Vec<Addressed>> {
        let db = &self.deps.db;
        match &self.warrant {
            Warrant::Chunk { owner, token, .. } => {
                let intents: Vec<Outcome> = batch.iter().map(|one| intent(one, now)).collect();
                let written = transact!(db, |tx| delivery::insert_slice(tx, *owner, *token, &intents).await);
                if written { Ok(batch) } else { Err(Error::broken(format!("{} has lost its lease", owner.chunk))) }
            }
            Warrant::Due { .. } => {
                let fan_out = &self.edition.fan_out;
                let leases: Vec<_> = batch.iter().map(|one| (one.target.endpoint, one.lease_token)).collect();
                let begun = transact!(db, |tx| due::begin(tx, fan_out.notice_id, fan_out.revision(), &leases).await);
                let begun: std::collections::BTreeSet<_> = begun.into_iter().collect();
                Ok(batch.into_iter().filter(|one| begun.contains(&one.target.endpoint)).collect())
            }
        }
    }
}

/// How long the recipients of a batch are to be left alone by themselves.
fn wait(provider: &dyn Provider, batch: &[Addressed]) -> Option<Duration> {
    batch.iter().filter_map(|one| provider.not_before(&one.recipient)).max()
}

/// Calls the provider; no answer within the budget is a call that may have been delivered.
async fn call(
    provider: &dyn Provider,
    message: &Message,
    to: &[Recipient],
    budget: Duration,
) -> std::result::Result<Vec<Noted>, CallFailure> {
    if to.is_empty() {
        return Ok(Vec::new());
    }
    match tokio::time::timeout(budget, provider.send_noted(message, to)).await {
        Ok(answer) => answer,
        Err(_) => Err(CallFailure::RetryAt { after: None, maybe_delivered: true }),
    }
}

/// A recipient's own answer: its status, and its words.
type Note = (Option<u16>, Option<String>);

/// The outcomes, and what was noted of each.
fn noted(
    answer: std::result::Result<Vec<Noted>, CallFailure>,
) -> (std::result::Result<Vec<Answer>, CallFailure>, Vec<Note>) {
    match answer {
        Ok(noted) => {
            let (answers, notes) = noted.into_iter().map(|one| (one.outcome, (one.status, one.text))).unzip();
            (Ok(answers), notes)
        }
        Err(failure) => (Err(failure), Vec::new()),
    }
}

/// A verdict for each recipient, each by its own case.
fn judge(
    cases: impl ExactSizeIterator<Item = Case>,
    answer: std::result::Result<Vec<Answer>, CallFailure>,
) -> Vec<Verdict> {
    let recipients = cases.len();
    match answer {
        Ok(outcomes) if outcomes.len() == recipients => {
            cases.zip(outcomes).map(|(case, outcome)| case.judge(outcome)).collect()
        }
        Ok(outcomes) => {
            // A provider that breaks its own promise: nobody knows whose outcome is whose.
            let text = format!("{} outcomes for {recipients} recipients", outcomes.len());
            let failure = CallFailure::Unknown { status: 200, code: "outcome_count".to_owned(), text };
            cases.map(|case| case.judge_call(&failure)).collect()
        }
        Err(failure) => cases.map(|case| case.judge_call(&failure)).collect(),
    }
}

fn outcome(
    one: &Addressed,
    verdict: Verdict,
    note: Option<Note>,
    (began_at, decided_at): (Timestamp, Timestamp),
) -> Outcome {
    let (status, text) = note.unwrap_or_default();
    Outcome {
        endpoint: one.target.endpoint,
        user: one.target.user,
        channel: Arc::clone(&one.target.channel),
        state: verdict.state,
        reason: verdict.reason,
        shown: verdict.shown,
        attempts: one.attempts,
        provider_ref: verdict.provider_ref,
        detail: text.or(verdict.detail),
        status: status.map(i64::from),
        began_at,
        decided_at,
        due_at: verdict.due_at,
        lease_token: one.lease_token,
    }
}

fn intent(one: &Addressed, now: Timestamp) -> Outcome {
    Outcome { attempts: 1, reason: None, ..decided(one, Event::Begin, Reason::NoAnswer, now) }
}
