//! The catalogue: one document a kind.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{DbResult, Tx, all, execute};
use crate::domain::time::Timestamp;

/// A stored document.
#[derive(Debug, FromQueryResult)]
pub struct Stored {
    /// Which of the four.
    pub kind: String,
    /// SHA-256 of the document, in hex.
    pub digest: String,
    /// JSON.
    pub document: String,
}

/// Which version of a document is stored.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, FromQueryResult)]
pub struct Version {
    /// Which of the four.
    pub kind: String,
    /// SHA-256 of the document, in hex.
    pub digest: String,
}

/// The versions of all documents; cheap, for whoever asks every few seconds.
pub async fn versions(conn: &impl ConnectionTrait) -> DbResult<Vec<Version>> {
    all(conn, "SELECT kind, digest FROM catalogue ORDER BY kind", []).await
}

/// All documents.
pub async fn documents(conn: &impl ConnectionTrait) -> DbResult<Vec<Stored>> {
    all(conn, "SELECT kind, digest, document FROM catalogue ORDER BY kind", []).await
}

/// Stores a document in place of the one that is there.
pub async fn put(tx: &Tx, document: &Stored, now: Timestamp) -> DbResult<u64> {
    execute(
        &**tx,
        "INSERT INTO catalogue (kind, digest, document, loaded_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (kind) DO UPDATE SET digest = excluded.digest, document = excluded.document, \
           loaded_at = excluded.loaded_at",
        [document.kind.as_str().into(), document.digest.as_str().into(), document.document.as_str().into(), now.into()],
    )
    .await
}

/// Stores a document unless there is one; several copies may start at once.
pub async fn seed(tx: &Tx, document: &Stored, now: Timestamp) -> DbResult<u64> {
    execute(
        &**tx,
        "INSERT INTO catalogue (kind, digest, document, loaded_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (kind) DO NOTHING",
        [document.kind.as_str().into(), document.digest.as_str().into(), document.document.as_str().into(), now.into()],
    )
    .await
}
