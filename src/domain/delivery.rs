//! The life of a delivery: one notice revision to one endpoint.
//!
//! ```text
//!   (no row) ──Begin──▶ sending ──Accept──▶ accepted ──Receipt──▶ delivered
//!                         │  ▲                  └──ReceiptGone──▶ gone
//!                         │  └──Begin── due ◀─────────────┐
//!                         ├──Defer────▶ due ──Exhaust──▶ exhausted ──Replay──▶ due
//!                         ├──Refuse───▶ refused ──────────Replay──▶ due
//!                         ├──Gone─────▶ gone
//!                         └──Lose─────▶ unknown ──────────Replay──▶ due
//!   (no row) ──Hold──▶ held ──Release──▶ due          (no row), due, held ──Expire──▶ expired
//!   (no row) ──Postpone──▶ due
//!   (no row), due, held ──Skip──▶ skipped    (no row), due, held ──Supersede──▶ superseded
//!   due, held, accepted, refused, exhausted, expired, skipped, unknown ──Resend──▶ accepted
//! ```
//!
//! | state | who moves it on | final |
//! | --- | --- | --- |
//! | sending | the worker that holds its chunk or its lease; after a crash on a channel where a repeat is forbidden, the next one: unknown | no |
//! | due | the retry worker, at `due_at` | no |
//! | held | whoever removes the reason: an operator who configures the channel; the deadline | no |
//! | accepted | a receipt | yes, unless a receipt comes |
//! | delivered, gone, superseded | nobody | yes |
//! | skipped, expired | its user, who has it sent once more where the channel lets users do so | yes, unless resent |
//! | refused, exhausted, unknown | the same, or an operator's replay; they are the dead letters | yes, unless replayed |
//!
//! Promise: [`State::on`] knows these arrows and no others, and nothing else computes a state; a test walks all pairs.
//! `sending` is a row only where a repeat is forbidden: elsewhere a row is inserted with its first outcome.

use super::words::words;

words! {
    /// Where a delivery stands.
    State {
        /// Begun, and without an answer.
        Sending = "sending",
        /// To be tried again at an instant.
        Due = "due",
        /// Waiting for a reason to end.
        Held = "held",
        /// The provider has taken it.
        Accepted = "accepted",
        /// The provider says that the device has it.
        Delivered = "delivered",
        /// The provider refuses it for good.
        Refused = "refused",
        /// Nobody has the address any more.
        Gone = "gone",
        /// Tried until the budget was spent.
        Exhausted = "exhausted",
        /// Its deadline passed.
        Expired = "expired",
        /// The user does not want it any more.
        Skipped = "skipped",
        /// A newer word about the notice took its place before it was sent.
        Superseded = "superseded",
        /// Nobody knows whether it was sent, and a repeat is forbidden.
        Unknown = "unknown",
    }
}

words! {
    /// What can happen to a delivery.
    Event {
        /// A try begins.
        Begin = "begin",
        /// The provider took it.
        Accept = "accept",
        /// The provider refused it for good.
        Refuse = "refuse",
        /// The provider knows no such address.
        Gone = "gone",
        /// To be tried again.
        Defer = "defer",
        /// Its turn did not come in the time that its chunk has: to be tried later, for the first time.
        Postpone = "postpone",
        /// No more tries.
        Exhaust = "exhaust",
        /// Its answer is lost and a repeat is forbidden.
        Lose = "lose",
        /// It must wait for a reason to end.
        Hold = "hold",
        /// The reason ended.
        Release = "release",
        /// The deadline passed.
        Expire = "expire",
        /// The user does not want it any more.
        Skip = "skip",
        /// A newer word took its place.
        Supersede = "supersede",
        /// The provider reports that it arrived.
        Receipt = "receipt",
        /// The provider reports that the address is gone after all.
        ReceiptGone = "receipt_gone",
        /// An operator has it tried again.
        Replay = "replay",
        /// Its user had it sent once more, and it was taken. What was not taken changes nothing.
        Resend = "resend",
    }
}

/// The event does not belong to the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a delivery that is {from:?} cannot {event}")]
pub struct Illegal {
    from: Option<State>,
    event: Event,
}

impl State {
    /// The state after an event; `from` is `None` for a delivery that has no row yet.
    pub const fn after(from: Option<Self>, event: Event) -> Result<Self, Illegal> {
        let to = match (from, event) {
            (None | Some(Self::Due), Event::Begin) => Self::Sending,
            (None, Event::Hold) => Self::Held,
            (None | Some(Self::Due | Self::Held), Event::Skip) => Self::Skipped,
            (None | Some(Self::Due | Self::Held), Event::Supersede) => Self::Superseded,
            (None | Some(Self::Due | Self::Held), Event::Expire) => Self::Expired,
            (Some(Self::Sending), Event::Accept) => Self::Accepted,
            (Some(Self::Sending), Event::Refuse) => Self::Refused,
            (Some(Self::Sending), Event::Gone) | (Some(Self::Accepted), Event::ReceiptGone) => Self::Gone,
            (Some(Self::Sending), Event::Lose) => Self::Unknown,
            (Some(Self::Due), Event::Exhaust) => Self::Exhausted,
            (None, Event::Postpone)
            | (Some(Self::Sending), Event::Defer)
            | (Some(Self::Held), Event::Release)
            | (Some(Self::Refused | Self::Exhausted | Self::Unknown), Event::Replay) => Self::Due,
            (Some(Self::Accepted), Event::Receipt) => Self::Delivered,
            (Some(from), Event::Resend) if from.is_resendable() => Self::Accepted,
            _ => return Err(Illegal { from, event }),
        };
        Ok(to)
    }

