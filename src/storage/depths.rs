//! How much waits where: what the gauges show at a scrape. Each count stops at [`COUNTED`], so that a scrape stays
//! cheap when something has gone wrong.

use sea_orm::{ConnectionTrait, FromQueryResult};
use serde::Serialize;

use super::{DbResult, all, sql, value};
use crate::domain::channel::Channel;
use crate::domain::delivery::State;
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

/// A process that holds leases.
#[derive(Debug, Clone, Serialize, FromQueryResult)]
pub struct Worker {
    /// The name under which it leases.
    pub owner: String,
    /// Chunks that it works on.
    pub chunks: i64,
    /// Fan-outs that it plans.
    pub plans: i64,
}

/// Who works on something now, by the database's clock.
pub async fn workers(conn: &impl ConnectionTrait) -> DbResult<Vec<Worker>> {
    let now = sql::now(conn);
    let text = format!(
        "SELECT owner, CAST(sum(chunk) AS BIGINT) AS chunks, CAST(sum(1 - chunk) AS BIGINT) AS plans FROM (\
           SELECT lease_owner AS owner, 1 AS chunk FROM chunks WHERE state = 'open' AND leased_until > {now} \
           UNION ALL SELECT lease_owner, 0 FROM fan_outs WHERE finished_at IS NULL AND state = 'open' \
             AND leased_until > {now}) w GROUP BY owner ORDER BY owner"
    );
    all(conn, &text, []).await
}

/// Deliveries that wait on one channel.
#[derive(Debug, Clone, Serialize, FromQueryResult)]
pub struct Waiting {
    /// The channel.
    pub channel: Channel,
    /// `due` or `held`.
    pub state: State,
    /// How many, counted to [`COUNTED`].
    pub deliveries: i64,
    /// When the first of them has its turn, or its end when it is held.
    pub first_at: Timestamp,
}

impl Waiting {
    /// Whether they wait for a try, and not for a reason to end.
    pub fn is_due(&self) -> bool {
        self.state == State::Due
    }
}

/// What waits, by channel and state.
pub async fn waiting(conn: &impl ConnectionTrait) -> DbResult<Vec<Waiting>> {
    let of = |state: &str| format!("SELECT channel, state, due_at FROM deliveries WHERE state = '{state}' LIMIT $1");
    let text = format!(
        "SELECT channel, state, count(*) AS deliveries, min(due_at) AS first_at FROM (SELECT * FROM ({}) d \
         UNION ALL SELECT * FROM ({}) h) w GROUP BY channel, state ORDER BY channel, state",
        of("due"),
        of("held"),
    );
    all(conn, &text, [COUNTED.into()]).await
}
