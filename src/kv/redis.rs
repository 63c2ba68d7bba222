//! Redis: the connection, and counters in it.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands as _, Client, RedisResult, Script};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Counter, Used};

use crate::telemetry::metric;

/// How long a request is held up by a counter.
pub const BUDGET: Duration = Duration::from_millis(100);
/// How long Redis is left alone after it failed.
const REST: Duration = Duration::from_secs(1);
/// How long an answer, or a connection, is waited for.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How often, beyond the first time, connecting is tried before a command fails.
const RETRIES: usize = 1;

/// A connection that is made when it is first used and made again when it is lost, so that a process starts, and
/// takes notices in, while Redis is away.
pub fn connect(url: &SecretString) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(TIMEOUT))
        .set_connection_timeout(Some(TIMEOUT))
        .set_number_of_retries(RETRIES);
    ConnectionManager::new_lazy_with_config(Client::open(url.expose_secret())?, config)
}

/// One counter in one step. A key without an end would count for ever, so the end is set whenever it is missing.
const COUNT: &str = r"
local add = tonumber(ARGV[1])
local count
if add > 0 or (add < 0 and tonumber(redis.call('GET', KEYS[1]) or '0') > 0) then
  count = redis.call('INCRBY', KEYS[1], add)
else
  count = tonumber(redis.call('GET', KEYS[1]) or '0')
end
local left = redis.call('PTTL', KEYS[1])
if left == -1 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
elseif left < 0 then
  left = tonumber(ARGV[2])
end
return {count, left}
";

/// Counters in Redis.
pub struct Counters {
    connection: ConnectionManager,
    prefix: String,
    script: Script,
    resting_until: Mutex<Option<Instant>>,
}

impl Counters {
    /// Counters at the other end of a connection, under keys that begin with a prefix.
    pub fn new(connection: ConnectionManager, prefix: &str) -> Self {
        Self { connection, prefix: prefix.to_owned(), script: Script::new(COUNT), resting_until: Mutex::new(None) }
    }

    /// Adds to a counter; nothing when Redis does not answer in time.
    pub async fn count(&self, counter: &Counter, add: i64) -> Option<Used> {
        let window = u64::try_from(counter.window.as_millis()).unwrap_or(u64::MAX);
        let mut connection = self.connection.clone();
        let mut call = self.script.key(self.key(&counter.key));
        let asked = call.arg(add).arg(window).invoke_async::<(u64, u64)>(&mut connection);
        let (count, left) = self.within_budget(asked).await?;
        Some(Used { count, reset_in: Duration::from_millis(left) })
    }

    /// Forgets a counter; when Redis does not answer in time, its window ends it.
    pub async fn clear(&self, counter: &Counter) {
        let mut connection = self.connection.clone();
        self.within_budget(connection.del::<_, ()>(self.key(&counter.key))).await;
    }

    pub(super) fn key(&self, key: &str) -> String {
        format!("{}:{key}", self.prefix)
    }

    pub(super) fn connection(&self) -> ConnectionManager {
        self.connection.clone()
    }

    pub(super) async fn within_budget<T>(&self, asked: impl Future<Output = RedisResult<T>>) -> Option<T> {
        if self.rests() {
            return None;
        }
        let failure = match tokio::time::timeout(BUDGET, asked).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} ms", BUDGET.as_millis()),
        };
        metrics::counter!(metric::KV_FAILURES).increment(1);
        tracing::warn!(error = failure, "Redis does not count; this copy counts for itself");
        self.rest();
        None
    }

    fn rests(&self) -> bool {
        let until = self.resting_until.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        until.is_some_and(|until| until > Instant::now())
    }

    fn rest(&self) {
        *self.resting_until.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Instant::now() + REST);
    }
}
