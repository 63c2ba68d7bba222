//! The two orders that agree with commit order.
//!
//! Promise: a position taken by [`take_positions`] is greater than every one whose transaction committed before, and
//! smaller than every one taken after its own commit, because the row that holds the counter stays locked until then.
//! Publishing and every change of a subscription take one, as the last thing before they commit.
//!
//! Promise: a reader that stops at [`horizon`] and goes on from there later never skips a change stamped with
//! [`stamp`]. On PostgreSQL the stamp is the transaction's id and the horizon is the oldest one still open; on SQLite,
//! which has one writer, it is a counter.

use sea_orm::{ConnectionTrait, DbBackend};

use super::{DbResult, Tx, value};

/// Takes `count` positions and returns the first. Whoever takes one holds up everybody else who wants one until it
/// commits: take it last.
pub async fn take_positions(tx: &Tx, count: i64) -> DbResult<i64> {
    let last: i64 = value(
        &**tx,
        "UPDATE commit_order SET position = position + $1 WHERE id = 1 RETURNING position AS value",
        [count.into()],
    )
    .await?;
    Ok(last - count + 1)
}

/// Takes one position.
pub async fn take_position(tx: &Tx) -> DbResult<i64> {
    take_positions(tx, 1).await
}

/// Takes the order without a position: nobody else publishes until this transaction ends. For work that met another
/// publication half-way, and shall not meet one again.
pub async fn hold(tx: &Tx) -> DbResult<()> {
    take_positions(tx, 0).await.map(|_| ())
}

/// The position of the newest commit.
pub async fn position(conn: &impl ConnectionTrait) -> DbResult<i64> {
    value(conn, "SELECT position AS value FROM commit_order WHERE id = 1", []).await
}

/// Notes that notices change with this transaction, which has its position, and takes `count` slots of the index for what
/// they say now; returns the first. No slot is ever taken twice.
pub async fn take_slots(tx: &Tx, count: i64) -> DbResult<i64> {
    let text =
        "UPDATE commit_order SET notices = notices + 1, slots = slots + $1 WHERE id = 1 RETURNING slots AS value";
    let last: i64 = value(&**tx, text, [count.into()]).await?;
    Ok(last - count + 1)
}

/// A number that is another one whenever a notice has changed.
pub async fn notices(conn: &impl ConnectionTrait) -> DbResult<i64> {
    value(conn, "SELECT notices AS value FROM commit_order WHERE id = 1", []).await
}

/// The stamp for what this transaction changes in inboxes.
pub async fn stamp(tx: &Tx) -> DbResult<i64> {
    match tx.get_database_backend() {
        DbBackend::Postgres => value(&**tx, "SELECT pg_current_xact_id()::text::bigint AS value", []).await,
        _ => value(&**tx, "UPDATE commit_order SET stamp = stamp + 1 WHERE id = 1 RETURNING stamp AS value", []).await,
    }
}

/// Every stamp below this one is committed (or rolled back for good). Take it in the same statement or before the read.
pub async fn horizon(conn: &impl ConnectionTrait) -> DbResult<i64> {
    match conn.get_database_backend() {
        DbBackend::Postgres => {
            value(conn, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS value", []).await
        }
        _ => value(conn, "SELECT stamp + 1 AS value FROM commit_order WHERE id = 1", []).await,
    }
}

/// The name of this database's order; cursors from another one are refused.
pub async fn epoch(conn: &impl ConnectionTrait) -> DbResult<i64> {
    value(conn, "SELECT epoch AS value FROM commit_order WHERE id = 1", []).await
}
