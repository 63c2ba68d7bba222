//! Recording: outcomes of first tries are committed in slices under the chunk's fencing token; the last slice closes
//! the chunk and rings for the next one.
//!
//! Promise: a slice holds at most [`SLICE_ROWS`] outcomes and is committed at most [`SLICE_EVERY`] after its first, so
//! a crash repeats only what was sent and not yet in a slice. A worker that has lost its lease writes nothing. The chunk
//! is closed in the transaction of its last outcomes, and only when everything was said.

use std::collections::BTreeMap;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout_at};

use super::send::Sent;
use super::sort::{Addressed, decided};
use super::{failpoint, plan};
use crate::domain::delivery::{Event, Reason};
use crate::domain::fanout::{SLICE_EVERY, SLICE_ROWS};
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::refusal::{Error, Result};
use crate::storage::chunk;
use crate::storage::delivery::{self, Outcome, Owner};
use crate::storage::lease::Token;
use crate::storage::transact;
use crate::telemetry::metric;

/// Whose outcomes are recorded, and under which lease.
#[derive(Debug, Clone, Copy)]
pub(super) struct Book {
    pub(super) owner: Owner,
    pub(super) token: Token,
}

/// Commits what comes until nobody sends any more; what is left is returned, to be committed with the end.
pub(super) async fn record(deps: &Deps, book: Book, mut sent: Receiver<Sent>) -> Result<Vec<Outcome>> {
    let mut slice: Vec<Outcome> = Vec::new();
    let mut commit_at: Option<Instant> = None;
    loop {
        let received = match commit_at {
            None => sent.recv().await,
            Some(at) => match timeout_at(at, sent.recv()).await {
                Ok(received) => received,
                Err(_) => {
                    commit(deps, book, &slice).await?;
                    slice.clear();
                    commit_at = None;
                    continue;
                }
            },
        };
        let Some(more) = received else { return Ok(slice) };
        let now = deps.clock.now();
        match more {
            Sent::Outcomes(mut outcomes) => slice.append(&mut outcomes),
            Sent::NoTurn(batch, wait) => {
                slice.extend(batch.iter().map(|one| postponed(one, Reason::Postponed, now, now + wait)));
            }
            Sent::Spent(batch, wait) => {
                slice.extend(batch.iter().map(|one| postponed(one, Reason::Quota, now, now + wait)));
            }
        }
        commit_at = commit_at.or_else(|| Some(Instant::now() + SLICE_EVERY));
        while slice.len() > SLICE_ROWS {
            let rest = slice.split_off(SLICE_ROWS);
            commit(deps, book, &slice).await?;
            slice = rest;
            commit_at = Some(Instant::now() + SLICE_EVERY);
        }
    }
}

/// Leaves the chunk as a due delivery, for its first try.
fn postponed(one: &Addressed, reason: Reason, now: Timestamp, due_at: Timestamp) -> Outcome {
    Outcome { due_at: Some(due_at), ..decided(one, Event::Postpone, reason, now) }
}

/// Commits a slice.
pub(super) async fn commit(deps: &Deps, book: Book, slice: &[Outcome]) -> Result<()> {
    if slice.is_empty() {
        return Ok(());
    }
    failpoint::hit("before_slice");
    if !transact!(deps.db, |tx| delivery::insert_slice(tx, book.owner, book.token, slice).await) {
        return Err(lost(book));
    }
    failpoint::hit("after_slice");
    count(slice);
    Ok(())
}

/// Commits the last slice, closes the chunk, and rings for the fan-out's next; ends the fan-out when there is none.
pub(super) async fn close(deps: &Deps, book: Book, last: Vec<Outcome>) -> Result<()> {
    let now = deps.clock.now();
    failpoint::hit("before_slice");
    failpoint::hit("before_close");
    let tx = deps.db.begin().await?;
    if !last.is_empty() && !delivery::insert_slice(&tx, book.owner, book.token, &last).await? {
        return Err(lost(book));
    }
    if !chunk::close(&tx, book.owner.chunk, book.token, now).await? {
        return Err(lost(book));
    }
    let bells = chunk::ring_window(&tx, book.owner.fan_out).await?;
    tx.commit().await?;
    failpoint::hit("after_slice");
    count(&last);
    if bells.is_empty() {
        return plan::finish(deps, book.owner.fan_out).await;
    }
    plan::ring(deps, &bells).await;
    Ok(())
}

fn lost(book: Book) -> Error {
    Error::broken(format!("{} has lost its lease: its outcomes are not written", book.owner.chunk))
}

fn count(outcomes: &[Outcome]) {
    let mut counts: BTreeMap<(&str, &'static str), u64> = BTreeMap::new();
    for outcome in outcomes {
        *counts.entry((&*outcome.channel, outcome.state.as_str())).or_default() += 1;
    }
    for ((channel, state), count) in counts {
        metrics::counter!(metric::DELIVERIES, "channel" => channel.to_owned(), "state" => state).increment(count);
    }
}
