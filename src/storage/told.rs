//! What was announced lately, to try filters against: the editions of notices in the order of commits, in slices.
//!
//! Promise: [`stream`] yields every edition of its slice that may satisfy the filter (or misses it in one part, where
//! that is asked for), with the facts that the filter asks for; whether it does, the caller's own matcher says. Only what
//! a filter asks for is read: texts are read for filters with words, and for editions that everything else admits.

use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use sea_orm::{ConnectionTrait, FromQueryResult, StreamTrait};

use super::search::former::editions;
use super::sql::{self, Binds, Column, Of};
use super::{DbError, DbResult, all, one, statement};
use crate::domain::id::NoticeId;
use crate::domain::subscription::{Facts, Filter, UnknownAmount, project_key};
use crate::domain::time::Timestamp;

/// What is announced: what [`stream`] reads, as the index says it.
const TOLD: &str = "r.announce <> 'none' AND r.kind <> 'withdrawal'";

/// An edition that was announced.
#[derive(Debug, Clone)]
pub struct Told {
    /// The notice.
    pub notice: NoticeId,
    /// The edition.
    pub revision: i64,
    /// Its position.
    pub position: i64,
    /// When it came.
    pub at: Timestamp,
    /// What was asked for of its facts.
    pub facts: Facts,
}

/// A place in the order of editions, by when they came and their positions.
pub type Place = (Timestamp, i64);

#[derive(FromQueryResult)]
struct PlaceRow {
    created_at: Timestamp,
    position: i64,
}

/// When the first edition came that was announced.
pub async fn first(conn: &impl ConnectionTrait) -> DbResult<Option<Timestamp>> {
    let text = format!("SELECT r.created_at, r.position FROM notice_revisions r WHERE {TOLD} ORDER BY 1, 2 LIMIT 1");
    let row: Option<PlaceRow> = one(conn, &text, []).await?;
    Ok(row.map(|row| row.created_at))
}

/// The place of the edition that is `count` before a place, not before an instant; nothing when there are fewer.
pub async fn back(conn: &impl ConnectionTrait, from: Timestamp, before: Place, count: i64) -> DbResult<Option<Place>> {
    let text = format!(
        "SELECT r.created_at, r.position FROM notice_revisions r \
         WHERE {TOLD} AND r.created_at >= $1 AND (r.created_at, r.position) < ($2, $3) \
         ORDER BY r.created_at DESC, r.position DESC LIMIT 1 OFFSET $4"
    );
    let row: Option<PlaceRow> =
        one(conn, &text, [from.into(), before.0.into(), before.1.into(), (count - 1).into()]).await?;
    Ok(row.map(|row| (row.created_at, row.position)))
}

/// A part of what was announced: `from <= place < before`.
#[derive(Debug, Clone, Copy)]
pub struct Slice {
    /// Inclusive.
    pub from: Place,
    /// Exclusive.
    pub before: Place,
}

/// Which editions of a slice are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Those that may satisfy the filter.
    All,
    /// Those, and those that miss it in one part.
    AllButOne,
}

/// The editions of a slice, the newest first.
pub async fn stream<'a, C: ConnectionTrait + StreamTrait>(
    conn: &'a C,
    slice: Slice,
    filter: &Filter,
    strictness: Strictness,
) -> DbResult<BoxStream<'a, DbResult<Told>>> {
    let mut binds = Binds::default();
    let (from_at, from_position) = (binds.add(slice.from.0), binds.add(slice.from.1));
    let (before_at, before_position) = (binds.add(slice.before.0), binds.add(slice.before.1));
    let admitted = admitted(conn, filter, strictness, &mut binds);
    let text = format!(
        "SELECT {facts} FROM notice_revisions r \
         WHERE {TOLD} AND r.created_at >= {from_at} AND r.created_at <= {before_at} \
           AND (r.created_at, r.position) >= ({from_at}, {from_position}) \
           AND (r.created_at, r.position) < ({before_at}, {before_position}){admitted} \
         ORDER BY r.created_at DESC, r.position DESC",
        facts = facts(filter),
    );
    let rows = conn.stream_raw(statement(conn, &text, binds)).await?;
    Ok(rows.map_err(DbError::from).and_then(|row| async move { told(&row) }).boxed())
}

