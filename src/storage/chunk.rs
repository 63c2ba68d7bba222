//! Chunks: ranges of users of one fan-out.

use std::time::Duration;

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::fanout::FanOut;
use super::lease::{self, Token};
use super::matching::Range;
use super::reach_counts::Deltas;
use super::sql::Binds;
use super::{DbResult, Tx, all, execute, one, sql};
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
    /// Whether its last worker worked nothing else beside it, and died.
    pub alone: bool,
}

impl Chunk {
    /// Its users.
    pub fn range(&self) -> Range {
        Range { after: self.after_user, to: Some(self.to_user) }
    }
}

/// The fan-out of a chunk that is open.
pub async fn fan_out(conn: &impl ConnectionTrait, id: ChunkId) -> DbResult<Option<FanOutId>> {
    #[derive(FromQueryResult)]
    struct Row {
        fan_out_id: FanOutId,
    }
    let text = "SELECT fan_out_id FROM chunks WHERE id = $1 AND state = 'open'";
    let row: Option<Row> = one(conn, text, [id.into()]).await?;
    Ok(row.map(|row| row.fan_out_id))
}

/// Leases a chunk; nothing when it is closed or somebody else's.
pub async fn lease(conn: &impl ConnectionTrait, id: ChunkId, owner: &str) -> DbResult<Option<Chunk>> {
    let text = format!(
        "UPDATE chunks SET lease_token = lease_token + 1, attempts = attempts + 1, lease_owner = $2, leased_until = {} \
         WHERE id = $1 AND state = 'open' AND {} \
         RETURNING id, fan_out_id, after_user, to_user, users, attempts, inboxed_at, lease_token, alone",
        lease::until(conn),
        lease::free(conn),
    );
    one(conn, &text, [id.into(), owner.into()]).await
}

/// Notes that this lease's worker works nothing else.
pub async fn alone(tx: &Tx, id: ChunkId, token: Token) -> DbResult<u64> {
    execute(&**tx, "UPDATE chunks SET alone = true WHERE id = $1 AND lease_token = $2", [id.into(), token.into()]).await
}

/// Notes that the inboxes of a chunk are filled, and counts what that changed; `false` when the lease is lost.
pub async fn inboxed(tx: &Tx, id: ChunkId, token: Token, now: Timestamp, deltas: &Deltas) -> DbResult<bool> {
    let mut binds = Binds::default();
    let (id, token, now) = (binds.add(id), binds.add(token), binds.add(now));
    let text = format!(
        "UPDATE chunks SET inboxed_at = COALESCE(inboxed_at, {now}), leased_until = {} \
         WHERE id = {id} AND lease_token = {token} AND state = 'open'",
        lease::until(&**tx)
    );
    Ok(deltas.write_with(tx, &text, binds).await? == 1)
}

/// Closes a chunk; `false` when the lease is lost.
pub async fn close(tx: &Tx, id: ChunkId, token: Token, now: Timestamp) -> DbResult<bool> {
    let text = "UPDATE chunks SET state = 'done', finished_at = $3, leased_until = 0 \
                WHERE id = $1 AND lease_token = $2 AND state = 'open'";
    Ok(execute(&**tx, text, [id.into(), token.into(), now.into()]).await? == 1)
}

/// Gives a chunk back that could not be worked, to be rung for after a while. It was not its worker's death: the try
/// does not count.
pub async fn give_back(conn: &impl ConnectionTrait, id: ChunkId, token: Token, wait: Duration) -> DbResult<bool> {
    let text = format!(
        "UPDATE chunks SET leased_until = {} + {}, attempts = attempts - 1, alone = false \
         WHERE id = $1 AND lease_token = $2 AND state = 'open'",
        sql::now(conn),
        lease::millis(wait),
    );
    Ok(execute(conn, &text, [id.into(), token.into()]).await? == 1)
}

/// Sets a chunk aside that kills its workers: it is visible among the dead letters and can be replayed.
pub async fn bury(tx: &Tx, id: ChunkId, token: Token, now: Timestamp) -> DbResult<bool> {
    let text = "UPDATE chunks SET state = 'dead', finished_at = $3, leased_until = 0 \
                WHERE id = $1 AND lease_token = $2 AND state = 'open'";
    Ok(execute(&**tx, text, [id.into(), token.into(), now.into()]).await? == 1)
}

