//! Working a chunk: its users' inboxes first, then their endpoints, then the end.
//!
//! ```text
//!  commit 1  lease + inboxes          everyone of the chunk has the notice
//!            the door, the providers  (nothing is written)
//!  commit …  slices of outcomes
//!  commit n  the last slice + close + the next bell
//! ```
//!
//! Promise: a chunk can be worked any number of times, by anyone: its users are derived anew from (notice, revision,
//! position, range), their inbox items are the same ones, and a delivery that was recorded is not made again. One
//! whose workers have died is worked by a process that works nothing else meanwhile; when that dies too, it is halved,
//! until whom it dies of stands alone among the dead letters, and the rest has gone out. What only stood beside a killer
//! is neither halved nor set aside. Not promised: that somebody else does not kill the process at that very moment.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::edition::{self, Edition};
use super::gate::Gate;
use super::lease::Kept;
use super::record::{self, Book};
use super::send::{Sent, Unit, Warrant};
use super::sort::sort;
use super::{failpoint, plan};
use crate::domain::channel::Repeat;
use crate::domain::id::ChunkId;
use crate::queue::Job;
use crate::services::Deps;
use crate::services::live::hint::Hint;
use crate::services::refusal::{CanFail as _, Error, Result};
use crate::storage::chunk::{self, Chunk};
use crate::storage::delivery::{self, Owner};
use crate::storage::lease::Leased;
use crate::storage::matching::{self, Filled, Filling};
use crate::storage::reach_counts::Deltas;
use crate::storage::targets::{self, Wanted};
use crate::storage::{Tx, order, transact};
use crate::telemetry::metric;

/// A chunk whose workers died so often is worked alone from then on.
const DEATHS: i64 = 2;
/// How long a chunk rests that could not be worked though nobody died.
const REST: Duration = Duration::from_secs(1);
/// The users of a chunk so small are told to streams by name; of a larger one the range is, whatever its size.
const HINTED_BY_NAME: i64 = 100;
/// Batches of outcomes that may wait for the recorder; senders wait when it is full.
const RECORD_BUFFER: usize = 64;

/// Works a chunk, unless it is closed or somebody else's.
pub async fn work(deps: &Deps, id: ChunkId) -> Result<()> {
    let Some(fan_out) = chunk::fan_out(deps.db.reader(), id).await? else { return Ok(()) };
    let edition = edition::load(deps, fan_out).await?;
    let edition = edition.ok_or_else(|| Error::broken(format!("{id} has no fan-out")))?;
    let company = deps.fan_out.company.read().await;
    let asked_at = Instant::now();
    let tx = deps.db.begin().await?;
    let Some(chunk) = chunk::lease(&*tx, id, &deps.fan_out.settings.owner).await? else { return Ok(()) };
    if chunk.attempts <= DEATHS {
        return under_lease(deps, tx, &chunk, &edition, asked_at).await;
    }
    if chunk.alone {
        return part(deps, tx, &chunk, &edition).await;
    }
    // Whose fault it was nobody knows: the lease goes with its transaction, and is taken again when nothing else is at work.
    drop(tx);
    drop(company);
    work_alone(deps, id, &edition).await
}

/// Works a chunk whose workers have died, while this process sends nothing else.
async fn work_alone(deps: &Deps, id: ChunkId, edition: &Arc<Edition>) -> Result<()> {
    let _nobody_else = deps.fan_out.company.write().await;
    let asked_at = Instant::now();
    let tx = deps.db.begin().await?;
    let Some(chunk) = chunk::lease(&*tx, id, &deps.fan_out.settings.owner).await? else { return Ok(()) };
    if chunk.alone && chunk.attempts > DEATHS {
        return part(deps, tx, &chunk, edition).await;
    }
    chunk::alone(&tx, id, chunk.lease_token).await?;
    tracing::warn!(chunk.id = %id, users = chunk.users, "worked alone: its worker has died {DEATHS} times");
    under_lease(deps, tx, &chunk, edition, asked_at).await
}

/// Works a chunk whose lease was taken in a transaction.
async fn under_lease(deps: &Deps, tx: Tx, chunk: &Chunk, edition: &Arc<Edition>, asked_at: Instant) -> Result<()> {
    // When this fails the lease goes with its transaction, and a bell comes when this one is forgotten.
    begin(deps, tx, chunk, edition).await?;
    let kept = Kept::new(deps, Leased::Chunks, chunk.id.as_uuid(), chunk.lease_token, asked_at);
    let worked = carry(deps, chunk, &kept, edition).await;
    if worked.is_err() {
        drop(kept);
        chunk::give_back(deps.db.writer(), chunk.id, chunk.lease_token, REST).await?;
    }
    worked
}

