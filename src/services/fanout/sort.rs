//! The second question at the door: who of the audience's endpoints is sent to, and what becomes of the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Engine;
use super::edition::Edition;
use crate::domain::channel::Channel;
use crate::domain::delivery::{Event, Reason, State};
use crate::domain::id::DeliveryId;
use crate::domain::message::{Address, Recipient};
use crate::domain::time::Timestamp;
use crate::storage::delivery::Outcome;
use crate::storage::lease::Token;
use crate::storage::targets::{Consent, Target};

/// A recipient, and what the record needs to know of it.
#[derive(Debug, Clone)]
pub(super) struct Addressed {
    pub(super) target: Target,
    pub(super) recipient: Recipient,
    /// Tries begun, the next one included.
    pub(super) attempts: i64,
    /// The lease of a later try; 0 for a first one.
    pub(super) lease_token: Token,
}

/// What is sent, by channel, and what is decided without sending.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) to_send: BTreeMap<Channel, Vec<Addressed>>,
    pub(super) decided: Vec<Outcome>,
}

/// A target, and which try it is: the tries begun with the next one, and the lease of a later try.
pub(super) type Try = (Target, i64, Token);

/// Asks for each target: is it still wanted, in time, and possible?
pub(super) fn sort(
    engine: &Engine,
    edition: &Edition,
    tries: impl Iterator<Item = Try>,
    open: bool,
    now: Timestamp,
) -> Sorted {
    let mut sorted = Sorted::default();
    let late = now >= edition.fan_out.deadline_at;
    for (target, attempts, lease_token) in tries {
        let delivery = DeliveryId::of(edition.fan_out.notice_id, edition.fan_out.revision(), target.endpoint);
        let address = Address::parse(&target.address);
        let channel = target.channel.parse::<Channel>().ok().filter(|channel| engine.providers.configured(*channel));
        let refusal = match target.consent {
            _ if !open => Some((Event::Supersede, Reason::Newer)),
            Consent::Ended => Some((Event::Skip, Reason::Ended)),
            Consent::Paused => Some((Event::Skip, Reason::Paused)),
            Consent::Given if late => Some((Event::Expire, Reason::Deadline)),
            Consent::Given if address.is_err() => Some((Event::Skip, Reason::BadAddress)),
            Consent::Given if channel.is_none() => Some((Event::Hold, Reason::Unconfigured)),
            Consent::Given => None,
        };
        let (None, Some(channel), Ok(address)) = (refusal, channel, address) else {
            let (event, reason) = refusal.unwrap_or((Event::Hold, Reason::Unconfigured));
            let held = (event == Event::Hold).then_some(edition.fan_out.deadline_at);
            let from = (lease_token > 0).then_some(State::Due);
            let outcome = without_try(&target, (from, event), reason, (attempts - 1, lease_token), now);
            sorted.decided.push(Outcome { due_at: held, ..outcome });
            continue;
        };
        let recipient = Recipient { endpoint: target.endpoint, user: target.user, address, delivery };
        sorted.to_send.entry(channel).or_default().push(Addressed { target, recipient, attempts, lease_token });
    }
    sorted
}

/// A recipient's delivery that is decided without a try.
pub(super) fn decided(one: &Addressed, event: Event, reason: Reason, now: Timestamp) -> Outcome {
    let from = (one.lease_token > 0).then_some(State::Due);
    without_try(&one.target, (from, event), reason, (one.attempts - 1, one.lease_token), now)
}

fn without_try(
    target: &Target,
    (from, event): (Option<State>, Event),
    reason: Reason,
    (attempts, lease_token): (i64, Token),
    now: Timestamp,
) -> Outcome {
    Outcome {
        endpoint: target.endpoint,
        user: target.user,
        channel: Arc::clone(&target.channel),
        // Every event that is used here leads out of "no row" and out of "due"; a later try's channel can be taken away.
        state: State::after(from, event).unwrap_or(State::Held),
        reason: Some(reason),
        shown: false,
        attempts,
        provider_ref: None,
        detail: None,
        status: None,
        began_at: now,
        decided_at: now,
        due_at: None,
        lease_token,
    }
}
