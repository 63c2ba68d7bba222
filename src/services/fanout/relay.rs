//! The relay: what was committed to the outbox becomes bells.
//!
//! Promise: a line is struck out only after the queue has taken it, so a queue that is away delays and loses nothing.
//! Two relays may ring twice; the second bell finds the work leased or done.

use super::failpoint;
use crate::domain::fanout::Lane;
use crate::queue::{Job, Unreadable};
use crate::services::Deps;
use crate::services::refusal::{Error, Result};
use crate::storage::fanout::{self, OutboxLine};
use crate::storage::queue_entry;
use crate::storage::transact;
use crate::telemetry::metric;

/// Lines of one round.
const ROUND: i64 = 500;

/// Rings for the oldest lines of the outbox; returns whether there may be more.
pub async fn relay(deps: &Deps) -> Result<bool> {
    let lines = fanout::outbox(deps.db.reader(), ROUND).await?;
    if lines.is_empty() {
        return Ok(false);
    }
    for lane in Lane::ALL {
        let of_lane = |line: &&OutboxLine| line.lane == lane;
        let jobs: Vec<Job> = lines.iter().filter(of_lane).map(|line| Job::PlanV1(line.fan_out)).collect();
        if !jobs.is_empty() {
            deps.fan_out.queue.ring(lane, &jobs).await.map_err(|error| Error::broken(error.to_string()))?;
        }
    }
    failpoint::hit("after_ring");
    let now = deps.clock.now();
    transact!(deps.db, |tx| fanout::relayed(tx, &lines, now).await);
    Ok(i64::try_from(lines.len()).is_ok_and(|count| count == ROUND))
}

/// Keeps an entry of the queue that nobody can read, for the operator; it stops nobody.
pub async fn bury_entry(deps: &Deps, entry: &Unreadable) -> Result<()> {
    let now = deps.clock.now();
    metrics::counter!(metric::QUEUE_UNREADABLE).increment(1);
    transact!(deps.db, |tx| queue_entry::bury(&**tx, &entry.0, "unreadable", now).await);
    Ok(())
}
