//! How a host or an address stands: what failed of late, and how long it rests.
//!
//! Promise: one success forgets every failure; a rest is never longer than [`LONGEST_REST`] unless a receiver asked for
//! it. Not promised: anything about who may be called; that is for [`turns`](super::turns) to say.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::id::UserId;

/// Failures in a row after which there is a rest.
pub(super) const TRIES: u32 = 3;
/// The first rest; each further one without a success between is twice as long …
pub(super) const FIRST_REST: Duration = Duration::from_secs(2);
/// … up to this. What is new is tried again as soon as that.
pub(super) const LONGEST_REST: Duration = Duration::from_secs(5 * 60);
/// Users who must be without an answer from a host before it is the host that rests: what hangs for one of them, at
/// however many of their addresses, is nobody else's matter.
const WITNESSES: usize = 3;
/// When to come again to a host that is busy with us, or that is being probed.
pub(super) const BUSY: Duration = Duration::from_millis(300);

#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) under_way: usize,
    failures: u32,
    pub(super) rests_until: Option<Instant>,
    /// Of a host: the users who got no answer since the last success.
    doubted_by: Vec<UserId>,
    /// When calls began of late; kept where there are limits.
    pub(super) recent: VecDeque<Instant>,
    /// When a call began or ended last.
    pub(super) last: Option<Instant>,
}

impl Standing {
    pub(super) fn begin(&mut self, now: Instant) {
        self.under_way += 1;
        self.last = Some(now);
    }

    pub(super) fn end(&mut self, now: Instant) {
        self.under_way = self.under_way.saturating_sub(1);
        self.last = Some(now);
    }

    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        match self.rests_until {
            Some(until) if now < until => Some(until - now),
            // After a rest one call goes ahead, and the others wait for what it finds.
            Some(_) if self.under_way > 0 => Some(BUSY),
            _ => None,
        }
    }

    pub(super) fn wait_by_limits(&self, limits: &[(usize, Duration)], now: Instant) -> Option<Duration> {
        let wait = |(most, within): &(usize, Duration)| {
            // The call that must have left the window before the next one begins.
            let at = self.recent.len().checked_sub(*most).and_then(|place| self.recent.get(place))?;
            Some((*at + *within).saturating_duration_since(now)).filter(|wait| !wait.is_zero())
        };
        limits.iter().filter_map(wait).max()
    }

    pub(super) fn fail(&mut self, patience: u32, now: Instant) {
        self.failures = self.failures.saturating_add(1).max(TRIES.saturating_sub(patience) + 1);
        let Some(rests) = self.failures.checked_sub(TRIES) else { return };
        let rest = FIRST_REST.saturating_mul(2_u32.saturating_pow(rests)).min(LONGEST_REST);
        self.rests_until = Some(now + rest);
    }

    /// That one of these users got no answer; once several did, with no success between, it is the whole that rests.
    pub(super) fn doubt(&mut self, user: UserId, now: Instant) {
        if self.doubted_by.len() < WITNESSES && !self.doubted_by.contains(&user) {
            self.doubted_by.push(user);
        }
        if self.doubted_by.len() >= WITNESSES {
            self.fail(1, now);
        }
    }

    pub(super) fn recover(&mut self) {
        (self.failures, self.rests_until) = (0, None);
        self.doubted_by.clear();
    }

    pub(super) fn says_something(&self, now: Instant) -> bool {
        let of_late = self.last.is_some_and(|at| now.saturating_duration_since(at) < 2 * LONGEST_REST);
        self.under_way > 0 || self.rests_until.is_some_and(|until| now < until) || of_late
    }
}
