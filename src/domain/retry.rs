//! When to try again: exponential backoff with full jitter, within a budget of time.
//!
//! Promise: never before the provider's own `Retry-After`, never after the deadline. The budget is time and not a count:
//! a provider that is away for an hour costs a delivery nothing but the hour.

use std::time::Duration;

use super::time::Timestamp;

/// The wait before the second try is drawn from zero to this.
pub const FIRST_WAIT: Duration = Duration::from_secs(2);
/// No wait is drawn longer than this.
pub const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// When to try again after `attempts` tries; `None` when the deadline would have passed.
///
/// `jitter` is drawn evenly from 0.0 to 1.0: full jitter spreads those who failed together.
pub fn next_attempt(
    attempts: i64,
    now: Timestamp,
    deadline: Timestamp,
    retry_after: Option<Duration>,
    jitter: f64,
) -> Option<Timestamp> {
    let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or(0);
    let ceiling = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_WAIT);
    let wait = ceiling.mul_f64(jitter.clamp(0.0, 1.0)) + retry_after.unwrap_or_default();
    let next = now + wait;
    (next < deadline).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    #[test]
    fn waits_grow_and_stay_below_their_ceiling() {
        let far = NOW + Duration::from_secs(86_400);
        for attempts in 1..40 {
            let next = next_attempt(attempts, NOW, far, None, 1.0).expect("within the deadline");
            assert!(next.since(NOW) <= LONGEST_WAIT);
        }
        assert_eq!(next_attempt(1, NOW, far, None, 1.0), Some(NOW + FIRST_WAIT));
        assert_eq!(next_attempt(1, NOW, far, None, 0.0), Some(NOW));
    }

    #[test]
    fn the_providers_own_wait_is_kept() {
        let far = NOW + Duration::from_secs(86_400);
        let after = Duration::from_secs(60);
        assert!(next_attempt(1, NOW, far, Some(after), 0.0) >= Some(NOW + after));
    }

    #[test]
    fn nothing_is_tried_after_the_deadline() {
        assert_eq!(next_attempt(1, NOW, NOW + Duration::from_millis(1), None, 1.0), None);
    }
}
