//! Scheduled notices: what waits for its time, and what became of it.
//!
//! Promise: when something is due is judged by the database's own clock alone. A row that waits is ended once: every
//! end is written under `state = 'scheduled'` and the version that its writer read.

use std::time::Duration;

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::sql::Binds;
use super::{DbResult, Tx, all, execute, lease, one, sql, value};
use crate::domain::id::{NoticeId, PublisherId, PublisherKeyId, ScheduledNoticeId};
use crate::domain::publisher::Scope;
use crate::domain::scheduled::{NotPublished, ScheduledState};
use crate::domain::time::Timestamp;

/// A scheduled notice, but for what was handed in.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Scheduled {
    /// Its id.
    pub id: ScheduledNoticeId,
    /// Who handed it in.
    pub publisher_id: PublisherId,
    /// By which key.
    pub key_id: PublisherKeyId,
    /// The system it comes from.
    pub source: String,
    /// What that system calls it.
    pub source_id: String,
    /// Its title.
    pub title: String,
    /// Its category's ancestors and itself, as they were when it was handed in.
    pub category_path: String,
    /// Its region's ancestors and itself, as they were when it was handed in.
    pub region_path: String,
    /// Names what was handed in.
    pub draft_hash: Vec<u8>,
    /// Grows when another draft takes its place.
    pub version: i64,
    /// When it is to be published.
    pub publish_at: Timestamp,
    /// How often publishing it has failed by no fault of its own.
    pub attempts: i64,
    /// How it stands.
    pub state: ScheduledState,
    /// Why it was not published.
    pub reason: Option<NotPublished>,
    /// More about the reason: an id, what is wrong where.
    pub detail: Option<String>,
    /// The notice that it became.
    pub notice_id: Option<NoticeId>,
    /// When it was handed in.
    pub created_at: Timestamp,
    /// When it was last handed in.
    pub updated_at: Timestamp,
    /// When it was published, refused or cancelled.
    pub ended_at: Option<Timestamp>,
}

const COLUMNS: &str = "id, publisher_id, key_id, source, source_id, title, category_path, region_path, draft_hash, \
    version, publish_at, attempts, state, reason, detail, notice_id, created_at, updated_at, ended_at";

/// Stores one that waits.
pub async fn insert(tx: &Tx, new: &Scheduled, draft: &str) -> DbResult<u64> {
    execute(
        &**tx,
        "INSERT INTO scheduled_notices (id, publisher_id, key_id, source, source_id, title, category_path, \
           region_path, draft, draft_hash, version, publish_at, due_at, attempts, state, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, 0, $13, $14, $14)",
        [
            new.id.into(),
            new.publisher_id.into(),
            new.key_id.into(),
            new.source.as_str().into(),
            new.source_id.as_str().into(),
            new.title.as_str().into(),
            new.category_path.as_str().into(),
            new.region_path.as_str().into(),
            draft.into(),
            new.draft_hash.clone().into(),
            new.version.into(),
            new.publish_at.into(),
            new.state.into(),
            new.created_at.into(),
        ],
    )
    .await
}

/// Puts another draft in the place of one that waits.
pub async fn replace(tx: &Tx, new: &Scheduled, draft: &str) -> DbResult<u64> {
    execute(
        &**tx,
        "UPDATE scheduled_notices SET key_id = $2, title = $3, category_path = $4, region_path = $5, draft = $6, \
           draft_hash = $7, version = $8, publish_at = $9, due_at = $9, attempts = 0, updated_at = $10 \
         WHERE id = $1 AND state = 'scheduled'",
        [
            new.id.into(),
            new.key_id.into(),
            new.title.as_str().into(),
            new.category_path.as_str().into(),
            new.region_path.as_str().into(),
            draft.into(),
            new.draft_hash.clone().into(),
            new.version.into(),
            new.publish_at.into(),
            new.updated_at.into(),
        ],
    )
    .await
}

/// A publisher's scheduled notice.
pub async fn find(
    conn: &impl ConnectionTrait,
    publisher: PublisherId,
    id: ScheduledNoticeId,
) -> DbResult<Option<Scheduled>> {
    one(conn, &of_publisher(""), [publisher.into(), id.into()]).await
}