/// What is read of an edition: what a filter asks for.
fn facts(filter: &Filter) -> String {
    let asked = |is_asked: bool, column: &'static str, none: &'static str| if is_asked { column } else { none };
    format!(
        "r.notice_id, r.revision, r.position, r.created_at, r.category_path, r.region_path, r.notice_type, r.stage, \
         r.amount_fen, {project} AS project_key, {purchasers} AS purchaser_keys, {folded} AS folded",
        project = asked(filter.project.is_some(), "r.project_key", "NULL"),
        purchasers = asked(filter.purchaser.is_some(), "r.purchaser_keys", "'[]'"),
        folded = asked(!filter.keywords.is_empty(), "r.folded", "''"),
    )
}

/// What is asked of an edition besides its place, as a condition that goes on.
fn admitted(conn: &impl ConnectionTrait, filter: &Filter, strictness: Strictness, binds: &mut Binds) -> String {
    let parts = parts(conn, filter, binds);
    match strictness {
        _ if parts.is_empty() => String::new(),
        Strictness::All => format!(" AND {}", parts.join(" AND ")),
        Strictness::AllButOne => {
            let missed: Vec<String> = parts.iter().map(|part| format!("CASE WHEN {part} THEN 0 ELSE 1 END")).collect();
            format!(" AND {} <= 1", missed.join(" + "))
        }
    }
}

/// An edition, and its place.
#[derive(Debug, Clone, Copy, FromQueryResult)]
pub struct Key {
    /// The notice.
    pub notice_id: NoticeId,
    /// The edition.
    pub revision: i64,
    /// When it came.
    pub created_at: Timestamp,
    /// Its position.
    pub position: i64,
}

/// The editions for which slots of the index stand, of those that [`stream`] would yield in this slice, the newest first.
/// No text is read.
pub async fn keys(
    conn: &impl ConnectionTrait,
    slots: impl IntoIterator<Item = i64>,
    slice: Slice,
    (filter, strictness): (&Filter, Strictness),
) -> DbResult<Vec<Key>> {
    let mut binds = Binds::default();
    let slots = binds.add(sql::integer_set(conn, slots));
    let (from, before) = (binds.add(slice.from.0), binds.add(slice.before.0));
    let admitted = admitted(conn, filter, strictness, &mut binds);
    // CROSS JOIN: each is looked up.
    let text = format!(
        "SELECT r.notice_id, r.revision, r.created_at, r.position FROM ({}) k CROSS JOIN notice_revisions r \
         WHERE r.notice_id = k.notice_id AND r.revision = k.revision AND {TOLD} AND r.created_at >= {from} \
           AND r.created_at <= {before}{admitted}",
        editions(conn, &slots)
    );
    let mut keys: Vec<Key> = all(conn, &text, binds).await?;
    keys.retain(|key| (slice.from..slice.before).contains(&(key.created_at, key.position)));
    keys.sort_unstable_by_key(|key| std::cmp::Reverse((key.created_at, key.position)));
    Ok(keys)
}

/// These editions, in no order.
pub async fn of_keys(conn: &impl ConnectionTrait, keys: &[Key], filter: &Filter) -> DbResult<Vec<Told>> {
    let mut binds = Binds::default();
    let columns = vec![
        ("notice_id", Column::Uuids(keys.iter().map(|key| key.notice_id.as_uuid()).collect())),
        ("revision", Column::Integers(keys.iter().map(|key| key.revision).collect())),
    ];
    let keys = sql::table(conn, &mut binds, columns);
    let text = format!(
        "SELECT {} FROM {keys} k CROSS JOIN notice_revisions r \
         WHERE r.notice_id = k.notice_id AND r.revision = k.revision",
        facts(filter)
    );
    let rows = conn.query_all_raw(statement(conn, &text, binds)).await?;
    rows.iter().map(told).collect()
}

