//! Publishers and their keys. A key's secret is kept as a hash only.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{DbResult, all, execute, one};
use crate::domain::id::{PublisherId, PublisherKeyId};
use crate::domain::time::Timestamp;

/// A publisher.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Publisher {
    /// Its id.
    pub id: PublisherId,
    /// Its name, unique.
    pub name: String,
    /// Since when it is known.
    pub created_at: Timestamp,
    /// Since when it may publish no more.
    pub ended_at: Option<Timestamp>,
}

/// A key. The three lists are JSON arrays.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Key {
    /// Its id.
    pub id: PublisherKeyId,
    /// Whose it is.
    pub publisher_id: PublisherId,
    /// What it is for.
    pub name: String,
    /// The last characters of the secret, to tell keys apart.
    pub secret_hint: String,
    /// Sources that it reaches.
    pub sources: String,
    /// Categories that it reaches.
    pub categories: String,
    /// Regions that it reaches.
    pub regions: String,
    /// Since when it exists.
    pub created_at: Timestamp,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
    /// Since when it opens nothing.
    pub ended_at: Option<Timestamp>,
}

const KEY_COLUMNS: &str = "k.id, k.publisher_id, k.name, k.secret_hint, k.sources, k.categories, k.regions, \
    k.created_at, k.last_used_at, k.ended_at";

/// Stores a publisher.
pub async fn insert(conn: &impl ConnectionTrait, publisher: &Publisher) -> DbResult<u64> {
    execute(
        conn,
        "INSERT INTO publishers (id, name, created_at) VALUES ($1, $2, $3)",
        [publisher.id.into(), publisher.name.as_str().into(), publisher.created_at.into()],
    )
    .await
}

/// A publisher.
pub async fn find(conn: &impl ConnectionTrait, id: PublisherId) -> DbResult<Option<Publisher>> {
    one(conn, "SELECT id, name, created_at, ended_at FROM publishers WHERE id = $1", [id.into()]).await
}

/// The publisher with this name.
pub async fn find_by_name(conn: &impl ConnectionTrait, name: &str) -> DbResult<Option<Publisher>> {
    one(conn, "SELECT id, name, created_at, ended_at FROM publishers WHERE name = $1", [name.into()]).await
}

/// Publishers in the order of their making, after `after`.
pub async fn list(conn: &impl ConnectionTrait, after: Option<PublisherId>, count: i64) -> DbResult<Vec<Publisher>> {
    let after = after.unwrap_or(PublisherId::from_uuid(uuid::Uuid::nil()));
    all(
        conn,
        "SELECT id, name, created_at, ended_at FROM publishers WHERE id > $1 ORDER BY id LIMIT $2",
        [after.into(), count.into()],
    )
    .await
}

/// Ends a publisher and all its keys; says whether it was there and alive.
pub async fn end(conn: &impl ConnectionTrait, id: PublisherId, now: Timestamp) -> DbResult<bool> {
    let ended = execute(
        conn,
        "UPDATE publishers SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL",
        [id.into(), now.into()],
    )
    .await?;
    let keys = "UPDATE publisher_keys SET ended_at = $2 WHERE publisher_id = $1 AND ended_at IS NULL";
    execute(conn, keys, [id.into(), now.into()]).await?;
    Ok(ended > 0)
}

/// Stores a key.
pub async fn insert_key(conn: &impl ConnectionTrait, key: &Key, secret_hash: &[u8]) -> DbResult<u64> {
    execute(
        conn,
        "INSERT INTO publisher_keys (id, publisher_id, name, secret_hash, secret_hint, sources, categories, regions, \
           created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [
            key.id.into(),
            key.publisher_id.into(),
            key.name.as_str().into(),
            secret_hash.to_vec().into(),
            key.secret_hint.as_str().into(),
            key.sources.as_str().into(),
            key.categories.as_str().into(),
            key.regions.as_str().into(),
            key.created_at.into(),
        ],
    )
    .await
}

/// The living key with this secret, of a living publisher.
pub async fn find_key(conn: &impl ConnectionTrait, secret_hash: &[u8]) -> DbResult<Option<Key>> {
    let text = format!(
        "SELECT {KEY_COLUMNS} FROM publisher_keys k JOIN publishers p ON p.id = k.publisher_id \
         WHERE k.secret_hash = $1 AND k.ended_at IS NULL AND p.ended_at IS NULL"
    );
    one(conn, &text, [secret_hash.to_vec().into()]).await
}

/// The living key with this id, of a living publisher.
pub async fn find_key_by_id(conn: &impl ConnectionTrait, id: PublisherKeyId) -> DbResult<Option<Key>> {
    let text = format!(
        "SELECT {KEY_COLUMNS} FROM publisher_keys k JOIN publishers p ON p.id = k.publisher_id \
         WHERE k.id = $1 AND k.ended_at IS NULL AND p.ended_at IS NULL"
    );
    one(conn, &text, [id.into()]).await
}

/// A publisher's keys in the order of their making, after `after`.
pub async fn keys(
    conn: &impl ConnectionTrait,
    publisher: PublisherId,
    after: Option<PublisherKeyId>,
    count: i64,
) -> DbResult<Vec<Key>> {
    let after = after.unwrap_or(PublisherKeyId::from_uuid(uuid::Uuid::nil()));
    let text = format!(
        "SELECT {KEY_COLUMNS} FROM publisher_keys k WHERE k.publisher_id = $1 AND k.id > $2 ORDER BY k.id LIMIT $3"
    );
    all(conn, &text, [publisher.into(), after.into(), count.into()]).await
}

/// Ends a publisher's key; says whether it was there and alive.
pub async fn end_key(
    conn: &impl ConnectionTrait,
    publisher: PublisherId,
    key: PublisherKeyId,
    now: Timestamp,
) -> DbResult<bool> {
    let text = "UPDATE publisher_keys SET ended_at = $3 WHERE id = $1 AND publisher_id = $2 AND ended_at IS NULL";
    Ok(execute(conn, text, [key.into(), publisher.into(), now.into()]).await? > 0)
}

/// Notes that a key was used.
pub async fn used(conn: &impl ConnectionTrait, key: PublisherKeyId, now: Timestamp) -> DbResult<u64> {
    execute(conn, "UPDATE publisher_keys SET last_used_at = $2 WHERE id = $1", [key.into(), now.into()]).await
}
