//! Revising and withdrawing: new editions of a notice that stays the same.

use std::time::Duration;

use super::diff;
use super::draft::{Draft, Placed, ready};
use super::html;
use super::publish::{Published, amended, announce_edition};
use crate::domain::fanout::{Announce, EditionKind, Lane};
use crate::domain::id::{FanOutId, NoticeId};
use crate::domain::notice::{Content, NoticeState};
use crate::services::Deps;
use crate::services::idempotency::{Call, once};
use crate::services::publisher::Caller;
use crate::services::refusal::{Error, Refusal, Result, Violation};
use crate::storage::notice::{self, Notice, revision};
use crate::storage::{Tx, fanout, order};

/// The most editions that a notice has; its withdrawal is not counted.
pub const MAX_REVISIONS: i64 = 50;
/// How long people are told that a notice was withdrawn.
const WITHDRAWAL_TOLD_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A corrected edition.
#[derive(Debug, Clone)]
pub struct Revision {
    /// What the notice says now.
    pub draft: Draft,
    /// The change does not matter to those who have the notice.
    pub editorial: bool,
    /// Why.
    pub reason: Option<String>,
    /// The edition that the publisher saw; refused when there is a newer one.
    pub if_revision: Option<i64>,
}

/// Stores a corrected edition.
pub async fn revise(deps: &Deps, caller: &Caller, call: &Call, id: NoticeId, new: Revision) -> Result<Published> {
    let Revision { draft, editorial, reason, if_revision } = new;
    let ready = ready(deps, caller, draft, "/notice").await?;
    let published = once(deps, call, async |tx| {
        let old = own(tx, caller, id).await?;
        check(&old, if_revision)?;
        if (ready.source.as_str(), ready.source_id.as_str()) != (old.source.as_str(), old.source_id.as_str()) {
            return Err(Error::invalid(vec![other_key("/notice/source_id", &old)]));
        }
        if old.content_hash == ready.hash {
            return Err(Refusal::NothingChanged.into());
        }
        let before = newest(tx, &old).await?;
        let now = deps.clock.now();
        let amends = amended(tx, caller, &ready, id, old.published_at).await?.or(old.amends);
        let changes = changes(&before, &ready.content, &ready.body.text)?;
        let position = order::take_position(tx).await?;
        let placed = Placed {
            id,
            publisher: old.publisher_id,
            revision: old.revision + 1,
            position,
            amends,
            duplicate_of: None,
            published_at: old.published_at,
            received_at: old.received_at,
            now,
        };
        let kind = if editorial { EditionKind::Editorial } else { EditionKind::Revision };
        let row = ready.notice(&placed);
        notice::update(tx, &row).await?;
        let edition = revision::Revision {
            kind: kind.as_str().to_owned(),
            changes,
            reason: reason.clone(),
            ..ready.edition(&placed, ready.announce)?
        };
        revision::insert(tx, &edition).await?;
        notice::displace(tx, &old, &before.stage).await?;
        notice::place(tx, &row, &ready.kind.stage, &ready.content.section_keys()).await?;
        announce_edition(tx, &ready, &placed, kind, ready.announce, now).await?;
        Ok(Published::of(&row, true))
    })
    .await?;
    deps.fan_out.wake.notify_one();
    Ok(published)
}

/// Takes a notice back. A second withdrawal answers like the first.
pub async fn withdraw(deps: &Deps, caller: &Caller, call: &Call, id: NoticeId, reason: &str) -> Result<Published> {
    let published = once(deps, call, async |tx| {
        let old = own(tx, caller, id).await?;
        if old.state() == NoticeState::Withdrawn {
            return Ok(Published::of(&old, false));
        }
        let before = newest(tx, &old).await?;
        let announce = widest(tx, id).await?;
        let now = deps.clock.now();
        let position = order::take_position(tx).await?;
        let row = Notice {
            revision: old.revision + 1,
            position,
            state: NoticeState::Withdrawn.as_str().to_owned(),
            updated_at: now,
            ..old.clone()
        };
        notice::update(tx, &row).await?;
        let content: Content = parse(&before.document)?;
        let stage = before.stage.clone();
        let edition = revision::Revision {
            revision: row.revision,
            position,
            kind: EditionKind::Withdrawal.as_str().to_owned(),
            announce: announce.as_str().to_owned(),
            changes: "[]".to_owned(),
            reason: Some(reason.to_owned()),
            created_at: now,
            ..before
        };
        revision::insert(tx, &edition).await?;
        notice::displace(tx, &old, &stage).await?;
        notice::place(tx, &row, &stage, &content.section_keys()).await?;
        if announce != Announce::None {
            let new = fanout::NewFanOut {
                id: FanOutId::new(),
                notice: id,
                revision: i32::try_from(row.revision).map_err(|error| Error::broken(error.to_string()))?,
                kind: EditionKind::Withdrawal,
                announce,
                position,
                lane: Lane::Urgent,
                deadline_at: now + WITHDRAWAL_TOLD_FOR,
                now,
            };
            fanout::open(tx, &new).await?;
        }
        Ok(Published::of(&row, true))
    })
    .await?;
    deps.fan_out.wake.notify_one();
    Ok(published)
}

/// The caller's notice within the key's reach; another publisher's does not exist for it.
async fn own(tx: &Tx, caller: &Caller, id: NoticeId) -> Result<Notice> {
    let found = notice::find_for_update(tx, id).await?.filter(|notice| notice.publisher_id == caller.publisher);
    let found = found.ok_or(Refusal::NotFound)?;
    let within = caller.scope.allows(&found.source, &found.category_path, &found.region_path);
    if within { Ok(found) } else { Err(Refusal::OutOfScope.into()) }
}

fn check(notice: &Notice, if_revision: Option<i64>) -> Result<()> {
    if notice.state() == NoticeState::Withdrawn {
        return Err(Refusal::NoticeWithdrawn.into());
    }
    if if_revision.is_some_and(|seen| seen != notice.revision) {
        return Err(Error::refused(Refusal::RevisionConflict, notice.revision.to_string()));
    }
    if notice.revision >= MAX_REVISIONS {
        return Err(Error::refused(Refusal::TooManyRevisions, MAX_REVISIONS.to_string()));
    }
    Ok(())
}

fn other_key(pointer: &str, notice: &Notice) -> Violation {
    let (source, source_id) = (&notice.source, &notice.source_id);
    let zh = format!("修订不能改变来源编号，应为 {source} / {source_id}");
    Violation::body(pointer, "other_notice", zh, format!("a revision keeps its key: {source} / {source_id}"))
}

async fn newest(tx: &Tx, notice: &Notice) -> Result<revision::Revision> {
    let found = revision::find(&**tx, notice.id, notice.revision).await?;
    found.ok_or_else(|| Error::broken(format!("{} has no edition {}", notice.id, notice.revision)))
}

/// How far any edition was announced: as far as people must hear that it is withdrawn.
async fn widest(tx: &Tx, id: NoticeId) -> Result<Announce> {
    for announce in [Announce::Push, Announce::Inbox] {
        if revision::announced(&**tx, id, announce.as_str()).await? > 0 {
            return Ok(announce);
        }
    }
    Ok(Announce::None)
}

fn changes(before: &revision::Revision, content: &Content, text: &str) -> Result<String> {
    let old: Content = parse(&before.document)?;
    let changes = diff::changes((&old, &html::text_of(&before.body_html)), (content, text));
    serde_json::to_string(&changes).map_err(|error| Error::broken(error.to_string()))
}

fn parse(document: &str) -> Result<Content> {
    serde_json::from_str(document).map_err(|error| Error::broken(format!("a stored document: {error}")))
}
