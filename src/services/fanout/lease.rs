//! A lease that is kept alive while its work lasts.
//!
//! Promise: [`Kept::is_held`] turns false before the database lets anyone else have the row, because the end is
//! reckoned on this machine's monotonic clock from before the renewal was asked for. After SIGSTOP and SIGCONT it is
//! false at once, so nothing more is sent. A renewal that has begun is never cut off.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::domain::fanout::LEASE;
use crate::services::Deps;
use crate::storage::lease::{self, Leased, Token};

/// Three renewals within a lease.
const RENEW_EVERY: Duration = Duration::from_secs(1);
/// What is kept back of a lease's length for the clocks' sake.
const MARGIN: Duration = Duration::from_millis(250);
const _: () = assert!(LEASE.as_millis() >= 3 * RENEW_EVERY.as_millis(), "a lease lasts for three renewals");

/// A lease, renewed in the background until it is dropped.
pub(super) struct Kept {
    held_until: Arc<Mutex<Instant>>,
    _ends: DropGuard,
}

impl Kept {
    /// Keeps the lease of a row that was granted after `asked_at`.
    pub(super) fn new(deps: &Deps, of: Leased, id: uuid::Uuid, token: Token, asked_at: Instant) -> Self {
        let held_until = Arc::new(Mutex::new(asked_at + LEASE - MARGIN));
        let (deps, until) = (deps.clone(), Arc::clone(&held_until));
        let ends = CancellationToken::new();
        let ended = ends.clone();
        tokio::spawn(async move {
            while pause(&ended, RENEW_EVERY).await {
                let asked_at = Instant::now();
                match lease::renew(deps.db.writer(), of, id, token).await {
                    Ok(true) => set(&until, asked_at + LEASE - MARGIN),
                    // Taken over, or closed by ourselves.
                    Ok(false) => return,
                    // The lease runs out by itself when the database stays away.
                    Err(error) => tracing::warn!(%error, "a lease could not be renewed"),
                }
            }
        });
        Self { held_until, _ends: ends.drop_guard() }
    }

    /// Whether the row is still ours.
    pub(super) fn is_held(&self) -> bool {
        self.held_until.lock().is_ok_and(|until| Instant::now() < *until)
    }
}

/// Waits, unless it is over; `false` when it is.
async fn pause(over: &CancellationToken, wait: Duration) -> bool {
    tokio::select! {
        () = over.cancelled() => false,
        () = tokio::time::sleep(wait) => true,
    }
}

fn set(until: &Mutex<Instant>, to: Instant) {
    if let Ok(mut until) = until.lock() {
        *until = to;
    }
}
