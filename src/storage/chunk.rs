//! Chunks: ranges of users of one fan-out.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::lease::{self, Token};
use super::matching::Range;
use super::{DbResult, Tx, all, execute, one, sql, value};
use crate::domain::fanout::{Lane, WINDOW};
use crate::domain::id::{ChunkId, FanOutId, UserId};
use crate::domain::time::Timestamp;

/// A chunk to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewChunk {
    /// Its id.
    pub id: ChunkId,
    /// Its place in the fan-out, from 0.
    pub number: i64,
    /// Its users.
    pub after: Option<UserId>,
    /// The last of its users.
    pub to: UserId,
    /// How many they are.
    pub users: i64,
}

/// Writes chunks of a fan-out.
pub async fn insert(tx: &Tx, fan_out: FanOutId, chunks: &[NewChunk], now: Timestamp) -> DbResult<()> {
    for chunk in chunks {
        execute(
            &**tx,
            "INSERT INTO chunks (id, fan_out_id, number, after_user, to_user, users, state, attempts, created_at, \
               rung_at, lease_token, leased_until) VALUES ($1, $2, $3, $4, $5, $6, 'open', 0, $7, 0, 0, 0)",
            [
                chunk.id.into(),
                fan_out.into(),
                chunk.number.into(),
                chunk.after.into(),
                chunk.to.into(),
                chunk.users.into(),
                now.into(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// A leased chunk.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Chunk {
    /// Its id.
    pub id: ChunkId,
    /// Whose it is.
    pub fan_out_id: FanOutId,
    after_user: Option<UserId>,
    to_user: UserId,
    /// How many users it had when it was planned.
    pub users: i64,
    /// How often it was begun, this time included.
    pub attempts: i64,
    /// When its inboxes were filled.
    pub inboxed_at: Option<Timestamp>,
    /// The fencing token of this lease.
    pub lease_token: Token,
}

impl Chunk {
    /// Its users.
    pub fn range(&self) -> Range {
        Range { after: self.after_user, to: Some(self.to_user) }
    }
}

/// Leases a chunk; nothing when it is closed or somebody else's.
pub async fn lease(conn: &impl ConnectionTrait, id: ChunkId, owner: &str) -> DbResult<Option<Chunk>> {
    let text = format!(
        "UPDATE chunks SET lease_token = lease_token + 1, attempts = attempts + 1, lease_owner = $2, leased_until = {} \
         WHERE id = $1 AND state = 'open' AND leased_until <= {} \
         RETURNING id, fan_out_id, after_user, to_user, users, attempts, inboxed_at, lease_token",
        lease::until(conn),
        sql::now(conn),
    );
    one(conn, &text, [id.into(), owner.into()]).await
}

/// Notes that the inboxes of a chunk are filled; `false` when the lease is lost.
pub async fn inboxed(tx: &Tx, id: ChunkId, token: Token, now: Timestamp) -> DbResult<bool> {
    let text = format!(
        "UPDATE chunks SET inboxed_at = COALESCE(inboxed_at, $3), leased_until = {} \
         WHERE id = $1 AND lease_token = $2 AND state = 'open'",
        lease::until(&**tx)
    );
    Ok(execute(&**tx, &text, [id.into(), token.into(), now.into()]).await? == 1)
}

/// Closes a chunk; `false` when the lease is lost.
pub async fn close(conn: &impl ConnectionTrait, id: ChunkId, token: Token, now: Timestamp) -> DbResult<bool> {
    let text = "UPDATE chunks SET state = 'done', finished_at = $3, leased_until = 0 \
                WHERE id = $1 AND lease_token = $2 AND state = 'open'";
    Ok(execute(conn, text, [id.into(), token.into(), now.into()]).await? == 1)
}

/// Sets a chunk aside that kills its workers: it is visible among the dead letters and can be replayed.
pub async fn bury(conn: &impl ConnectionTrait, id: ChunkId, token: Token, now: Timestamp) -> DbResult<bool> {
    let text = "UPDATE chunks SET state = 'dead', finished_at = $3, leased_until = 0 \
                WHERE id = $1 AND lease_token = $2 AND state = 'open'";
    Ok(execute(conn, text, [id.into(), token.into(), now.into()]).await? == 1)
}

/// A chunk to be rung.
#[derive(Debug, Clone, Copy, FromQueryResult)]
pub struct Bell {
    /// The chunk.
    pub id: ChunkId,
    lane: i64,
}

impl Bell {
    /// Its fan-out's lane.
    pub fn lane(&self) -> Lane {
        Lane::of(self.lane)
    }
}

/// Whether a fan-out has chunks that nobody has rung for.
pub async fn any_waiting(conn: &impl ConnectionTrait, fan_out: FanOutId) -> DbResult<bool> {
    let text = "SELECT EXISTS (SELECT 1 FROM chunks WHERE fan_out_id = $1 AND state = 'open' AND rung_at = 0) AS value";
    value(conn, text, [fan_out.into()]).await
}

/// Marks as rung as many of a fan-out's waiting chunks as fit into its window, and returns them.
pub async fn ring_window(tx: &Tx, fan_out: FanOutId, now: Timestamp) -> DbResult<Vec<Bell>> {
    let text = "UPDATE chunks SET rung_at = $2 WHERE id IN ( \
                  SELECT id FROM chunks WHERE fan_out_id = $1 AND state = 'open' AND rung_at = 0 ORDER BY number \
                  LIMIT (SELECT CASE WHEN count(*) >= $3 THEN 0 ELSE $3 - count(*) END FROM chunks \
                         WHERE fan_out_id = $1 AND state = 'open' AND rung_at > 0)) \
                RETURNING id, (SELECT lane FROM fan_outs WHERE fan_outs.id = chunks.fan_out_id) AS lane";
    all(&**tx, text, [fan_out.into(), now.into(), WINDOW.into()]).await
}

/// Chunks that nobody works on though they were rung for: their worker died, or they were rung before `before` and their
/// bells are lost. They are marked as rung anew, so that a chunk is found once for each cause.
pub async fn unheard(tx: &Tx, before: Timestamp, now: Timestamp, most: i64) -> DbResult<Vec<Bell>> {
    let text = format!(
        "UPDATE chunks SET rung_at = $2, leased_until = 0 WHERE id IN ( \
           SELECT id FROM chunks WHERE state = 'open' AND rung_at > 0 AND {} ORDER BY rung_at LIMIT $3 {}) \
         RETURNING id, (SELECT lane FROM fan_outs WHERE fan_outs.id = chunks.fan_out_id) AS lane",
        lease::forsaken(&**tx, "$1"),
        sql::skip_locked(&**tx),
    );
    all(&**tx, &text, [before.into(), now.into(), most.into()]).await
}
