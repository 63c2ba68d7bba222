//! Pace: how many sends of a channel are under way, and when there shall be none.
//!
//! ```text
//!               ┌────────────── an answer ─────────────┐
//!               ▼                                      │
//!   closed ─ a turn when fewer than `limit` are under way ─▶ send ─▶ throttled, slow, failed: limit × ½
//!               │                                                    well: limit + 1 a round
//!               │ [`FAILURES`] in a row, credentials refused, quota spent, Retry-After
//!               ▼
//!   open ── rests, longer each time; every turn is [`Turn::Later`] ── rest over ─▶ one probe ─▶ closed, or open again
//! ```
//!
//! Promise: a provider that is away, throttles or hangs costs its own deliveries their wait, and no worker: whoever asks
//! for a turn while the channel rests is told at once when to come back. The limit never exceeds what the provider's
//! settings allow. Not promised: that copies rest together; each learns from its own answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::domain::channel::Channel;
use crate::domain::message::{CallFailure, Outcome};
use crate::domain::time::Timestamp;
use crate::telemetry::metric;

/// Failures in a row after which a channel rests.
const FAILURES: u32 = 5;
/// The first rest; each further one without a success between is twice as long …
const FIRST_REST: Duration = Duration::from_secs(1);
/// … up to this.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// How long a channel rests whose credentials are refused, or that its provider has stopped.
const STOPPED_REST: Duration = Duration::from_secs(60);
/// No provider's word makes a channel rest longer than this at a time; then one probe asks again.
const LONGEST_WORD: Duration = Duration::from_secs(15 * 60);
/// An answer that takes so many times the usual is a sign of strain.
const SLOW: f64 = 4.0;
/// No answer within this is slow, however quick the others are.
const NEVER_SLOW: Duration = Duration::from_millis(250);

/// The pace of one channel in this process.
#[derive(Debug)]
pub(super) struct Pace {
    channel: Channel,
    most: u32,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    limit: f64,
    under_way: usize,
    failures: u32,
    rests: u32,
    resting_until: Option<Instant>,
    /// Seconds that an answer usually takes.
    usual: Option<f64>,
}

/// How a channel stands in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) limit: i64,
    pub(super) most: i64,
    pub(super) under_way: i64,
    pub(super) rest: Option<Duration>,
}

/// What whoever wants to send is told.
#[derive(Debug)]
pub(super) enum Turn {
    /// Send, and say how it went.
    Now(Permit),
    /// Not before this has passed.
    Later(Duration),
}

/// One send under way. Dropping it frees its place; [`Permit::answered`] also says how the provider is.
#[derive(Debug)]
pub(super) struct Permit {
    pace: Arc<Pace>,
    began: Instant,
}

