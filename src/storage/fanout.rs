//! Fan-outs: what was announced and is not yet carried to everyone.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};
use uuid::Uuid;

use super::lease::{self, Token};
use super::rows::{self, Cells, Rows};
use super::{DbResult, Tx, all, execute, one, sql, value};
use crate::domain::fanout::{Announce, EditionKind, Lane};
use crate::domain::id::{FanOutId, NoticeId, UserId};
use crate::domain::time::Timestamp;

/// Where PostgreSQL tells the relays that the outbox has grown.
pub const OUTBOX_CHANNEL: &str = "yizhan_outbox";

/// A notice revision to be announced.
#[derive(Debug, Clone)]
pub struct NewFanOut {
    /// Its id.
    pub id: FanOutId,
    /// What is announced.
    pub notice: NoticeId,
    /// In which revision.
    pub revision: i32,
    /// What kind of edition it is.
    pub kind: EditionKind,
    /// How far it is announced.
    pub announce: Announce,
    /// The revision's place in the order of commits.
    pub position: i64,
    /// How soon its turn comes.
    pub lane: Lane,
    /// When nothing more is sent.
    pub deadline_at: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// Writes the fan-out and its line in the outbox, in the transaction that stores the revision.
pub async fn open(tx: &Tx, new: &NewFanOut) -> DbResult<()> {
    execute(
        &**tx,
        "INSERT INTO fan_outs (id, notice_id, revision, kind, announce, position, lane, state, cursor, chunks, users, \
           deadline_at, created_at, rung_at, attempts, lease_token, leased_until) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', NULL, 0, 0, $8, $9, 0, 0, 0, 0)",
        [
            new.id.into(),
            new.notice.into(),
            i64::from(new.revision).into(),
            new.kind.as_str().into(),
            new.announce.as_str().into(),
            new.position.into(),
            new.lane.number().into(),
            new.deadline_at.into(),
            new.now.into(),
        ],
    )
    .await?;
    ring(&**tx, new.id, new.lane, new.now).await
}

/// Writes many fan-outs and their lines in the outbox, in the transaction that stores the revisions.
pub async fn open_all(tx: &Tx, new: &[NewFanOut]) -> DbResult<()> {
    if new.is_empty() {
        return Ok(());
    }
    let ids = |of: fn(&NewFanOut) -> Uuid| Cells::Ids(new.iter().map(of).collect());
    let numbers = |of: fn(&NewFanOut) -> i64| Cells::Numbers(new.iter().map(of).collect());
    let words = |of: fn(&NewFanOut) -> &'static str| Cells::Texts(new.iter().map(|new| of(new).to_owned()).collect());
    let mut fan_outs = Rows::default()
        .with("id", ids(|new| new.id.as_uuid()))
        .with("notice_id", ids(|new| new.notice.as_uuid()))
        .with("revision", numbers(|new| i64::from(new.revision)))
        .with("kind", words(|new| new.kind.as_str()))
        .with("announce", words(|new| new.announce.as_str()))
        .with("position", numbers(|new| new.position))
        .with("lane", numbers(|new| new.lane.number()))
        .with("state", words(|_| "open"))
        .with("deadline_at", numbers(|new| new.deadline_at.as_millis()))
        .with("created_at", numbers(|new| new.now.as_millis()));
    for zero in ["chunks", "users", "rung_at", "attempts", "lease_token", "leased_until"] {
        fan_outs = fan_outs.with(zero, numbers(|_| 0));
    }
    rows::insert(tx, "fan_outs", fan_outs).await?;
    let outbox = Rows::default()
        .with("fan_out_id", ids(|new| new.id.as_uuid()))
        .with("lane", numbers(|new| new.lane.number()))
        .with("created_at", numbers(|new| new.now.as_millis()));
    rows::insert(tx, "outbox", outbox).await?;
    tell_relays(&**tx).await
}

async fn ring(conn: &impl ConnectionTrait, id: FanOutId, lane: Lane, now: Timestamp) -> DbResult<()> {
    let text = "INSERT INTO outbox (fan_out_id, lane, created_at) VALUES ($1, $2, $3)";
    execute(conn, text, [id.into(), lane.number().into(), now.into()]).await?;
    tell_relays(conn).await
}

async fn tell_relays(conn: &impl ConnectionTrait) -> DbResult<()> {
    if conn.get_database_backend() == DbBackend::Postgres {
        // Heard by every copy's relay when this transaction commits.
        execute(conn, "SELECT pg_notify($1, '')", [OUTBOX_CHANNEL.into()]).await?;
    }
    Ok(())
}

/// A fan-out as its workers read it.
#[derive(Debug, Clone, FromQueryResult)]
pub struct FanOut {
    /// Its id.
    pub id: FanOutId,
    /// What is announced.
    pub notice_id: NoticeId,
    revision: i64,
    kind: String,
    announce: String,
    /// The revision's place in the order of commits.
    pub position: i64,
    lane: i64,
    /// The last user that chunks were made for.
    pub cursor: Option<UserId>,
    /// How many chunks were made.
    pub chunks: i64,
    /// When nothing more is sent.
    pub deadline_at: Timestamp,
    /// When the revision was published.
    pub created_at: Timestamp,
    /// How often its planning was begun.
    pub attempts: i64,
    /// The fencing token of the plan's lease.
    pub lease_token: Token,
}

const COLUMNS: &str = "id, notice_id, revision, kind, announce, position, lane, cursor, chunks, deadline_at, created_at, attempts, \
     lease_token";

impl FanOut {
    /// In which revision.
    pub fn revision(&self) -> i32 {
        i32::try_from(self.revision).unwrap_or(i32::MAX)
    }

