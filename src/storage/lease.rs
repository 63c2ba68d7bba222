//! Leases: who works on a row, until when, by the database's own clock.
//!
//! Promise: a row is leased to one worker at a time, and a worker whose lease was taken over cannot write under it any
//! more, because every write checks the fencing token that the new lease has raised.

use std::time::Duration;

use sea_orm::ConnectionTrait;

use super::{DbResult, execute, sql};
use crate::domain::fanout::LEASE;

/// A fencing token: grows with every lease of a row.
pub type Token = i64;

/// The SQL of a lease's end, `LEASE` from the database's now.
pub fn until(conn: &impl ConnectionTrait) -> String {
    format!("{} + {}", sql::now(conn), millis(LEASE))
}

/// A duration for an SQL text.
pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The tables whose rows are leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leased {
    /// Fan-outs, for their planning.
    FanOuts,
    /// Chunks.
    Chunks,
}

impl Leased {
    const fn table(self) -> &'static str {
        match self {
            Self::FanOuts => "fan_outs",
            Self::Chunks => "chunks",
        }
    }
}

/// The SQL of a row that nobody has leased. An end further away than a lease can be is a clock that was put back.
pub fn free(conn: &impl ConnectionTrait) -> String {
    let now = sql::now(conn);
    format!("(leased_until <= {now} OR leased_until > {now} + {})", millis(LEASE))
}

/// The SQL of a rung row that nobody works on: its lease has run out, which says that its worker died, or it has had
/// none for longer than the patience; a bell from the future is a clock that was put back.
pub fn forsaken(conn: &impl ConnectionTrait, patience: Duration) -> String {
    let now = sql::now(conn);
    format!(
        "{} AND (leased_until > 0 OR rung_at < {now} - {} OR rung_at > {now} + {})",
        free(conn),
        millis(patience),
        millis(LEASE)
    )
}

/// Prolongs a lease; `false` when it has been taken over or its row is closed.
pub async fn renew(conn: &impl ConnectionTrait, of: Leased, id: uuid::Uuid, token: Token) -> DbResult<bool> {
    let text = format!(
        "UPDATE {} SET leased_until = {} WHERE id = $1 AND lease_token = $2 AND state = 'open'",
        of.table(),
        until(conn)
    );
    Ok(execute(conn, &text, [id.into(), token.into()]).await? == 1)
}
