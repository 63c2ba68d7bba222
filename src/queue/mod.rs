//! The bell: it says that there is work, and never what the work is.
//!
//! Promise: a bell that was rung is taken by one taker, from the lanes in the order that it asks for ([`turns`]: mostly
//! the most urgent first), in the order of ringing within a lane; it is taken and gone in one step, so that what a lane holds is what nobody has taken. Not promised: that a bell
//! survives anything. A taker's crash, a flushed Redis or a failover loses it, and the sweep finds the work in the
//! database and rings again. So there is nothing to reclaim: leases and fencing tokens live in the rows of the work.
//!
//! One contract, two engines: [`table`] (the embedded default, and PostgreSQL alone) and [`redis`] (Streams).

pub mod redis;
pub mod table;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::fanout::Lane;
use crate::domain::id::{ChunkId, FanOutId};

/// What there is to do. It carries an id and a version in its name; renaming one takes two deployments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Job {
    /// Plan a fan-out: scan its matches, make chunks.
    PlanV1(FanOutId),
    /// Work a chunk.
    ChunkV1(ChunkId),
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PlanV1(id) => write!(f, "plan:v1:{id}"),
            Self::ChunkV1(id) => write!(f, "chunk:v1:{id}"),
        }
    }
}

/// The entry is none of ours: a foreign write, or another version's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an entry of the queue cannot be read")]
pub struct Unreadable(
    /// The entry as it came, cut to [`MAX_ENTRY_CHARS`]; where it is no text, its bytes as `\x00` to `\xff`, those of
    /// letters as letters and a backslash as two.
    pub String,
);

/// The longest entry that is looked at or kept.
pub const MAX_ENTRY_CHARS: usize = 2_000;

impl Unreadable {
    /// Keeps what came, so that every byte can be told.
    pub fn of(bytes: &[u8]) -> Self {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => Some(text),
            // Cut in the middle of a character.
            Err(error) if error.error_len().is_none() => {
                bytes.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok())
            }
            Err(_) => None,
        };
        let text = text.filter(|text| !text.chars().any(char::is_control)).map(str::to_owned);
        let text = text.unwrap_or_else(|| bytes.escape_ascii().to_string());
        Self(text.chars().take(MAX_ENTRY_CHARS).collect())
    }
}

impl FromStr for Job {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let unreadable = || Unreadable::of(text.as_bytes());
        match text.split_once(":v1:") {
            Some(("plan", id)) => id.parse().map(Self::PlanV1).map_err(|_| unreadable()),
            Some(("chunk", id)) => id.parse().map(Self::ChunkV1).map_err(|_| unreadable()),
            _ => Err(unreadable()),
        }
    }
}

/// The queue could not be reached. The work is safe in the database.
#[derive(Debug, thiserror::Error)]
#[error("the queue failed: {0}")]
pub struct QueueError(pub String);

/// The queue.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Rings for these jobs.
    async fn ring(&self, lane: Lane, jobs: &[Job]) -> Result<(), QueueError>;

    /// Waits until there may be an entry, at most `wait`. Takes nothing: it may be dropped at any instant.
    async fn heard(&self, wait: Duration) -> Result<(), QueueError>;

    /// Takes at most `most` entries, from the lanes in this order; none when there are none. Let it end: what is taken
    /// by a call that is dropped is lost to the sweep.
    async fn take(&self, most: usize, order: &[Lane]) -> Result<Vec<Result<Job, Unreadable>>, QueueError>;

    /// How many entries of a lane nobody has taken.
    async fn depth(&self, lane: Lane) -> Result<u64, QueueError>;

    /// The policy by which the queue throws away what it holds, when it has one.
    async fn evicts(&self) -> Result<Option<String>, QueueError> {
        Ok(None)
    }
}

/// The order in which the lanes are asked at the `n`th take: the most urgent first, but every fourth time the normal one
/// and every sixteenth the bulk one, so that none of them starves however much is urgent.
pub const fn turns(n: u64) -> [Lane; 3] {
    match n % 16 {
        15 => [Lane::Bulk, Lane::Urgent, Lane::Normal],
        3 | 7 | 11 => [Lane::Normal, Lane::Urgent, Lane::Bulk],
        _ => Lane::ALL,
    }
}