/// Halves a chunk that kills its workers: it keeps the users up to `middle`, and the rest become a chunk of their own,
/// both as if they had been begun so often, and never alone; `None` when the lease is lost. The new one is numbered below zero, where the
/// plan's own numbers never are.
pub async fn halve(
    tx: &Tx,
    chunk: &Chunk,
    middle: UserId,
    users: [i64; 2],
    (attempts, now): (i64, Timestamp),
) -> DbResult<Option<ChunkId>> {
    let [kept, moved] = users;
    let text = "UPDATE chunks SET to_user = $3, users = $4, attempts = $5, alone = false, leased_until = 0 \
                WHERE id = $1 AND lease_token = $2 AND state = 'open'";
    let values = [chunk.id.into(), chunk.lease_token.into(), middle.into(), kept.into(), attempts.into()];
    if execute(&**tx, text, values).await? != 1 {
        return Ok(None);
    }
    let id = ChunkId::new();
    let text = format!(
        "INSERT INTO chunks (id, fan_out_id, number, after_user, to_user, users, state, attempts, inboxed_at, created_at, \
           rung_at, lease_token, leased_until) \
         SELECT $1, fan_out_id, (SELECT CASE WHEN MIN(n.number) < 0 THEN MIN(n.number) ELSE 0 END - 1 FROM chunks n \
           WHERE n.fan_out_id = chunks.fan_out_id), $3, $4, $5, 'open', $7, inboxed_at, $6, {}, lease_token, 0 \
         FROM chunks WHERE id = $2",
        sql::now(&**tx)
    );
    let values =
        [id.into(), chunk.id.into(), middle.into(), chunk.to_user.into(), moved.into(), now.into(), attempts.into()];
    execute(&**tx, &text, values).await?;
    Ok(Some(id))
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

/// Marks as rung as many of a fan-out's waiting chunks as fit into its window, and returns them. Chunks that another
/// worker is marking just now are left to it.
pub async fn ring_window(tx: &Tx, fan_out: FanOutId) -> DbResult<Vec<Bell>> {
    let text = format!(
        "UPDATE chunks SET rung_at = {} WHERE id IN ( \
           SELECT id FROM chunks WHERE fan_out_id = $1 AND state = 'open' AND rung_at = 0 ORDER BY number \
           LIMIT (SELECT CASE WHEN count(*) >= $2 THEN 0 ELSE $2 - count(*) END FROM chunks \
                  WHERE fan_out_id = $1 AND state = 'open' AND rung_at > 0) {}) \
         RETURNING id, (SELECT lane FROM fan_outs WHERE fan_outs.id = chunks.fan_out_id) AS lane",
        sql::now(&**tx),
        sql::skip_locked(&**tx),
    );
    all(&**tx, &text, [fan_out.into(), WINDOW.into()]).await
}

/// Chunks that nobody works on though they were rung for: their worker died, or they were rung so long ago that their
/// bells are lost. They are marked as rung anew, so that a chunk is found once for each cause.
pub async fn unheard(tx: &Tx, patience: Duration, most: i64) -> DbResult<Vec<Bell>> {
    let text = format!(
        "UPDATE chunks SET rung_at = {}, leased_until = 0 WHERE id IN ( \
           SELECT id FROM chunks WHERE state = 'open' AND rung_at > 0 AND {} ORDER BY rung_at LIMIT $1 {}) \
         RETURNING id, (SELECT lane FROM fan_outs WHERE fan_outs.id = chunks.fan_out_id) AS lane",
        sql::now(&**tx),
        lease::forsaken(&**tx, patience),
        sql::skip_locked(&**tx),
    );
    all(&**tx, &text, [most.into()]).await
}

/// The chunks that are open and rung for, of earlier fan-outs of a notice: somebody more urgent waits for them.
pub async fn in_the_way(conn: &impl ConnectionTrait, of: &FanOut, most: i64) -> DbResult<Vec<ChunkId>> {
    #[derive(FromQueryResult)]
    struct Row {
        id: ChunkId,
    }
    let text = format!(
        "SELECT c.id FROM fan_outs f JOIN chunks c ON c.fan_out_id = f.id \
         WHERE f.notice_id = $1 AND f.revision < $2 AND f.finished_at IS NULL AND f.lane > $3 \
           AND c.state = 'open' AND c.rung_at > 0 AND c.leased_until <= {} LIMIT $4",
        sql::now(conn)
    );
    let values = [of.notice_id.into(), i64::from(of.revision()).into(), of.lane().number().into(), most.into()];
    let rows: Vec<Row> = all(conn, &text, values).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
