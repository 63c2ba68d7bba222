//! SQL: the record of everything that is owed.
//!
//! Promise: what a transaction of [`Db::write`] returned `Ok` for is on the disk (PostgreSQL with `synchronous_commit`
//! on; SQLite with `synchronous` FULL), and a constraint that was broken is named, so that services can turn it into
//! a refusal. Not promised: that a write needs no repetition; [`DbError::Busy`] says that the same work may succeed
//! when it is tried again.
//!
//! Two engines, one text: statements are written with `$1`, `$2`, … which both understand. The few that differ stand
//! in [`sql`]. On SQLite all writes go through one connection, so there is one writer and nobody waits for a lock in
//! the middle of a transaction.

use sea_orm::{ConnectionTrait, DbErr, ExecResult, FromQueryResult, Statement, Value};

pub mod catalogue;
pub mod channel;
pub mod chunk;
pub mod columns;
pub mod counting;
mod db;
pub mod dead_letter;
pub mod delivery;
pub mod delivery_list;
pub mod depths;
pub mod device;
pub mod due;
pub mod edition_row;
pub mod endpoint;
mod error;
pub mod facts;
pub mod fanout;
pub mod hint;
pub mod idempotency;
pub mod identity;
pub mod inbox;
pub mod lease;
pub mod lock;
pub mod matching;
pub mod notice;
pub mod order;
pub mod progress;
pub mod publisher;
pub mod queue_entry;
pub mod reach;
pub mod reach_check;
pub mod reach_counts;
pub mod rows;
pub mod scheduled;
pub mod search;
pub mod session;
pub mod settings;
pub mod signing_key;
pub mod sql;
pub mod subscription;
pub mod tally;
pub mod targets;
pub mod term;
pub mod told;
pub mod user;
pub mod views;
pub mod webhook;
pub mod words;

pub(crate) use db::transact;
pub use db::{Db, Tx};
pub use error::DbError;
pub use settings::{Settings, Synchronous};

/// The result of a query.
pub type DbResult<T> = Result<T, DbError>;

/// Makes a statement for the connection's engine.
pub fn statement(conn: &impl ConnectionTrait, text: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(conn.get_database_backend(), text, values)
}

/// Runs a statement and says how many rows it touched.
pub async fn execute(
    conn: &impl ConnectionTrait,
    text: &str,
    values: impl IntoIterator<Item = Value>,
) -> DbResult<u64> {
    let result: ExecResult = conn.execute_raw(statement(conn, text, values)).await?;
    Ok(result.rows_affected())
}

/// The rows that a query finds.
pub async fn all<T: FromQueryResult>(
    conn: &impl ConnectionTrait,
    text: &str,
    values: impl IntoIterator<Item = Value>,
) -> DbResult<Vec<T>> {
    let rows = conn.query_all_raw(statement(conn, text, values)).await?;
    rows.iter().map(|row| T::from_query_result(row, "").map_err(DbError::from)).collect()
}

/// The first row that a query finds.
pub async fn one<T: FromQueryResult>(
    conn: &impl ConnectionTrait,
    text: &str,
    values: impl IntoIterator<Item = Value>,
) -> DbResult<Option<T>> {
    let row = conn.query_one_raw(statement(conn, text, values)).await?;
    row.map(|row| T::from_query_result(&row, "")).transpose().map_err(DbError::from)
}

/// The first column of the first row, named `value`; an error when there is no row.
pub async fn value<T: sea_orm::TryGetable>(
    conn: &impl ConnectionTrait,
    text: &str,
    values: impl IntoIterator<Item = Value>,
) -> DbResult<T> {
    let row = conn.query_one_raw(statement(conn, text, values)).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("a value was asked for and there was no row".to_owned()))?;
    row.try_get("", "value").map_err(DbError::from)
}
