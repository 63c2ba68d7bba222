//! What processes share and may lose: counters of rate limits, what channels may send, and hints from copy to copy. Redis
//! when there is one, else this process's memory; what channels may send is then counted in the record instead.
//!
//! Promise: nothing here is needed for correctness, and asking never holds a request up for longer than
//! [`redis::BUDGET`]. While Redis does not answer, each copy counts for itself (metric `yizhan_kv_failures_total`):
//! limits become laxer, nobody is locked out. Not promised: exact counts; a counter is lost with what holds it.

use std::time::Duration;

use crate::domain::time::Timestamp;

pub mod allowance;
pub mod bus;
pub mod keys;
pub mod memory;
pub mod redis;

/// How much of a window is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// How often it was counted, this time included.
    pub count: u64,
    /// When the window ends and counting begins anew.
    pub reset_in: Duration,
}

/// One counter: a window begins with its first count.
#[derive(Debug, Clone)]
pub struct Counter {
    /// What is counted, for whom; see [`keys`].
    pub key: String,
    /// How long its window lasts.
    pub window: Duration,
}

/// What processes share and may lose.
pub struct Kv {
    memory: memory::Counters,
    redis: Option<redis::Counters>,
    bus: Option<bus::Bus>,
}

impl Kv {
    /// For one process alone.
    pub fn in_memory() -> Self {
        Self { memory: memory::Counters::default(), redis: None, bus: None }
    }

    /// Shared through Redis, where every key begins with a prefix; this process's own memory stands in while that is
    /// away.
    pub fn in_redis(connection: ::redis::aio::ConnectionManager, prefix: &str) -> Self {
        Self { memory: memory::Counters::default(), redis: Some(redis::Counters::new(connection, prefix)), bus: None }
    }

    /// The same with a way to other copies.
    pub fn with_bus(self, bus: bus::Bus) -> Self {
        Self { bus: Some(bus), ..self }
    }

    /// The way to other copies through Redis, when there is one.
    pub fn bus(&self) -> Option<&bus::Bus> {
        self.bus.as_ref()
    }

    /// Adds to a counter; 0 only reads it, -1 takes a count back.
    pub async fn count(&self, counter: &Counter, add: i64, now: Timestamp) -> Used {
        if let Some(redis) = &self.redis
            && let Some(used) = redis.count(counter, add).await
        {
            return used;
        }
        self.memory.count(counter, add, now)
    }

    /// Forgets a counter, wherever it was kept.
    pub async fn clear(&self, counter: &Counter) {
        if let Some(redis) = &self.redis {
            redis.clear(counter).await;
        }
        self.memory.clear(counter);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use secrecy::SecretString;

    use super::*;

    #[tokio::test]
    async fn while_redis_is_away_this_copy_counts_for_itself_and_nobody_waits() {
        // Nobody listens on the port that the system has just given and taken back.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let url = SecretString::from(format!("redis://127.0.0.1:{port}"));
        let kv = Kv::in_redis(redis::connect(&url).expect("a connection that is made later"), "test");
        let counter = Counter { key: keys::limit("test", "a"), window: Duration::from_secs(60) };
        let begun = Instant::now();
        for count in 1..=20 {
            assert_eq!(kv.count(&counter, 1, Timestamp::from_millis(0)).await.count, count);
        }
        assert!(begun.elapsed() < redis::BUDGET * 4, "{:?}", begun.elapsed());
    }
}
