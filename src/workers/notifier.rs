//! The notifier's loops: take bells and work them, and work what is due.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::pause;
use crate::domain::channel::Channel;
use crate::domain::fanout::Lane;
use crate::queue::{Job, QueueError, Unreadable, turns};
use crate::services::fanout::channels;
use crate::services::{Deps, fanout};
use crate::telemetry::metric;

/// How long a bell is waited for before the connection is used anew.
const BELL_WAIT: Duration = Duration::from_secs(1);
/// How often what is due is looked for.
const RETRY_EVERY: Duration = Duration::from_millis(500);
/// How often it is said how this process stands with its channels.
const REPORT_EVERY: Duration = Duration::from_secs(2);
/// The wait after a failure.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Takes bells and works as many at a time as the settings allow.
pub async fn take(deps: Deps, stop: CancellationToken) {
    let concurrency = deps.fan_out.settings.concurrency.max(1);
    let permits = Arc::new(Semaphore::new(concurrency));
    let at_work = TaskTracker::new();
    let mut failing = false;
    let mut takes = 0_u64;
    loop {
        // A free place first: what is taken is worked at once and waits in nobody's memory.
        let permit = tokio::select! {
            () = stop.cancelled() => break,
            permit = Arc::clone(&permits).acquire_owned() => permit,
        };
        let Ok(permit) = permit else { break };
        takes = takes.wrapping_add(1);
        match next(&deps, turns(takes), &stop).await {
            Ok(taken) => {
                failing = false;
                let Some(job) = taken else { continue };
                let deps = deps.clone();
                at_work.spawn(async move {
                    work(&deps, job).await;
                    drop(permit);
                });
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "bells cannot be taken");
                }
                failing = true;
                pause(&stop, AFTER_FAILURE).await;
            }
        }
    }
    at_work.close();
    at_work.wait().await;
}

/// The next bell; waits for one. The waiting ends when it is time to stop; the taking does not, or a bell would be lost.
async fn next(
    deps: &Deps,
    order: [Lane; 3],
    stop: &CancellationToken,
) -> Result<Option<Result<Job, Unreadable>>, QueueError> {
    let queue = &deps.fan_out.queue;
    let taken = queue.take(1, &order).await?;
    if let Some(job) = taken.into_iter().next() {
        return Ok(Some(job));
    }
    tokio::select! {
        () = stop.cancelled() => Ok(None),
        heard = queue.heard(BELL_WAIT) => heard.map(|()| None),
    }
}

async fn work(deps: &Deps, job: Result<Job, Unreadable>) {
    let done = match &job {
        Ok(Job::PlanV1(id)) => fanout::plan(deps, *id).await,
        Ok(Job::ChunkV1(id)) => fanout::work(deps, *id).await,
        Err(unreadable) => fanout::bury_entry(deps, unreadable).await,
    };
    if let Err(error) = done {
        // The row is as it was committed; its lease ends and the sweep rings again.
        tracing::warn!(?job, %error, "a job did not end");
        metrics::counter!(metric::JOBS_FAILED).increment(1);
    }
}

/// Works what is due on a channel.
pub async fn retry(deps: Deps, channel: Channel, stop: CancellationToken) {
    loop {
        match fanout::work_due(&deps, channel).await {
            Ok(true) if !stop.is_cancelled() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%channel, %error, "due deliveries cannot be read"),
        }
        if !pause(&stop, RETRY_EVERY).await {
            return;
        }
    }
}

/// Says how this process stands with its channels, for operators who ask another one.
pub async fn report(deps: Deps, stop: CancellationToken) {
    let mut said = channels::Said::default();
    loop {
        if let Err(error) = channels::report(&deps, &mut said).await {
            tracing::debug!(%error, "how channels stand could not be said");
        }
        if !pause(&stop, REPORT_EVERY).await {
            return;
        }
    }
}
