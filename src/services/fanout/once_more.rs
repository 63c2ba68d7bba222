//! One delivery sent once more, because its user asked for it.
//!
//! Promise: the newest word wins here too. Where a newer edition was never sent to the endpoint, because it was a quiet one
//! or told to others only, that edition is sent, under a key of its own; while its deliveries are on their way, nothing is.
//! Otherwise the idempotency key is that of every other try. The try is written down, and an accepted one settles the delivery; the deadline, pauses and
//! rests are not asked, because somebody is waiting. Not promised: that a later try does not go out at the same instant.

use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::domain::channel::Channel;
use crate::domain::delivery::{Reason, State};
use crate::domain::id::DeliveryId;
use crate::domain::message::{Address, CallFailure, Noted, Outcome as Answer, Recipient};
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::refusal::{Error, Refusal, Result};
use crate::storage::delivery::Outcome;
use crate::storage::delivery_list::Listed;
use crate::storage::{edition_row, transact, webhook};

use super::gate::Gate;
use super::verdict::Case;
use super::{Engine, edition};

/// A try that somebody waited for.
#[derive(Debug, Clone)]
pub struct Tried {
    /// What it ended with: `accepted`, or a reason's word.
    pub outcome: &'static str,
    /// The HTTP status of the recipient's own answer.
    pub status: Option<u16>,
    /// The recipient's own words, shortened.
    pub text: Option<String>,
    /// The idempotency key that it was sent with.
    pub delivery: DeliveryId,
    /// The revision that was sent.
    pub revision: Option<i32>,
    /// When it began.
    pub began_at: Timestamp,
    /// When its outcome was known.
    pub ended_at: Timestamp,
}

/// A newer revision, or the withdrawal, is on its way.
#[derive(Debug)]
pub struct Overtaken;

/// Sends a delivery once more, or what has taken its place.
pub async fn once_more(deps: &Deps, of: &Listed) -> Result<std::result::Result<Tried, Overtaken>> {
    let own = i32::try_from(of.revision).unwrap_or(i32::MAX);
    let edition = edition::load(deps, of.fan_out_id).await?;
    let edition = edition.ok_or_else(|| Error::broken(format!("{} has no fan-out", of.notice_id)))?;
    let channel: Option<Channel> = of.channel.parse().ok();
    let provider = channel.and_then(|channel| deps.fan_out.providers.get(channel)).ok_or(Refusal::Unavailable)?;
    let address = Address::parse(&of.address).map_err(|_| Refusal::NotFound)?;
    // Before the call, and the newest revision is asked for after it: a withdrawal that comes meanwhile finds it told.
    transact!(deps.db, |tx| webhook::resending(tx, of.notice_id, own, of.endpoint_id).await);
    let newest = edition_row::newest(deps.db.reader(), of.notice_id).await?.unwrap_or(own);
    let instead = if newest == own { None } else { edition::instead_of(deps, &edition, newest).await? };
    let message = match instead.as_ref() {
        Some(instead) => instead,
        None if newest == own => &edition.message,
        None => return Ok(Err(Overtaken)),
    };
    if !Gate::new(of.notice_id, newest).is_open(deps).await? {
        return Ok(Err(Overtaken));
    }
    let delivery = DeliveryId::of(of.notice_id, newest, of.endpoint_id);
    let to = Recipient { endpoint: of.endpoint_id, user: of.user_id, address, delivery };
    let began_at = deps.clock.now();
    let answer = timeout(deps.fan_out.settings.send_budget, provider.send_by_hand(message, &to)).await;
    let ended_at = deps.clock.now();
    let tried =
        Case { repeat: provider.repeat(), attempts: of.attempts + 1, now: ended_at, deadline: ended_at, jitter: 0.0 };
    let Noted { outcome, status, text } = settle(answer);
    let verdict = tried.judge(outcome);
    let outcome = Outcome {
        endpoint: of.endpoint_id,
        user: of.user_id,
        channel: of.channel.as_str().into(),
        state: verdict.state,
        reason: verdict.reason,
        shown: verdict.shown,
        attempts: of.attempts + 1,
        provider_ref: None,
        detail: text.clone().or(verdict.detail),
        status: status.map(i64::from),
        began_at,
        decided_at: ended_at,
        due_at: None,
        lease_token: 0,
    };
    transact!(deps.db, |tx| webhook::record_resend(tx, of.notice_id, own, outcome).await);
    let outcome = word(verdict.state, verdict.reason);
    Ok(Ok(Tried { outcome, status, text, delivery, revision: Some(newest), began_at, ended_at }))
}

impl Engine {
    /// Sends a recipient something that says no more than that messages arrive; nothing where its channel has no such
    /// thing. Nothing of it is written down.
    pub async fn test(&self, deps: &Deps, channel: Channel, to: &Recipient) -> Option<Tried> {
        let provider = self.providers.get(channel)?;
        let began_at = deps.clock.now();
        let noted = match timeout(self.settings.send_budget, provider.test(to)).await {
            Ok(noted) => noted?,
            Err(_) => Answer::RetryAt { after: None, maybe_delivered: true }.into(),
        };
        let ended_at = deps.clock.now();
        let case = Case { repeat: provider.repeat(), attempts: 1, now: ended_at, deadline: ended_at, jitter: 0.0 };
        let Noted { outcome, status, text } = noted;
        let verdict = case.judge(outcome);
        let outcome = word(verdict.state, verdict.reason);
        Some(Tried { outcome, status, text, delivery: to.delivery, revision: None, began_at, ended_at })
    }
}

/// The one outcome of a call for one recipient.
fn settle(answer: std::result::Result<std::result::Result<Noted, CallFailure>, Elapsed>) -> Noted {
    let lost = CallFailure::RetryAt { after: None, maybe_delivered: true };
    match answer.unwrap_or(Err(lost)) {
        Ok(noted) => noted,
        Err(CallFailure::RetryAt { after, maybe_delivered }) => Answer::RetryAt { after, maybe_delivered }.into(),
        Err(_) => Answer::Failed.into(),
    }
}

fn word(state: State, reason: Option<Reason>) -> &'static str {
    reason.map_or(state.as_str(), Reason::as_str)
}
