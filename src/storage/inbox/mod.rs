//! Inbox items: the one record that a user has a notice.
//!
//! Promise: every change carries the stamp of its transaction, so that a reader who goes by (stamp, notice) below the
//! horizon of `storage::order` misses none; a removed item stays as a tombstone until [`forget_removed`].
//! Not promised: that `updated_at` moves when the user reads or archives; it is when the notice last came.

pub mod feed;

pub use feed::{Place, changes};

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::reach_counts::Deltas;
use super::sql::{self, Binds};
use super::{DbError, DbResult, Tx, all, one, value};
use crate::domain::fanout::EditionKind;
use crate::domain::id::{NoticeId, UserId};
use crate::domain::notice::{Content, NoticeState};
use crate::domain::time::Timestamp;

/// An inbox item with what its notice says now.
#[derive(Debug, Clone)]
pub struct Item {
    /// The notice.
    pub notice: NoticeId,
    /// The revision that the user was given last.
    pub revision: i64,
    /// What that revision was.
    pub kind: EditionKind,
    /// What it changed.
    pub changes: serde_json::Value,
    /// Where its last change stands among all changes.
    pub stamp: i64,
    /// When the notice first came.
    pub created_at: Timestamp,
    /// When it, or a revision of it, last came.
    pub updated_at: Timestamp,
    /// When the user read it.
    pub read_at: Option<Timestamp>,
    /// When the user put it away.
    pub archived_at: Option<Timestamp>,
    /// When the user threw it away.
    pub removed_at: Option<Timestamp>,
    /// The notice's newest revision.
    pub notice_revision: i64,
    /// How the notice stands.
    pub state: NoticeState,
    /// Why it was withdrawn.
    pub withdrawn_reason: Option<String>,
    /// What the newest revision says.
    pub content: Content,
    /// The notice that it amends.
    pub amends: Option<NoticeId>,
    /// When it was published.
    pub published_at: Timestamp,
}

#[derive(FromQueryResult)]
struct Row {
    notice_id: NoticeId,
    revision: i64,
    kind: EditionKind,
    changes: String,
    stamp: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    read_at: Option<Timestamp>,
    archived_at: Option<Timestamp>,
    removed_at: Option<Timestamp>,
    notice_revision: i64,
    state: NoticeState,
    reason: Option<String>,
    document: String,
    amends: Option<NoticeId>,
    published_at: Timestamp,
}

impl TryFrom<Row> for Item {
    type Error = DbError;

    fn try_from(row: Row) -> DbResult<Self> {
        let broken = |what: &str, error: serde_json::Error| {
            DbError::Fault(sea_orm::DbErr::Type(format!("{what} of {}: {error}", row.notice_id)))
        };
        Ok(Self {
            content: serde_json::from_str(&row.document).map_err(|error| broken("the document", error))?,
            changes: serde_json::from_str(&row.changes).map_err(|error| broken("the changes", error))?,
            notice: row.notice_id,
            revision: row.revision,
            kind: row.kind,
            stamp: row.stamp,
            created_at: row.created_at,
            updated_at: row.updated_at,
            read_at: row.read_at,
            archived_at: row.archived_at,
            removed_at: row.removed_at,
            notice_revision: row.notice_revision,
            withdrawn_reason: row.reason.filter(|_| row.state == NoticeState::Withdrawn),
            state: row.state,
            amends: row.amends,
            published_at: row.published_at,
        })
    }
}

/// The columns of an item, and what they are joined from: `i` is the item, `h` the revision that the user has, `c` the
/// newest one.
const COLUMNS: &str = "i.notice_id, i.revision, h.kind, h.changes, i.stamp, i.created_at, i.updated_at, i.read_at, \
    i.archived_at, i.removed_at, n.revision AS notice_revision, n.state, c.reason, c.document, n.amends, n.published_at";
const JOINED: &str = "JOIN notices n ON n.id = i.notice_id \
    JOIN notice_revisions h ON h.notice_id = i.notice_id AND h.revision = i.revision \
    JOIN notice_revisions c ON c.notice_id = n.id AND c.revision = n.revision";