/// A publisher's scheduled notice, held until the transaction ends.
pub async fn find_for_update(tx: &Tx, publisher: PublisherId, id: ScheduledNoticeId) -> DbResult<Option<Scheduled>> {
    one(&**tx, &of_publisher(sql::for_update(&**tx)), [publisher.into(), id.into()]).await
}

fn of_publisher(held: &str) -> String {
    format!("SELECT {COLUMNS} FROM scheduled_notices WHERE publisher_id = $1 AND id = $2 {held}")
}

/// The one that was handed in last under a natural key.
pub async fn find_by_source(conn: &impl ConnectionTrait, source: &str, source_id: &str) -> DbResult<Option<Scheduled>> {
    let text = format!(
        "SELECT {COLUMNS} FROM scheduled_notices WHERE source = $1 AND source_id = $2 ORDER BY id DESC LIMIT 1"
    );
    one(conn, &text, [source.into(), source_id.into()]).await
}

/// What was handed in.
pub async fn draft(conn: &impl ConnectionTrait, id: ScheduledNoticeId) -> DbResult<String> {
    value(conn, "SELECT draft AS value FROM scheduled_notices WHERE id = $1", [id.into()]).await
}

/// How many of a publisher's wait; counted to `limit` and no further.
pub async fn count_waiting(conn: &impl ConnectionTrait, publisher: PublisherId, limit: i64) -> DbResult<i64> {
    let text = "SELECT COUNT(*) AS value FROM (SELECT 1 FROM scheduled_notices \
                WHERE publisher_id = $1 AND state = 'scheduled' LIMIT $2) w";
    value(conn, text, [publisher.into(), limit.into()]).await
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Narrowed<'a> {
    /// One publisher's; everybody's for operators.
    pub publisher: Option<PublisherId>,
    /// Those that a key may handle.
    pub within: Option<&'a Scope>,
    /// Those that stand like this.
    pub state: Option<ScheduledState>,
    /// Those that were handed in before this one.
    pub before: Option<ScheduledNoticeId>,
}

/// Scheduled notices, the one that was handed in last first.
pub async fn list(conn: &impl ConnectionTrait, wanted: &Narrowed<'_>, count: i64) -> DbResult<Vec<Scheduled>> {
    let mut binds = Binds::default();
    let conditions = [
        wanted.publisher.map(|publisher| format!("publisher_id = {}", binds.add(publisher))),
        wanted.state.map(|state| format!("state = {}", binds.add(state))),
        wanted.before.map(|before| format!("id < {}", binds.add(before))),
    ];
    let mut conditions: Vec<String> = conditions.into_iter().flatten().collect();
    conditions.extend(wanted.within.map(|scope| within(&mut binds, scope)).unwrap_or_default());
    let narrowed = if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
    let limit = binds.add(count);
    let text = format!("SELECT {COLUMNS} FROM scheduled_notices {narrowed} ORDER BY id DESC LIMIT {limit}");
    all(conn, &text, binds).await
}

/// As [`Scope::allows`].
fn within(binds: &mut Binds, scope: &Scope) -> Vec<String> {
    let sources: Vec<String> =
        scope.sources.iter().map(|source| format!("source = {}", binds.add(source.as_str()))).collect();
    let mut under = |path: &str, codes: &[String]| -> Vec<String> {
        // A path without a code that is in it is another one; codes may hold what LIKE takes for something else.
        codes.iter().map(|code| format!("replace({path}, {}, '') <> {path}", binds.add(format!("/{code}/")))).collect()
    };
    let (categories, regions) = (under("category_path", &scope.categories), under("region_path", &scope.regions));
    let named = [sources, categories, regions].into_iter().filter(|any| !any.is_empty());
    named.map(|any| format!("({})", any.join(" OR "))).collect()
}

/// The longest that one is put off.
pub const MAX_WAIT: Duration = Duration::from_secs(60);

