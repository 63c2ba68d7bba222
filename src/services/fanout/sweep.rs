//! The sweep: asks the database what is owed and unheard of, and rings again.
//!
//! Promise: a dead worker's work is rung for within a second of its lease's end, whatever else waits. After the queue
//! was emptied the work moves on within [`UNHEARD`] and a second. While the queue still holds bells, work that nobody
//! has begun is left to them, so that a backlog is not rung for again and again.

use std::time::Duration;

use super::plan;
use crate::domain::channel::Channel;
use crate::domain::fanout::{LEASE, Lane};
use crate::queue::Job;
use crate::services::Deps;
use crate::services::refusal::{Error, Result};
use crate::storage::transact;
use crate::storage::{chunk, due, fanout};
use crate::telemetry::metric;

/// How long a bell may go unheard when the queue is empty: a little more than a lease.
const UNHEARD: Duration = LEASE;
/// How long a bell may wait in a queue that holds others.
const BACKLOG: Duration = Duration::from_secs(60);
/// Rows of one round.
const ROUND: i64 = 1_000;

/// One round; returns how many bells were rung: in peace none.
pub async fn sweep(deps: &Deps) -> Result<usize> {
    let patience = patience(deps).await?;
    let (plans, chunks) = transact!(deps.db, |tx| {
        let plans = fanout::unheard(tx, patience, ROUND).await?;
        let chunks = chunk::unheard(tx, patience, ROUND).await?;
        Ok::<_, Error>((plans, chunks))
    });
    for lane in Lane::ALL {
        let plans = plans.iter().filter(|bell| bell.lane() == lane).map(|bell| Job::PlanV1(bell.id));
        let chunks = chunks.iter().filter(|bell| bell.lane() == lane).map(|bell| Job::ChunkV1(bell.id));
        let jobs: Vec<Job> = plans.chain(chunks).collect();
        if !jobs.is_empty() {
            deps.fan_out.queue.ring(lane, &jobs).await.map_err(|error| Error::broken(error.to_string()))?;
        }
    }
    for bell in fanout::stalled(deps.db.reader(), ROUND).await? {
        plan::ring_window(deps, bell.id).await?;
        plan::finish(deps, bell.id).await?;
    }
    let rung = plans.len() + chunks.len();
    metrics::counter!(metric::SWEEP_RUNG).increment(u64::try_from(rung).unwrap_or(0));
    Ok(rung)
}

async fn patience(deps: &Deps) -> Result<Duration> {
    let mut waiting = 0;
    for lane in Lane::ALL {
        waiting += deps.fan_out.queue.depth(lane).await.map_err(|error| Error::broken(error.to_string()))?;
    }
    Ok(if waiting == 0 { UNHEARD } else { BACKLOG })
}

/// Sends on what was held for a channel that is configured by now, and ends what its deadline overtook. Returns whether
/// there may be more.
pub async fn hold_or_release(deps: &Deps) -> Result<bool> {
    let channels: Vec<Channel> = deps.fan_out.providers.channels().collect();
    // Looked at before it is written: mostly nothing is held, or nothing of it can go on.
    if !due::any_held(deps.db.reader(), &channels).await? {
        return Ok(false);
    }
    let (expired, released) = transact!(deps.db, |tx| {
        let expired = due::expire_held(tx, ROUND).await?;
        let released = due::release_held(tx, &channels, ROUND).await?;
        Ok::<_, Error>((expired, released))
    });
    let full = |count: u64| i64::try_from(count).is_ok_and(|count| count >= ROUND);
    Ok(full(expired) || full(released))
}
