//! The few phrases in which the two engines differ. Same function, same meaning, one contract test.

use sea_orm::{ConnectionTrait, DbBackend, Value};
use uuid::Uuid;

/// The database's own clock, in milliseconds: leases are granted and judged by it alone.
pub fn now(conn: &impl ConnectionTrait) -> &'static str {
    match conn.get_database_backend() {
        DbBackend::Postgres => "(extract(epoch FROM clock_timestamp()) * 1000)::bigint",
        _ => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    }
}

/// A set of UUIDs bound as one value: `id IN (SELECT …)`. `bind` is the placeholder, such as `$1`.
pub fn uuids(conn: &impl ConnectionTrait, bind: &str) -> String {
    match conn.get_database_backend() {
        DbBackend::Postgres => format!("(SELECT unnest({bind}::text[])::uuid)"),
        _ => format!("(SELECT unhex(value) FROM json_each({bind}))"),
    }
}

/// A set of integers bound as one value.
pub fn integers(conn: &impl ConnectionTrait, bind: &str) -> String {
    match conn.get_database_backend() {
        DbBackend::Postgres => format!("(SELECT unnest({bind}::bigint[]))"),
        _ => format!("(SELECT value FROM json_each({bind}))"),
    }
}

/// A set of texts bound as one value.
pub fn texts(conn: &impl ConnectionTrait, bind: &str) -> String {
    match conn.get_database_backend() {
        DbBackend::Postgres => format!("(SELECT unnest({bind}::text[]))"),
        _ => format!("(SELECT value FROM json_each({bind}))"),
    }
}

/// The value to bind for [`uuids`].
pub fn uuid_set(conn: &impl ConnectionTrait, ids: impl IntoIterator<Item = Uuid>) -> Value {
    let ids: Vec<String> = ids.into_iter().map(|id| id.simple().to_string()).collect();
    text_set(conn, ids)
}

/// The value to bind for [`integers`].
pub fn integer_set(conn: &impl ConnectionTrait, numbers: impl IntoIterator<Item = i64>) -> Value {
    let numbers: Vec<i64> = numbers.into_iter().collect();
    match conn.get_database_backend() {
        DbBackend::Postgres => numbers.into(),
        _ => serde_json::Value::from(numbers).to_string().into(),
    }
}

/// The value to bind for [`texts`].
pub fn text_set(conn: &impl ConnectionTrait, texts: impl IntoIterator<Item = String>) -> Value {
    let texts: Vec<String> = texts.into_iter().collect();
    match conn.get_database_backend() {
        DbBackend::Postgres => texts.into(),
        _ => serde_json::Value::from(texts).to_string().into(),
    }
}

/// Rows locked by others are passed over. SQLite has one writer, so there are none.
pub fn skip_locked(conn: &impl ConnectionTrait) -> &'static str {
    match conn.get_database_backend() {
        DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
        _ => "",
    }
}
