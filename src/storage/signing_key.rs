//! Keys that sign access tokens, shared by all copies.
//!
//! The private key is kept as PKCS#8 without encryption: whoever reads the database may sign tokens, as whoever writes
//! it may change roles. Protect the database and its backups accordingly.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{DbResult, Tx, all, execute};
use crate::domain::time::Timestamp;

/// A key pair.
#[derive(FromQueryResult)]
pub struct SigningKey {
    /// The key's name in tokens: its thumbprint (RFC 7638).
    pub kid: String,
    /// PKCS#8.
    pub private_key: Vec<u8>,
    /// 32 bytes (RFC 8032).
    pub public_key: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it signs nothing any more.
    pub retired_at: Option<Timestamp>,
}

/// Makes this transaction the only one that adds or retires keys until it commits. It borrows the row of the order of
/// commits, so publishing waits as well: for a moment, and only at the first start and at a rotation.
pub async fn lock(tx: &Tx) -> DbResult<()> {
    execute(&**tx, "UPDATE commit_order SET position = position WHERE id = 1", []).await.map(|_| ())
}

/// Every key, the newest first.
pub async fn list(conn: &impl ConnectionTrait) -> DbResult<Vec<SigningKey>> {
    all(
        conn,
        "SELECT kid, private_key, public_key, created_at, retired_at FROM signing_keys ORDER BY created_at DESC, kid",
        [],
    )
    .await
}

/// Adds a key.
pub async fn insert(tx: &Tx, key: &SigningKey) -> DbResult<()> {
    execute(
        &**tx,
        "INSERT INTO signing_keys (kid, private_key, public_key, created_at) VALUES ($1, $2, $3, $4)",
        [key.kid.clone().into(), key.private_key.clone().into(), key.public_key.clone().into(), key.created_at.into()],
    )
    .await
    .map(|_| ())
}

/// Retires every key but this one.
pub async fn retire_others(tx: &Tx, kid: &str, now: Timestamp) -> DbResult<u64> {
    let text = "UPDATE signing_keys SET retired_at = $2 WHERE kid <> $1 AND retired_at IS NULL";
    execute(&**tx, text, [kid.into(), now.into()]).await
}

/// Removes the keys that were retired before this instant.
pub async fn prune(conn: &impl ConnectionTrait, before: Timestamp) -> DbResult<u64> {
    execute(conn, "DELETE FROM signing_keys WHERE retired_at < $1", [before.into()]).await
}
