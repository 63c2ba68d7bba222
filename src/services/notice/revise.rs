//! Revising and withdrawing: new editions of a notice that stays the same.

use std::time::Duration;

use super::announce::{announce_edition, content, widest};
use super::diff;
use super::draft::{Draft, Placed, Ready, ready};
use super::html::{self, Body};
use super::publish::{Published, amended};
use crate::domain::fanout::{Announce, EditionKind, Lane};
use crate::domain::id::{FanOutId, NoticeId};
use crate::domain::notice::NoticeState;
use crate::services::Deps;
use crate::services::idempotency::{Call, once};
use crate::services::publisher::Caller;
use crate::services::refusal::{Error, Refusal, Result, Violation};
use crate::storage::notice::{self, Notice, revision};
use crate::storage::search::{self, Document};
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
            return Err(Error::invalid(other_key(&old, &ready)));
        }
        let before = newest(tx, &old).await?;
        let kind = match difference(&before, &ready)? {
            // Nothing is new but that people are told: to them it is the notice, not a correction of it.
            Difference::None if ready.announce > widest(tx, id).await? => EditionKind::Notice,
            Difference::None => return Err(Refusal::NothingChanged.into()),
            _ if editorial => EditionKind::Editorial,
            _ => EditionKind::Revision,
        };
        correct(deps, tx, caller, (&old, &before), &ready, Correction { kind, reason: reason.as_deref() }).await
    })
    .await?;
    deps.notice_changed();
    Ok(published)
}

/// What a correction is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Correction<'a> {
    /// What kind of edition it makes.
    pub kind: EditionKind,
    /// Why.
    pub reason: Option<&'a str>,
}

/// Stores a corrected edition of a notice that is held, and has it announced.
pub(super) async fn correct(
    deps: &Deps,
    tx: &Tx,
    caller: &Caller,
    (old, before): (&Notice, &revision::Revision),
    ready: &Ready,
    Correction { kind, reason }: Correction<'_>,
) -> Result<Published> {
    let changes = changes(before, ready)?;
    let (announce, kind) = taken_over(tx, old, ready.announce, kind).await?;
    let now = deps.clock.now();
    let amends = amended(tx, caller, ready, old.id, old.published_at).await?.or(old.amends);
    let position = order::take_position(tx).await?;
    let revision = old.revision + 1;
    let placed = Placed { revision, position, amends, duplicate_of: None, now, ..Placed::of(old) };
    let row = ready.notice(&placed);
    notice::update(tx, &row).await?;
    let edition = revision::Revision {
        kind: kind.as_str().to_owned(),
        changes,
        reason: reason.map(ToOwned::to_owned),
        ..ready.edition(&placed, announce)?
    };
    revision::insert(tx, &edition).await?;
    notice::move_to(tx, &row, &ready.kind.stage, &ready.content.section_keys()).await?;
    search::index(tx, &ready.document(&row)).await?;
    announce_edition(tx, ready, &placed, kind, announce, now).await?;
    Ok(Published::of(&row, true, announce))
}

/// How far a correction is announced, and as what. It ends what is still under way for the edition before it, so it
/// takes that over: whoever was not reached yet is told, however quietly it was handed in itself. When nobody is to be
/// told of it, that is all: those who were reached are not disturbed.
async fn taken_over(tx: &Tx, old: &Notice, asked: Announce, kind: EditionKind) -> Result<(Announce, EditionKind)> {
    if asked == Announce::Push {
        return Ok((asked, kind));
    }
    let under_way = fanout::under_way(&**tx, old.id).await?;
    let quiet = asked == Announce::None && under_way != Announce::None;
    Ok((asked.max(under_way), if quiet { EditionKind::Editorial } else { kind }))
}

/// How what is handed in differs from what stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Difference {
    /// Not at all.
    None,
    /// It says the same and shows it otherwise: a link, the layout, how something is spelt.
    Shown,
    /// It says something else.
    Said,
}

