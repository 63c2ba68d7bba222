//! Dead letters: deliveries that were refused, exhausted or lost, chunks that were set aside, and queue entries that
//! nobody could read; and having them tried again.

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};

use super::delivery_list::{self, Key, Listed};
use super::sql::{self, Binds};
use super::{DbResult, Tx, all, execute, reach_counts, value};
use crate::domain::channel::Channel;
use crate::domain::delivery::{Reason, State};
use crate::domain::fanout::Lane;
use crate::domain::id::{ChunkId, FanOutId, NoticeId};
use crate::domain::time::Timestamp;

/// Which ones. A part that only some kinds have leaves the others out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Narrowed {
    /// Of this notice: no queue entries.
    pub notice: Option<NoticeId>,
    /// On this channel: deliveries alone.
    pub channel: Option<Channel>,
    /// For this reason: deliveries alone.
    pub reason: Option<Reason>,
    /// Dead since this instant or later.
    pub from: Option<Timestamp>,
    /// Dead before this instant.
    pub to: Option<Timestamp>,
}

impl Narrowed {
    /// Whether chunks can fit.
    pub fn takes_chunks(&self) -> bool {
        self.channel.is_none() && self.reason.is_none()
    }

    /// Whether queue entries can fit.
    pub fn takes_entries(&self) -> bool {
        self.takes_chunks() && self.notice.is_none()
    }

    /// Conditions on when it died.
    fn period(&self, column: &str, binds: &mut Binds) -> String {
        let from = self.from.map(|from| format!(" AND {column} >= {}", binds.add(from))).unwrap_or_default();
        let to = self.to.map(|to| format!(" AND {column} < {}", binds.add(to))).unwrap_or_default();
        from + &to
    }

    /// Conditions on deliveries `d`.
    fn deliveries(&self, binds: &mut Binds) -> String {
        // Word for word as in the index, which SQLite asks for.
        let mut text = "d.state IN ('exhausted', 'refused', 'unknown')".to_owned();
        if let Some(notice) = self.notice {
            text += &format!(" AND d.notice_id = {}", binds.add(notice));
        }
        if let Some(channel) = self.channel {
            text += &format!(" AND d.channel = {}", binds.add(channel));
        }
        if let Some(reason) = self.reason {
            text += &format!(" AND d.reason = {}", binds.add(reason));
        }
        text + &self.period("d.decided_at", binds)
    }

    /// Conditions on chunks `c` of fan-outs `f`.
    fn chunks(&self, binds: &mut Binds) -> String {
        let notice = self.notice.map(|notice| format!(" AND f.notice_id = {}", binds.add(notice)));
        format!("c.state = 'dead'{}{}", notice.unwrap_or_default(), self.period("c.finished_at", binds))
    }
}

/// Where a kind's list goes on: before this instant, or in it after this key.
#[derive(Debug, Clone, Copy)]
pub struct After<K> {
    /// The instant.
    pub at: Timestamp,
    /// `None`: all of that instant are passed. `Some(None)`: none of them is. Else those up to the key.
    pub key: Option<Option<K>>,
}

impl<K: Copy> After<K> {
    fn condition(self, at: &str, columns: &str, binds: &mut Binds, bind: impl Fn(K, &mut Binds) -> String) -> String {
        let instant = binds.add(self.at);
        match self.key {
            None => format!(" AND {at} < {instant}"),
            Some(None) => format!(" AND {at} <= {instant}"),
            Some(Some(key)) => format!(" AND ({at}, {columns}) < ({instant}, {})", bind(key, binds)),
        }
    }
}

/// Dead deliveries, the newest first.
pub async fn deliveries(
    conn: &impl ConnectionTrait,
    wanted: &Narrowed,
    after: Option<After<Key>>,
    count: i64,
) -> DbResult<Vec<Listed>> {
    let mut binds = Binds::default();
    let conditions = wanted.deliveries(&mut binds);
    let bind = |(notice, revision, endpoint): Key, binds: &mut Binds| {
        format!("{}, {}, {}", binds.add(notice), binds.add(revision), binds.add(endpoint))
    };
    let columns = "d.notice_id, d.revision, d.endpoint_id";
    let after = after.map(|after| after.condition("d.decided_at", columns, &mut binds, bind)).unwrap_or_default();
    let limit = binds.add(count);
    let text = format!(
        "SELECT {} FROM deliveries d LEFT JOIN endpoints e ON e.id = d.endpoint_id WHERE {conditions}{after} \
         ORDER BY d.decided_at DESC, d.notice_id DESC, d.revision DESC, d.endpoint_id DESC LIMIT {limit}",
        delivery_list::COLUMNS
    );
    all(conn, &text, binds).await
}

