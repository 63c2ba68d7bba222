//! What copies tell each other through Redis and may lose: publish and subscribe.
//!
//! Promise: a message reaches whoever listens at that instant, or nobody. One connection listens for a process.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use redis::aio::ConnectionManager;
use redis::{Client, RedisResult};
use secrecy::{ExposeSecret as _, SecretString};

use super::keys;
use super::redis::connect;

/// How long connecting to listen may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The way to other copies.
pub struct Bus {
    client: Client,
    connection: ConnectionManager,
    channel: String,
}

/// Redis could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("Redis failed: {0}")]
pub struct BusError(String);

impl From<redis::RedisError> for BusError {
    fn from(error: redis::RedisError) -> Self {
        // The category and not the detail: a detail may hold the address with its password.
        Self(error.category().to_owned())
    }
}

impl Bus {
    /// A way through this Redis; connects when it is first used.
    pub fn new(url: &SecretString, prefix: &str) -> RedisResult<Self> {
        let client = Client::open(url.expose_secret())?;
        // Channels know no numbers of databases, and keys do: two installations may differ in that alone.
        let channel = format!("{prefix}:{}", keys::hints(client.get_connection_info().redis_settings().db()));
        Ok(Self { client, connection: connect(url)?, channel })
    }

    /// Tells whoever listens.
    pub async fn publish(&self, text: &str) -> Result<(), BusError> {
        let mut connection = self.connection.clone();
        Ok(redis::cmd("PUBLISH").arg(&self.channel).arg(text).exec_async(&mut connection).await?)
    }

    /// What is told from now on; it ends when the connection does.
    pub async fn listen(&self) -> Result<BoxStream<'static, String>, BusError> {
        let connecting = async {
            let mut hearing = self.client.get_async_pubsub().await?;
            hearing.subscribe(&self.channel).await?;
            Ok::<_, redis::RedisError>(hearing)
        };
        let late = |_| BusError("no answer".to_owned());
        let hearing = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.map_err(late)??;
        let text = |message: redis::Msg| async move { message.get_payload::<String>().ok() };
        Ok(hearing.into_on_message().filter_map(text).boxed())
    }
}
