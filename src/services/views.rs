//! How often notices are read.
//!
//! Promise: a read costs no write: it is counted in this copy's memory, and what was counted is added to the database in
//! one statement every [`FLUSH_EVERY`], by each copy for itself, and once more when it stops. Not promised: every read.
//! A copy that is killed loses what it counted since the last time, and of more than [`MAX_NOTICES`] notices read
//! between two times the further ones are not counted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::id::NoticeId;
use crate::services::refusal::Result;
use crate::services::{CanFail as _, Deps};
use crate::storage::views;

/// How often what was counted is added up.
pub const FLUSH_EVERY: Duration = Duration::from_secs(5);
/// Of how many notices reads are kept in memory: a megabyte.
const MAX_NOTICES: usize = 20_000;
/// How many notices one statement adds to.
const AT_ONCE: usize = 1_000;

/// What this copy has counted and not added yet.
#[derive(Debug, Default)]
pub struct Views(Mutex<HashMap<NoticeId, i64>>);

impl Views {
    /// Counts a read.
    pub fn count(&self, notice: NoticeId) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.len() < MAX_NOTICES || counted.contains_key(&notice) {
            *counted.entry(notice).or_default() += 1;
        }
    }

    fn take(&self) -> Vec<(NoticeId, i64)> {
        let counted = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        // In one order in every copy, so that two of them never wait for each other in a circle.
        let mut counted: Vec<(NoticeId, i64)> = counted.into_iter().collect();
        counted.sort_unstable();
        counted
    }

    fn give_back(&self, counted: &[(NoticeId, i64)]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (notice, reads) in counted {
            if kept.len() < MAX_NOTICES || kept.contains_key(notice) {
                *kept.entry(*notice).or_default() += reads;
            }
        }
    }
}

/// Adds what was counted to the database.
pub async fn flush(deps: &Deps) -> Result<()> {
    let counted = deps.views.take();
    let mut rest = counted.as_slice();
    while !rest.is_empty() {
        let (some, after) = rest.split_at(rest.len().min(AT_ONCE));
        if let Err(error) = views::add(deps.db.writer(), some).await {
            deps.views.give_back(rest);
            return Err(error.into());
        }
        rest = after;
    }
    Ok(())
}

/// Goes on adding what is counted until told to stop.
pub async fn keep(deps: Deps, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(FLUSH_EVERY) => {}
        }
        flush(&deps).await.can_fail("it is given back and added the next time");
    }
}
