//! A lease that is kept alive while its work lasts.
//!
//! Promise: [`Kept::is_held`] turns false before the database lets anyone else have the row, because the end is
//! reckoned on this machine's monotonic clock from before the renewal was asked for. After SIGSTOP and SIGCONT it is
//! false at once, so nothing more is sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::domain::fanout::LEASE;
use crate::services::Deps;
use crate::storage::lease::{self, Leased, Token};
use crate::storage::{DbResult, transact};

/// Three renewals within a lease.
const RENEW_EVERY: Duration = Duration::from_secs(1);
/// What is kept back of a lease's length for the clocks' sake.
const MARGIN: Duration = Duration::from_millis(250);

/// A lease, renewed in the background until it is dropped.
pub(super) struct Kept {
    held_until: Arc<Mutex<Instant>>,
    task: JoinHandle<()>,
}

impl Kept {
    /// Keeps the lease of a row that was granted after `asked_at`.
    pub(super) fn new(deps: &Deps, of: Leased, id: uuid::Uuid, token: Token, asked_at: Instant) -> Self {
        let held_until = Arc::new(Mutex::new(asked_at + LEASE - MARGIN));
        let (deps, until) = (deps.clone(), Arc::clone(&held_until));
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEW_EVERY).await;
                let asked_at = Instant::now();
                match renew(&deps, of, id, token).await {
                    Ok(true) => set(&until, asked_at + LEASE - MARGIN),
                    // Taken over, or closed by ourselves.
                    Ok(false) => return,
                    // The lease runs out by itself when the database stays away.
                    Err(error) => tracing::warn!(%error, "a lease could not be renewed"),
                }
            }
        });
        Self { held_until, task }
    }

    /// Whether the row is still ours.
    pub(super) fn is_held(&self) -> bool {
        self.held_until.lock().is_ok_and(|until| Instant::now() < *until)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn renew(deps: &Deps, of: Leased, id: uuid::Uuid, token: Token) -> DbResult<bool> {
    Ok(transact!(deps.db, |tx| lease::renew(&**tx, of, id, token).await))
}

fn set(until: &Mutex<Instant>, to: Instant) {
    if let Ok(mut until) = until.lock() {
        *until = to;
    }
}
