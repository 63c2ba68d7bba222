//! How far a notice has been announced, and announcing it.
//!
//! Promise: a content that nobody was told of can still be announced, whoever stored it first; what was announced as
//! widely before is not announced again under another id.

use super::draft::{Placed, Ready};
use crate::domain::fanout::{Announce, EditionKind};
use crate::domain::id::{FanOutId, NoticeId};
use crate::domain::notice::Content;
use crate::domain::time::Timestamp;
use crate::services::refusal::{Error, Result};
use crate::storage::notice::revision;
use crate::storage::{Tx, fanout};

/// Opens the edition's fan-out, unless nobody is to be told.
pub(super) async fn announce_edition(
    tx: &Tx,
    ready: &Ready,
    placed: &Placed,
    kind: EditionKind,
    announce: Announce,
    said_at: Timestamp,
) -> Result<()> {
    match fan_out(ready, placed, kind, announce, said_at)? {
        Some(new) => Ok(fanout::open(tx, &new).await?),
        None => Ok(()),
    }
}

/// The edition's fan-out, unless nobody is to be told.
pub(super) fn fan_out(
    ready: &Ready,
    placed: &Placed,
    kind: EditionKind,
    announce: Announce,
    said_at: Timestamp,
) -> Result<Option<fanout::NewFanOut>> {
    if announce == Announce::None {
        return Ok(None);
    }
    Ok(Some(fanout::NewFanOut {
        id: FanOutId::new(),
        notice: placed.id,
        revision: i32::try_from(placed.revision).map_err(|error| Error::broken(error.to_string()))?,
        kind,
        announce,
        position: placed.position,
        lane: ready.lane(placed.amends),
        deadline_at: ready.deadline(said_at),
        now: placed.now,
    }))
}

/// How far any edition of a notice was announced.
pub(super) async fn widest(tx: &Tx, id: NoticeId) -> Result<Announce> {
    for announce in [Announce::Push, Announce::Inbox] {
        if revision::announced(&**tx, id, announce.as_str()).await? > 0 {
            return Ok(announce);
        }
    }
    Ok(Announce::None)
}

/// Of how many announced editions it is asked what they said. A content is announced once for each step of `Announce`; more
/// are there only when notices went back and forth.
const MAX_TOLD: i64 = 20;

/// How far other notices that stand have announced exactly this content. To be asked once the position is taken: then
/// whoever announced it before has committed.
pub(super) async fn told_elsewhere(tx: &Tx, ready: &Ready, id: NoticeId) -> Result<Announce> {
    let mut widest = Announce::None;
    for told in revision::told(&**tx, &ready.hash, id, MAX_TOLD).await? {
        // The notice says this now; the edition that was announced may have said something else.
        if ready.is_said_by(&content(&told.document)?, &told.folded) {
            widest = widest.max(told.announce.parse().unwrap_or(Announce::None));
        }
    }
    Ok(widest)
}

/// What an edition says, from its row.
pub(super) fn content(document: &str) -> Result<Content> {
    serde_json::from_str(document).map_err(|error| Error::broken(format!("a stored document: {error}")))
}
