//! What waits, and who works: the whole queue at one glance, from the record and from the bell.
//!
//! Promise: it reads and changes nothing. What the record holds is counted no further than [`depths::COUNTED`]. Not
//! promised: one instant; the parts are read one after another.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::domain::fanout::Lane;
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::refusal::{CanFail as _, Result};
use crate::storage::depths::{self, Waiting, Worker};

/// How long the bell is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the queue stands.
#[derive(Debug, Serialize)]
pub struct Standing {
    /// Bells that nobody has taken, by lane; `null` where the queue does not answer.
    pub bells: BTreeMap<&'static str, Option<u64>>,
    /// Lines of the outbox that were not rung yet.
    pub outbox: i64,
    /// Fan-outs that are not finished.
    pub fan_outs: i64,
    /// When the oldest of them was announced.
    pub oldest_at: Option<Timestamp>,
    /// Who works on how much of them.
    pub workers: Vec<Worker>,
    /// Deliveries that wait, by channel and state.
    pub waiting: Vec<Waiting>,
    /// What failed for good: deliveries, chunks, entries of the queue.
    pub dead: BTreeMap<&'static str, i64>,
}

impl Standing {
    /// Whether everything that was announced has been carried, as far as it can be now.
    pub fn is_carried(&self) -> bool {
        self.outbox == 0 && self.fan_outs == 0 && self.waiting.iter().all(|waiting| !waiting.is_due())
    }
}

/// Looks at everything.
pub async fn standing(deps: &Deps) -> Result<Standing> {
    let conn = deps.db.reader();
    let mut bells = BTreeMap::new();
    for lane in Lane::ALL {
        let depth = tokio::time::timeout(PATIENCE, deps.fan_out.queue.depth(lane)).await.ok();
        bells.insert(lane.as_str(), depth.and_then(|depth| depth.can_fail("the record says what is owed")));
    }
    Ok(Standing {
        bells,
        outbox: depths::outbox(conn).await?,
        fan_outs: depths::unfinished_fan_outs(conn).await?,
        oldest_at: depths::oldest_unfinished(conn).await?,
        workers: depths::workers(conn).await?,
        waiting: depths::waiting(conn).await?,
        dead: BTreeMap::from([
            ("deliveries", depths::dead_deliveries(conn).await?),
            ("chunks", depths::dead_chunks(conn).await?),
            ("queue_entries", depths::dead_entries(conn).await?),
        ]),
    })
}
