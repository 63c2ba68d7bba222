//! How much waits where: what the gauges show at a scrape. Each count stops at [`COUNTED`], so that a scrape stays
//! cheap when something has gone wrong.

use sea_orm::ConnectionTrait;

use super::{DbResult, value};
use crate::domain::time::Timestamp;

/// Nothing is counted further than this.
pub const COUNTED: i64 = 100_000;

async fn count(conn: &impl ConnectionTrait, rows: &str) -> DbResult<i64> {
    value(conn, &format!("SELECT count(*) AS value FROM ({rows} LIMIT $1) r"), [COUNTED.into()]).await
}

/// Lines of the outbox that were not rung yet.
pub async fn outbox(conn: &impl ConnectionTrait) -> DbResult<i64> {
    count(conn, "SELECT 1 FROM outbox").await
}

/// Fan-outs that are not finished.
pub async fn unfinished_fan_outs(conn: &impl ConnectionTrait) -> DbResult<i64> {
    count(conn, "SELECT 1 FROM fan_outs WHERE finished_at IS NULL").await
}

/// When the oldest unfinished fan-out was announced.
pub async fn oldest_unfinished(conn: &impl ConnectionTrait) -> DbResult<Option<Timestamp>> {
    value(conn, "SELECT MIN(created_at) AS value FROM fan_outs WHERE finished_at IS NULL", []).await
}

/// Deliveries that wait for their next try.
pub async fn due(conn: &impl ConnectionTrait) -> DbResult<i64> {
    count(conn, "SELECT 1 FROM deliveries WHERE state = 'due'").await
}

/// Deliveries that wait for a reason to end.
pub async fn held(conn: &impl ConnectionTrait) -> DbResult<i64> {
    count(conn, "SELECT 1 FROM deliveries WHERE state = 'held'").await
}

/// Dead deliveries.
pub async fn dead_deliveries(conn: &impl ConnectionTrait) -> DbResult<i64> {
    count(conn, "SELECT 1 FROM deliveries WHERE state IN ('exhausted', 'refused', 'unknown')").await
}

/// Dead chunks.
pub async fn dead_chunks(conn: &impl ConnectionTrait) -> DbResult<i64> {
    count(conn, "SELECT 1 FROM chunks WHERE state = 'dead'").await
}

/// Entries of the queue that nobody could read.
pub async fn dead_entries(conn: &impl ConnectionTrait) -> DbResult<i64> {
    count(conn, "SELECT 1 FROM dead_entries").await
}