/// A chunk that was set aside.
#[derive(Debug, Clone, FromQueryResult)]
pub struct DeadChunk {
    /// Its id.
    pub id: ChunkId,
    /// Whose it is.
    pub fan_out_id: FanOutId,
    /// What it carries.
    pub notice_id: NoticeId,
    /// In which revision.
    pub revision: i64,
    /// How many users it has.
    pub users: i64,
    /// How often it was begun.
    pub attempts: i64,
    /// When it was set aside.
    pub died_at: Timestamp,
}

/// Dead chunks, the newest first.
pub async fn chunks(
    conn: &impl ConnectionTrait,
    wanted: &Narrowed,
    after: Option<After<ChunkId>>,
    count: i64,
) -> DbResult<Vec<DeadChunk>> {
    let mut binds = Binds::default();
    let conditions = wanted.chunks(&mut binds);
    let bind = |id: ChunkId, binds: &mut Binds| binds.add(id);
    let after = after.map(|after| after.condition("c.finished_at", "c.id", &mut binds, bind)).unwrap_or_default();
    let limit = binds.add(count);
    let text = format!(
        "SELECT c.id, c.fan_out_id, f.notice_id, f.revision, c.users, c.attempts, c.finished_at AS died_at \
         FROM chunks c JOIN fan_outs f ON f.id = c.fan_out_id WHERE {conditions}{after} \
         ORDER BY c.finished_at DESC, c.id DESC LIMIT {limit}"
    );
    all(conn, &text, binds).await
}

/// An entry of the queue that nobody could read.
#[derive(Debug, Clone, FromQueryResult)]
pub struct DeadEntry {
    /// Its number.
    pub id: i64,
    /// What it said.
    pub payload: String,
    /// Why it was set aside.
    pub reason: String,
    /// When.
    pub died_at: Timestamp,
}

/// Unreadable entries, the newest first.
pub async fn entries(
    conn: &impl ConnectionTrait,
    wanted: &Narrowed,
    after: Option<After<i64>>,
    count: i64,
) -> DbResult<Vec<DeadEntry>> {
    let mut binds = Binds::default();
    let period = wanted.period("created_at", &mut binds);
    let bind = |id: i64, binds: &mut Binds| binds.add(id);
    let after = after.map(|after| after.condition("created_at", "id", &mut binds, bind)).unwrap_or_default();
    let limit = binds.add(count);
    let text = format!(
        "SELECT id, payload, reason, created_at AS died_at FROM dead_entries WHERE 1 = 1{period}{after} \
         ORDER BY created_at DESC, id DESC LIMIT {limit}"
    );
    all(conn, &text, binds).await
}

/// Moves the delivery deadline of fan-outs that it has passed and that have fitting dead deliveries, up to `until` and
/// never past the notice's bid deadline; returns how many.
pub async fn extend(tx: &Tx, wanted: &Narrowed, until: Timestamp, now: Timestamp) -> DbResult<u64> {
    let mut binds = Binds::default();
    let conditions = wanted.deliveries(&mut binds);
    let (until, now) = (binds.add(until), binds.add(now));
    let least = match tx.get_database_backend() {
        DbBackend::Postgres => "LEAST",
        _ => "MIN",
    };
    let chunks = match wanted.takes_chunks() {
        true => format!(
            " OR id IN (SELECT c.fan_out_id FROM chunks c JOIN fan_outs f ON f.id = c.fan_out_id WHERE {})",
            wanted.chunks(&mut binds)
        ),
        false => String::new(),
    };
    // A withdrawal is told whatever the bids' deadline.
    let latest = format!(
        "(SELECT CASE WHEN fan_outs.kind = 'withdrawal' THEN {until} ELSE {least}({until}, \
           COALESCE(n.bid_deadline_at, {until})) END FROM notices n WHERE n.id = fan_outs.notice_id)"
    );
    let text = format!(
        "UPDATE fan_outs SET deadline_at = {latest} WHERE deadline_at <= {now} AND {latest} > {now} \
           AND (id IN (SELECT d.fan_out_id FROM deliveries d WHERE {conditions}){chunks})"
    );
    execute(&**tx, &text, binds).await
}

