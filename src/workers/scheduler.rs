//! The scheduler's loops: sweep, publish what is due, and tidy up. Two of them at once do no harm.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::pause;
use crate::services::refusal::Error;
use crate::services::{Deps, Result, fanout, housekeeping, notice, reach, search, webhook};

/// How often the database is asked what is owed.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// How often the database is asked what is due, at least: what was scheduled since may be due sooner than all else.
const DUE_EVERY: Duration = Duration::from_secs(1);
/// The shortest wait for what is about to be due.
const DUE_AT_MOST_EVERY: Duration = Duration::from_millis(20);
/// How often what is no longer needed is removed, and what was held is looked at.
const TIDY_EVERY: Duration = Duration::from_secs(30);
/// How often what was counted is added up.
const FOLD_EVERY: Duration = Duration::from_secs(1);
/// How often webhooks are looked at that may have failed for long.
const WATCH_EVERY: Duration = Duration::from_secs(10 * 60);

/// The wait between two steps of indexing what was there before: publishers come in between.
const STEP_EVERY: Duration = Duration::from_millis(20);
/// How often small segments of the index are made into larger ones.
const INDEX_EVERY: Duration = Duration::from_secs(2);

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

/// Publishes what was scheduled when its time has come.
pub async fn publish_due(deps: Deps, stop: CancellationToken) {
    let mut failing = false;
    let mut wait = Duration::ZERO;
    while pause(&stop, wait).await {
        wait = match notice::publish_due(&deps).await {
            Ok(next) => {
                failing = false;
                next.unwrap_or(DUE_EVERY).clamp(DUE_AT_MOST_EVERY, DUE_EVERY)
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "what is due cannot be published");
                }
                failing = true;
                DUE_EVERY
            }
        };
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

/// Adds up what was counted, and holds the counters of what has ended against the rows.
pub async fn count(deps: Deps, stop: CancellationToken) {
    let mut failing = false;
    while pause(&stop, FOLD_EVERY).await {
        let done = async {
            while reach::fold(&deps).await? && !stop.is_cancelled() {}
            while reach::check_finished(&deps).await? && !stop.is_cancelled() {}
            Ok::<_, Error>(())
        };
        let done = done.await;
        if let Err(error) = &done
            && !failing
        {
            tracing::warn!(%error, "what was counted could not be added up or checked");
        }
        failing = done.is_err();
    }
}

/// Indexes what was stored before there was an index, and keeps the index quick.
pub async fn index(deps: Deps, stop: CancellationToken) {
    let mut wait = STEP_EVERY;
    while pause(&stop, wait).await {
        wait = match keep_index(&deps, wait).await {
            Ok(true) => STEP_EVERY,
            Ok(false) => INDEX_EVERY,
            Err(error) => {
                tracing::warn!(%error, "the index could not be worked on");
                // Notices of before are still asked for when it goes on.
                pause(&stop, TIDY_EVERY).await;
                STEP_EVERY
            }
        };
    }
}

/// A step of both; says whether there may be notices of before that are not indexed.
async fn keep_index(deps: &Deps, wait: Duration) -> Result<bool> {
    // Once all of them are, none comes.
    let more = wait == STEP_EVERY && search::backfill(deps).await?;
    while search::fold(deps).await? {}
    Ok(more)
}

/// Switches off webhooks that have failed for long.
pub async fn watch_webhooks(deps: Deps, stop: CancellationToken) {
    while pause(&stop, WATCH_EVERY).await {
        if let Err(error) = webhook::switch_off_failing(&deps).await {
            tracing::warn!(%error, "failing webhooks could not be looked at");
        }
    }
}