    /// What kind of edition it is; a word of a later version counts as a revision.
    pub fn kind(&self) -> EditionKind {
        self.kind.parse().unwrap_or(EditionKind::Revision)
    }

    /// How far it is announced; a word of a later version tells inboxes only.
    pub fn announce(&self) -> Announce {
        self.announce.parse().unwrap_or(Announce::Inbox)
    }

    /// How soon its turn comes.
    pub fn lane(&self) -> Lane {
        Lane::of(self.lane)
    }
}

/// A fan-out.
pub async fn find(conn: &impl ConnectionTrait, id: FanOutId) -> DbResult<Option<FanOut>> {
    one(conn, &format!("SELECT {COLUMNS} FROM fan_outs WHERE id = $1"), [id.into()]).await
}

/// Leases a fan-out for its planning; nothing when it is planned or somebody else's.
pub async fn lease_plan(conn: &impl ConnectionTrait, id: FanOutId, owner: &str) -> DbResult<Option<FanOut>> {
    let text = format!(
        "UPDATE fan_outs SET lease_token = lease_token + 1, attempts = attempts + 1, lease_owner = $2, \
           leased_until = {} WHERE id = $1 AND state = 'open' AND {} RETURNING {COLUMNS}",
        lease::until(conn),
        lease::free(conn),
    );
    one(conn, &text, [id.into(), owner.into()]).await
}

/// How far a notice is still being announced: by a fan-out that is unfinished, or by deliveries that are to be tried.
pub async fn under_way(conn: &impl ConnectionTrait, notice: NoticeId) -> DbResult<Announce> {
    let text = "SELECT CASE WHEN EXISTS (SELECT 1 FROM fan_outs WHERE notice_id = $1 AND finished_at IS NULL \
           AND announce = 'push') \
         OR EXISTS (SELECT 1 FROM deliveries WHERE notice_id = $1 AND state IN ('due', 'sending', 'held')) THEN 'push' \
         WHEN EXISTS (SELECT 1 FROM fan_outs WHERE notice_id = $1 AND finished_at IS NULL AND announce = 'inbox') \
         THEN 'inbox' ELSE 'none' END AS value";
    let announce: String = value(conn, text, [notice.into()]).await?;
    Ok(announce.parse().unwrap_or(Announce::Push))
}

/// Whether a fan-out must wait: an earlier one of the same notice is unfinished, or one of the amended notice has not
/// filled its inboxes. Its audience is who holds the notice then.
pub async fn must_wait(conn: &impl ConnectionTrait, fan_out: &FanOut, amends: Option<NoticeId>) -> DbResult<bool> {
    value(
        conn,
        "SELECT EXISTS (SELECT 1 FROM fan_outs f WHERE f.notice_id = $1 AND f.revision < $2 \
                          AND f.finished_at IS NULL) \
             OR EXISTS (SELECT 1 FROM fan_outs f WHERE f.notice_id = $3 AND f.position < $4 AND f.finished_at IS NULL \
                          AND (f.state = 'open' OR EXISTS (SELECT 1 FROM chunks c WHERE c.fan_out_id = f.id \
                                 AND c.state = 'open' AND c.inboxed_at IS NULL))) AS value",
        [fan_out.notice_id.into(), fan_out.revision.into(), amends.into(), fan_out.position.into()],
    )
    .await
}

/// Moves the plan's cursor; `false` when its lease is lost.
pub async fn advance(tx: &Tx, fan_out: &FanOut, cursor: UserId, chunks: i64, users: i64) -> DbResult<bool> {
    let text = format!(
        "UPDATE fan_outs SET cursor = $3, chunks = chunks + $4, users = users + $5, leased_until = {} \
         WHERE id = $1 AND lease_token = $2 AND state = 'open'",
        lease::until(&**tx)
    );
    let values = [fan_out.id.into(), fan_out.lease_token.into(), cursor.into(), chunks.into(), users.into()];
    Ok(execute(&**tx, &text, values).await? == 1)
}

/// Ends the planning; `false` when its lease is lost.
pub async fn planned(conn: &impl ConnectionTrait, fan_out: &FanOut, now: Timestamp) -> DbResult<bool> {
    let text = "UPDATE fan_outs SET state = 'planned', planned_at = $3, leased_until = 0 \
                WHERE id = $1 AND lease_token = $2 AND state = 'open'";
    Ok(execute(conn, text, [fan_out.id.into(), fan_out.lease_token.into(), now.into()]).await? == 1)
}

/// How far a fan-out has come, for those who wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Some of its audience may not have it yet.
    Filling,
    /// Everyone has it in the inbox; some chunk is open.
    Filled,
    /// Planned, and without an open chunk: it can be finished, or is.
    Closed,
}

