//! The table of the embedded queue, and what no queue could read.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{DbResult, Tx, all, execute, sql, value};
use crate::domain::fanout::Lane;
use crate::domain::time::Timestamp;

/// Puts entries at the end of a lane.
pub async fn insert(tx: &Tx, lane: Lane, payloads: Vec<String>) -> DbResult<u64> {
    let set = sql::texts(&**tx, "$2");
    let text = format!("INSERT INTO queue_entries (lane, payload, taken_until) SELECT $1, t.*, 0 FROM {set} t");
    execute(&**tx, &text, [lane.number().into(), sql::text_set(&**tx, payloads)]).await
}

/// Whether there is an entry.
pub async fn any(conn: &impl ConnectionTrait) -> DbResult<bool> {
    value(conn, "SELECT EXISTS (SELECT 1 FROM queue_entries) AS value", []).await
}

#[derive(FromQueryResult)]
struct Entry {
    id: i64,
    payload: String,
}

/// Takes entries out, from the lanes in this order.
pub async fn take(tx: &Tx, most: usize, order: &[Lane]) -> DbResult<Vec<String>> {
    let mut taken = Vec::new();
    for lane in order {
        let rest = i64::try_from(most.saturating_sub(taken.len())).unwrap_or(i64::MAX);
        if rest == 0 {
            break;
        }
        let text = format!(
            "DELETE FROM queue_entries WHERE id IN (SELECT id FROM queue_entries WHERE lane = $1 ORDER BY id LIMIT $2 {}) \
             RETURNING id, payload",
            sql::skip_locked(&**tx)
        );
        let mut entries: Vec<Entry> = all(&**tx, &text, [lane.number().into(), rest.into()]).await?;
        entries.sort_by_key(|entry| entry.id);
        taken.extend(entries.into_iter().map(|entry| entry.payload));
    }
    Ok(taken)
}

/// How many entries a lane holds.
pub async fn depth(conn: &impl ConnectionTrait, lane: Lane) -> DbResult<u64> {
    let count: i64 =
        value(conn, "SELECT count(*) AS value FROM queue_entries WHERE lane = $1", [lane.number().into()]).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Keeps an entry that nobody could read, for the operator.
pub async fn bury(conn: &impl ConnectionTrait, payload: &str, reason: &str, now: Timestamp) -> DbResult<u64> {
    let text = "INSERT INTO dead_entries (payload, reason, created_at) VALUES ($1, $2, $3)";
    execute(conn, text, [payload.into(), reason.into(), now.into()]).await
}
