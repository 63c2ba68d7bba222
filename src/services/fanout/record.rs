//! Recording: outcomes are committed in slices under the chunk's fencing token.
//!
//! Promise: a slice holds at most [`SLICE_ROWS`] outcomes and is committed at most [`SLICE_EVERY`] after its first, so
//! a crash repeats only what was sent and not yet in a slice. A worker that has lost its lease writes nothing.

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout_at};

use super::failpoint;
use crate::domain::fanout::{SLICE_EVERY, SLICE_ROWS};
use crate::services::Deps;
use crate::services::refusal::{Error, Result};
use crate::storage::delivery::{self, Outcome, Owner};
use crate::storage::lease::Token;
use crate::storage::transact;
use crate::telemetry::metric;

/// Commits what comes until nobody sends any more.
pub(super) async fn record(
    deps: &Deps,
    owner: Owner,
    token: Token,
    mut outcomes: Receiver<Vec<Outcome>>,
) -> Result<()> {
    let mut slice: Vec<Outcome> = Vec::new();
    let mut commit_at: Option<Instant> = None;
    loop {
        let received = match commit_at {
            None => outcomes.recv().await,
            Some(at) => match timeout_at(at, outcomes.recv()).await {
                Ok(received) => received,
                Err(_) => {
                    commit(deps, owner, token, &mut slice).await?;
                    commit_at = None;
                    continue;
                }
            },
        };
        let Some(mut more) = received else { break };
        slice.append(&mut more);
        commit_at = commit_at.or_else(|| Some(Instant::now() + SLICE_EVERY));
        while slice.len() >= SLICE_ROWS {
            let rest = slice.split_off(SLICE_ROWS);
            commit(deps, owner, token, &mut slice).await?;
            slice = rest;
            commit_at = if slice.is_empty() { None } else { Some(Instant::now() + SLICE_EVERY) };
        }
    }
    commit(deps, owner, token, &mut slice).await
}

async fn commit(deps: &Deps, owner: Owner, token: Token, slice: &mut Vec<Outcome>) -> Result<()> {
    if slice.is_empty() {
        return Ok(());
    }
    failpoint::hit("before_slice");
    if !transact!(deps.db, |tx| delivery::insert_slice(tx, owner, token, slice).await) {
        return Err(Error::broken(format!("{} has lost its lease: its outcomes are not written", owner.chunk)));
    }
    failpoint::hit("after_slice");
    for outcome in slice.drain(..) {
        metrics::counter!(metric::DELIVERIES, "channel" => outcome.channel, "state" => outcome.state.as_str())
            .increment(1);
    }
    Ok(())
}
