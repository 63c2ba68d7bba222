//! The scheduler's loops: sweep, and tidy up. Two of them at once do no harm.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::pause;
use crate::services::{Deps, fanout, housekeeping};

/// How often the database is asked what is owed.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// How often what is no longer needed is removed, and what was held is looked at.
const TIDY_EVERY: Duration = Duration::from_secs(30);

/// Rings for what is unfinished and unheard of.
pub async fn sweep(deps: Deps, stop: CancellationToken) {
    let mut failing = false;
    while pause(&stop, SWEEP_EVERY).await {
        match fanout::sweep(&deps).await {
            Ok(0) => failing = false,
            Ok(rung) => {
                failing = false;
                tracing::info!(bells = rung, "rang again for what was unheard of");
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "the sweep failed");
                }
                failing = true;
            }
        }
    }
}

/// Removes what is no longer needed.
pub async fn tidy(deps: Deps, stop: CancellationToken) {
    while pause(&stop, TIDY_EVERY).await {
        loop {
            match fanout::hold_or_release(&deps).await {
                Ok(true) if !stop.is_cancelled() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "held deliveries could not be looked at");
                    break;
                }
            }
        }
        if let Err(error) = housekeeping::prune(&deps).await {
            tracing::warn!(%error, "what is old could not be removed");
        }
    }
}
