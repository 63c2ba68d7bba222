//! Publishing: once for each natural key, announced once for each content.
//!
//! A content that was stored and not announced, or less widely than is asked now, is announced by the call that asks:
//! under another id as that notice's first edition, under the same one as its next.

use serde::{Deserialize, Serialize};

use super::announce::{announce_edition, content, know, told_elsewhere, widest};
use super::draft::{Draft, Placed, Ready, ready};
use super::revise::MAX_REVISIONS;
use crate::domain::fanout::{Announce, EditionKind};
use crate::domain::id::NoticeId;
use crate::domain::notice::{Effect, NoticeState};
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::fanout::failpoint;
use crate::services::idempotency::{Call, once};
use crate::services::publisher::Caller;
use crate::services::refusal::{Error, Fault, Refusal, Result};
use crate::storage::notice::{self, Notice, revision};
use crate::storage::{DbError, Tx, order, search};

/// What publishing, revising or withdrawing came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The notice.
    pub id: NoticeId,
    /// The edition that stands.
    pub revision: i64,
    /// Whether this call made it.
    pub created: bool,
    /// Whether this call made the edition that stands.
    #[serde(default)]
    pub changed: bool,
    /// The notice that it amends.
    pub amends: Option<NoticeId>,
    /// The first notice with the same content.
    pub duplicate_of: Option<NoticeId>,
    /// How the notice stands.
    #[serde(default = "standing")]
    pub state: NoticeState,
    /// How far this call announced it.
    #[serde(default = "not_at_all")]
    pub announce: Announce,
    /// When it was published.
    pub published_at: Timestamp,
}

/// What an answer says of announcing that was kept before answers said it.
const fn not_at_all() -> Announce {
    Announce::None
}

/// What an answer says of the notice's state that was kept before answers said it.
const fn standing() -> NoticeState {
    NoticeState::Published
}

impl Published {
    pub(super) fn of(notice: &Notice, created: bool, announce: Announce) -> Self {
        let Notice { id, revision, amends, duplicate_of, published_at, .. } = *notice;
        let state = notice.state();
        Self { id, revision, created, changed: true, amends, duplicate_of, state, announce, published_at }
    }

    /// What the call did.
    pub const fn effect(&self) -> Effect {
        match (self.changed, self.revision) {
            (false, _) => Effect::Unchanged,
            (true, 1) => Effect::Created,
            (true, _) => Effect::Revised,
        }
    }

    /// The notice stands as it stood.
    pub(super) fn unchanged(notice: &Notice) -> Self {
        Self { changed: false, ..Self::of(notice, false, Announce::None) }
    }
}

/// Publishes a notice. The same natural key with the same content answers the first notice.
pub async fn publish(deps: &Deps, caller: &Caller, call: &Call, draft: Draft) -> Result<Published> {
    let ready = ready(deps, caller, draft, "").await?;
    let id = NoticeId::new();
    let attempt = async || once(deps, call, async |tx| store(deps, tx, caller, &ready, id).await).await;
    let published = retried(attempt).await?;
    failpoint::hit("published");
    deps.notice_changed();
    Ok(published)
}

/// Tries again when another call with the same natural key was quicker: now its notice is there to compare with.
pub(super) async fn retried<T>(attempt: impl AsyncFn() -> Result<T>) -> Result<T> {
    match attempt().await {
        Err(Error::Fault(Fault::Db(DbError::Conflict(name)))) if name.contains("notices") => attempt().await,
        other => other,
    }
}

pub(super) async fn store(deps: &Deps, tx: &Tx, caller: &Caller, ready: &Ready, id: NoticeId) -> Result<Published> {
    if let Some(known) = notice::find_by_source(&**tx, &ready.source, &ready.source_id).await? {
        return again(deps, tx, caller, ready, &known).await;
    }
    let now = deps.clock.now();
    let published_at = ready.published_at.unwrap_or(now);
    let amends = amended(tx, caller, ready, id, published_at).await?;
    know(tx, std::iter::once(ready)).await?;
    // From here on every other publication waits for this commit: so it sees ours, and we saw the one before.
    let position = order::take_position(tx).await?;
    let duplicate_of = notice::find_by_content(&**tx, &ready.hash, id).await?;
    let duplicate_of = duplicate_of.map(|first| first.duplicate_of.unwrap_or(first.id));
    let announce = untold(ready.announce, told_elsewhere(tx, ready, id).await?);
    let publisher = caller.publisher;
    let placed =
        Placed { id, publisher, revision: 1, position, amends, duplicate_of, published_at, received_at: now, now };
    let row = ready.notice(&placed);
    notice::insert(tx, &row).await?;
    let edition =
        revision::Revision { kind: EditionKind::Notice.as_str().to_owned(), ..ready.edition(&placed, announce)? };
    revision::insert(tx, &edition).await?;
    notice::place(tx, &row, &ready.kind.stage, &ready.content.section_keys()).await?;
    search::index(tx, &ready.document(&row)).await?;
    announce_edition(tx, ready, &placed, EditionKind::Notice, announce, published_at).await?;
    Ok(Published::of(&row, true, announce))
}

/// How far something is still to be announced: as far as is asked, unless people were told as widely.
pub(super) const fn untold(asked: Announce, told: Announce) -> Announce {
    match (asked, told) {
        (Announce::Push, Announce::None | Announce::Inbox) | (Announce::Inbox, Announce::None) => asked,
        _ => Announce::None,
    }
}

