//! What an outcome means: providers classify, the house decides.

use std::time::Duration;

use crate::domain::channel::Repeat;
use crate::domain::delivery::{Event, Reason, State};
use crate::domain::message::{CallFailure, Outcome};
use crate::domain::retry;
use crate::domain::time::Timestamp;

/// An answer that nobody knows is asked for again so often; then it is a dead letter and no more.
const UNKNOWN_TRIES: i64 = 5;
/// How long a spent quota is waited for when the provider does not say.
const QUOTA_WAIT: Duration = Duration::from_secs(60 * 60);

/// Where a try leaves its delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) state: State,
    pub(super) reason: Option<Reason>,
    pub(super) shown: bool,
    pub(super) provider_ref: Option<String>,
    pub(super) detail: Option<String>,
    pub(super) due_at: Option<Timestamp>,
}

/// What a verdict depends on besides the outcome.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    /// The channel's repeat class.
    pub(super) repeat: Repeat,
    /// Tries begun, this one included.
    pub(super) attempts: i64,
    /// When the outcome was known.
    pub(super) now: Timestamp,
    /// When nothing more is sent.
    pub(super) deadline: Timestamp,
    /// Drawn evenly from 0.0 to 1.0.
    pub(super) jitter: f64,
}

impl Case {
    /// What becomes of one recipient.
    pub(super) fn judge(self, outcome: Outcome) -> Verdict {
        match outcome {
            Outcome::Accepted { provider_ref } => {
                Verdict { provider_ref, ..self.ends(Event::Accept, None, true, None) }
            }
            Outcome::Ignored { reason } => self.ends(Event::Accept, Some(Reason::Ignored), true, Some(reason)),
            Outcome::TokenGone { certain: true } => self.ends(Event::Gone, Some(Reason::Gone), false, None),
            Outcome::TokenGone { certain: false } => {
                self.ends(Event::Refuse, Some(Reason::Gone), false, Some("not certain".to_owned()))
            }
            // The app registers its new address itself; until then the old one is as good as gone.
            Outcome::TokenMoved { .. } => self.ends(Event::Refuse, Some(Reason::Gone), false, Some("moved".to_owned())),
            Outcome::RetryAt { after, maybe_delivered } => self.later(after, maybe_delivered),
            Outcome::Failed => self.again(None, Reason::Failed, None),
            Outcome::QuotaExhausted { until } => self.when_quota_returns(until),
            Outcome::PayloadRefused { code } => self.ends(Event::Refuse, Some(Reason::Payload), false, Some(code)),
            Outcome::Unknown { status, code, text } => self.puzzled(status, &code, &text),
        }
    }

    /// What becomes of every recipient of a call that failed.
    pub(super) fn judge_call(self, failure: &CallFailure) -> Verdict {
        match failure {
            CallFailure::RetryAt { after, maybe_delivered } => self.later(*after, *maybe_delivered),
            CallFailure::Auth => self.again(None, Reason::ChannelStopped, Some("credentials".to_owned())),
            CallFailure::Stopped { code, text } => {
                self.again(None, Reason::ChannelStopped, Some(format!("{code} {text}")))
            }
            CallFailure::Quota { until } => self.when_quota_returns(*until),
            CallFailure::Refused { code } => self.ends(Event::Refuse, Some(Reason::Payload), false, Some(code.clone())),
            CallFailure::Unknown { status, code, text } => self.puzzled(*status, code, text),
        }
    }

    fn later(self, after: Option<Duration>, maybe_delivered: bool) -> Verdict {
        if maybe_delivered && self.repeat == Repeat::Forbidden {
            return self.ends(Event::Lose, Some(Reason::NoAnswer), true, None);
        }
        let reason = if maybe_delivered { Reason::NoAnswer } else { Reason::Throttled };
        Verdict { shown: maybe_delivered, ..self.again(after, reason, None) }
    }

    fn when_quota_returns(self, until: Option<Timestamp>) -> Verdict {
        let wait = until.map_or(QUOTA_WAIT, |until| until.since(self.now));
        self.again(Some(wait), Reason::Quota, None)
    }

