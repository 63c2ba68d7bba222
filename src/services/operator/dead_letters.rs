//! Dead letters, and having them tried again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::deliveries::{self, Explained};
use crate::domain::delivery::{Event, State};
use crate::domain::fanout::Lane;
use crate::domain::id::ChunkId;
use crate::domain::page::{Cursor, Page};
use crate::domain::time::Timestamp;
use crate::queue::Job;
use crate::services::Deps;
use crate::services::idempotency::{Call, once};
use crate::services::refusal::{CanFail as _, Error, Refusal, Result};
use crate::storage::dead_letter::{self, After, DeadChunk, DeadEntry, Narrowed, Reopened};
use crate::storage::delivery_list::Key;

const DEAD_LETTERS: &str = "dead_letters";

/// A dead letter.
#[derive(Debug, Clone)]
pub enum DeadLetter {
    /// A delivery that was refused, exhausted, or lost where a repeat is forbidden.
    Delivery(Explained),
    /// A chunk that killed whoever worked it.
    Chunk(DeadChunk),
    /// An entry of the queue that nobody could read. It names no work: the sweep has rung for whatever it meant.
    Entry(DeadEntry),
}

/// What orders the list: when it died; within an instant deliveries, then chunks, then entries.
#[derive(Debug, Clone, Copy)]
enum Place {
    Delivery(Key),
    Chunk(ChunkId),
    Entry(i64),
}

impl DeadLetter {
    fn died_at(&self) -> Timestamp {
        match self {
            Self::Delivery(one) => one.delivery.decided_at,
            Self::Chunk(chunk) => chunk.died_at,
            Self::Entry(entry) => entry.died_at,
        }
    }

    fn cursor(&self) -> Cursor {
        let at = self.died_at().as_millis().to_string();
        let parts = match self {
            Self::Delivery(one) => {
                let [notice, revision, endpoint] = deliveries::key_parts(one.delivery.key());
                vec![at, notice, revision, endpoint]
            }
            Self::Chunk(chunk) => vec![at, chunk.id.to_string()],
            Self::Entry(entry) => vec![at, entry.id.to_string(), String::new()],
        };
        Cursor::new(DEAD_LETTERS, parts)
    }
}

fn place(cursor: &Cursor) -> Option<(Timestamp, Place)> {
    let at = |text: &str| text.parse().ok().map(Timestamp::from_millis);
    if let Ok([time, notice, revision, endpoint]) = cursor.parts(DEAD_LETTERS) {
        return Some((at(time)?, Place::Delivery(deliveries::key(notice, revision, endpoint)?)));
    }
    if let Ok([time, chunk]) = cursor.parts(DEAD_LETTERS) {
        return Some((at(time)?, Place::Chunk(chunk.parse().ok()?)));
    }
    let [time, entry, _] = cursor.parts(DEAD_LETTERS).ok()?;
    Some((at(time)?, Place::Entry(entry.parse().ok()?)))
}

/// Dead letters, the newest first.
pub async fn list_dead_letters(
    deps: &Deps,
    filter: &Narrowed,
    cursor: Option<&Cursor>,
    limit: u16,
) -> Result<Page<DeadLetter>> {
    let after = cursor.map(|cursor| place(cursor).ok_or_else(Error::not_a_cursor)).transpose()?;
    let (conn, count) = (deps.db.reader(), i64::from(limit) + 1);
    let passed = after.map(|(at, place)| match place {
        Place::Delivery(key) => After { at, key: Some(Some(key)) },
        Place::Chunk(_) | Place::Entry(_) => After { at, key: None },
    });
    let found = dead_letter::deliveries(conn, filter, passed, count).await?;
    let mut tries = deliveries::tries(deps, &found).await?;
    let mut letters: Vec<DeadLetter> = found
        .into_iter()
        .map(|delivery| {
            let tries = deliveries::compose(&delivery, tries.remove(&delivery.key()));
            DeadLetter::Delivery(Explained { delivery, tries })
        })
        .collect();
    if filter.takes_chunks() {
        let passed = after.map(|(at, place)| match place {
            Place::Delivery(_) => After { at, key: Some(None) },
            Place::Chunk(id) => After { at, key: Some(Some(id)) },
            Place::Entry(_) => After { at, key: None },
        });
        letters.extend(dead_letter::chunks(conn, filter, passed, count).await?.into_iter().map(DeadLetter::Chunk));
    }
    if filter.takes_entries() {
        let passed = after.map(|(at, place)| match place {
            Place::Delivery(_) | Place::Chunk(_) => After { at, key: Some(None) },
            Place::Entry(id) => After { at, key: Some(Some(id)) },
        });
        letters.extend(dead_letter::entries(conn, filter, passed, count).await?.into_iter().map(DeadLetter::Entry));
    }
    // Stable: within an instant the kinds keep the order in which they were added.
    letters.sort_by_key(|letter| std::cmp::Reverse(letter.died_at()));
    Ok(Page::cut(letters, limit, DeadLetter::cursor))
}

