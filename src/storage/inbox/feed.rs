//! The changes of inboxes in the order of their commits: of one, and of many at once, each from a place of its own.
//!
//! Promise: [`changes_of_many`] tells each reader the same in the same order as [`changes`] does; one statement for all,
//! and one descent of an index for a reader to whom nothing has happened.

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};
use uuid::Uuid;

use super::{COLUMNS, Item, JOINED, Row, items, with_notices};
use crate::domain::id::{NoticeId, UserId};
use crate::storage::sql::{self, Binds, Column};
use crate::storage::{DbResult, all};

/// A place among the changes of an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The stamp of a change.
    pub stamp: i64,
    /// What was changed.
    pub notice: NoticeId,
}

/// The changes of a user's inbox after a place and below a horizon, tombstones included, in their order.
pub async fn changes(
    conn: &impl ConnectionTrait,
    user: UserId,
    after: Option<Place>,
    horizon: i64,
    limit: i64,
) -> DbResult<Vec<Item>> {
    let mut binds = Binds::default();
    let mut chosen = format!("i.user_id = {} AND i.stamp < {}", binds.add(user), binds.add(horizon));
    if let Some(after) = after {
        let (stamp, notice) = (binds.add(after.stamp), binds.add(after.notice));
        chosen.push_str(&format!(" AND (i.stamp, i.notice_id) > ({stamp}, {notice})"));
    }
    chosen.push_str(&format!(" ORDER BY i.stamp, i.notice_id LIMIT {}", binds.add(limit)));
    items(conn, &with_notices(&chosen, "i.stamp, i.notice_id"), binds).await
}

/// Somebody who reads an inbox.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// Whose.
    pub user: UserId,
    /// The last change that is known; nothing: from the beginning.
    pub after: Option<Place>,
}

struct Found {
    reader: i64,
    row: Row,
}

impl FromQueryResult for Found {
    fn from_query_result(row: &sea_orm::QueryResult, prefix: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self { reader: row.try_get(prefix, "reader")?, row: Row::from_query_result(row, prefix)? })
    }
}

/// The first `limit` changes of each reader below a horizon, in the order of the readers and of the changes; each with
/// the reader's place in the list.
pub async fn changes_of_many(
    conn: &impl ConnectionTrait,
    readers: &[Reader],
    horizon: i64,
    limit: i64,
) -> DbResult<Vec<(usize, Item)>> {
    let mut binds = Binds::default();
    let count = i64::try_from(readers.len()).unwrap_or(i64::MAX);
    let columns = vec![
        ("reader", Column::Integers((0..count).collect())),
        ("user_id", Column::Uuids(readers.iter().map(|reader| reader.user.as_uuid()).collect())),
        ("stamp", Column::Integers(readers.iter().map(|reader| reader.after.map_or(-1, |at| at.stamp)).collect())),
        (
            "notice_id",
            Column::Uuids(readers.iter().map(|one| one.after.map_or(Uuid::nil(), |at| at.notice.as_uuid())).collect()),
        ),
    ];
    let readers = sql::table(conn, &mut binds, columns);
    let (horizon, limit) = (binds.add(horizon), binds.add(limit));
    let of_one = |item: &str| {
        format!(
            "{item}.user_id = w.user_id AND {item}.stamp < {horizon} \
             AND ({item}.stamp, {item}.notice_id) > (w.stamp, w.notice_id) \
             ORDER BY {item}.stamp, {item}.notice_id LIMIT {limit}"
        )
    };
    let chosen = match conn.get_database_backend() {
        DbBackend::Postgres => {
            format!("{readers} w CROSS JOIN LATERAL (SELECT w.reader, i.* FROM inbox_items i WHERE {}) i", of_one("i"))
        }
        // It has no LATERAL; CROSS JOIN keeps the readers outside.
        _ => format!(
            "(SELECT w.reader, i.* FROM {readers} w CROSS JOIN inbox_items i WHERE i.user_id = w.user_id \
               AND i.notice_id IN (SELECT j.notice_id FROM inbox_items j WHERE {})) i",
            of_one("j")
        ),
    };
    let text = format!("SELECT i.reader, {COLUMNS} FROM {chosen} {JOINED} ORDER BY i.reader, i.stamp, i.notice_id");
    let found: Vec<Found> = all(conn, &text, binds).await?;
    let place = |found: Found| Ok((usize::try_from(found.reader).unwrap_or(usize::MAX), Item::try_from(found.row)?));
    found.into_iter().map(place).collect()
}
