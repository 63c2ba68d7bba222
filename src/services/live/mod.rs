//! The live stream of an inbox: the changes of [`sync`](super::inbox::sync), told when they happen.
//!
//! ```text
//!   a chunk, a mark ──hint──▶ every copy: its clients of that range ──▶ queue ──▶ [reader]: one look for many clients
//!                                                                                    │ below the horizon
//!                                                                                    ▼
//!                                               [client]: one page, until its socket takes it ──▶ the stream
//!   [keeper], each second: tokens that have ended, clients that take nothing, sessions that were not asked for of late
//! ```
//!
//! Promise: a client that goes on from the last event it has sees exactly what `sync` tells after that cursor. While
//! nothing happens a client costs a timer and a small state; the record is asked for many of them at once, once in
//! [`Settings::look_every`]. What waits is bounded for a client (a page) and for the process ([`queue`]); who
//! takes nothing for [`Settings::slow_after`] is cut, and sooner when others wait for its room. A client whose changes
//! cannot be read ends alone. A stream ends within [`KEEP_EVERY`] of its token's end; with its
//! session at once, in another copy when the hint arrives there, and within `look_every` when it is lost.
//! Not promised: that hints arrive. Streams may lag by `look_every` then, and skip nothing.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::domain::id::UserId;
use crate::domain::page::Cursor;
pub use crate::domain::stream::Ending;
use crate::services::inbox::Told;
use crate::services::refusal::{Error, Refusal, Result};
use crate::telemetry::metric;

use client::{Client, Clients};
use hint::Hint;
use queue::Queue;

mod client;
pub mod hint;
mod keeper;
mod open;
mod queue;
mod reader;
mod wire;

pub use keeper::{KEEP_EVERY, keep};
pub use open::{Stream, open};
pub use reader::read;
pub use wire::{hear, publish};

/// Hints that wait to be told to other copies; more are lost.
const HINTS_MOST: usize = 1_024;
/// When somebody who was refused may come again.
const COME_AGAIN: Duration = Duration::from_secs(30);

/// How streams are run.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Streams of this process at a time.
    pub streams: usize,
    /// Streams of one user in this process at a time.
    pub per_user: usize,
    /// After so long without news a sign of life is sent.
    pub heartbeat: Duration,
    /// Who takes nothing of what waits for so long is cut.
    pub slow_after: Duration,
    /// Without a hint the record is asked so often.
    pub look_every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            streams: 10_000,
            per_user: 10,
            heartbeat: Duration::from_secs(15),
            slow_after: Duration::from_secs(10),
            look_every: Duration::from_secs(30),
        }
    }
}

/// What a stream tells.
#[derive(Debug)]
pub enum News {
    /// Changes, each with the cursor behind it; and whether that is all, with the cursor to be kept.
    Changes {
        /// In the order of their commits.
        changes: Vec<(Cursor, Told)>,
        /// Told once: from here on it is live.
        up_to_date: Option<Cursor>,
    },
    /// Nothing: a sign of life.
    Still,
    /// The end.
    End(Ending),
}

/// The streams of this process.
pub struct Hub {
    /// How they are run.
    pub settings: Settings,
    streams: Mutex<Streams>,
    queue: Mutex<Queue>,
    /// There is somebody to be looked at, or room for what is found.
    work: Notify,
    /// Changes that wait for clients.
    waiting: AtomicUsize,
    /// To other copies; without them nobody takes from it.
    out: mpsc::Sender<Hint>,
    told: Mutex<Option<mpsc::Receiver<Hint>>>,
    shared: bool,
    /// The name under which this copy tells, so that it does not listen to itself.
    name: String,
}

#[derive(Default)]
struct Streams {
    of: BTreeMap<UserId, Clients>,
    count: usize,
    closed: bool,
}

impl Hub {
    /// No streams yet. `shared`: there may be other copies, and hints are told to them.
    pub fn new(settings: Settings, shared: bool) -> Self {
        let (out, told) = mpsc::channel(HINTS_MOST);
        Self {
            settings,
            streams: Mutex::default(),
            queue: Mutex::default(),
            work: Notify::new(),
            waiting: AtomicUsize::new(0),
            out,
            told: Mutex::new(Some(told)),
            shared,
            name: uuid::Uuid::now_v7().simple().to_string(),
        }
    }

