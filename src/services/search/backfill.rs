//! Keeping the index whole and quick.
//!
//! Promise: notices stored before there was an index are indexed step by step, each step a transaction that begins where
//! the last one ended, whichever copy did that one; publishing waits for one step at most. Until the last step a search
//! finds what is indexed.

use crate::domain::id::NoticeId;
use crate::domain::notice::Content;
use crate::services::Deps;
use crate::services::refusal::{Error, Result};
use crate::storage::search::backfill::{self, Earlier, Progress, Stored};
use crate::storage::search::former::{self, Former};
use crate::storage::search::{self, Document, Said, fold};
use crate::storage::{Tx, order, transact};

/// How many notices a step indexes: some hundredths of a second.
const STEP: i64 = 32;

/// Indexes the next notices of before; says whether there may be more.
pub async fn backfill(deps: &Deps) -> Result<bool> {
    if is_whole(deps).await? {
        return Ok(false);
    }
    let more = transact!(deps.db, |tx| step(deps, tx).await);
    deps.answers.changed();
    Ok(more)
}

/// Whether all is indexed that was stored before there was an index.
pub(super) async fn is_whole(deps: &Deps) -> Result<bool> {
    let progress = backfill::progress(deps.db.reader()).await?;
    Ok(!matches!(progress, Some(Progress { finished_at: None, .. })))
}

async fn step(deps: &Deps, tx: &Tx) -> Result<bool> {
    // Nobody publishes, revises or withdraws until this step is committed: what is read here is what stands.
    order::take_positions(tx, 0).await?;
    let progress = backfill::progress(&**tx).await?;
    let after = progress.and_then(|progress| progress.after_notice);
    let mut stored = backfill::next(&**tx, after, STEP).await?;
    let last: Option<NoticeId> = stored.last().map(|stored| stored.notice.id);
    stored.retain(|stored| !stored.is_indexed);
    let revised: Vec<NoticeId> =
        stored.iter().filter(|stored| stored.notice.revision > 1).map(|stored| stored.notice.id).collect();
    if !revised.is_empty() {
        let earlier = backfill::earlier(&**tx, &revised).await?;
        former::index(tx, &earlier.iter().map(edition).collect::<Result<Vec<_>>>()?).await?;
    }
    search::index_again(tx, &stored.iter().map(document).collect::<Result<Vec<_>>>()?).await?;
    let finished_at = last.is_none().then(|| deps.clock.now());
    backfill::advance(tx, Progress { after_notice: last.or(after), finished_at }).await?;
    Ok(last.is_some())
}

fn document(stored: &Stored) -> Result<Document> {
    Ok(Document::of(&stored.notice, &stored.stage, &content(&stored.document)?, &stored.folded))
}

fn edition(earlier: &Earlier) -> Result<Former> {
    let said = Said::of(&content(&earlier.document)?, &earlier.folded);
    Ok(Former { notice: earlier.notice_id, revision: earlier.revision, said })
}

fn content(document: &str) -> Result<Content> {
    serde_json::from_str(document).map_err(|error| Error::broken(format!("a stored document: {error}")))
}

/// Makes small segments of the index into larger ones; says whether there may be more to do.
pub async fn fold(deps: &Deps) -> Result<bool> {
    // Asked first without a transaction that may write: mostly there is nothing to do.
    Ok(fold::is_due(deps.db.reader()).await? && transact!(deps.db, |tx| fold::fold(tx).await))
}