/// The items that `chosen` finds (it selects from `inbox_items i` and says how many), with their notices. Choosing comes
/// first, so that what is joined is a page and no more.
fn with_notices(chosen: &str, order: &str) -> String {
    format!("SELECT {COLUMNS} FROM (SELECT i.* FROM inbox_items i WHERE {chosen}) i {JOINED} ORDER BY {order}")
}

async fn items(conn: &impl ConnectionTrait, text: &str, binds: Binds) -> DbResult<Vec<Item>> {
    let rows: Vec<Row> = all(conn, text, binds).await?;
    rows.into_iter().map(Item::try_from).collect()
}

/// Which items of an inbox are listed.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only read ones, or only unread ones.
    pub unread: Option<bool>,
    /// The archived ones in place of the others.
    pub archived: bool,
    /// Only notices in this category or below it.
    pub category: Option<String>,
}

/// A user's items, the newest notice first, below a notice.
pub async fn list(
    conn: &impl ConnectionTrait,
    user: UserId,
    selection: &Selection,
    before: Option<NoticeId>,
    limit: i64,
) -> DbResult<Vec<Item>> {
    let mut binds = Binds::default();
    let mut chosen = format!("i.user_id = {} AND i.removed_at IS NULL", binds.add(user));
    chosen.push_str(match selection.unread {
        Some(true) => " AND i.read_at IS NULL",
        Some(false) => " AND i.read_at IS NOT NULL",
        None => "",
    });
    chosen.push_str(if selection.archived { " AND i.archived_at IS NOT NULL" } else { " AND i.archived_at IS NULL" });
    if let Some(category) = &selection.category {
        let part = binds.add(format!("/{category}/"));
        let contains = sql::contains(conn, "n.category_path", &part);
        chosen.push_str(&format!(" AND EXISTS (SELECT 1 FROM notices n WHERE n.id = i.notice_id AND {contains})"));
    }
    if let Some(before) = before {
        chosen.push_str(&format!(" AND i.notice_id < {}", binds.add(before)));
    }
    chosen.push_str(&format!(" ORDER BY i.notice_id DESC LIMIT {}", binds.add(limit)));
    items(conn, &with_notices(&chosen, "i.notice_id DESC"), binds).await
}

/// One item of a user, also a removed one.
pub async fn find(conn: &impl ConnectionTrait, user: UserId, notice: NoticeId) -> DbResult<Option<Item>> {
    let mut binds = Binds::default();
    let chosen = format!("i.user_id = {} AND i.notice_id = {}", binds.add(user), binds.add(notice));
    Ok(items(conn, &with_notices(&chosen, "i.notice_id"), binds).await?.into_iter().next())
}

/// Since when a user has a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Held {
    /// The position of the edition that brought it.
    pub position: i64,
    /// When it came.
    pub created_at: Timestamp,
    /// When the user threw it away.
    pub removed_at: Option<Timestamp>,
}

/// Since when a user has a notice, thrown away or not.
pub async fn held(conn: &impl ConnectionTrait, user: UserId, notice: NoticeId) -> DbResult<Option<Held>> {
    let text = "SELECT position, created_at, removed_at FROM inbox_items WHERE user_id = $1 AND notice_id = $2";
    one(conn, text, [user.into(), notice.into()]).await
}

/// How many items of a user are unread and not put away; counts to `limit` and no further.
pub async fn count_unread(conn: &impl ConnectionTrait, user: UserId, limit: i64) -> DbResult<i64> {
    let text = "SELECT COUNT(*) AS value FROM (SELECT 1 FROM inbox_items WHERE user_id = $1 AND read_at IS NULL \
                AND archived_at IS NULL AND removed_at IS NULL LIMIT $2) u";
    value(conn, text, [user.into(), limit.into()]).await
}

/// A mark that a user sets on an item or takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Read.
    Read,
    /// Put away.
    Archived,
    /// Thrown away: the item stays as a tombstone. It is not taken away by the user, only by a new revision.
    Removed,
}

impl Mark {
    const fn column(self) -> &'static str {
        match self {
            Self::Read => "read_at",
            Self::Archived => "archived_at",
            Self::Removed => "removed_at",
        }
    }
}

#[derive(FromQueryResult)]
struct Marks {
    read_at: Option<Timestamp>,
    archived_at: Option<Timestamp>,
}