    /// Says whose inbox has changed, after the commit: at once to the streams of this copy, and to other copies. Costs
    /// the caller nothing that grows with the audience.
    pub fn tell(&self, hint: Hint) {
        self.apply(&hint);
        if self.shared && self.out.try_send(hint).is_err() {
            metrics::counter!(metric::HINTS_LOST).increment(1);
        }
    }

    /// Takes a hint for the streams of this copy.
    fn apply(&self, hint: &Hint) {
        let streams = self.streams();
        match hint {
            Hint::Users { users, stamp } => {
                let concerned = users.iter().filter_map(|user| streams.of.get(user)).flatten();
                self.enqueue(concerned.filter(|client| client.mark(Some(*stamp))));
            }
            Hint::Range { range, stamp } => {
                let after = range.after.map_or(Bound::Unbounded, Bound::Excluded);
                let to = range.to.map_or(Bound::Unbounded, Bound::Included);
                // A range that ends before it begins is nobody's.
                if range.after.zip(range.to).is_none_or(|(after, to)| after < to) {
                    let concerned = streams.of.range((after, to)).flat_map(|(_, clients)| clients);
                    self.enqueue(concerned.filter(|client| client.mark(Some(*stamp))));
                }
            }
            Hint::Ended(sessions) => {
                let ended: Clients = streams.all().filter(|one| sessions.contains(&one.session)).cloned().collect();
                drop(streams);
                ended.iter().for_each(|client| self.end(client, Ending::SessionEnded));
            }
        }
    }

    /// Everybody is to be looked at: hints may have been lost.
    fn mark_all(&self) {
        let streams = self.streams();
        self.enqueue(streams.all().filter(|client| client.mark(None)));
    }

    /// Ends a stream and forgets its client: from now on nothing is done for it.
    fn end(&self, client: &Arc<Client>, with: Ending) {
        let Some(waited) = client.end(with) else { return };
        metrics::counter!(metric::STREAMS_ENDED, "reason" => with.as_str()).increment(1);
        self.taken(waited);
        self.forget(client);
    }

    fn forget(&self, client: &Arc<Client>) {
        let mut streams = self.streams();
        let Some(clients) = streams.of.get_mut(&client.user) else { return };
        let before = clients.len();
        clients.retain(|other| !Arc::ptr_eq(other, client));
        let (gone, none_left) = (before - clients.len(), clients.is_empty());
        if none_left {
            streams.of.remove(&client.user);
        }
        streams.count -= gone;
        metrics::gauge!(metric::STREAMS).set(f64::from(u32::try_from(streams.count).unwrap_or(u32::MAX)));
    }

    /// Ends every stream, and takes no new ones: this copy stops.
    pub fn close(&self) {
        let all: Clients = {
            let mut streams = self.streams();
            streams.closed = true;
            streams.all().cloned().collect()
        };
        all.iter().for_each(|client| self.end(client, Ending::ShuttingDown));
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, client: &Arc<Client>) -> Result<()> {
        let mut streams = self.streams();
        if streams.closed {
            return Err(Error::later(Refusal::Unavailable, Duration::from_secs(1)));
        }
        if streams.count >= self.settings.streams {
            return Err(Error::later(Refusal::StreamsFull, COME_AGAIN));
        }
        let own = streams.of.entry(client.user).or_default();
        if own.len() >= self.settings.per_user {
            return Err(Error::later(Refusal::TooManyStreams, COME_AGAIN));
        }
        own.push(Arc::clone(client));
        streams.count += 1;
        metrics::gauge!(metric::STREAMS).set(f64::from(u32::try_from(streams.count).unwrap_or(u32::MAX)));
        Ok(())
    }
}

impl Streams {
    fn all(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.of.values().flatten()
    }
}

/// Waits, unless it is time to stop; `false` when it is.
async fn pause(stop: &CancellationToken, wait: Duration) -> bool {
    stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some()
}