/// The natural key is taken: the same content answers its notice, whatever has become of it since.
async fn again(deps: &Deps, tx: &Tx, caller: &Caller, ready: &Ready, known: &Notice) -> Result<Published> {
    let taken = || ready.source_id_taken(caller, known);
    if known.publisher_id != caller.publisher {
        return Err(taken());
    }
    if known.content_hash == ready.hash {
        return announce_further(deps, tx, ready, known).await;
    }
    // It said this at first; or it says it still, and its hash is of a time when hashes were made otherwise.
    for revision in [1, known.revision] {
        let edition = revision::find(&**tx, known.id, revision).await?.ok_or_else(taken)?;
        if ready.is_said_by(&content(&edition.document)?, &edition.folded) {
            return Ok(Published::unchanged(known));
        }
    }
    Err(taken())
}

/// Announces a notice that says what it said, when that is asked and people were not told as widely before. What
/// stands is announced as an edition of its own: whom it concerns is decided by the subscriptions of now.
pub(super) async fn announce_further(deps: &Deps, tx: &Tx, ready: &Ready, known: &Notice) -> Result<Published> {
    if untold(ready.announce, widest(tx, known.id).await?) == Announce::None {
        // Whoever told people may have committed since the row was read: the answer is the edition that told them.
        let stands = notice::find(&**tx, known.id).await?.ok_or(Refusal::NotFound)?;
        return Ok(Published::unchanged(&stands));
    }
    // Asked again of the row as it stands: a copy of this call, a revision or a withdrawal may have been quicker.
    let known = notice::find_for_update(tx, known.id).await?.ok_or(Refusal::NotFound)?;
    know(tx, std::iter::once(ready)).await?;
    let position = order::take_position(tx).await?;
    let told = widest(tx, known.id).await?.max(told_elsewhere(tx, ready, known.id).await?);
    let announce = untold(ready.announce, told);
    let stands = known.state() == NoticeState::Published && known.content_hash == ready.hash;
    if announce == Announce::None || !stands {
        return Ok(Published::unchanged(&known));
    }
    if known.revision >= MAX_REVISIONS {
        return Err(Error::refused(Refusal::TooManyRevisions, MAX_REVISIONS.to_string()));
    }
    let now = deps.clock.now();
    let placed = Placed { revision: known.revision + 1, position, now, ..Placed::of(&known) };
    let row = Notice { revision: placed.revision, position, updated_at: now, ..known.clone() };
    notice::update(tx, &row).await?;
    let before = revision::find(&**tx, known.id, known.revision).await?;
    let before = before.ok_or_else(|| Error::broken(format!("{} has no edition {}", known.id, known.revision)))?;
    let edition = revision::Revision {
        revision: placed.revision,
        position,
        kind: EditionKind::Notice.as_str().to_owned(),
        announce: announce.as_str().to_owned(),
        changes: "[]".to_owned(),
        reason: None,
        created_at: now,
        content_hash: Some(ready.hash.to_vec()),
        ..before
    };
    revision::insert(tx, &edition).await?;
    notice::move_to(tx, &row, &edition.stage, &ready.content.section_keys()).await?;
    search::index(tx, &ready.document(&row)).await?;
    announce_edition(tx, ready, &placed, EditionKind::Notice, announce, ready.published_at.unwrap_or(now)).await?;
    Ok(Published::of(&row, false, announce))
}

/// The notice that this one amends: the one it names, else the newest of its section, else of its project; of a copy that
/// was never announced the notice that it is a copy of, for that is the one people have.
pub(super) async fn amended(
    tx: &Tx,
    caller: &Caller,
    ready: &Ready,
    id: NoticeId,
    published_at: Timestamp,
) -> Result<Option<NoticeId>> {
    // An amendment reaches everyone who has the amended notice: that must be one that the key could have published.
    let within = |found: &Notice| caller.scope.allows(&found.source, &found.category_path, &found.region_path);
    if let Some(named) = &ready.amends {
        let found = match named.parse::<NoticeId>() {
            Ok(id) => notice::find(&**tx, id).await?,
            Err(_) => notice::find_by_source(&**tx, &ready.source, named).await?,
        };
        let found = found.filter(|found| found.id != id && within(found));
        return Ok(Some(announced(tx, found.ok_or_else(|| ready.amended_unknown(named))?, id, within).await?));
    }
    if !ready.kind.amends {
        return Ok(None);
    }
    let (sections, types) = (ready.content.section_keys(), &ready.amending_types);
    let project = ready.content.project_key();
    let mut found = None;
    if !sections.is_empty() {
        let of = (sections.as_slice(), project.as_deref());
        found = notice::find_by_sections(&**tx, of, published_at, types, id).await?;
    }
    if let (None, Some(project)) = (found, project) {
        found = notice::find_by_project(&**tx, &project, published_at, types, id).await?;
    }
    let Some(found) = found else { return Ok(None) };
    match notice::find(&**tx, found).await?.filter(within) {
        Some(found) => Ok(Some(announced(tx, found, id, within).await?)),
        None => Ok(None),
    }
}

/// The notice itself when people were told of it, or when there is nothing that it is a copy of; else what it is a copy of.
pub(super) async fn announced(
    tx: &Tx,
    found: Notice,
    amendment: NoticeId,
    within: impl Fn(&Notice) -> bool,
) -> Result<NoticeId> {
    let Some(first) = found.duplicate_of else { return Ok(found.id) };
    if widest(tx, found.id).await? != Announce::None {
        return Ok(found.id);
    }
    let first = notice::find(&**tx, first).await?.filter(|first| first.state() == NoticeState::Published);
    let first = first.filter(|first| first.id != amendment && within(first));
    Ok(first.map_or(found.id, |first| first.id))
}