/// How far a fan-out has come.
pub async fn stage(conn: &impl ConnectionTrait, id: FanOutId) -> DbResult<Stage> {
    let text = "SELECT CASE WHEN f.state = 'open' THEN 0 \
                  WHEN NOT EXISTS (SELECT 1 FROM chunks c WHERE c.fan_out_id = f.id AND c.state = 'open') THEN 2 \
                  WHEN EXISTS (SELECT 1 FROM chunks c WHERE c.fan_out_id = f.id AND c.state = 'open' \
                    AND c.inboxed_at IS NULL) THEN 0 ELSE 1 END AS value FROM fan_outs f WHERE f.id = $1";
    let stage: i32 = value(conn, text, [id.into()]).await?;
    Ok(match stage {
        2 => Stage::Closed,
        1 => Stage::Filled,
        _ => Stage::Filling,
    })
}

/// Ends a fan-out whose chunks are all closed; `true` for the one call that ended it. Call it after the commit that
/// closed a chunk: of two who close the last two, the later sees both.
pub async fn finish(conn: &impl ConnectionTrait, id: FanOutId, now: Timestamp) -> DbResult<bool> {
    let text = "UPDATE fan_outs SET state = 'done', finished_at = $2 WHERE id = $1 AND state = 'planned' \
                AND NOT EXISTS (SELECT 1 FROM chunks c WHERE c.fan_out_id = fan_outs.id AND c.state = 'open')";
    Ok(execute(conn, text, [id.into(), now.into()]).await? == 1)
}

