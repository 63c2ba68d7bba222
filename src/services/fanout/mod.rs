//! The engine room: how one notice revision reaches everyone it concerns. The files tell it in the order of its way.
//!
//! ```text
//!  publish commits ──▶ [relay]  outbox lines become bells; the database wakes it, the publisher's hint too
//!                         │ Job::PlanV1
//!                      [plan]   scans the audience by user id, commits its cursor, makes chunks of 1,000 users,
//!                         │     rings a window of them          ([edition], [words]: what is compared with what)
//!                         │ Job::ChunkV1
//!                      [chunk]  leases it; first commit: inboxes; then asks the second question at the door ([sort])
//!                         │
//!                      [send]   one send unit a channel, in batches, past the [gate], under the lease, at a [pace],
//!                         │     as many as the [allowance] of the channel has places for
//!                         │
//!                      [record] outcomes in slices under the lease's token; the last one closes the chunk
//!                         │                                          ([verdict]: what an outcome means)
//!                      [retry]  what is due is leased and sent, each channel by itself
//!                      [sweep]  what is unfinished and unheard of is rung again
//!                      [once_more]  one delivery, at its user's wish
//! ```
//!
//! Promise: the database is the record. Every step can be repeated: the same inbox items, never a second delivery for
//! a key. A process may die between any two lines; the lease ends, the sweep rings, and the next worker goes on from
//! what was committed. Not promised: exactly once on the phone where a provider does not deduplicate.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use tokio::sync::{Notify, RwLock};

use crate::domain::channel::Channel;
use crate::domain::id::FanOutId;
use crate::providers::Registry;
use crate::queue::Queue;
use crate::services::refusal::{Error, Result};

mod allowance;
pub mod channels;
mod chunk;
mod edition;
pub mod failpoint;
mod gate;
mod lease;
mod once_more;
mod pace;
mod plan;
mod record;
mod relay;
mod retry;
mod send;
mod sort;
mod sweep;
mod verdict;
pub mod words;

pub use crate::storage::fanout::OUTBOX_CHANNEL;
pub use chunk::work;
pub use once_more::{Overtaken, Tried, once_more};
pub use plan::plan;
pub use relay::{bury_entry, relay};
pub use retry::work_due;
pub use sweep::{hold_or_release, sweep};

use allowance::Allowances;
use edition::Edition;
use pace::Pace;
use words::Words;

/// How the engine is run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many chunks and plans one process works at a time.
    pub concurrency: usize,
    /// How long a chunk begins sends, and how long each waits for its answer; what has no turn or no answer by then is
    /// tried later, as a due delivery.
    pub send_budget: Duration,
    /// The name under which this process leases.
    pub owner: String,
}

impl Default for Settings {
    fn default() -> Self {
        let owner = format!("{}-{}", std::process::id(), uuid::Uuid::now_v7().simple());
        Self { concurrency: 4, send_budget: Duration::from_secs(3), owner }
    }
}

/// What the engine works with.
pub struct Engine {
    /// The bell.
    pub queue: Arc<dyn Queue>,
    /// The world outside.
    pub providers: Registry,
    /// Rung after a commit that grew the outbox: a hint, no more.
    pub wake: Arc<Notify>,
    /// How it is run.
    pub settings: Settings,
    /// Held by whoever works a chunk or sends what is due; alone by who finds out what kills.
    company: RwLock<()>,
    words: RwLock<Arc<Words>>,
    editions: Cache<FanOutId, Arc<Edition>>,
    paces: BTreeMap<Channel, Arc<Pace>>,
    allowances: Allowances,
}

/// How many editions are kept at hand; each is a notice's title and what it hits, a few kilobytes.
const EDITIONS: u64 = 256;

impl Engine {
    /// An engine with this queue and these providers.
    pub fn new(queue: Arc<dyn Queue>, providers: Registry, settings: Settings) -> Self {
        let pace = |channel: Channel| {
            let most = providers.get(channel).map_or(1, |provider| provider.max_in_flight());
            (channel, Arc::new(Pace::new(channel, most)))
        };
        let paces = providers.channels().map(pace).collect();
        Self {
            queue,
            paces,
            allowances: Allowances::new(&providers),
            providers,
            wake: Arc::new(Notify::new()),
            settings,
            company: RwLock::new(()),
            words: RwLock::new(Arc::new(Words::default())),
            editions: Cache::builder().max_capacity(EDITIONS).time_to_live(Duration::from_secs(60)).build(),
        }
    }

    /// The pace of a channel.
    fn pace(&self, channel: Channel) -> Result<&Arc<Pace>> {
        self.paces.get(&channel).ok_or_else(|| Error::broken(format!("channel {channel} is not configured")))
    }
}
