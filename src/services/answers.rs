//! Public answers, kept for a moment.
//!
//! Promise: what was published, revised or withdrawn through this copy shows in the next answer, and what came through
//! another copy within [`ASKED_EVERY`]: an answer is given again only while the database says that no notice has changed
//! since it was made. None is given for longer than [`KEPT_FOR`], because how often a notice was read changes too.
//! Memory is bounded by the configuration, 0 keeps nothing. Only answers that are the same for everybody belong here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::future::Cache;
use serde::Serialize;

use super::Deps;
use super::refusal::{Error, Result};
use crate::storage::order;

/// How long another copy's change may go unnoticed.
const ASKED_EVERY: Duration = Duration::from_millis(250);
/// How long an answer is given at most.
const KEPT_FOR: Duration = Duration::from_secs(30);
/// What an answer takes besides its text and its key, in bytes; measured roughly, for the bound only.
const OVERHEAD: usize = 256;

/// An answer as it goes over the wire.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its version.
    pub etag: String,
    /// JSON.
    pub body: Bytes,
}

impl Answer {
    /// An answer of this version that says this.
    pub fn json(etag: String, body: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_vec(body).map_err(|error| Error::broken(error.to_string()))?;
        Ok(Self { etag, body: body.into() })
    }
}

/// The answers that this copy keeps.
pub struct Answers {
    /// Nothing when nothing is to be kept.
    kept: Option<Cache<(i64, String), Answer>>,
    known: Mutex<Option<Known>>,
    /// Counts the changes made through this copy.
    changes: AtomicU64,
}

/// What the database last said.
#[derive(Debug, Clone, Copy)]
struct Known {
    version: i64,
    asked_at: Instant,
    changes: u64,
}

impl Answers {
    /// Keeps so many bytes at most.
    pub fn new(bytes: u64) -> Self {
        let weight = |(_, key): &(i64, String), answer: &Answer| {
            u32::try_from(key.len() + answer.body.len() + OVERHEAD).unwrap_or(u32::MAX)
        };
        let kept = || Cache::builder().max_capacity(bytes).weigher(weight).time_to_live(KEPT_FOR).build();
        Self { kept: (bytes > 0).then(kept), known: Mutex::new(None), changes: AtomicU64::new(0) }
    }

    /// A notice was changed through this copy: to be called once it is committed.
    pub fn changed(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// A number that is another one whenever a notice has changed.
    pub(super) async fn version(&self, deps: &Deps) -> Result<i64> {
        let changes = self.changes.load(Ordering::Acquire);
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |known: &Known| known.changes == changes && known.asked_at.elapsed() < ASKED_EVERY;
        if let Some(known) = known.filter(fresh) {
            return Ok(known.version);
        }
        let asked_at = Instant::now();
        let version = order::notices(deps.db.reader()).await?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Known { version, asked_at, changes });
        Ok(version)
    }
}

/// The answer that is kept under a key, or the one that is made now. `key` names all that the answer depends on but the
/// notices and the catalogue.
pub async fn answer(deps: &Deps, key: String, make: impl AsyncFnOnce() -> Result<Answer>) -> Result<Answer> {
    let answers = &deps.answers;
    let Some(kept) = &answers.kept else { return make().await };
    // Asked before the answer is made: it may hold more than its version says, never less.
    let version = answers.version(deps).await?;
    let key = (version, format!("{} {key}", deps.catalogue().digest()));
    if let Some(answer) = kept.get(&key).await {
        return Ok(answer);
    }
    let answer = make().await?;
    kept.insert(key, answer.clone()).await;
    Ok(answer)
}