/// A fan-out to be rung.
#[derive(Debug, Clone, Copy, FromQueryResult)]
pub struct Bell {
    /// The fan-out.
    pub id: FanOutId,
    lane: i64,
}

impl Bell {
    /// Its lane.
    pub fn lane(&self) -> Lane {
        Lane::of(self.lane)
    }
}

/// Unplanned fan-outs that wait for this one: later revisions of its notice, and amendments of it.
pub async fn waiting_for(conn: &impl ConnectionTrait, id: FanOutId) -> DbResult<Vec<Bell>> {
    let text = "SELECT w.id, w.lane FROM fan_outs f JOIN notices n ON n.id = f.notice_id OR n.amends = f.notice_id \
                JOIN fan_outs w ON w.notice_id = n.id AND w.state = 'open' WHERE f.id = $1 AND w.id <> f.id \
                ORDER BY w.position LIMIT 1000";
    all(conn, text, [id.into()]).await
}

/// Unplanned fan-outs that nobody plans though they were rung for: their planner died, their bells are lost, or they
/// waited.
pub async fn unheard(tx: &Tx, patience: Duration, most: i64) -> DbResult<Vec<Bell>> {
    let text = format!(
        "UPDATE fan_outs SET rung_at = {}, leased_until = 0 WHERE id IN (SELECT id FROM fan_outs \
           WHERE finished_at IS NULL AND state = 'open' AND {} ORDER BY rung_at LIMIT $1 {}) RETURNING id, lane",
        sql::now(&**tx),
        lease::forsaken(&**tx, patience),
        sql::skip_locked(&**tx),
    );
    all(&**tx, &text, [most.into()]).await
}

/// Fan-outs that have chunks, or are planned, and are not finished though nothing of theirs is rung: their window stands
/// still, or nobody has ended them.
pub async fn stalled(conn: &impl ConnectionTrait, most: i64) -> DbResult<Vec<Bell>> {
    let text = "SELECT f.id, f.lane FROM fan_outs f WHERE f.finished_at IS NULL AND (f.state = 'planned' OR f.chunks > 0) \
                AND NOT EXISTS (SELECT 1 FROM chunks c WHERE c.fan_out_id = f.id AND c.state = 'open' \
                  AND c.rung_at > 0) ORDER BY f.position LIMIT $1";
    all(conn, text, [most.into()]).await
}

#[derive(FromQueryResult)]
struct OutboxRow {
    id: i64,
    fan_out_id: FanOutId,
    lane: i64,
}

/// A line of the outbox.
#[derive(Debug, Clone, Copy)]
pub struct OutboxLine {
    /// Its number.
    pub id: i64,
    /// What is to be rung for.
    pub fan_out: FanOutId,
    /// On which lane.
    pub lane: Lane,
}

/// The oldest lines of the outbox.
pub async fn outbox(conn: &impl ConnectionTrait, most: i64) -> DbResult<Vec<OutboxLine>> {
    let rows: Vec<OutboxRow> =
        all(conn, "SELECT id, fan_out_id, lane FROM outbox ORDER BY lane, id LIMIT $1", [most.into()]).await?;
    Ok(rows.iter().map(|row| OutboxLine { id: row.id, fan_out: row.fan_out_id, lane: Lane::of(row.lane) }).collect())
}

/// Strikes out lines that were rung, and notes when.
pub async fn relayed(tx: &Tx, lines: &[OutboxLine], now: Timestamp) -> DbResult<()> {
    let ids = sql::integer_set(&**tx, lines.iter().map(|line| line.id));
    let text = format!("DELETE FROM outbox WHERE {}", sql::is_in(&**tx, "id", "$1", sql::Of::Integers));
    execute(&**tx, &text, [ids]).await?;
    let fan_outs = sql::uuid_set(&**tx, lines.iter().map(|line| line.fan_out.as_uuid()));
    let text = format!("UPDATE fan_outs SET rung_at = $2 WHERE {}", sql::is_in(&**tx, "id", "$1", sql::Of::Uuids));
    execute(&**tx, &text, [fan_outs, now.into()]).await.map(|_| ())
}
