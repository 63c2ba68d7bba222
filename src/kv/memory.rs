//! Counters in this process's memory.

use std::collections::HashMap;
use std::sync::Mutex;

use super::{Counter, Used};
use crate::domain::time::Timestamp;

/// The most counters that are kept. When they are all in use, one of them is forgotten: memory is bounded by this and
/// not by how many addresses somebody calls from.
const MAX_COUNTERS: usize = 200_000;

#[derive(Default)]
struct Table {
    windows: HashMap<String, Window>,
    /// Before this instant it is not worth looking for windows that have ended.
    sweep_at: Timestamp,
}

struct Window {
    count: u64,
    ends_at: Timestamp,
}

/// Counters in memory.
#[derive(Default)]
pub struct Counters(Mutex<Table>);

impl Counters {
    /// Adds to a counter.
    pub fn count(&self, counter: &Counter, add: i64, now: Timestamp) -> Used {
        // A panic while it was held leaves at worst a wrong count behind.
        let mut table = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        table.make_room(now);
        let fresh = Window { count: 0, ends_at: now + counter.window };
        let window = match table.windows.get_mut(&counter.key) {
            Some(window) if window.ends_at > now => window,
            _ if add <= 0 => return Used { count: 0, reset_in: counter.window },
            _ => table.windows.entry(counter.key.clone()).insert_entry(fresh).into_mut(),
        };
        window.count = window.count.saturating_add_signed(add);
        Used { count: window.count, reset_in: window.ends_at.since(now) }
    }

    /// Forgets a counter.
    pub fn clear(&self, counter: &Counter) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).windows.remove(&counter.key);
    }
}

impl Table {
    fn make_room(&mut self, now: Timestamp) {
        if self.windows.len() < MAX_COUNTERS {
            return;
        }
        if self.sweep_at <= now {
            self.windows.retain(|_, window| window.ends_at > now);
            self.sweep_at = now + std::time::Duration::from_secs(1);
        }
        if self.windows.len() >= MAX_COUNTERS
            && let Some(any) = self.windows.keys().next().cloned()
        {
            self.windows.remove(&any);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn counter(key: &str) -> Counter {
        Counter { key: key.to_owned(), window: MINUTE }
    }

    #[test]
    fn a_window_begins_with_its_first_count_and_ends() {
        let counters = Counters::default();
        let start = Timestamp::from_millis(1_000_000);
        assert_eq!(counters.count(&counter("a"), 1, start), Used { count: 1, reset_in: MINUTE });
        assert_eq!(counters.count(&counter("a"), 1, start + MINUTE / 2).count, 2);
        assert_eq!(counters.count(&counter("a"), 0, start + MINUTE / 2).reset_in, MINUTE / 2);
        assert_eq!(counters.count(&counter("a"), 1, start + MINUTE).count, 1);
        assert_eq!(counters.count(&counter("b"), 1, start).count, 1);
    }

    #[test]
    fn a_count_can_be_taken_back() {
        let counters = Counters::default();
        let now = Timestamp::from_millis(0);
        counters.count(&counter("a"), 1, now);
        assert_eq!(counters.count(&counter("a"), -1, now).count, 0);
        assert_eq!(counters.count(&counter("a"), -1, now).count, 0);
    }

    #[test]
    fn memory_is_bounded() {
        let counters = Counters::default();
        for number in 0..MAX_COUNTERS + 10 {
            counters.count(&counter(&number.to_string()), 1, Timestamp::from_millis(0));
        }
        assert!(counters.0.lock().expect("a lock").windows.len() <= MAX_COUNTERS);
    }
}
