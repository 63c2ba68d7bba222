//! Handing in by natural key: a source says what a notice says now, whether it was handed in before or not.
//!
//! Promise: after the call the notice says this; the same call again changes nothing. What says the same and only shows
//! it otherwise is an editorial edition, so that nobody is disturbed by a corrected link.

use super::draft::{Draft, Ready, ready};
use super::publish::{Published, announce_further, retried, store};
use super::revise::{Correction, Difference, check, correct, difference, newest, own};
use crate::domain::fanout::EditionKind;
use crate::domain::id::NoticeId;
use crate::domain::notice::NoticeState;
use crate::services::Deps;
use crate::services::publisher::Caller;
use crate::services::refusal::Result;
use crate::storage::{Tx, notice};

/// Publishes a notice, or corrects the one that has its natural key. `created` says whether there was none.
pub async fn put(deps: &Deps, caller: &Caller, draft: Draft) -> Result<Published> {
    let ready = ready(deps, caller, draft, "").await?;
    let id = NoticeId::new();
    let attempt = async || deps.db.write(async |tx| put_in(deps, tx, caller, &ready, id).await).await;
    let published = retried(attempt).await?;
    deps.notice_changed();
    Ok(published)
}

pub(super) async fn put_in(deps: &Deps, tx: &Tx, caller: &Caller, ready: &Ready, id: NoticeId) -> Result<Published> {
    let Some(known) = notice::find_by_source(&**tx, &ready.source, &ready.source_id).await? else {
        return store(deps, tx, caller, ready, id).await;
    };
    if known.publisher_id != caller.publisher {
        return Err(ready.source_id_taken(caller, &known));
    }
    let old = own(tx, caller, known.id).await?;
    let before = newest(tx, &old).await?;
    let difference = difference(&before, ready)?;
    if old.state() == NoticeState::Published && difference == Difference::None {
        return announce_further(deps, tx, ready, &old).await;
    }
    check(&old, None)?;
    let kind = if difference == Difference::Said { EditionKind::Revision } else { EditionKind::Editorial };
    let corrected = correct(deps, tx, caller, (&old, &before), ready, Correction { kind, reason: None }).await?;
    Ok(Published { created: false, ..corrected })
}
