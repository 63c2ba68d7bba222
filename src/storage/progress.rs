//! How far fan-outs have come, counted from their chunks.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::sql::{self, Binds, Of};
use super::{DbResult, all};
use crate::domain::fanout::{Announce, EditionKind, FanOutState, LEASE, Lane};
use crate::domain::id::{ChunkId, FanOutId, NoticeId};
use crate::domain::time::Timestamp;
use crate::storage::lease;

/// What a list is narrowed to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Narrowed {
    /// One fan-out.
    pub id: Option<FanOutId>,
    /// How far they have come.
    pub state: Option<FanOutState>,
    /// What they carry.
    pub notice: Option<NoticeId>,
    /// Later in the list than this one.
    pub after: Option<(Timestamp, FanOutId)>,
}

/// A fan-out as operators see it.
#[derive(Debug, Clone, FromQueryResult)]
pub struct FanOut {
    /// Its id.
    pub id: FanOutId,
    /// What it carries.
    pub notice_id: NoticeId,
    /// The title of the notice as it stands now.
    pub title: String,
    /// In which revision.
    pub revision: i64,
    /// What kind of edition that is.
    pub kind: EditionKind,
    /// How far it is announced.
    pub announce: Announce,
    lane: i64,
    /// How far it has come.
    pub state: FanOutState,
    /// Users found so far.
    pub users: i64,
    /// How often its planning was begun.
    pub attempts: i64,
    /// When nothing more is sent.
    pub deadline_at: Timestamp,
    /// When it was announced.
    pub created_at: Timestamp,
    /// When all its chunks were made.
    pub planned_at: Option<Timestamp>,
    /// When all its chunks were closed.
    pub finished_at: Option<Timestamp>,
    leased_until: i64,
}

impl FanOut {
    /// How soon its turn comes.
    pub fn lane(&self) -> Lane {
        Lane::of(self.lane)
    }

    /// When somebody last took or renewed the lease of its planning.
    pub fn leased_at(&self) -> Option<Timestamp> {
        leased_at(self.leased_until)
    }
}

/// A lease that was given back stands at 0.
fn leased_at(until: i64) -> Option<Timestamp> {
    (until > 0).then(|| Timestamp::from_millis(until - lease::millis(LEASE)))
}

const COLUMNS: &str = "f.id, f.notice_id, n.title, f.revision, f.kind, f.announce, f.lane, f.state, f.users, \
    f.attempts, f.deadline_at, f.created_at, f.planned_at, f.finished_at, f.leased_until";

/// Fan-outs, the newest first.
pub async fn list(conn: &impl ConnectionTrait, wanted: &Narrowed, count: i64) -> DbResult<Vec<FanOut>> {
    let mut binds = Binds::default();
    let mut conditions = vec!["1 = 1".to_owned()];
    if let Some(id) = wanted.id {
        conditions.push(format!("f.id = {}", binds.add(id)));
    }
    if let Some(state) = wanted.state {
        conditions.push(format!("f.state = {}", binds.add(state)));
    }
    if let Some(notice) = wanted.notice {
        conditions.push(format!("f.notice_id = {}", binds.add(notice)));
    }
    if let Some((at, id)) = wanted.after {
        conditions.push(format!("(f.created_at, f.id) < ({}, {})", binds.add(at), binds.add(id)));
    }
    let limit = binds.add(count);
    let text = format!(
        "SELECT {COLUMNS} FROM fan_outs f JOIN notices n ON n.id = f.notice_id WHERE {} \
         ORDER BY f.created_at DESC, f.id DESC LIMIT {limit}",
        conditions.join(" AND ")
    );
    all(conn, &text, binds).await
}

/// What a fan-out's chunks add up to.
#[derive(Debug, Clone, Copy, FromQueryResult)]
pub struct Chunks {
    /// Whose they are.
    pub fan_out_id: FanOutId,
    /// How many there are.
    pub chunks: i64,
    /// Of these, closed.
    pub done: i64,
    /// Of these, set aside.
    pub dead: i64,
    /// Users of those whose inboxes are filled.
    pub inboxed_users: i64,
    leased_until: i64,
}

impl Chunks {
    /// When somebody last took or renewed the lease of one that is at work.
    pub fn leased_at(&self) -> Option<Timestamp> {
        leased_at(self.leased_until)
    }
}

/// The sums of these fan-outs' chunks, in no order; those without chunks are missing.
pub async fn chunks(conn: &impl ConnectionTrait, of: &[FanOutId]) -> DbResult<Vec<Chunks>> {
    let text = format!(
        "SELECT fan_out_id, count(*) AS chunks, count(CASE WHEN state = 'done' THEN 1 END) AS done, \
           count(CASE WHEN state = 'dead' THEN 1 END) AS dead, MAX(leased_until) AS leased_until, \
           CAST(COALESCE(SUM(CASE WHEN inboxed_at IS NOT NULL THEN users END), 0) AS BIGINT) AS inboxed_users \
         FROM chunks WHERE {} GROUP BY fan_out_id",
        sql::is_in(conn, "fan_out_id", "$1", Of::Uuids)
    );
    all(conn, &text, [sql::uuid_set(conn, of.iter().map(|id| id.as_uuid()))]).await
}

/// A chunk that is not closed.
#[derive(Debug, Clone, FromQueryResult)]
pub struct OpenChunk {
    /// Its id.
    pub id: ChunkId,
    /// Its place in the fan-out.
    pub number: i64,
    /// `open` or `dead`.
    pub state: String,
    /// How many users it has.
    pub users: i64,
    /// How often it was begun.
    pub attempts: i64,
    /// When its inboxes were filled.
    pub inboxed_at: Option<Timestamp>,
    /// Who leases it, or did last.
    pub lease_owner: Option<String>,
    leased_until: i64,
}

impl OpenChunk {
    /// When its lease was last taken or renewed.
    pub fn leased_at(&self) -> Option<Timestamp> {
        leased_at(self.leased_until)
    }
}

/// The first chunks of a fan-out that are not closed.
pub async fn unfinished(conn: &impl ConnectionTrait, of: FanOutId, most: i64) -> DbResult<Vec<OpenChunk>> {
    let text = "SELECT id, number, state, users, attempts, inboxed_at, lease_owner, leased_until FROM chunks \
                WHERE fan_out_id = $1 AND state <> 'done' ORDER BY number LIMIT $2";
    all(conn, text, [of.into(), most.into()]).await
}