/// Whether a user has a notice, and whether its item bears the mark; the item is held until the commit.
pub async fn has_mark(tx: &Tx, user: UserId, notice: NoticeId, mark: Mark) -> DbResult<Option<bool>> {
    let text = format!(
        "SELECT read_at, archived_at FROM inbox_items \
         WHERE user_id = $1 AND notice_id = $2 AND removed_at IS NULL {}",
        sql::for_update(&**tx)
    );
    let marks: Option<Marks> = one(&**tx, &text, [user.into(), notice.into()]).await?;
    Ok(marks.map(|marks| match mark {
        Mark::Read => marks.read_at.is_some(),
        Mark::Archived => marks.archived_at.is_some(),
        Mark::Removed => false,
    }))
}

/// Sets a mark, or takes it away when there is no instant; the item stands the other way ([`has_mark`]).
pub async fn mark(
    tx: &Tx,
    user: UserId,
    notice: NoticeId,
    mark: Mark,
    at: Option<Timestamp>,
    stamp: i64,
) -> DbResult<()> {
    let text = format!(
        "UPDATE inbox_items SET {} = $3, stamp = $4 WHERE user_id = $1 AND notice_id = $2 AND removed_at IS NULL \
         RETURNING notice_id, revision",
        mark.column()
    );
    let marked: Vec<Marked> = all(&**tx, &text, [user.into(), notice.into(), at.into(), stamp.into()]).await?;
    if mark == Mark::Read {
        let mut deltas = Deltas::default();
        for one in marked {
            deltas.of(one.notice_id, one.revision).items_read += if at.is_some() { 1 } else { -1 };
        }
        deltas.write(tx).await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Marked {
    notice_id: NoticeId,
    revision: i64,
}

/// How far everything is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpTo {
    /// Everything that came until this instant.
    Instant(Timestamp),
    /// Everything whose last change stands at or before this place.
    Place(Place),
}

/// Marks everything unread up to there as read; says how many items that were.
pub async fn read_all(tx: &Tx, user: UserId, up_to: UpTo, now: Timestamp, stamp: i64) -> DbResult<u64> {
    let mut binds = Binds::default();
    let (user, now, stamp) = (binds.add(user), binds.add(now), binds.add(stamp));
    let reached = match up_to {
        UpTo::Instant(instant) => format!("updated_at <= {}", binds.add(instant)),
        UpTo::Place(place) => {
            let (stamp, notice) = (binds.add(place.stamp), binds.add(place.notice));
            format!("(stamp, notice_id) <= ({stamp}, {notice})")
        }
    };
    let text = format!(
        "UPDATE inbox_items SET read_at = {now}, stamp = {stamp} \
         WHERE user_id = {user} AND read_at IS NULL AND removed_at IS NULL AND {reached} \
         RETURNING notice_id, revision"
    );
    let marked: Vec<Marked> = all(&**tx, &text, binds).await?;
    let mut deltas = Deltas::default();
    for one in &marked {
        deltas.of(one.notice_id, one.revision).items_read += 1;
    }
    deltas.write(tx).await?;
    Ok(u64::try_from(marked.len()).unwrap_or(u64::MAX))
}

#[derive(FromQueryResult)]
struct Forgotten {
    notice_id: NoticeId,
    revision: i64,
    was_read: bool,
}

/// Forgets tombstones that were made before an instant, at most `limit` of them; says how many.
pub async fn forget_removed(tx: &Tx, before: Timestamp, limit: i64) -> DbResult<u64> {
    let text = "DELETE FROM inbox_items WHERE (user_id, notice_id) IN \
                (SELECT user_id, notice_id FROM inbox_items WHERE removed_at < $1 LIMIT $2) \
                RETURNING notice_id, revision, read_at IS NOT NULL AS was_read";
    let forgotten: Vec<Forgotten> = all(&**tx, text, [before.into(), limit.into()]).await?;
    let mut deltas = Deltas::default();
    for one in &forgotten {
        let totals = deltas.of(one.notice_id, one.revision);
        totals.items_here -= 1;
        totals.items_read -= i64::from(one.was_read);
    }
    deltas.write(tx).await?;
    Ok(u64::try_from(forgotten.len()).unwrap_or(u64::MAX))
}