/// Those whose time has come, the longest due first. What was put off for longer than anything is put off met a clock
/// that was put back.
pub async fn due(conn: &impl ConnectionTrait, count: i64) -> DbResult<Vec<Scheduled>> {
    let now = sql::now(conn);
    let text = format!(
        "SELECT {COLUMNS} FROM scheduled_notices WHERE state = 'scheduled' AND publish_at <= {now} \
           AND (due_at <= {now} OR due_at > {now} + {}) ORDER BY publish_at, id LIMIT $1",
        lease::millis(MAX_WAIT)
    );
    all(conn, &text, [count.into()]).await
}

/// How long it is until the time of the next one comes; nothing when none waits for its time.
pub async fn next_in(conn: &impl ConnectionTrait) -> DbResult<Option<Duration>> {
    let text = format!(
        "SELECT MIN(publish_at) - {now} AS value FROM scheduled_notices WHERE state = 'scheduled' AND publish_at > {now}",
        now = sql::now(conn)
    );
    let millis: Option<i64> = value(conn, &text, []).await?;
    Ok(millis.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0))))
}

/// Takes one that waits in the version that was read, until the transaction ends; `false` when somebody else has it, or
/// has ended or replaced it.
pub async fn take(tx: &Tx, id: ScheduledNoticeId, version: i64) -> DbResult<bool> {
    let text = format!(
        "SELECT {COLUMNS} FROM scheduled_notices WHERE id = $1 AND state = 'scheduled' AND version = $2 {}",
        sql::skip_locked(&**tx)
    );
    let taken: Option<Scheduled> = one(&**tx, &text, [id.into(), version.into()]).await?;
    Ok(taken.is_some())
}

/// What became of one that waited.
#[derive(Debug, Clone)]
pub enum End {
    /// It became this notice.
    Published(NoticeId),
    /// It was not published, for a reason and with more about it. What was handed in is kept, to be handed in again.
    Refused(NotPublished, Option<String>),
    /// Its publisher took it back.
    Cancelled,
}

/// Ends one that waits in this version; says whether it did.
pub async fn end(tx: &Tx, id: ScheduledNoticeId, version: i64, end: &End, now: Timestamp) -> DbResult<bool> {
    let (state, reason, detail, notice) = match end {
        End::Published(notice) => (ScheduledState::Published, None, None, Some(*notice)),
        End::Refused(reason, detail) => (ScheduledState::Refused, Some(*reason), detail.clone(), None),
        End::Cancelled => (ScheduledState::Cancelled, None, None, None),
    };
    let ended = execute(
        &**tx,
        "UPDATE scheduled_notices SET state = $3, reason = $4, detail = $5, notice_id = $6, ended_at = $7, \
           draft = CASE WHEN $3 = 'refused' THEN draft ELSE '' END \
         WHERE id = $1 AND version = $2 AND state = 'scheduled'",
        [id.into(), version.into(), state.into(), reason.into(), detail.into(), notice.into(), now.into()],
    )
    .await?;
    Ok(ended == 1)
}

/// Tries one again later, by no more than [`MAX_WAIT`], after a failure that is none of its own.
pub async fn postpone(conn: &impl ConnectionTrait, id: ScheduledNoticeId, wait: Duration) -> DbResult<u64> {
    let text = format!(
        "UPDATE scheduled_notices SET attempts = attempts + 1, due_at = {} + $2 WHERE id = $1 AND state = 'scheduled'",
        sql::now(conn)
    );
    execute(conn, &text, [id.into(), lease::millis(wait).into()]).await
}

/// When the one that has waited longest was to be published.
pub async fn oldest_waiting(conn: &impl ConnectionTrait) -> DbResult<Option<Timestamp>> {
    value(conn, "SELECT MIN(publish_at) AS value FROM scheduled_notices WHERE state = 'scheduled'", []).await
}

/// Forgets what ended before an instant, at most `limit`; says how many.
pub async fn forget_ended(conn: &impl ConnectionTrait, before: Timestamp, limit: i64) -> DbResult<u64> {
    let text = "DELETE FROM scheduled_notices WHERE id IN \
                (SELECT id FROM scheduled_notices WHERE ended_at < $1 LIMIT $2)";
    execute(conn, text, [before.into(), limit.into()]).await
}
