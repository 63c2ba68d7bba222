//! Keeping the index whole and quick.
//!
//! Promise: notices stored before there was an index are indexed step by step, each step a transaction that begins where
//! the last one ended, whichever copy did that one; publishing waits for one step at most. Until the last step a search
//! finds what is indexed.

use crate::domain::id::NoticeId;
use crate::services::Deps;
use crate::services::refusal::{Error, Result};
use crate::storage::search::backfill::{self, Progress, Stored};
use crate::storage::search::{self, Document};
use crate::storage::{Tx, order, transact};

/// How many notices a step indexes: some hundredths of a second.
const STEP: i64 = 32;

/// Indexes the next notices of before; says whether there may be more.
pub async fn backfill(deps: &Deps) -> Result<bool> {
    match backfill::progress(deps.db.reader()).await? {
        Some(Progress { finished_at: None, .. }) => {}
        _ => return Ok(false),
    }
    Ok(transact!(deps.db, |tx| step(deps, tx).await))
}

async fn step(deps: &Deps, tx: &Tx) -> Result<bool> {
    // Nobody publishes, revises or withdraws until this step is committed: what is read here is what stands.
    order::take_positions(tx, 0).await?;
    let progress = backfill::progress(&**tx).await?;
    let after = progress.and_then(|progress| progress.after_notice);
    let stored = backfill::next(&**tx, after, STEP).await?;
    let last: Option<NoticeId> = stored.last().map(|stored| stored.notice.id);
    let missing = stored.iter().filter(|stored| !stored.is_indexed).map(document);
    let documents = missing.collect::<Result<Vec<_>>>()?;
    search::index_many(tx, &documents).await?;
    let finished_at = last.is_none().then(|| deps.clock.now());
    backfill::advance(tx, Progress { after_notice: last.or(after), finished_at }).await?;
    Ok(last.is_some())
}

fn document(stored: &Stored) -> Result<Document> {
    let content = serde_json::from_str(&stored.document);
    let content = content.map_err(|error| Error::broken(format!("a stored document: {error}")))?;
    Ok(Document::of(&stored.notice, &stored.stage, &content, &stored.folded))
}

/// Sorts in what was indexed since the last time, where the engine puts that off.
pub async fn settle(deps: &Deps) -> Result<()> {
    Ok(search::settle(deps.db.writer()).await?)
}