impl Pace {
    pub(super) fn new(channel: Channel, most: usize) -> Self {
        let most = u32::try_from(most.max(1)).unwrap_or(u32::MAX);
        let state =
            State { limit: f64::from(most), under_way: 0, failures: 0, rests: 0, resting_until: None, usual: None };
        Self { channel, most, state: Mutex::new(state), freed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Numbers only: whoever panicked while it held them left them whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A turn to send; waits for a place until `until`, and not at all while the channel rests.
    pub(super) async fn turn(self: &Arc<Self>, until: Instant) -> Turn {
        loop {
            let freed = self.freed.notified();
            if let Some(turn) = self.try_turn(Instant::now()) {
                return turn;
            }
            if timeout_at(until, freed).await.is_err() {
                return Turn::Later(Duration::ZERO);
            }
        }
    }

    fn try_turn(self: &Arc<Self>, now: Instant) -> Option<Turn> {
        let mut state = self.state();
        if let Some(until) = state.resting_until {
            // After a rest one send goes ahead, and the others wait for what it finds.
            if now < until {
                return Some(Turn::Later(until - now));
            }
            if state.under_way > 0 {
                return Some(Turn::Later(FIRST_REST));
            }
        } else if f64::from(u32::try_from(state.under_way).unwrap_or(u32::MAX)) >= state.limit.floor().max(1.0) {
            return None;
        }
        state.under_way += 1;
        Some(Turn::Now(Permit { pace: Arc::clone(self), began: now }))
    }

    /// How it stands: sends that it makes at a time, the most that the settings allow, sends under way, and how long it
    /// still rests.
    pub(super) fn standing(&self, now: Instant) -> Standing {
        let state = self.state();
        // The whole places below the limit, of which there is always one.
        let limit = (2..=self.most).take_while(|places| f64::from(*places) <= state.limit).count() + 1;
        Standing {
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
            most: i64::from(self.most),
            under_way: i64::try_from(state.under_way).unwrap_or(i64::MAX),
            rest: state.resting_until.map(|until| until.saturating_duration_since(now)).filter(|rest| !rest.is_zero()),
        }
    }

    /// Sets the gauges to how it stands. It rests until a probe has gone well.
    pub(super) fn show(&self) -> Standing {
        let state = self.state();
        let (limit, rests) = (state.limit, state.resting_until.is_some());
        drop(state);
        metrics::gauge!(metric::CHANNEL_LIMIT, "channel" => self.channel.as_str()).set(limit);
        metrics::gauge!(metric::CHANNEL_RESTS, "channel" => self.channel.as_str()).set(if rests { 1.0 } else { 0.0 });
        self.standing(Instant::now())
    }

    fn learn(&self, lesson: Lesson, took: Duration, now: Instant) {
        let mut state = self.state();
        match lesson {
            Lesson::Well => {
                let took = took.as_secs_f64();
                let usual = state.usual.unwrap_or(took);
                let slow = took > NEVER_SLOW.as_secs_f64() && took > SLOW * usual;
                state.usual = Some(usual * 0.9 + took * 0.1);
                state.limit = if slow { state.limit * 0.9 } else { state.limit + 1.0 / state.limit };
                (state.failures, state.rests, state.resting_until) = (0, 0, None);
            }
            Lesson::Throttled(wait) => {
                state.limit *= 0.5;
                if let Some(wait) = wait {
                    rest(&mut state, now, wait.min(LONGEST_WORD));
                } else {
                    fail(&mut state, now);
                }
            }
            Lesson::Failed => {
                state.limit *= 0.5;
                fail(&mut state, now);
            }
            Lesson::Stopped(wait) => rest(&mut state, now, wait.min(LONGEST_WORD)),
        }
        state.limit = state.limit.clamp(1.0, f64::from(self.most));
        drop(state);
        self.show();
        self.freed.notify_waiters();
    }
}

fn fail(state: &mut State, now: Instant) {
    state.failures += 1;
    if state.failures >= FAILURES || state.resting_until.is_some() {
        let length = FIRST_REST.saturating_mul(2_u32.saturating_pow(state.rests)).min(LONGEST_REST);
        state.rests += 1;
        rest(state, now, length);
    }
}

fn rest(state: &mut State, now: Instant, length: Duration) {
    let until = now + length;
    state.resting_until = Some(state.resting_until.map_or(until, |earlier| earlier.max(until)));
}

/// What an answer says about the provider, whatever it says about recipients.
enum Lesson {
    Well,
    Throttled(Option<Duration>),
    Failed,
    Stopped(Duration),
}

impl Lesson {
    fn of(answer: &Result<Vec<Outcome>, CallFailure>, now: Timestamp) -> Self {
        match answer {
            Ok(outcomes) => {
                let throttled =
                    |one: &&Outcome| matches!(one, Outcome::RetryAt { .. } | Outcome::QuotaExhausted { .. });
                // One device's own limit says nothing of the channel; that of more than half of them does.
                if outcomes.len() > 1 && outcomes.iter().filter(throttled).count() * 2 > outcomes.len() {
                    Self::Throttled(None)
                } else {
                    Self::Well
                }
            }
            Err(CallFailure::RetryAt { after: Some(after), .. }) => Self::Throttled(Some(*after)),
            Err(CallFailure::RetryAt { .. } | CallFailure::Unknown { .. }) => Self::Failed,
            Err(CallFailure::Auth | CallFailure::Stopped { .. }) => Self::Stopped(STOPPED_REST),
            Err(CallFailure::Quota { until }) => Self::Stopped(until.map_or(STOPPED_REST, |until| until.since(now))),
            // What is refused is this message; the provider is well.
            Err(CallFailure::Refused { .. }) => Self::Well,
        }
    }
}

impl Permit {
    /// Says how the call went.
    pub(super) fn answered(&self, answer: &Result<Vec<Outcome>, CallFailure>, now: Timestamp) {
        self.pace.learn(Lesson::of(answer, now), self.began.elapsed(), Instant::now());
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.pace.state();
        state.under_way = state.under_way.saturating_sub(1);
        drop(state);
        self.pace.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(5);
    const SECOND: Duration = Duration::from_secs(1);
    const FAILED: CallFailure = CallFailure::RetryAt { after: None, maybe_delivered: false };

    fn pace(most: usize) -> Arc<Pace> {
        Arc::new(Pace::new(Channel::Sandbox, most))
    }

    fn learn(pace: &Pace, answer: Result<Vec<Outcome>, CallFailure>, now: Instant) {
        pace.learn(Lesson::of(&answer, Timestamp::from_millis(0)), QUICK, now);
    }

    fn may_send(pace: &Arc<Pace>, now: Instant) -> bool {
        matches!(pace.try_turn(now), Some(Turn::Now(_)))
    }

    #[tokio::test]
    async fn no_more_are_under_way_than_the_limit_and_a_freed_place_is_taken() {
        let pace = pace(2);
        let now = Instant::now();
        let Some(Turn::Now(first)) = pace.try_turn(now) else { panic!("a place") };
        let Some(Turn::Now(_second)) = pace.try_turn(now) else { panic!("a place") };
        assert!(pace.try_turn(now).is_none(), "both places are taken");
        assert!(matches!(pace.turn(now).await, Turn::Later(Duration::ZERO)), "nobody waits beyond the end");
        let (freed, ()) = tokio::join!(pace.turn(now + 60 * SECOND), async { drop(first) });
        assert!(matches!(freed, Turn::Now(_)));
    }

    #[test]
    fn failures_in_a_row_make_it_rest_then_one_probe_goes_ahead_and_its_success_opens_it() {
        let pace = pace(8);
        let mut now = Instant::now();
        for _ in 0..FAILURES {
            assert!(may_send(&pace, now));
            learn(&pace, Err(FAILED), now);
        }
        assert!(!may_send(&pace, now), "it rests");
        now += FIRST_REST;
        let Some(Turn::Now(probe)) = pace.try_turn(now) else { panic!("a probe") };
        assert!(!may_send(&pace, now), "one at a time");
        learn(&pace, Err(FAILED), now);
        drop(probe);
        now += FIRST_REST;
        assert!(!may_send(&pace, now), "the second rest is longer");
        now += FIRST_REST;
        assert!(may_send(&pace, now));
        learn(&pace, Ok(vec![]), now);
        assert!(may_send(&pace, now), "open again");
    }

    #[test]
    fn the_providers_own_word_is_kept() {
        let pace = pace(8);
        let now = Instant::now();
        learn(&pace, Err(CallFailure::RetryAt { after: Some(40 * SECOND), maybe_delivered: false }), now);
        assert!(!may_send(&pace, now + 39 * SECOND));
        assert!(may_send(&pace, now + 40 * SECOND));
    }

    #[test]
    fn the_limit_halves_when_pushed_back_and_grows_again() {
        let pace = pace(64);
        let now = Instant::now();
        learn(&pace, Ok(vec![Outcome::RetryAt { after: None, maybe_delivered: false }; 10]), now);
        assert!((pace.state().limit - 32.0).abs() < 0.1);
        for _ in 0..10_000 {
            learn(&pace, Ok(vec![]), now);
        }
        assert!((pace.state().limit - 64.0).abs() < f64::EPSILON);
    }
}
