//! Working a chunk: its users' inboxes first, then their endpoints, then the end.
//!
//! Promise: a chunk can be worked any number of times, by anyone: its users are derived anew from (notice, revision,
//! position, range), their inbox items are the same ones, and a delivery that was recorded is not made again.

use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::edition::{self, Edition};
use super::gate::Gate;
use super::lease::Kept;
use super::send::Unit;
use super::sort::{Addressed, sort};
use super::{failpoint, plan, record};
use crate::domain::channel::{Channel, Repeat};
use crate::domain::delivery::{Event, State};
use crate::domain::id::ChunkId;
use crate::services::Deps;
use crate::services::refusal::{Error, Result};
use crate::storage::chunk::{self, Chunk};
use crate::storage::delivery::{self, Outcome, Owner};
use crate::storage::lease::{self, Leased};
use crate::storage::matching::{self, Filling};
use crate::storage::order;
use crate::storage::transact;
use crate::telemetry::metric;

/// A chunk that was begun so often without an end kills its workers: it is set aside, visible among the dead letters.
const MAX_ATTEMPTS: i64 = 25;
/// Batches of outcomes that may wait for the recorder; senders wait when it is full.
const RECORD_BUFFER: usize = 16;

/// Works a chunk, unless it is closed or somebody else's.
pub async fn work(deps: &Deps, id: ChunkId) -> Result<()> {
    let asked_at = Instant::now();
    let owner = &deps.fan_out.settings.owner;
    let leased = transact!(deps.db, |tx| chunk::lease(&**tx, id, owner).await);
    let Some(chunk) = leased else { return Ok(()) };
    let kept = Kept::new(deps, Leased::Chunks, id.as_uuid(), chunk.lease_token, asked_at);
    if chunk.attempts > MAX_ATTEMPTS {
        let now = deps.clock.now();
        transact!(deps.db, |tx| chunk::bury(&**tx, id, chunk.lease_token, now).await);
        tracing::error!(chunk.id = %id, "set aside after {MAX_ATTEMPTS} tries");
        return end(deps, &chunk).await;
    }
    match carry(deps, &chunk, &kept).await {
        Ok(()) => end(deps, &chunk).await,
        Err(error) => {
            // The next worker need not wait for the lease to end.
            transact!(deps.db, |tx| lease::release(&**tx, Leased::Chunks, id.as_uuid(), chunk.lease_token).await);
            Err(error)
        }
    }
}

async fn carry(deps: &Deps, chunk: &Chunk, kept: &Kept) -> Result<()> {
    let edition = edition::load(deps, chunk.fan_out_id).await?;
    let edition = edition.ok_or_else(|| Error::broken(format!("{} has no fan-out", chunk.id)))?;
    if chunk.inboxed_at.is_none() {
        fill_inboxes(deps, chunk, &edition).await?;
    }
    failpoint::hit("after_inbox");
    if edition.pushes() {
        deliver(deps, chunk, kept, &edition).await?;
    }
    failpoint::hit("before_close");
    let now = deps.clock.now();
    if transact!(deps.db, |tx| chunk::close(&**tx, chunk.id, chunk.lease_token, now).await) {
        return Ok(());
    }
    Err(Error::broken(format!("{} has lost its lease at its end", chunk.id)))
}

/// The first commit: everyone of the chunk has the notice.
async fn fill_inboxes(deps: &Deps, chunk: &Chunk, edition: &Edition) -> Result<()> {
    let now = deps.clock.now();
    let (notice, revision) = (edition.fan_out.notice_id, edition.fan_out.revision());
    let filled = transact!(deps.db, |tx| {
        // The token first: a worker that has lost its lease changes nothing.
        if !chunk::inboxed(tx, chunk.id, chunk.lease_token, now).await? {
            return Err(Error::broken(format!("{} has lost its lease", chunk.id)));
        }
        let (audience, range, kind) = (&edition.audience, chunk.range(), edition.fan_out.kind());
        let stamp = order::stamp(tx).await?;
        matching::fill_inboxes(tx, audience, range, Filling { notice, revision, kind, stamp, now }).await
    });
    metrics::counter!(metric::INBOX_ITEMS).increment(filled);
    Ok(())
}

/// Everything after the inboxes: the door, the providers, the record.
async fn deliver(deps: &Deps, chunk: &Chunk, kept: &Kept, edition: &Arc<Edition>) -> Result<()> {
    let now = deps.clock.now();
    let owner = Owner {
        notice: edition.fan_out.notice_id,
        revision: edition.fan_out.revision(),
        fan_out: chunk.fan_out_id,
        chunk: chunk.id,
    };
    if chunk.attempts > 1 {
        transact!(deps.db, |tx| delivery::lose_intents(tx, chunk.id, chunk.lease_token, now).await);
    }
    let sending = edition.sending(now);
    let targets = matching::targets(deps.db.reader(), &edition.audience, chunk.range(), sending).await?;
    if targets.is_empty() {
        return Ok(());
    }
    let gate = Gate::new(owner.notice, owner.revision);
    let open = gate.is_open(deps).await?;
    let sorted = sort(&deps.fan_out, edition, targets, open, now);
    let (sender, receiver) = mpsc::channel(RECORD_BUFFER);
    let unit = Unit { deps, edition, gate: &gate, kept, record: sender };
    let token = chunk.lease_token;
    let send_all = async move {
        if !sorted.decided.is_empty() && unit.record.send(sorted.decided).await.is_err() {
            return Err(Error::broken("the recorder has stopped"));
        }
        for (channel, to) in &sorted.to_send {
            intend(deps, owner, token, *channel, to).await?;
        }
        let sends: Vec<_> = sorted.to_send.into_iter().map(|(channel, to)| unit.send(channel, to).boxed()).collect();
        futures_util::future::try_join_all(sends).await.map(|_| ())
        // The unit is dropped here, and with it the recorder's last sender.
    };
    let (sent, recorded) = tokio::join!(send_all, record::record(deps, owner, token, receiver));
    // What was recorded is recorded, also when sending failed half-way.
    recorded.and(sent)
}

/// Where a repeat is forbidden, what is about to be sent is committed first: after a crash it is `unknown`.
async fn intend(deps: &Deps, owner: Owner, token: lease::Token, channel: Channel, to: &[Addressed]) -> Result<()> {
    let forbidden = deps.fan_out.providers.get(channel).is_some_and(|p| p.repeat() == Repeat::Forbidden);
    if !forbidden {
        return Ok(());
    }
    let now = deps.clock.now();
    let intents: Vec<Outcome> = to
        .iter()
        .map(|one| Outcome {
            endpoint: one.target.endpoint,
            user: one.target.user,
            channel: one.target.channel.clone(),
            state: State::after(None, Event::Begin).unwrap_or(State::Sending),
            reason: None,
            shown: false,
            attempts: 1,
            provider_ref: None,
            detail: None,
            began_at: now,
            decided_at: now,
            due_at: None,
        })
        .collect();
    let written = transact!(deps.db, |tx| delivery::insert_slice(tx, owner, token, &intents).await);
    if written { Ok(()) } else { Err(Error::broken(format!("{} has lost its lease", owner.chunk))) }
}

/// Rings for the fan-out's next chunk, or ends the fan-out.
async fn end(deps: &Deps, chunk: &Chunk) -> Result<()> {
    plan::ring_window(deps, chunk.fan_out_id).await?;
    plan::finish(deps, chunk.fan_out_id).await
}
