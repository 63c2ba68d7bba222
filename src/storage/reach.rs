//! What a reach report is about: whose notice it is, and what of it was announced. Its numbers are
//! [`reach_counts`](super::reach_counts).

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{DbResult, all, one};
use crate::domain::fanout::{Announce, EditionKind, FanOutState};
use crate::domain::id::{FanOutId, NoticeId, PublisherId};
use crate::domain::time::Timestamp;

/// Whose notice it is, and what its scope is compared with.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Owner {
    /// Who handed it in.
    pub publisher_id: PublisherId,
    /// The system it comes from.
    pub source: String,
    /// Its category's ancestors and itself.
    pub category_path: String,
    /// Its region's ancestors and itself, former codes too.
    pub region_path: String,
}

/// Whose a notice is.
pub async fn owner(conn: &impl ConnectionTrait, notice: NoticeId) -> DbResult<Option<Owner>> {
    let text = "SELECT publisher_id, source, category_path, region_path FROM notices WHERE id = $1";
    one(conn, text, [notice.into()]).await
}

/// A revision that was announced.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Announced {
    /// Its fan-out.
    pub id: FanOutId,
    /// The revision.
    pub revision: i64,
    /// What kind of edition it is.
    pub kind: EditionKind,
    /// How far it was announced.
    pub announce: Announce,
    /// How far its fan-out has come.
    pub state: FanOutState,
    /// Users that the plan has counted on its way.
    pub users: i64,
    /// When it was announced.
    pub created_at: Timestamp,
    /// When its last chunk was closed.
    pub finished_at: Option<Timestamp>,
    /// When its counters were held against the rows.
    pub reach_checked_at: Option<Timestamp>,
    /// In how many places they differed then.
    pub reach_differences: Option<i64>,
    /// How many users had a delivery then.
    pub reach_users: Option<i64>,
    uncounted: bool,
}

impl Announced {
    /// Whether it was announced before there were counters, and nobody has counted since.
    pub fn is_uncounted(&self) -> bool {
        self.uncounted
    }
}

/// The announced revisions of a notice, in their order.
pub async fn announced(conn: &impl ConnectionTrait, notice: NoticeId) -> DbResult<Vec<Announced>> {
    let text = "SELECT id, revision, kind, announce, state, users, created_at, finished_at, \
                  reach_checked_at, reach_differences, reach_users, COALESCE(reach_uncounted, false) AS uncounted \
                FROM fan_outs WHERE notice_id = $1 ORDER BY revision";
    all(conn, text, [notice.into()]).await
}