/// What each part of a filter asks of an edition that can be asked without its text and its purchasers.
fn parts(conn: &impl ConnectionTrait, filter: &Filter, binds: &mut Binds) -> Vec<String> {
    let mut parts = Vec::new();
    for (column, codes) in [("r.category_path", &filter.categories), ("r.region_path", &filter.regions)] {
        let on_path = codes.iter().map(|code| {
            let step = binds.add(format!("/{code}/"));
            sql::contains(conn, column, &step)
        });
        let on_path: Vec<String> = on_path.collect();
        parts.extend((!on_path.is_empty()).then(|| format!("({})", on_path.join(" OR "))));
    }
    if !filter.notice_types.is_empty() || !filter.stages.is_empty() {
        let types = binds.add(sql::text_set(conn, filter.notice_types.iter().cloned()));
        let stages = binds.add(sql::text_set(conn, filter.stages.iter().cloned()));
        parts.push(format!(
            "({} OR {})",
            sql::is_in(conn, "r.notice_type", &types, Of::Texts),
            sql::is_in(conn, "r.stage", &stages, Of::Texts)
        ));
    }
    if let Some(amount) = filter.amount {
        let unknown = if amount.unknown == UnknownAmount::Include { "true" } else { "false" };
        let mut bounds: Vec<String> = vec!["r.amount_fen IS NOT NULL".to_owned()];
        bounds.extend(amount.min_fen.map(|min| format!("r.amount_fen >= {}", binds.add(min))));
        bounds.extend(amount.max_fen.map(|max| format!("r.amount_fen <= {}", binds.add(max))));
        parts.push(format!("(({}) OR (r.amount_fen IS NULL AND {unknown}))", bounds.join(" AND ")));
    }
    if let Some(project) = &filter.project {
        let key = binds.add(project_key(project));
        parts.push(format!("(r.project_key IS NOT NULL AND r.project_key = {key})"));
    }
    parts
}

fn told(row: &sea_orm::QueryResult) -> DbResult<Told> {
    let notice: NoticeId = row.try_get("", "notice_id")?;
    let purchasers: String = row.try_get("", "purchaser_keys")?;
    let purchaser_keys = serde_json::from_str(&purchasers)
        .map_err(|error| DbError::Fault(sea_orm::DbErr::Type(format!("the purchaser's keys of {notice}: {error}"))))?;
    let facts = Facts {
        category_path: row.try_get("", "category_path")?,
        region_path: row.try_get("", "region_path")?,
        notice_type: row.try_get("", "notice_type")?,
        stage: row.try_get("", "stage")?,
        project_key: row.try_get("", "project_key")?,
        purchaser_keys,
        amount_fen: row.try_get("", "amount_fen")?,
        folded: row.try_get("", "folded")?,
    };
    Ok(Told {
        notice,
        revision: row.try_get("", "revision")?,
        position: row.try_get("", "position")?,
        at: row.try_get("", "created_at")?,
        facts,
    })
}

/// An edition that amends another notice: whoever has that one gets it.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Amending {
    /// The notice.
    pub notice_id: NoticeId,
    /// The edition.
    pub revision: i64,
    /// Its position.
    pub position: i64,
    /// When it came.
    pub created_at: Timestamp,
    /// Its stage.
    pub stage: String,
    /// The notice that it amends.
    pub amends: NoticeId,
}

/// The editions since an instant that amend another notice, in the order of their positions; at most `limit`, the newest
/// ones.
pub async fn amending(conn: &impl ConnectionTrait, from: Timestamp, limit: i64) -> DbResult<Vec<Amending>> {
    let text = format!(
        "SELECT r.notice_id, r.revision, r.position, r.created_at, r.stage, r.amends FROM notice_revisions r \
         WHERE {TOLD} AND r.created_at >= $1 AND r.amends IS NOT NULL \
         ORDER BY r.created_at DESC, r.position DESC LIMIT $2"
    );
    let mut found: Vec<Amending> = all(conn, &text, [from.into(), limit.into()]).await?;
    found.sort_unstable_by_key(|one| one.position);
    Ok(found)
}
