//! Why a statement failed, as services tell it apart: a rule that was broken, a moment that passes, a fault.

use sea_orm::{DbErr, RuntimeErr};

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A uniqueness constraint was broken; holds its name or its columns as the engine calls them.
    #[error("constraint broken: {0}")]
    Conflict(String),
    /// The same work may succeed when it is tried again: a serialisation failure, a deadlock, a lost connection.
    #[error("the database was busy: {0}")]
    Busy(DbErr),
    /// Anything else.
    #[error("the database failed: {0}")]
    Fault(DbErr),
}

impl From<DbErr> for DbError {
    fn from(error: DbErr) -> Self {
        if let Some(sea_orm::SqlErr::UniqueConstraintViolation(name)) = error.sql_err() {
            return Self::Conflict(name);
        }
        if is_passing(&error) { Self::Busy(error) } else { Self::Fault(error) }
    }
}

/// SQLSTATE classes and codes after which a repetition may succeed: connection, serialisation, deadlock, no lock, want of
/// room or of connections, a statement or a transaction that took too long, shutdown.
const PASSING_SQLSTATES: [&str; 10] =
    ["08", "25P03", "40001", "40P01", "53", "55P03", "57014", "57P01", "57P02", "57P03"];
/// SQLite's codes of the kind: busy, locked, full; extended ones keep them in their last byte.
const PASSING_SQLITE: [u32; 3] = [5, 6, 13];

fn is_passing(error: &DbErr) -> bool {
    let (DbErr::Conn(runtime) | DbErr::Exec(runtime) | DbErr::Query(runtime)) = error else {
        return matches!(error, DbErr::ConnectionAcquire(_));
    };
    let RuntimeErr::SqlxError(error) = runtime else { return false };
    match error.as_ref() {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            let sqlite =
                code.len() < 5 && code.parse::<u32>().is_ok_and(|code| PASSING_SQLITE.contains(&(code & 0xff)));
            sqlite || PASSING_SQLSTATES.iter().any(|state| code.starts_with(state))
        }),
        _ => false,
    }
}
