//! The queue in Redis Streams.
//!
//! | key | holds |
//! | --- | --- |
//! | `<prefix>:{queue}:urgent`, `…:normal`, `…:bulk` | a stream a lane; field `j` is the job |
//!
//! All keys of a queue share one hash tag, so that on a Cluster one blocking read sees all its lanes. A stream holds
//! what nobody has taken and nothing else: [`TAKE`] reads and deletes in one step. There is no consumer group, because
//! its pending list would keep what a taker read and did not live to delete, and nothing would ever need it (see the
//! contract). A stream that has vanished is a stream that is empty.
//!
//! Waiting blocks a connection of its own; the shared connection is never blocked.

use std::time::Duration;

use async_trait::async_trait;
use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::streams::StreamReadOptions;
use redis::{AsyncCommands as _, AsyncConnectionConfig, Client, RedisError, RedisResult, Script};
use tokio::sync::Mutex;

use super::{Job, MAX_ENTRY_CHARS, Queue, QueueError, Unreadable};
use crate::domain::fanout::Lane;

/// Takes at most `ARGV[1]` entries out of a lane; of each, the first `ARGV[2]` bytes, so that nobody who writes to our
/// keys decides how much we read. A foreign entry is taken with all its fields, and a foreign value in the stream's place
/// as it is: both are for the dead letters, and neither may stop a lane.
const TAKE: &str = r"
local most = tonumber(ARGV[2])
local entries = redis.pcall('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])
if entries.err then
  local kind = redis.call('TYPE', KEYS[1]).ok
  if kind == 'stream' or kind == 'none' then return entries end
  local value
  if kind == 'string' then
    value = redis.call('GETRANGE', KEYS[1], 0, most - 1)
  else
    value = string.sub(redis.call('DUMP', KEYS[1]), 1, most)
  end
  redis.call('DEL', KEYS[1])
  return {value}
end
local taken = {}
for place, entry in ipairs(entries) do
  redis.call('XDEL', KEYS[1], entry[1])
  local fields, text = entry[2], nil
  for at = 1, #fields, 2 do
    if fields[at] == 'j' then text = fields[at + 1] end
  end
  if not text then
    local whole = {}
    for at = 1, math.min(#fields, most), 2 do
      whole[#whole + 1] = string.sub(fields[at], 1, most) .. '=' .. string.sub(fields[at + 1], 1, most)
    end
    text = table.concat(whole, ' ')
  end
  taken[place] = string.sub(text, 1, most)
end
return taken
";
/// A character takes at most four bytes.
const MAX_ENTRY_BYTES: usize = 4 * MAX_ENTRY_CHARS;
/// How long an ordinary command may take.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The queue in Redis.
pub struct RedisQueue {
    client: Client,
    shared: ConnectionManager,
    /// The connection that blocks; made when it is first needed, dropped when it fails.
    blocking: Mutex<Option<MultiplexedConnection>>,
    keys: [(Lane, String); 3],
    script: Script,
}

impl From<RedisError> for QueueError {
    fn from(error: RedisError) -> Self {
        // The category and not the detail: a detail may hold the address with its password.
        Self(error.category().to_owned())
    }
}

impl RedisQueue {
    /// A queue at this address. Connects when it is first used: Redis may be away when we start.
    pub fn new(url: &str, prefix: &str) -> Result<Self, QueueError> {
        let client = Client::open(url)?;
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_number_of_retries(1);
        let shared = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        let key = |lane: Lane| (lane, format!("{prefix}:{{queue}}:{}", lane.as_str()));
        let keys = Lane::ALL.map(key);
        Ok(Self { client, shared, blocking: Mutex::new(None), keys, script: Script::new(TAKE) })
    }

    fn key(&self, lane: Lane) -> &str {
        self.keys.iter().find(|(of, _)| *of == lane).map_or("", |(_, key)| key.as_str())
    }

    /// Waits for an entry on any lane, and leaves it there.
    async fn wait(&self, wait: Duration) -> RedisResult<()> {
        let mut held = self.blocking.lock().await;
        let mut conn = match held.take() {
            Some(conn) => conn,
            None => {
                let config = AsyncConnectionConfig::new()
                    .set_response_timeout(None)
                    .set_connection_timeout(Some(CONNECT_TIMEOUT));
                self.client.get_multiplexed_async_connection_with_config(&config).await?
            }
        };
        let block = usize::try_from(wait.as_millis()).unwrap_or(usize::MAX).max(1);
        let options = StreamReadOptions::default().count(1).block(block);
        let keys: Vec<&str> = self.keys.iter().map(|(_, key)| key.as_str()).collect();
        let read = conn.xread_options::<_, _, redis::Value>(&keys, &["0"; 3], &options);
        // A connection whose other end has vanished without a word is given up.
        let late = |_| RedisError::from((redis::ErrorKind::Io, "no answer to a read that blocks"));
        tokio::time::timeout(wait + RESPONSE_TIMEOUT, read).await.map_err(late)??;
        // Only a connection that did not fail is kept.
        *held = Some(conn);
        Ok(())
    }

    async fn try_take(&self, most: usize, order: &[Lane]) -> RedisResult<Vec<Vec<u8>>> {
        let mut conn = self.shared.clone();
        let mut taken: Vec<Vec<u8>> = Vec::new();
        for lane in order {
            if taken.len() < most {
                let mut call = self.script.key(self.key(*lane));
                let call = call.arg(most - taken.len()).arg(MAX_ENTRY_BYTES);
                taken.extend(call.invoke_async::<Vec<Vec<u8>>>(&mut conn).await?);
            }
        }
        Ok(taken)
    }
}

#[async_trait]
impl Queue for RedisQueue {
    async fn ring(&self, lane: Lane, jobs: &[Job]) -> Result<(), QueueError> {
        let mut pipe = redis::pipe();
        for job in jobs {
            pipe.xadd(self.key(lane), "*", &[("j", job.to_string())]).ignore();
        }
        let mut conn = self.shared.clone();
        Ok(pipe.query_async::<()>(&mut conn).await?)
    }

    async fn heard(&self, wait: Duration) -> Result<(), QueueError> {
        Ok(self.wait(wait).await?)
    }

    async fn take(&self, most: usize, order: &[Lane]) -> Result<Vec<Result<Job, Unreadable>>, QueueError> {
        let taken = self.try_take(most, order).await?;
        let read = |entry: &Vec<u8>| match std::str::from_utf8(entry) {
            Ok(text) => text.parse(),
            Err(_) => Err(Unreadable::of(entry)),
        };
        Ok(taken.iter().map(read).collect())
    }

    async fn depth(&self, lane: Lane) -> Result<u64, QueueError> {
        let mut conn = self.shared.clone();
        Ok(conn.xlen(self.key(lane)).await?)
    }

    /// Streams have no time to live, so of the policies only those for all keys throw them away.
    async fn evicts(&self) -> Result<Option<String>, QueueError> {
        let mut conn = self.shared.clone();
        // INFO and not CONFIG, which providers of Redis often forbid.
        let info: String = redis::cmd("INFO").arg("memory").query_async(&mut conn).await?;
        let policy = info.lines().find_map(|line| line.trim().strip_prefix("maxmemory_policy:"));
        Ok(policy.filter(|policy| policy.starts_with("allkeys-")).map(str::to_owned))
    }
}
