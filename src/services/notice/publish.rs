//! Publishing: once for each natural key, announced once for each content.

use serde::{Deserialize, Serialize};

use super::draft::{Draft, Placed, Ready, ready};
use crate::domain::fanout::{Announce, EditionKind};
use crate::domain::id::{FanOutId, NoticeId};
use crate::domain::notice::Content;
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::idempotency::{Call, once};
use crate::services::publisher::Caller;
use crate::services::refusal::{Error, Fault, Refusal, Result};
use crate::storage::notice::{self, Notice, revision};
use crate::storage::{DbError, Tx, fanout, order};

/// What publishing, revising or withdrawing came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The notice.
    pub id: NoticeId,
    /// The edition that stands.
    pub revision: i64,
    /// Whether this call made it.
    pub created: bool,
    /// The notice that it amends.
    pub amends: Option<NoticeId>,
    /// The first notice with the same content; this one is not announced again.
    pub duplicate_of: Option<NoticeId>,
    /// When it was published.
    pub published_at: Timestamp,
}

impl Published {
    pub(super) fn of(notice: &Notice, created: bool) -> Self {
        let Notice { id, revision, amends, duplicate_of, published_at, .. } = *notice;
        Self { id, revision, created, amends, duplicate_of, published_at }
    }
}

/// Publishes a notice. The same natural key with the same content answers the first notice.
pub async fn publish(deps: &Deps, caller: &Caller, call: &Call, draft: Draft) -> Result<Published> {
    let ready = ready(deps, caller, draft, "").await?;
    let id = NoticeId::new();
    let attempt = async || once(deps, call, async |tx| store(deps, tx, caller, &ready, id).await).await;
    let published = match attempt().await {
        // Another call with the same natural key was quicker; now its notice is there to compare with.
        Err(Error::Fault(Fault::Db(DbError::Conflict(name)))) if name.contains("notices") => attempt().await,
        other => other,
    }?;
    deps.fan_out.wake.notify_one();
    Ok(published)
}

async fn store(deps: &Deps, tx: &Tx, caller: &Caller, ready: &Ready, id: NoticeId) -> Result<Published> {
    if let Some(known) = notice::find_by_source(&**tx, &ready.source, &ready.source_id).await? {
        return again(tx, caller, ready, &known).await;
    }
    let now = deps.clock.now();
    let published_at = ready.published_at.unwrap_or(now);
    let amends = amended(tx, caller, ready, id, published_at).await?;
    // From here on every other publication waits for this commit: so it sees ours, and we saw the one before.
    let position = order::take_position(tx).await?;
    let duplicate_of = notice::find_by_content(&**tx, &ready.hash, id).await?;
    let duplicate_of = duplicate_of.map(|first| first.duplicate_of.unwrap_or(first.id));
    let announce = if duplicate_of.is_some() { Announce::None } else { ready.announce };
    let publisher = caller.publisher;
    let placed =
        Placed { id, publisher, revision: 1, position, amends, duplicate_of, published_at, received_at: now, now };
    let row = ready.notice(&placed);
    notice::insert(tx, &row).await?;
    let edition =
        revision::Revision { kind: EditionKind::Notice.as_str().to_owned(), ..ready.edition(&placed, announce)? };
    revision::insert(tx, &edition).await?;
    notice::place(tx, &row, &ready.kind.stage, &ready.content.section_keys()).await?;
    announce_edition(tx, ready, &placed, EditionKind::Notice, announce, published_at).await?;
    Ok(Published::of(&row, true))
}

/// The natural key is taken: the same content answers its notice, whatever has become of it since.
async fn again(tx: &Tx, caller: &Caller, ready: &Ready, known: &Notice) -> Result<Published> {
    let taken = || Error::refused(Refusal::SourceIdTaken, known.id.to_string());
    if known.publisher_id != caller.publisher {
        return Err(taken());
    }
    if known.content_hash == ready.hash {
        return Ok(Published::of(known, false));
    }
    let first = revision::find(&**tx, known.id, 1).await?.ok_or_else(taken)?;
    let content: Content = serde_json::from_str(&first.document).map_err(|error| Error::broken(error.to_string()))?;
    if content.hash(&first.folded) == ready.hash { Ok(Published::of(known, false)) } else { Err(taken()) }
}

/// The notice that this one amends: the one it names, else the newest of its section, else of its project.
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
        let unknown = || Error::refused(Refusal::AmendedNoticeUnknown, named.clone());
        return found.map(|found| Some(found.id)).ok_or_else(unknown);
    }
    if !ready.kind.amends {
        return Ok(None);
    }
    let (sections, types) = (ready.content.section_keys(), &ready.amending_types);
    let mut found = None;
    if !sections.is_empty() {
        found = notice::find_by_sections(&**tx, &sections, published_at, types, id).await?;
    }
    if let (None, Some(project)) = (found, ready.content.project_key()) {
        found = notice::find_by_project(&**tx, &project, published_at, types, id).await?;
    }
    let Some(found) = found else { return Ok(None) };
    Ok(notice::find(&**tx, found).await?.filter(within).map(|found| found.id))
}

/// Opens the edition's fan-out, unless nobody is to be told.
pub(super) async fn announce_edition(
    tx: &Tx,
    ready: &Ready,
    placed: &Placed,
    kind: EditionKind,
    announce: Announce,
    said_at: Timestamp,
) -> Result<()> {
    if announce == Announce::None {
        return Ok(());
    }
    let new = fanout::NewFanOut {
        id: FanOutId::new(),
        notice: placed.id,
        revision: i32::try_from(placed.revision).map_err(|error| Error::broken(error.to_string()))?,
        kind,
        announce,
        position: placed.position,
        lane: ready.lane(placed.amends),
        deadline_at: ready.deadline(said_at),
        now: placed.now,
    };
    Ok(fanout::open(tx, &new).await?)
}
