//! The second question at the door: who of the audience's endpoints is sent to, and what becomes of the others.

use std::collections::BTreeMap;

use super::Engine;
use super::edition::Edition;
use crate::domain::channel::Channel;
use crate::domain::delivery::{Event, Reason, State};
use crate::domain::id::DeliveryId;
use crate::domain::message::{Address, Recipient};
use crate::domain::time::Timestamp;
use crate::storage::delivery::Outcome;
use crate::storage::matching::{Consent, Target};

/// A recipient, and what the record needs to know of it.
#[derive(Debug, Clone)]
pub(super) struct Addressed {
    pub(super) target: Target,
    pub(super) recipient: Recipient,
}

/// What is sent, by channel, and what is decided without sending.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) to_send: BTreeMap<Channel, Vec<Addressed>>,
    pub(super) decided: Vec<Outcome>,
}

/// Asks for each target: is it still wanted, in time, and possible?
pub(super) fn sort(engine: &Engine, edition: &Edition, targets: Vec<Target>, open: bool, now: Timestamp) -> Sorted {
    let mut sorted = Sorted::default();
    let late = now >= edition.fan_out.deadline_at;
    for target in targets {
        let refusal = match target.consent {
            _ if !open => Some((Event::Supersede, Reason::Newer)),
            Consent::Ended => Some((Event::Skip, Reason::Ended)),
            Consent::Paused => Some((Event::Skip, Reason::Paused)),
            Consent::Given if late => Some((Event::Expire, Reason::Deadline)),
            Consent::Given => None,
        };
        if let Some((event, reason)) = refusal {
            sorted.decided.push(decided(&target, event, reason, now));
            continue;
        }
        let channel = target.channel.parse::<Channel>().ok().filter(|channel| engine.providers.configured(*channel));
        let (Some(channel), Ok(address)) = (channel, Address::parse(&target.address)) else {
            sorted.decided.push(decided(&target, Event::Hold, Reason::Unconfigured, now));
            continue;
        };
        let delivery = DeliveryId::of(edition.fan_out.notice_id, edition.fan_out.revision(), target.endpoint);
        let recipient = Recipient { endpoint: target.endpoint, address, delivery };
        sorted.to_send.entry(channel).or_default().push(Addressed { target, recipient });
    }
    sorted
}

/// A delivery that is decided without a try.
pub(super) fn decided(target: &Target, event: Event, reason: Reason, now: Timestamp) -> Outcome {
    Outcome {
        endpoint: target.endpoint,
        user: target.user,
        channel: target.channel.clone(),
        // Every event that is used here leads out of "no row".
        state: State::after(None, event).unwrap_or(State::Held),
        reason: Some(reason),
        shown: false,
        attempts: 0,
        provider_ref: None,
        detail: None,
        began_at: now,
        decided_at: now,
        due_at: None,
    }
}
