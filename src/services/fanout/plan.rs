//! Planning: who the audience is, in chunks.
//!
//! Promise: memory does not grow with the audience (it is streamed), and a crash repeats only the scan since the last
//! committed cursor. A plan waits until its audience is known: for the earlier fan-outs of its notice, and for the
//! inboxes of the notice that it amends.

use futures_util::StreamExt as _;
use sea_orm::StreamTrait as _;
use tokio::time::Instant;

use super::edition::{self, Edition};
use super::lease::Kept;
use crate::domain::fanout::{CHUNK_USERS, WINDOW};
use crate::domain::id::{ChunkId, FanOutId, UserId};
use crate::queue::Job;
use crate::services::Deps;
use crate::services::refusal::{CanFail as _, Error, Result};
use crate::storage::chunk::{self, NewChunk};
use crate::storage::fanout::{self, FanOut, Stage};
use crate::storage::lease::Leased;
use crate::storage::matching::{self, Range};
use crate::storage::transact;
use crate::storage::{self, DbError};
use crate::telemetry::metric;

/// Chunks of one commit of the plan: the first ones are worked while the rest is still scanned.
const CHUNKS_PER_COMMIT: usize = 8;

/// Plans a fan-out, unless it is planned, somebody else's, or must wait.
pub async fn plan(deps: &Deps, id: FanOutId) -> Result<()> {
    let Some(edition) = edition::load(deps, id).await? else { return Ok(()) };
    if fanout::must_wait(deps.db.reader(), &edition.fan_out, edition.amends).await? {
        // Whoever it waits for rings when it has finished; the sweep rings in any case.
        return hurry(deps, &edition.fan_out).await;
    }
    let asked_at = Instant::now();
    let leased = fanout::lease_plan(deps.db.writer(), id, &deps.fan_out.settings.owner).await?;
    let Some(fan_out) = leased else { return Ok(()) };
    let kept = Kept::new(deps, Leased::FanOuts, id.as_uuid(), fan_out.lease_token, asked_at);
    scan(deps, &edition, &fan_out, &kept).await?;
    tracing::debug!(fan_out.id = %id, notice.id = %fan_out.notice_id, "planned");
    finish(deps, id).await
}

/// What an urgent fan-out waits for goes at its own pace no longer: a withdrawal does not stand behind a backlog.
async fn hurry(deps: &Deps, fan_out: &FanOut) -> Result<()> {
    let chunks = chunk::in_the_way(deps.db.reader(), fan_out, WINDOW).await?;
    let jobs: Vec<Job> = chunks.into_iter().map(Job::ChunkV1).collect();
    deps.fan_out.queue.ring(fan_out.lane(), &jobs).await.can_fail("they have bells in their own lane");
    Ok(())
}

/// Goes through the audience after the cursor and commits chunks as it goes.
async fn scan(deps: &Deps, edition: &Edition, fan_out: &FanOut, kept: &Kept) -> Result<()> {
    let conn = deps.db.reader();
    let mut after = fan_out.cursor;
    let mut number = fan_out.chunks;
    let range = Range { after, to: None };
    let statement = matching::stretches_statement(conn, &edition.audience, range, CHUNK_USERS);
    let mut rows = conn.stream_raw(statement).await.map_err(DbError::from)?;
    let mut made: Vec<NewChunk> = Vec::new();
    let mut before = 0;
    while let Some(row) = rows.next().await {
        let row = row.map_err(DbError::from)?;
        let to: UserId = row.try_get("", "user_id").map_err(DbError::from)?;
        let upto: i64 = row.try_get("", "n").map_err(DbError::from)?;
        made.push(NewChunk { id: ChunkId::new(), number, after, to, users: upto - before });
        (after, before, number) = (Some(to), upto, number + 1);
        if made.len() == CHUNKS_PER_COMMIT {
            commit(deps, fan_out, kept, &made, Progress::GoesOn).await?;
            made.clear();
        }
    }
    drop(rows);
    commit(deps, fan_out, kept, &made, Progress::Ends).await
}

/// Whether a commit of the plan is its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    GoesOn,
    Ends,
}

/// Commits chunks, the cursor behind them, and the plan's end with the last of them; then rings for as many chunks as
/// the window takes. One transaction: on the embedded default each costs a write to the disk.
async fn commit(deps: &Deps, fan_out: &FanOut, kept: &Kept, made: &[NewChunk], progress: Progress) -> Result<()> {
    let lost = || Error::broken(format!("the plan of {} has lost its lease", fan_out.id));
    if !kept.is_held() {
        return Err(lost());
    }
    let count = i64::try_from(made.len()).unwrap_or(i64::MAX);
    let users = made.iter().map(|chunk| chunk.users).sum();
    let now = deps.clock.now();
    let tx = deps.db.begin().await?;
    if let Some(last) = made.last() {
        // The advance first: it checks the token, and a number taken twice would break the chunk's key.
        if !fanout::advance(&tx, fan_out, last.to, count, users).await? {
            return Err(lost());
        }
        chunk::insert(&tx, fan_out.id, made, now).await?;
    }
    if progress == Progress::Ends && !fanout::planned(&*tx, fan_out, now).await? {
        return Err(lost());
    }
    let bells = chunk::ring_window(&tx, fan_out.id).await?;
    tx.commit().await?;
    ring(deps, &bells).await;
    Ok(())
}

/// Rings for the next chunks of a fan-out: so many at a time, that another fan-out's turn comes between.
pub(super) async fn ring_window(deps: &Deps, id: FanOutId) -> Result<()> {
    let bells = transact!(deps.db, |tx| chunk::ring_window(tx, id).await);
    ring(deps, &bells).await;
    Ok(())
}

/// Rings for chunks that are marked as rung.
pub(super) async fn ring(deps: &Deps, bells: &[chunk::Bell]) {
    let Some(first) = bells.first() else { return };
    let jobs: Vec<Job> = bells.iter().map(|bell| Job::ChunkV1(bell.id)).collect();
    deps.fan_out.queue.ring(first.lane(), &jobs).await.can_fail("the sweep rings again");
}

/// Ends a fan-out whose chunks are closed, and rings for those that waited for it, or only for its inboxes.
pub(super) async fn finish(deps: &Deps, id: FanOutId) -> Result<()> {
    let stage = fanout::stage(deps.db.reader(), id).await?;
    if stage == Stage::Filling {
        return Ok(());
    }
    if stage == Stage::Closed && fanout::finish(deps.db.writer(), id, deps.clock.now()).await? {
        metrics::counter!(metric::FAN_OUTS_FINISHED).increment(1);
    }
    for bell in storage::fanout::waiting_for(deps.db.reader(), id).await? {
        deps.fan_out.queue.ring(bell.lane(), &[Job::PlanV1(bell.id)]).await.can_fail("the sweep rings again");
    }
    Ok(())
}