/// How what is handed in differs from an edition.
pub(super) fn difference(before: &revision::Revision, ready: &Ready) -> Result<Difference> {
    let content = content(&before.document)?;
    Ok(match (ready.is_said_by(&content, &before.folded), content == ready.content) {
        (true, true) if before.body_html == ready.body.html => Difference::None,
        (true, _) => Difference::Shown,
        (false, _) => Difference::Said,
    })
}

/// Takes a notice back. A second withdrawal answers like the first.
pub async fn withdraw(deps: &Deps, caller: &Caller, call: &Call, id: NoticeId, reason: &str) -> Result<Published> {
    let published = once(deps, call, async |tx| {
        let old = own(tx, caller, id).await?;
        if old.state() == NoticeState::Withdrawn {
            return Ok(Published::unchanged(&old));
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
        let content = content(&before.document)?;
        let stage = before.stage.clone();
        let document = Document::of(&row, &stage, &content, &before.folded);
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
        notice::move_to(tx, &row, &stage, &content.section_keys()).await?;
        search::index(tx, &document).await?;
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
        Ok(Published::of(&row, true, announce))
    })
    .await?;
    deps.notice_changed();
    Ok(published)
}

/// The caller's notice, held until the transaction ends, within the key's reach; another publisher's does not exist for it.
pub(super) async fn own(tx: &Tx, caller: &Caller, id: NoticeId) -> Result<Notice> {
    let found = notice::find_for_update(tx, id).await?.filter(|notice| notice.publisher_id == caller.publisher);
    let found = found.ok_or(Refusal::NotFound)?;
    let within = caller.scope.allows(&found.source, &found.category_path, &found.region_path);
    if within { Ok(found) } else { Err(Refusal::OutOfScope.into()) }
}

/// Whether a notice can have another edition.
pub(super) fn check(notice: &Notice, if_revision: Option<i64>) -> Result<()> {
    if notice.state() == NoticeState::Withdrawn {
        return Err(Refusal::NoticeWithdrawn.into());
    }
    if if_revision.is_some_and(|seen| seen != notice.revision) {
        let (zh, en) = (format!("现为第 {} 版", notice.revision), format!("revision {} stands", notice.revision));
        let place = Violation::body("/if_revision", "revision_conflict", zh, en);
        return Err(Error::refused(Refusal::RevisionConflict, notice.revision.to_string()).at(place));
    }
    if notice.revision >= MAX_REVISIONS {
        return Err(Error::refused(Refusal::TooManyRevisions, MAX_REVISIONS.to_string()));
    }
    Ok(())
}

/// What of a revision's natural key is not that of the notice.
fn other_key(notice: &Notice, ready: &Ready) -> Vec<Violation> {
    let fields = [("source", &notice.source, &ready.source), ("source_id", &notice.source_id, &ready.source_id)];
    let other = fields.into_iter().filter(|(_, is, said)| is != said);
    let wrong = other.map(|(field, is, _)| {
        let (zh, en) = (format!("修订不能改变来源编号，应为 {is}"), format!("a revision keeps its key: {is}"));
        Violation::body(format!("/notice/{field}"), "other_notice", zh, en)
    });
    wrong.collect()
}

/// The newest edition of a notice.
pub(super) async fn newest(tx: &Tx, notice: &Notice) -> Result<revision::Revision> {
    let found = revision::find(&**tx, notice.id, notice.revision).await?;
    found.ok_or_else(|| Error::broken(format!("{} has no edition {}", notice.id, notice.revision)))
}

/// What a corrected edition changes, as JSON.
fn changes(before: &revision::Revision, ready: &Ready) -> Result<String> {
    let old = Body { text: html::text_of(&before.body_html), html: before.body_html.clone() };
    let changes = diff::changes((&content(&before.document)?, &old), (&ready.content, &ready.body));
    serde_json::to_string(&changes).map_err(|error| Error::broken(error.to_string()))
}