/// Makes fitting deliveries of one state due now, the longest dead first, as far as their deadline has not passed;
/// `to` is what the state machine says.
pub async fn replay(tx: &Tx, wanted: &Narrowed, from: State, to: State, now: Timestamp, most: i64) -> DbResult<u64> {
    let mut binds = Binds::default();
    let conditions = wanted.deliveries(&mut binds);
    let (from, before, most) = (binds.add(from), binds.add(now), binds.add(most));
    let lock = if sql::skip_locked(&**tx).is_empty() { "" } else { "FOR UPDATE OF d SKIP LOCKED" };
    let chosen = format!(
        "FROM deliveries d JOIN fan_outs f ON f.id = d.fan_out_id WHERE {conditions} AND d.state = {from} \
           AND f.deadline_at > {before} ORDER BY d.decided_at LIMIT {most} {lock}"
    );
    let set = |binds: &mut Binds| {
        format!("state = {}, reason = NULL, due_at = {}, leased_until = 0", binds.add(to), binds.add(now))
    };
    reach_counts::change(tx, &chosen, binds, set).await
}

/// How many fitting deliveries are past their deadline.
pub async fn overdue(conn: &impl ConnectionTrait, wanted: &Narrowed, now: Timestamp) -> DbResult<i64> {
    let mut binds = Binds::default();
    let conditions = wanted.deliveries(&mut binds);
    let now = binds.add(now);
    let text = format!(
        "SELECT count(*) AS value FROM deliveries d JOIN fan_outs f ON f.id = d.fan_out_id \
         WHERE {conditions} AND f.deadline_at <= {now}"
    );
    value(conn, &text, binds).await
}

/// A chunk that is open again.
#[derive(Debug, Clone, Copy, FromQueryResult)]
pub struct Reopened {
    /// The chunk.
    pub id: ChunkId,
    /// Whose it is.
    pub fan_out_id: FanOutId,
    lane: i64,
}

impl Reopened {
    /// Its fan-out's lane.
    pub fn lane(&self) -> Lane {
        Lane::of(self.lane)
    }
}

/// Opens fitting dead chunks again as if they had never been begun, as far as their deadline has not passed or they are
/// for inboxes alone, and the fan-outs that had ended without them. They
/// are marked as rung, so the sweep rings if the caller's bell is lost.
pub async fn reopen(tx: &Tx, wanted: &Narrowed, now: Timestamp, most: i64) -> DbResult<Vec<Reopened>> {
    let mut binds = Binds::default();
    let conditions = wanted.chunks(&mut binds);
    let (now, most) = (binds.add(now), binds.add(most));
    let lock = if sql::skip_locked(&**tx).is_empty() { "" } else { "FOR UPDATE OF c SKIP LOCKED" };
    let text = format!(
        "UPDATE chunks SET state = 'open', attempts = 0, alone = false, finished_at = NULL, rung_at = {now}, leased_until = 0 \
         WHERE id IN (SELECT c.id FROM chunks c JOIN fan_outs f ON f.id = c.fan_out_id WHERE {conditions} \
             AND (f.deadline_at > {now} OR f.announce = 'inbox') ORDER BY c.finished_at LIMIT {most} {lock}) \
         RETURNING id, fan_out_id, (SELECT lane FROM fan_outs WHERE fan_outs.id = chunks.fan_out_id) AS lane"
    );
    let opened: Vec<Reopened> = all(&**tx, &text, binds).await?;
    let set = sql::uuid_set(&**tx, opened.iter().map(|chunk| chunk.fan_out_id.as_uuid()));
    let text = format!(
        "UPDATE fan_outs SET state = 'planned', finished_at = NULL, reach_checked_at = NULL WHERE state = 'done' AND {}",
        sql::is_in(&**tx, "id", "$1", sql::Of::Uuids)
    );
    execute(&**tx, &text, [set]).await?;
    Ok(opened)
}
