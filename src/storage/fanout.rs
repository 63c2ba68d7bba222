//! Fan-outs: what was announced and is not yet carried to everyone.

use sea_orm::ConnectionTrait;

use super::{DbResult, Tx, execute};
use crate::domain::fanout::{Announce, EditionKind, Lane};
use crate::domain::id::{FanOutId, NoticeId};
use crate::domain::time::Timestamp;

/// A notice revision to be announced.
#[derive(Debug, Clone)]
pub struct NewFanOut {
    /// Its id.
    pub id: FanOutId,
    /// What is announced.
    pub notice: NoticeId,
    /// In which revision.
    pub revision: i32,
    /// What kind of edition it is.
    pub kind: EditionKind,
    /// How far it is announced.
    pub announce: Announce,
    /// The revision's place in the order of commits.
    pub position: i64,
    /// How soon its turn comes.
    pub lane: Lane,
    /// When nothing more is sent.
    pub deadline_at: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// Writes the fan-out and its line in the outbox, in the transaction that stores the revision.
pub async fn open(tx: &Tx, new: &NewFanOut) -> DbResult<()> {
    execute(
        &**tx,
        "INSERT INTO fan_outs (id, notice_id, revision, kind, announce, position, lane, state, cursor, chunks, users, \
           deadline_at, created_at, rung_at, attempts, lease_token, leased_until) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', NULL, 0, 0, $8, $9, 0, 0, 0, 0)",
        [
            new.id.into(),
            new.notice.into(),
            i64::from(new.revision).into(),
            new.kind.as_str().into(),
            new.announce.as_str().into(),
            new.position.into(),
            new.lane.number().into(),
            new.deadline_at.into(),
            new.now.into(),
        ],
    )
    .await?;
    ring(&**tx, new.id, new.lane, new.now).await
}

async fn ring(conn: &impl ConnectionTrait, id: FanOutId, lane: Lane, now: Timestamp) -> DbResult<()> {
    let text = "INSERT INTO outbox (fan_out_id, lane, created_at) VALUES ($1, $2, $3)";
    execute(conn, text, [id.into(), lane.number().into(), now.into()]).await.map(|_| ())
}
