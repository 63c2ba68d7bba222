//! The gate: whether a revision is still the newest word about its notice.
//!
//! Promise: no send begins more than a second after a withdrawal or a newer revision has committed: the gate's word is
//! at most [`GATE_AGE`] old when a send begins, and without it nothing is sent.

use std::sync::Mutex;

use tokio::time::Instant;

use crate::domain::fanout::GATE_AGE;
use crate::domain::id::NoticeId;
use crate::services::Deps;
use crate::services::refusal::{Error, Result};
use crate::storage::edition_row;

/// How often a slow database is asked before nothing is sent.
const MAX_ASKED: usize = 5;

/// The gate of one revision.
pub(super) struct Gate {
    notice: NoticeId,
    revision: i32,
    seen: Mutex<Option<(Instant, bool)>>,
}

impl Gate {
    pub(super) fn new(notice: NoticeId, revision: i32) -> Self {
        Self { notice, revision, seen: Mutex::new(None) }
    }

    /// Whether it is open. Once closed it stays so. An answer that is too old when it comes is asked for again.
    pub(super) async fn is_open(&self, deps: &Deps) -> Result<bool> {
        for _ in 0..MAX_ASKED {
            let seen = self.seen.lock().ok().and_then(|seen| *seen);
            if let Some((at, open)) = seen
                && (!open || at.elapsed() < GATE_AGE)
            {
                return Ok(open);
            }
            // The instant before the question, so that the answer is never older than it is held to be.
            let asked_at = Instant::now();
            let newest = edition_row::newest(deps.db.reader(), self.notice).await?;
            if let Ok(mut seen) = self.seen.lock() {
                *seen = Some((asked_at, newest == Some(self.revision)));
            }
        }
        Err(Error::broken("the database answers too slowly to say what the newest revision is"))
    }
}
