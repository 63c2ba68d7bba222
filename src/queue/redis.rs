//! The queue in Redis Streams.
//!
//! | key | holds |
//! | --- | --- |
//! | `<prefix>:{queue}:urgent`, `…:normal`, `…:bulk` | a stream a lane; field `j` is the job |
//!
//! All keys of a queue share one hash tag, so that on a Cluster one blocking read sees all its lanes. Takers form the
//! consumer group [`GROUP`]: each entry goes to one of them, and is acknowledged and deleted as it is taken, because a
//! crash after that is the sweep's business (see the contract). A stream or group that has vanished is made again.
//!
//! Each taker blocks on a connection of its own; the shared connection is never blocked.

use std::time::Duration;

use async_trait::async_trait;
use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::streams::{StreamReadOptions, StreamReadReply};
use redis::{AsyncCommands as _, AsyncConnectionConfig, Client, RedisError, RedisResult};
use tokio::sync::Mutex;

use super::{Job, Queue, QueueError, Unreadable};
use crate::domain::fanout::Lane;

/// The consumer group that all notifiers form.
pub const GROUP: &str = "notifiers";
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
    consumer: String,
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
        let consumer = format!("{}-{}", std::process::id(), uuid::Uuid::now_v7().simple());
        Ok(Self { client, shared, blocking: Mutex::new(None), keys: Lane::ALL.map(key), consumer })
    }

    fn key(&self, lane: Lane) -> &str {
        self.keys.iter().find(|(of, _)| *of == lane).map_or("", |(_, key)| key.as_str())
    }

    /// Makes the streams and their group; that they exist already is what is wished for.
    async fn create_groups(&self) -> RedisResult<()> {
        let mut conn = self.shared.clone();
        for (_, key) in &self.keys {
            match conn.xgroup_create_mkstream::<_, _, _, ()>(key, GROUP, "0").await {
                Err(error) if error.code() == Some("BUSYGROUP") => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Reads new entries; `block` waits for the first one on any lane.
    async fn read(
        &self,
        conn: &mut MultiplexedConnection,
        keys: &[&str],
        most: usize,
        block: Option<Duration>,
    ) -> RedisResult<Vec<(String, String, String)>> {
        let mut options = StreamReadOptions::default().group(GROUP, &self.consumer).count(most);
        if let Some(block) = block {
            options = options.block(usize::try_from(block.as_millis()).unwrap_or(usize::MAX).max(1));
        }
        let news = vec![">"; keys.len()];
        let reply: Option<StreamReadReply> = conn.xread_options(keys, &news, &options).await?;
        let entries = reply.map(|reply| reply.keys).unwrap_or_default().into_iter().flat_map(|stream| {
            let key = stream.key;
            stream.ids.into_iter().map(move |entry| {
                let job = entry.get::<String>("j").unwrap_or_else(|| format!("{:?}", entry.map.keys()));
                (key.clone(), entry.id, job)
            })
        });
        Ok(entries.collect())
    }

    /// Acknowledges and deletes: an entry that is taken is gone.
    async fn remove(&self, conn: &mut MultiplexedConnection, entries: &[(String, String, String)]) -> RedisResult<()> {
        let mut pipe = redis::pipe();
        for (_, key) in &self.keys {
            let ids: Vec<&str> = entries.iter().filter(|(of, ..)| of == key).map(|(_, id, _)| id.as_str()).collect();
            if !ids.is_empty() {
                pipe.xack(key, GROUP, &ids).ignore().xdel(key, &ids).ignore();
            }
        }
        pipe.query_async::<()>(conn).await
    }

    async fn try_take(&self, most: usize, wait: Duration) -> RedisResult<Vec<String>> {
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
        let mut entries = Vec::new();
        // The most urgent lane first, without waiting; then, when all are empty, wait on all of them at once.
        for (_, key) in &self.keys {
            if entries.len() < most {
                entries.extend(self.read(&mut conn, &[key], most - entries.len(), None).await?);
            }
        }
        if entries.is_empty() && !wait.is_zero() {
            let keys: Vec<&str> = self.keys.iter().map(|(_, key)| key.as_str()).collect();
            entries = self.read(&mut conn, &keys, 1, Some(wait)).await?;
        }
        if !entries.is_empty() {
            self.remove(&mut conn, &entries).await?;
        }
        // Only a connection that did not fail is kept.
        *held = Some(conn);
        Ok(entries.into_iter().map(|(_, _, job)| job).collect())
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

    async fn take(&self, most: usize, wait: Duration) -> Result<Vec<Result<Job, Unreadable>>, QueueError> {
        let taken = match self.try_take(most, wait).await {
            // Redis was emptied, or this is the first taker ever.
            Err(error) if error.code() == Some("NOGROUP") => {
                self.create_groups().await?;
                self.try_take(most, Duration::ZERO).await?
            }
            other => other?,
        };
        Ok(taken.iter().map(|job| job.parse()).collect())
    }

    async fn depth(&self, lane: Lane) -> Result<u64, QueueError> {
        let mut conn = self.shared.clone();
        Ok(conn.xlen(self.key(lane)).await?)
    }
}
