//! One client of a stream: where it stands, what waits to be sent to it, and whether it is to be looked at.
//!
//! ```text
//!             mark                    look, arrive                take
//!   idle ───────────────▶ queued ───────────────────▶ ready ──────────────▶ idle (or queued: there is more)
//!                            ▲                           │
//!                            └── held: below no horizon  └── not taken in time: cut
//! ```
//!
//! A client of whom the last look has found more than a page is behind: it waits in a queue of its own and for a room of
//! its own, until a look finds no more.
//!
//! Promise: at most one page waits for a client; nothing more is read for it until that is taken. A mark that comes
//! while the client is looked at is not lost: it is looked at again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Ending, News};
use crate::domain::id::{SessionId, UserId};
use crate::domain::page::Cursor;
use crate::domain::time::Timestamp;
use crate::services::inbox::{Standing, Told};

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    /// When its token ends.
    pub(super) until: Timestamp,
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug)]
struct State {
    standing: Standing,
    /// The greatest stamp that it was marked with: until the horizon has passed it there is more to come.
    wanted: i64,
    /// Marked since it was last looked at.
    marked: bool,
    /// Stands in the queue, or is being looked at.
    queued: bool,
    /// Waits for the horizon.
    held: bool,
    /// Was told that it is up to date.
    up_to_date: bool,
    /// The last look has found more than a page.
    behind: bool,
    /// When it was last asked whether its session lives, however busy its inbox is.
    session_asked: Instant,
    ready: Option<Ready>,
    end: Option<Ending>,
}

#[derive(Debug)]
struct Ready {
    changes: Vec<(Cursor, Told)>,
    up_to_date: Option<Cursor>,
    since: Instant,
}

/// What a look at the record found for a client.
#[derive(Debug)]
pub(super) struct Look {
    /// The changes, in their order.
    pub(super) changes: Vec<Told>,
    /// Whether there is more.
    pub(super) more: bool,
    /// Up to where it was looked.
    pub(super) horizon: i64,
    /// The instant of it.
    pub(super) at: Timestamp,
}

/// What comes after a look or a taking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    Rest,
    /// It is to be looked at: put it into the queue.
    Queue,
    /// It is to be looked at when the horizon has moved.
    Hold,
}

impl Client {
    pub(super) fn new(user: UserId, session: SessionId, until: Timestamp, standing: Standing) -> Self {
        let state = State {
            standing,
            wanted: i64::MIN,
            marked: false,
            queued: false,
            held: false,
            up_to_date: false,
            behind: false,
            session_asked: Instant::now(),
            ready: None,
            end: None,
        };
        Self { user, session, until, state: Mutex::new(state), news: Notify::new() }
    }

    /// A panic while it was held leaves at worst a client that is looked at once too often.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its inbox has changed, or may have; says whether it is to be put into the queue.
    pub(super) fn mark(&self, stamp: Option<i64>) -> bool {
        let mut state = self.state();
        state.wanted = state.wanted.max(stamp.unwrap_or(i64::MIN));
        state.marked = true;
        state.queue()
    }

    /// Where it stands, at the beginning of a look; nothing when it has ended meanwhile.
    pub(super) fn look(&self) -> Option<Standing> {
        let mut state = self.state();
        state.marked = false;
        state.end.is_none().then_some(state.standing)
    }

    /// What a look found; says what comes next, and how many changes wait now.
    pub(super) fn arrive(&self, look: Look) -> (Next, usize) {
        let mut state = self.state();
        state.queued = false;
        state.behind = look.more;
        if state.end.is_some() {
            return (Next::Rest, 0);
        }
        let before = state.standing;
        let cursor = |told: &Told| Standing { place: Some(told.place()), ..before }.cursor();
        let changes: Vec<_> = look.changes.into_iter().map(|told| (cursor(&told), told)).collect();
        let place = changes.last().map(|(_, told)| told.place()).or(before.place);
        let settled = !look.more && state.wanted < look.horizon;
        // Only who knows everything up to now may keep its cursor for as long from now on.
        state.standing = Standing { place, at: if settled { look.at } else { before.at }, ..before };
        let up_to_date = (settled && !state.up_to_date).then(|| state.standing.cursor());
        state.up_to_date |= up_to_date.is_some();
        let count = changes.len();
        if count > 0 || up_to_date.is_some() {
            state.ready = Some(Ready { changes, up_to_date, since: Instant::now() });
            self.news.notify_one();
        }
        state.marked |= look.more;
        let next = match () {
            () if state.queue() => Next::Queue,
            () if settled || state.held || state.marked => Next::Rest,
            () => {
                state.held = true;
                Next::Hold
            }
        };
        (next, count)
    }

    /// A look failed: it is still to be looked at.
    pub(super) fn missed(&self) -> bool {
        self.put_back(self.is_behind())
    }

    /// A look had no room for what there is: it is still to be looked at.
    pub(super) fn put_back(&self, behind: bool) -> bool {
        let mut state = self.state();
        state.queued = false;
        state.behind = behind;
        state.marked = true;
        state.queue()
    }

    /// The horizon has moved; says whether it is to be put into the queue, or held on (`None`).
    pub(super) fn release(&self, horizon: i64) -> Option<bool> {
        let mut state = self.state();
        if state.wanted >= horizon && state.end.is_none() {
            return None;
        }
        state.held = false;
        state.marked = true;
        Some(state.queue())
    }

    /// Ends its stream; what waits is dropped. Says how many changes waited; nothing when it has ended before.
    pub(super) fn end(&self, with: Ending) -> Option<usize> {
        let mut state = self.state();
        if state.end.is_some() {
            return None;
        }
        state.end = Some(with);
        let waited = state.ready.take().map_or(0, |ready| ready.changes.len());
        self.news.notify_one();
        Some(waited)
    }

    /// What is to be sent now, how many changes of it waited, and whether it is to be put into the queue again.
    pub(super) fn take(&self) -> Option<(News, usize, bool)> {
        let mut state = self.state();
        if let Some(end) = state.end {
            return Some((News::End(end), 0, false));
        }
        let Ready { changes, up_to_date, .. } = state.ready.take()?;
        let (count, queue) = (changes.len(), state.queue());
        Some((News::Changes { changes, up_to_date }, count, queue))
    }

    /// Waits until there may be something to be sent.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// How long what waits has waited.
    pub(super) fn waits(&self) -> Option<Duration> {
        self.state().ready.as_ref().map(|ready| ready.since.elapsed())
    }

    /// Whether a look has found more than a page, so that others go first.
    pub(super) fn is_behind(&self) -> bool {
        self.state().behind
    }

    /// Whether nobody has asked for its session for so long.
    pub(super) fn is_unasked(&self, patience: Duration) -> bool {
        self.state().session_asked.elapsed() >= patience
    }

    /// Its session lives. Its inbox is to be looked at, too; says whether it is to be put into the queue.
    pub(super) fn lives(&self) -> bool {
        self.state().session_asked = Instant::now();
        self.mark(None)
    }
}

impl State {
    /// Whether it is to be put into the queue: it is marked, stands in none, and has room.
    fn queue(&mut self) -> bool {
        let queue = self.marked && !self.queued && self.ready.is_none() && self.end.is_none();
        self.queued |= queue;
        queue
    }
}

/// Clients in the order in which they are to be looked at.
pub(super) type Clients = Vec<Arc<Client>>;
