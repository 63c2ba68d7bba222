//! The clients that are to be looked at, and the room for what is found.
//!
//! Promise: what waits for clients of this process is bounded ([`WAITING_MOST`], and one look beyond it). Who is behind
//! takes no more than half of that room and waits in a queue of its own, so that those who read slowly what they have
//! missed hold up others who catch up, for as long as [`HURRY`] lets them, and nobody else.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use super::client::{Client, Clients};
use super::{Ending, Hub};

/// Changes that wait for clients of this process, together; no more is read until some are taken.
const WAITING_MOST: usize = 4_000;
/// Beyond so many nothing is read for those who are behind: the rest of the room is for those who are up to date.
const BEHIND_MOST: usize = WAITING_MOST / 2;
/// Who takes nothing for so long is cut, the longest first, while there is no room for those who are behind.
const HURRY: Duration = Duration::from_secs(1);
/// Until no more than so many wait.
const RELIEVED: usize = BEHIND_MOST / 2;
/// Clients of one look.
const AT_ONCE: usize = 100;
/// Clients of one look that are behind: each is sure to have a page.
const BEHIND_AT_ONCE: usize = 5;

/// The queues.
#[derive(Default)]
pub(super) struct Queue {
    live: VecDeque<Arc<Client>>,
    behind: VecDeque<Arc<Client>>,
}

impl Hub {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts clients at the ends of their queues.
    pub(super) fn enqueue<'a>(&self, clients: impl Iterator<Item = &'a Arc<Client>>) {
        let mut queue = self.queue();
        for client in clients {
            let Queue { live, behind } = &mut *queue;
            let own = if client.is_behind() { behind } else { live };
            own.push_back(Arc::clone(client));
        }
        if !(queue.live.is_empty() && queue.behind.is_empty()) {
            self.work.notify_one();
        }
    }

    /// Takes back clients that a look had no room for, in their order: before others, unless they are behind.
    pub(super) fn put_back(&self, clients: &[(&Arc<Client>, bool)]) {
        let mut queue = self.queue();
        for (client, behind) in clients.iter().rev().filter(|(client, behind)| client.put_back(*behind)) {
            if *behind {
                queue.behind.push_back(Arc::clone(client));
            } else {
                queue.live.push_front(Arc::clone(client));
            }
        }
    }

    /// The next ones to be looked at; none while too much waits already.
    pub(super) fn next_batch(&self) -> Clients {
        let mut queue = self.queue();
        let count = |queue: &VecDeque<_>, most: usize, room: bool| if room { queue.len().min(most) } else { 0 };
        let behind = count(&queue.behind, BEHIND_AT_ONCE, self.has_room(0, true));
        let live = count(&queue.live, AT_ONCE, self.has_room(0, false));
        let Queue { live: up_to_date, behind: catching_up } = &mut *queue;
        catching_up.drain(..behind).chain(up_to_date.drain(..live)).collect()
    }

    /// Whether something may be read for a client, with so much already read for others.
    pub(super) fn has_room(&self, read: usize, behind: bool) -> bool {
        self.waiting.load(Ordering::Relaxed) + read < if behind { BEHIND_MOST } else { WAITING_MOST }
    }

    /// Whether somebody waits for room.
    fn is_held_up(&self) -> bool {
        let queue = self.queue();
        let held_up = |queue: &VecDeque<_>, behind: bool| !queue.is_empty() && !self.has_room(0, behind);
        held_up(&queue.live, false) || held_up(&queue.behind, true)
    }

    /// So many changes wait, too. Counted before they can be taken.
    pub(super) fn given(&self, count: usize) {
        self.waiting.fetch_add(count, Ordering::Relaxed);
    }

    /// So many changes wait no longer.
    pub(super) fn taken(&self, count: usize) {
        if count > 0 {
            self.waiting.fetch_sub(count, Ordering::Relaxed);
            self.work.notify_one();
        }
    }

    /// Cuts those who take nothing: whoever has done so for too long; and when others wait for the room, the slowest.
    pub(super) fn cut(&self, clients: &[Arc<Client>]) {
        let hurry = self.is_held_up();
        let most = self.settings.slow_after;
        let patience = if hurry { most.min(HURRY) } else { most };
        let waits = clients.iter().filter_map(|client| Some((client.waits()?, client)));
        let mut slow: Vec<_> = waits.filter(|(waits, _)| *waits >= patience).collect();
        slow.sort_by_key(|(waits, _)| std::cmp::Reverse(*waits));
        for (waits, client) in slow {
            if waits >= most || self.waiting.load(Ordering::Relaxed) > RELIEVED {
                self.end(client, Ending::TooSlow);
            }
        }
    }
}