    fn puzzled(self, status: u16, code: &str, text: &str) -> Verdict {
        let detail = Some(format!("{status} {code} {text}"));
        // A success that cannot be read may have been one.
        let shown = (200..300).contains(&status);
        if shown && self.repeat == Repeat::Forbidden {
            return self.ends(Event::Lose, Some(Reason::UnknownAnswer), true, detail);
        }
        if self.attempts >= UNKNOWN_TRIES {
            return self.ends(Event::Refuse, Some(Reason::UnknownAnswer), false, detail);
        }
        Verdict { shown, ..self.again(None, Reason::UnknownAnswer, detail) }
    }

    /// Due again, or exhausted when the deadline comes first.
    fn again(self, after: Option<Duration>, reason: Reason, detail: Option<String>) -> Verdict {
        let due_at = retry::next_attempt(self.attempts, self.now, self.deadline, after, self.jitter);
        let deferred = self.ends(Event::Defer, Some(reason), false, detail);
        match due_at {
            Some(_) => Verdict { due_at, ..deferred },
            None => Verdict { state: after_event(deferred.state, Event::Exhaust), ..deferred },
        }
    }

    fn ends(self, event: Event, reason: Option<Reason>, shown: bool, detail: Option<String>) -> Verdict {
        let state = after_event(State::Sending, event);
        Verdict { state, reason, shown, provider_ref: None, detail, due_at: None }
    }
}

/// The state machine has an arrow for every event that is used here; the tests go through them all.
fn after_event(state: State, event: Event) -> State {
    state.on(event).unwrap_or(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(repeat: Repeat) -> Case {
        let now = Timestamp::from_millis(1_000);
        Case { repeat, attempts: 1, now, deadline: now + Duration::from_secs(3600), jitter: 0.5 }
    }

    #[test]
    fn no_outcome_leaves_a_delivery_in_sending() {
        let outcomes = [
            Outcome::Accepted { provider_ref: None },
            Outcome::Ignored { reason: String::new() },
            Outcome::TokenGone { certain: true },
            Outcome::TokenGone { certain: false },
            Outcome::RetryAt { after: None, maybe_delivered: true },
            Outcome::RetryAt { after: None, maybe_delivered: false },
            Outcome::Failed,
            Outcome::QuotaExhausted { until: None },
            Outcome::PayloadRefused { code: String::new() },
            Outcome::Unknown { status: 418, code: String::new(), text: String::new() },
        ];
        for repeat in Repeat::ALL {
            for outcome in &outcomes {
                let verdict = case(*repeat).judge(outcome.clone());
                assert_ne!(verdict.state, State::Sending, "{outcome:?}");
                assert_eq!(verdict.state == State::Due, verdict.due_at.is_some(), "{outcome:?}");
            }
        }
    }

    #[test]
    fn a_lost_answer_is_repeated_only_where_a_repeat_is_allowed() {
        let lost = Outcome::RetryAt { after: None, maybe_delivered: true };
        assert_eq!(case(Repeat::Safe).judge(lost.clone()).state, State::Due);
        assert_eq!(case(Repeat::Visible).judge(lost.clone()).state, State::Due);
        assert_eq!(case(Repeat::Forbidden).judge(lost).state, State::Unknown);
    }

    #[test]
    fn the_deadline_exhausts() {
        let now = Timestamp::from_millis(1_000);
        let late = Case { deadline: now, ..case(Repeat::Safe) };
        assert_eq!(late.judge(Outcome::RetryAt { after: None, maybe_delivered: false }).state, State::Exhausted);
    }

    #[test]
    fn an_answer_that_nobody_knows_is_not_asked_for_for_ever() {
        let odd = Outcome::Unknown { status: 418, code: "teapot".to_owned(), text: String::new() };
        let tired = Case { attempts: UNKNOWN_TRIES, ..case(Repeat::Safe) };
        assert_eq!(tired.judge(odd).state, State::Refused);
    }
}
