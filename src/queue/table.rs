//! The queue in a table of the database.
//!
//! On PostgreSQL takers pass over each other's rows (`SKIP LOCKED`); on SQLite there is one writer. A ring in this
//! process wakes its takers at once; rings of other processes are seen within `POLL`.

use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Job, Queue, QueueError, Unreadable};
use crate::domain::fanout::Lane;
use crate::storage::transact;
use crate::storage::{Db, DbError, queue_entry};

/// How often the table is looked at when nothing rings in this process.
const POLL: Duration = Duration::from_millis(200);

/// The queue in a table.
#[derive(Debug)]
pub struct TableQueue {
    db: Db,
    rung: Notify,
}

impl TableQueue {
    /// A queue in this database.
    pub fn new(db: Db) -> Self {
        Self { db, rung: Notify::new() }
    }
}

impl From<DbError> for QueueError {
    fn from(error: DbError) -> Self {
        Self(error.to_string())
    }
}

#[async_trait]
impl Queue for TableQueue {
    async fn ring(&self, lane: Lane, jobs: &[Job]) -> Result<(), QueueError> {
        let payloads = jobs.iter().map(ToString::to_string).collect();
        transact!(self.db, |tx| queue_entry::insert(tx, lane, payloads).await);
        self.rung.notify_waiters();
        Ok(())
    }

    async fn heard(&self, wait: Duration) -> Result<(), QueueError> {
        let until = Instant::now() + wait;
        loop {
            // Asked before looking: a ring in between is not missed.
            let mut rung = pin!(self.rung.notified());
            rung.as_mut().enable();
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || queue_entry::any(self.db.reader()).await? {
                return Ok(());
            }
            tokio::select! {
                () = rung => {}
                () = tokio::time::sleep(left.min(POLL)) => {}
            }
        }
    }

    async fn take(&self, most: usize, order: &[Lane]) -> Result<Vec<Result<Job, Unreadable>>, QueueError> {
        // Looked at before it is written: on the embedded default a transaction takes the writer's turn.
        if !queue_entry::any(self.db.reader()).await? {
            return Ok(Vec::new());
        }
        let taken = transact!(self.db, |tx| queue_entry::take(tx, most, order).await);
        Ok(taken.iter().map(|payload| payload.parse()).collect())
    }

    async fn depth(&self, lane: Lane) -> Result<u64, QueueError> {
        Ok(queue_entry::depth(self.db.reader(), lane).await?)
    }
}