    /// The state after an event on a delivery that has a row.
    pub const fn on(self, event: Event) -> Result<Self, Illegal> {
        Self::after(Some(self), event)
    }

    /// Whether the matter is ended, unless a receipt comes or an operator has it tried again.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Sending | Self::Due | Self::Held)
    }

    /// Whether its user may have it sent once more: everything but what is on its way, is overtaken, or has nowhere to go.
    pub const fn is_resendable(self) -> bool {
        !matches!(self, Self::Sending | Self::Delivered | Self::Superseded | Self::Gone)
    }

    /// Whether an operator may have it tried again.
    pub const fn is_dead(self) -> bool {
        matches!(self, Self::Refused | Self::Exhausted | Self::Unknown)
    }
}

words! {
    /// Why a delivery was not sent, or what ended it.
    Reason {
        /// The channel has no credentials.
        Unconfigured = "unconfigured",
        /// Every subscription that matched has ended.
        Ended = "ended",
        /// Every subscription that matched is paused, or the endpoint itself is.
        Paused = "paused",
        /// The endpoint has ended, or belongs to somebody else.
        EndpointEnded = "endpoint_ended",
        /// A newer revision or the withdrawal came first.
        Newer = "newer",
        /// The delivery deadline passed.
        Deadline = "deadline",
        /// The provider refuses the content.
        Payload = "payload",
        /// The provider refuses the credentials or has stopped the channel.
        ChannelStopped = "channel_stopped",
        /// The provider gave an answer that nobody knows.
        UnknownAnswer = "unknown_answer",
        /// The provider throttles.
        Throttled = "throttled",
        /// No answer came in time.
        NoAnswer = "no_answer",
        /// The recipient's own server failed, could not be reached, or does not take it.
        Failed = "failed",
        /// Its turn has not come: the channel is busy, or rests after failures.
        Postponed = "postponed",
        /// The provider's quota is spent.
        Quota = "quota",
        /// The provider took it and will not show it.
        Ignored = "ignored",
        /// The address is gone.
        Gone = "gone",
        /// The address is not one that the channel can have.
        BadAddress = "bad_address",
        /// A worker died while sending, and a repeat is forbidden.
        WorkerDied = "worker_died",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The drawing above, once more, as a table: the only arrows there are.
    const ARROWS: &[(Option<State>, Event, State)] = &[
        (None, Event::Begin, State::Sending),
        (None, Event::Hold, State::Held),
        (None, Event::Postpone, State::Due),
        (None, Event::Skip, State::Skipped),
        (None, Event::Supersede, State::Superseded),
        (None, Event::Expire, State::Expired),
        (Some(State::Sending), Event::Accept, State::Accepted),
        (Some(State::Sending), Event::Refuse, State::Refused),
        (Some(State::Sending), Event::Gone, State::Gone),
        (Some(State::Sending), Event::Defer, State::Due),
        (Some(State::Sending), Event::Lose, State::Unknown),
        (Some(State::Due), Event::Begin, State::Sending),
        (Some(State::Due), Event::Exhaust, State::Exhausted),
        (Some(State::Due), Event::Expire, State::Expired),
        (Some(State::Due), Event::Skip, State::Skipped),
        (Some(State::Due), Event::Supersede, State::Superseded),
        (Some(State::Held), Event::Release, State::Due),
        (Some(State::Held), Event::Expire, State::Expired),
        (Some(State::Held), Event::Skip, State::Skipped),
        (Some(State::Held), Event::Supersede, State::Superseded),
        (Some(State::Accepted), Event::Receipt, State::Delivered),
        (Some(State::Accepted), Event::ReceiptGone, State::Gone),
        (Some(State::Refused), Event::Replay, State::Due),
        (Some(State::Exhausted), Event::Replay, State::Due),
        (Some(State::Unknown), Event::Replay, State::Due),
        (Some(State::Due), Event::Resend, State::Accepted),
        (Some(State::Held), Event::Resend, State::Accepted),
        (Some(State::Accepted), Event::Resend, State::Accepted),
        (Some(State::Refused), Event::Resend, State::Accepted),
        (Some(State::Exhausted), Event::Resend, State::Accepted),
        (Some(State::Expired), Event::Resend, State::Accepted),
        (Some(State::Skipped), Event::Resend, State::Accepted),
        (Some(State::Unknown), Event::Resend, State::Accepted),
    ];

    #[test]
    fn the_state_machine_has_the_arrows_of_its_drawing_and_no_others() {
        let froms = std::iter::once(None).chain(State::ALL.iter().copied().map(Some));
        for from in froms {
            for &event in Event::ALL {
                let drawn = ARROWS.iter().find(|(f, e, _)| (*f, *e) == (from, event)).map(|(_, _, to)| *to);
                assert_eq!(State::after(from, event).ok(), drawn, "{from:?} {event:?}");
            }
        }
    }

    #[test]
    fn a_final_state_is_left_only_by_a_receipt_or_by_somebodys_wish() {
        for state in State::ALL.iter().filter(|state| state.is_final()) {
            for &event in Event::ALL {
                let leaves = state.on(event).is_ok();
                assert!(
                    !leaves || matches!(event, Event::Receipt | Event::ReceiptGone | Event::Replay | Event::Resend)
                );
            }
        }
    }
}
