//! Remembered answers.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{DbResult, execute, one};
use crate::domain::time::Timestamp;

/// What was answered under a key.
#[derive(Debug, FromQueryResult)]
pub struct Kept {
    /// SHA-256 of the body of the first call.
    pub body_hash: Vec<u8>,
    /// What is kept of the answer.
    pub response: String,
    /// When the first call came.
    pub created_at: Timestamp,
}

/// The answer that was kept under a key.
pub async fn find(conn: &impl ConnectionTrait, caller: &str, route: &str, key: &str) -> DbResult<Option<Kept>> {
    one(
        conn,
        "SELECT body_hash, response, created_at FROM idempotency_keys \
         WHERE caller = $1 AND route = $2 AND idempotency_key = $3",
        [caller.into(), route.into(), key.into()],
    )
    .await
}

/// Takes a key; a second one who tries waits for the first to commit and then breaks the primary key.
pub async fn claim(
    conn: &impl ConnectionTrait,
    caller: &str,
    route: &str,
    key: &str,
    digest: &[u8],
    now: Timestamp,
) -> DbResult<u64> {
    execute(
        conn,
        "INSERT INTO idempotency_keys (caller, route, idempotency_key, body_hash, status, response, created_at) \
         VALUES ($1, $2, $3, $4, 0, '', $5)",
        [caller.into(), route.into(), key.into(), digest.to_vec().into(), now.into()],
    )
    .await
}

/// Keeps the answer.
pub async fn keep(conn: &impl ConnectionTrait, caller: &str, route: &str, key: &str, response: &str) -> DbResult<u64> {
    execute(
        conn,
        "UPDATE idempotency_keys SET response = $4, status = 1 \
         WHERE caller = $1 AND route = $2 AND idempotency_key = $3",
        [caller.into(), route.into(), key.into(), response.into()],
    )
    .await
}

/// Forgets a key that is older than `before`.
pub async fn forget(
    conn: &impl ConnectionTrait,
    caller: &str,
    route: &str,
    key: &str,
    before: Timestamp,
) -> DbResult<u64> {
    execute(
        conn,
        "DELETE FROM idempotency_keys WHERE caller = $1 AND route = $2 AND idempotency_key = $3 AND created_at <= $4",
        [caller.into(), route.into(), key.into(), before.into()],
    )
    .await
}

/// Forgets every key older than `before`.
pub async fn prune(conn: &impl ConnectionTrait, before: Timestamp) -> DbResult<u64> {
    execute(conn, "DELETE FROM idempotency_keys WHERE created_at <= $1", [before.into()]).await
}