/// What is to be tried again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Replay {
    /// Which dead letters.
    pub filter: Narrowed,
    /// At most so many deliveries, and as many chunks.
    pub limit: i64,
    /// A new delivery deadline, so long from now, where the old one has passed; never past a bid deadline.
    pub extend: Option<Duration>,
}

/// What a replay came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// Deliveries that are due now.
    pub deliveries: u64,
    /// Chunks that are open again.
    pub chunks: u64,
    /// Fan-outs whose deadline was moved.
    pub extended: u64,
    /// Deliveries that fit and stay dead, because their delivery deadline has passed.
    pub overdue: i64,
}

/// Has dead letters tried again: deliveries are due now, chunks are open again. Whatever is asked at a send is asked
/// once more, so what is superseded, ended or not wanted any more is not sent.
pub async fn replay(deps: &Deps, call: &Call, wanted: &Replay) -> Result<Replayed> {
    let now = deps.clock.now();
    let filter = &wanted.filter;
    let replayed = once(deps, call, async |tx| {
        let extended = match wanted.extend {
            Some(by) => dead_letter::extend(tx, filter, now + by, now).await?,
            None => 0,
        };
        let mut due = 0;
        for &from in State::ALL.iter().filter(|state| state.is_dead()) {
            let Ok(to) = from.on(Event::Replay) else { continue };
            let rest = wanted.limit.saturating_sub(i64::try_from(due).unwrap_or(i64::MAX));
            due += dead_letter::replay(tx, filter, from, to, now, rest).await?;
        }
        let chunks = match filter.takes_chunks() {
            true => dead_letter::reopen(tx, filter, now, wanted.limit).await?,
            false => Vec::new(),
        };
        let overdue = dead_letter::overdue(&**tx, filter, now).await?;
        match (due, chunks.len(), overdue) {
            (0, 0, 0) => Err(Refusal::NothingToReplay.into()),
            (0, 0, overdue) => Err(Error::refused(Refusal::DeliveryDeadlinePassed, overdue.to_string())),
            _ => {
                let opened = u64::try_from(chunks.len()).unwrap_or(u64::MAX);
                Ok((Replayed { deliveries: due, chunks: opened, extended, overdue }, bells(&chunks)))
            }
        }
    })
    .await?;
    ring(deps, &replayed.1).await;
    Ok(replayed.0)
}

/// Chunks by the number of their lane, as a kept answer holds them.
fn bells(chunks: &[Reopened]) -> Vec<(i64, ChunkId)> {
    chunks.iter().map(|chunk| (chunk.lane().number(), chunk.id)).collect()
}

async fn ring(deps: &Deps, bells: &[(i64, ChunkId)]) {
    for lane in Lane::ALL {
        let of_lane = bells.iter().filter(|(number, _)| Lane::of(*number) == lane);
        let jobs: Vec<Job> = of_lane.map(|(_, id)| Job::ChunkV1(*id)).collect();
        if !jobs.is_empty() {
            deps.fan_out.queue.ring(lane, &jobs).await.can_fail("the sweep rings again");
        }
    }
}
