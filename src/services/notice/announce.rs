//! How far a notice has been announced, and announcing it.
//!
//! Promise: a content that nobody was told of can still be announced, whoever stored it first; what was announced as
//! widely before is not announced again under another id.

use super::draft::{Placed, Ready, hash};
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

/// How far other notices that stand have announced exactly this content. To be asked once the position is taken: then
/// whoever announced it before has committed. What [`know`] has not made known is not found.
pub(super) async fn told_elsewhere(tx: &Tx, ready: &Ready, id: NoticeId) -> Result<Announce> {
    // The notice says this now; the edition that was announced may have said something else.
    let told = revision::told(&**tx, &ready.hash, id).await?;
    Ok(told.and_then(|told| told.parse().ok()).unwrap_or(Announce::None))
}

/// Editions whose contents are made known at a time.
const AT_ONCE: i64 = 20;

/// Makes known what announced editions of before said, as far as their notices say one of these contents now: editions
/// have a hash only since there is a column for it. Each is read once for ever. To be done before the position is taken,
/// because others wait from then on.
pub(super) async fn know(tx: &Tx, of: impl Iterator<Item = &Ready>) -> Result<()> {
    let (mut contents, mut catalogue) = (Vec::new(), None);
    for ready in of.filter(|ready| ready.announce != Announce::None) {
        contents.push(ready.hash);
        catalogue = Some(&ready.catalogue);
    }
    let Some(catalogue) = catalogue else { return Ok(()) };
    loop {
        let unknown = revision::unknown(tx, &contents, AT_ONCE).await?;
        if unknown.is_empty() {
            return Ok(());
        }
        for edition in &unknown {
            let hash = hash(catalogue, &content(&edition.document)?, &edition.folded);
            revision::set_hash(tx, edition, &hash).await?;
        }
    }
}

/// What an edition says, from its row.
pub(super) fn content(document: &str) -> Result<Content> {
    serde_json::from_str(document).map_err(|error| Error::broken(format!("a stored document: {error}")))
}