/// The first commit: everyone of the chunk has the notice.
async fn begin(deps: &Deps, tx: Tx, chunk: &Chunk, edition: &Edition) -> Result<()> {
    if chunk.inboxed_at.is_some() {
        return Ok(tx.commit().await?);
    }
    let now = deps.clock.now();
    let (notice, revision, kind) = (edition.fan_out.notice_id, edition.fan_out.revision(), edition.fan_out.kind());
    let stamp = order::stamp(&tx).await?;
    let filling = Filling { notice, revision, kind, stamp, now };
    let few = chunk.users <= HINTED_BY_NAME;
    let mut deltas = Deltas::default();
    let filled = matching::fill_inboxes(&tx, &edition.audience, chunk.range(), filling, (few, &mut deltas)).await?;
    deltas.of(notice, i64::from(revision)).inboxed += chunk.users;
    chunk::inboxed(&tx, chunk.id, chunk.lease_token, now, &deltas).await?;
    tx.commit().await?;
    metrics::counter!(metric::INBOX_ITEMS).increment(filled.count());
    deps.live.tell(match filled {
        Filled::Users(users) => Hint::Users { users, stamp },
        Filled::Many(_) => Hint::Range { range: chunk.range(), stamp },
    });
    Ok(())
}

async fn carry(deps: &Deps, chunk: &Chunk, kept: &Kept, edition: &Arc<Edition>) -> Result<()> {
    failpoint::hit("after_inbox");
    let owner = Owner {
        notice: edition.fan_out.notice_id,
        revision: edition.fan_out.revision(),
        fan_out: chunk.fan_out_id,
        chunk: chunk.id,
        intends: deps.fan_out.providers.any(Repeat::Forbidden),
    };
    let book = Book { owner, token: chunk.lease_token };
    let last = match edition.pushes() {
        true => deliver(deps, chunk, kept, edition, book).await?,
        false => Vec::new(),
    };
    record::close(deps, book, last).await
}

/// Everything after the inboxes: the door, the providers, the record; returns what is to be written with the end.
async fn deliver(
    deps: &Deps,
    chunk: &Chunk,
    kept: &Kept,
    edition: &Arc<Edition>,
    book: Book,
) -> Result<Vec<delivery::Outcome>> {
    let now = deps.clock.now();
    let Book { owner, token } = book;
    let first = token == 1;
    if !first {
        transact!(deps.db, |tx| delivery::lose_intents(tx, chunk.id, token, now).await);
    }
    let sending = edition.sending(if first { Wanted::Fresh } else { Wanted::Untried }, now);
    let range = chunk.range().into();
    let found = targets::targets(deps.db.reader(), &edition.audience, &range, &sending).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let gate = Gate::new(owner.notice, owner.revision);
    let open = gate.is_open(deps).await?;
    let sorted = sort(&deps.fan_out, edition, found.into_iter().map(|target| (target, 1, 0)), open, now);
    let (sender, receiver) = mpsc::channel(RECORD_BUFFER);
    let until = Instant::now() + deps.fan_out.settings.send_budget;
    let unit =
        Unit { deps, edition, gate: &gate, warrant: Warrant::Chunk { kept, owner, token }, until, record: sender };
    let send_all = async move {
        if !sorted.decided.is_empty() && unit.record.send(Sent::Outcomes(sorted.decided)).await.is_err() {
            return Err(Error::broken("the recorder has stopped"));
        }
        let sends: Vec<_> = sorted.to_send.into_iter().map(|(channel, to)| unit.send(channel, to).boxed()).collect();
        // Each to its end: what is under way on one channel is no matter of another's.
        futures_util::future::join_all(sends).await.into_iter().collect::<Result<()>>()
        // The unit is dropped here, and with it the recorder's last sender.
    };
    let (sent, recorded) = tokio::join!(send_all, record::record(deps, book, receiver));
    let last = recorded?;
    if let Err(error) = sent {
        // What was sent is written, also when sending failed half-way.
        record::commit(deps, book, &last).await?;
        return Err(error);
    }
    Ok(last)
}

/// A chunk that killed a worker that worked nothing else: halved, or set aside when it is one user's.
async fn part(deps: &Deps, tx: Tx, chunk: &Chunk, edition: &Edition) -> Result<()> {
    let now = deps.clock.now();
    let users = matching::users(&*tx, &edition.audience, chunk.range()).await?;
    let (kept, moved) = users.split_at(users.len() / 2);
    let counts = [kept.len(), moved.len()].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    let Some(middle) = kept.last() else {
        let buried = chunk::bury(&tx, chunk.id, chunk.lease_token, now).await?;
        delivery::lose_intents(&tx, chunk.id, chunk.lease_token, now).await?;
        let bells = chunk::ring_window(&tx, chunk.fan_out_id).await?;
        tx.commit().await?;
        tracing::error!(chunk.id = %chunk.id, buried, "set aside: it has killed a worker that worked nothing else");
        plan::ring(deps, &bells).await;
        return plan::finish(deps, chunk.fan_out_id).await;
    };
    // The halves are under suspicion: each is worked alone at once.
    let other = chunk::halve(&tx, chunk, *middle, counts, (DEATHS, now)).await?;
    tx.commit().await?;
    let Some(other) = other else { return Ok(()) };
    tracing::warn!(chunk.id = %chunk.id, users = users.len(), "halved: it has killed a worker that worked nothing else");
    let jobs = [Job::ChunkV1(chunk.id), Job::ChunkV1(other)];
    deps.fan_out.queue.ring(edition.fan_out.lane(), &jobs).await.can_fail("the sweep rings again");
    Ok(())
}
