//! Where the newest documents begin, as the index is asked for them first; kept for a minute.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::services::Deps;
use crate::services::refusal::Result;
use crate::storage::search::find::{self, Newest};

/// How long it is believed. Whatever it says, the same is found.
const BELIEVED: Duration = Duration::from_secs(60);

/// What this copy last read.
#[derive(Debug, Default)]
pub struct Kept(Mutex<Option<(Instant, Option<Newest>)>>);

pub(super) async fn newest(deps: &Deps) -> Result<Option<Newest>> {
    let kept = deps.newest_documents.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some((_, newest)) = kept.filter(|(read_at, _)| read_at.elapsed() < BELIEVED) {
        return Ok(newest);
    }
    let newest = find::newest(deps.db.reader(), deps.search.newest, deps.clock.now()).await?;
    *deps.newest_documents.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), newest.clone()));
    Ok(newest)
}
