//! The public lists.
//!
//! Promise: a page costs about the same however many notices there are. The query is driven by the rows of the
//! rarest scope that was asked for, in the order of the list, and asks the other scopes by key; it never sorts, and how
//! common a scope is, is never counted further than [`COUNTED`].

use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::{COLUMNS, Notice};
use crate::domain::id::NoticeId;
use crate::domain::time::Timestamp;
use crate::storage::sql::Of;
use crate::storage::{DbResult, all, sql, value};

/// Scopes with more rows than this are taken to be equally common.
const COUNTED: i64 = 2_000;

/// What a list is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrowed {
    /// Scopes that a notice must stand in, the one that is likely the rarest first.
    pub scopes: Vec<String>,
    /// A project's code, folded.
    pub project_key: Option<String>,
    /// The notice that they amend.
    pub amends: Option<NoticeId>,
    /// A word of `NoticeState`.
    pub state: Option<&'static str>,
    /// Published at this instant or later.
    pub from: Option<Timestamp>,
    /// Published before this instant.
    pub to: Option<Timestamp>,
    /// Later in the list than this notice.
    pub after: Option<(Timestamp, NoticeId)>,
}

/// A notice, its publisher's name and the document of its newest edition.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The notice.
    pub notice: Notice,
    /// Who handed it in.
    pub publisher_name: String,
    /// JSON of `Content`.
    pub document: String,
    /// Why the newest edition was made.
    pub reason: Option<String>,
    /// How often it was read.
    pub views: i64,
}

impl FromQueryResult for Listed {
    fn from_query_result(row: &sea_orm::QueryResult, prefix: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self {
            notice: Notice::from_query_result(row, prefix)?,
            publisher_name: row.try_get(prefix, "publisher_name")?,
            document: row.try_get(prefix, "document")?,
            reason: row.try_get(prefix, "reason")?,
            views: row.try_get(prefix, "views")?,
        })
    }
}

pub(super) const LISTED: &str = "p.name AS publisher_name, v.document, v.reason, COALESCE(w.views, 0) AS views";
pub(super) const JOINED: &str = "JOIN notice_revisions v ON v.notice_id = n.id AND v.revision = n.revision \
    JOIN publishers p ON p.id = n.publisher_id LEFT JOIN notice_views w ON w.notice_id = n.id";

/// Placeholders and what they stand for.
#[derive(Default)]
struct Binds(Vec<Value>);

impl Binds {
    fn add(&mut self, value: impl Into<Value>) -> String {
        self.0.push(value.into());
        format!("${}", self.0.len())
    }
}

/// Notices, the newest first. `scopes` are those of `wanted`, the rarest first: see [`rows_of`].
pub async fn newest(
    conn: &impl ConnectionTrait,
    wanted: &Narrowed,
    scopes: &[String],
    count: i64,
) -> DbResult<Vec<Listed>> {
    let everything = ["*".to_owned()];
    let (text, values) = newest_text(wanted, if scopes.is_empty() { &everything } else { scopes }, count);
    all(conn, &text, values).await
}

fn newest_text(wanted: &Narrowed, scopes: &[String], count: i64) -> (String, Vec<Value>) {
    let mut binds = Binds::default();
    let by_key = wanted.project_key.is_some() || wanted.amends.is_some();
    // `d` drives: it has published_at and the notice's id, in the order of the list.
    let (from, id) = if by_key {
        ("notices n", "n.id")
    } else {
        ("notice_scopes d JOIN notices n ON n.id = d.notice_id", "d.notice_id")
    };
    let at = if by_key { "n.published_at" } else { "d.published_at" };
    let mut conditions: Vec<String> = Vec::new();
    if let Some(key) = &wanted.project_key {
        conditions.push(format!("n.project_key = {}", binds.add(key.as_str())));
    }
    if let Some(amended) = wanted.amends {
        conditions.push(format!("n.amends = {}", binds.add(amended)));
    }
    let mut bounds: Vec<(&str, String)> = Vec::new();
    bounds.extend(wanted.from.map(|from| (">=", binds.add(from))));
    bounds.extend(wanted.to.map(|to| ("<", binds.add(to))));
    let after = wanted.after.map(|(published_at, notice)| (binds.add(published_at), binds.add(notice)));
    let within = |at: &str, id: &str| {
        let cursor = after.iter().map(|(after_at, after_id)| format!("({at}, {id}) < ({after_at}, {after_id})"));
        bounds.iter().map(|(sign, bind)| format!("{at} {sign} {bind}")).chain(cursor).collect::<Vec<_>>()
    };
    conditions.extend(within(at, id));
    for (place, scope) in scopes.iter().enumerate() {
        let bind = binds.add(scope.as_str());
        if place == 0 && !by_key {
            conditions.push(format!("d.scope = {bind}"));
            continue;
        }
        // The bounds follow from the equalities; said again, an engine that merges two scopes begins at the cursor in both.
        let mut same = vec![format!("x.scope = {bind} AND x.published_at = {at} AND x.notice_id = {id}")];
        same.extend(within("x.published_at", "x.notice_id"));
        conditions.push(format!("EXISTS (SELECT 1 FROM notice_scopes x WHERE {})", same.join(" AND ")));
    }
    if let Some(state) = wanted.state {
        conditions.push(format!("n.state = {}", binds.add(state)));
    }
    let conditions = conditions.join(" AND ");
    let limit = binds.add(count);
    let text = format!(
        "SELECT {COLUMNS}, {LISTED} FROM {from} {JOINED} WHERE {conditions} ORDER BY {at} DESC, {id} DESC LIMIT {limit}"
    );
    (text, binds.0)
}

/// These scopes with the rarest one first; the one that holds everything, when there are none.
pub(super) async fn rarest(conn: &impl ConnectionTrait, scopes: &[String]) -> DbResult<Vec<String>> {
    if scopes.is_empty() {
        return Ok(vec!["*".to_owned()]);
    }
    let mut counted: Vec<(i64, String)> = Vec::new();
    for scope in scopes {
        let rows = if scopes.len() == 1 { 0 } else { rows_of(conn, scope).await? };
        counted.push((rows, scope.clone()));
    }
    // Stable: of equally common scopes the first stays first.
    counted.sort_by_key(|(rows, _)| *rows);
    Ok(counted.into_iter().map(|(_, scope)| scope).collect())
}

/// How many notices stand in a scope, as far as that is counted: one index range of bounded length.
pub async fn rows_of(conn: &impl ConnectionTrait, scope: &str) -> DbResult<i64> {
    let text = "SELECT COUNT(*) AS value FROM (SELECT 1 FROM notice_scopes WHERE scope = $1 LIMIT $2) AS s";
    value(conn, text, [scope.into(), COUNTED.into()]).await
}

/// A notice and its body.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The notice.
    pub listed: Listed,
    /// Its body; nothing once it is withdrawn.
    pub body_html: Option<String>,
}

impl FromQueryResult for Shown {
    fn from_query_result(row: &sea_orm::QueryResult, prefix: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self { listed: Listed::from_query_result(row, prefix)?, body_html: row.try_get(prefix, "body_html")? })
    }
}

/// These notices, in no order.
pub async fn listed(conn: &impl ConnectionTrait, ids: &[NoticeId]) -> DbResult<Vec<Listed>> {
    let text = format!(
        "SELECT {COLUMNS}, {LISTED} FROM notices n {JOINED} WHERE {}",
        sql::is_in(conn, "n.id", "$1", Of::Uuids)
    );
    all(conn, &text, [sql::uuid_set(conn, ids.iter().map(|id| id.as_uuid()))]).await
}

/// A document that was found, and its notice.
#[derive(Debug, Clone)]
pub struct Found {
    /// The document's number.
    pub doc: i64,
    /// The notice and its body.
    pub shown: Shown,
}

impl FromQueryResult for Found {
    fn from_query_result(row: &sea_orm::QueryResult, prefix: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self { doc: row.try_get(prefix, "doc")?, shown: Shown::from_query_result(row, prefix)? })
    }
}

/// The notices of these documents with their bodies, in no order.
pub async fn found(conn: &impl ConnectionTrait, docs: &[i64]) -> DbResult<Vec<Found>> {
    let text = format!(
        "SELECT s.doc, {COLUMNS}, {LISTED}, CASE WHEN n.state = 'published' THEN v.body_html END AS body_html \
         FROM search_documents s JOIN notices n ON n.id = s.notice_id {JOINED} WHERE {}",
        sql::is_in(conn, "s.doc", "$1", Of::Integers)
    );
    all(conn, &text, [sql::integer_set(conn, docs.iter().copied())]).await
}

/// A notice with its body, and the newest notices that amend it without theirs, in no order.
pub async fn with_amendments(conn: &impl ConnectionTrait, id: NoticeId, count: i64) -> DbResult<Vec<Shown>> {
    let text = format!(
        "SELECT {COLUMNS}, {LISTED}, CASE WHEN n.id = $1 AND n.state = 'published' THEN v.body_html END AS body_html \
         FROM notices n {JOINED} WHERE n.id IN (SELECT $1 UNION ALL SELECT m.id FROM (SELECT a.id FROM notices a \
           WHERE a.amends = $1 ORDER BY a.published_at DESC, a.id DESC LIMIT $2) m)"
    );
    all(conn, &text, [id.into(), count.into()]).await
}

/// A project's notices, the oldest first.
pub async fn of_project(conn: &impl ConnectionTrait, project_key: &str, count: i64) -> DbResult<Vec<Listed>> {
    let text = format!(
        "SELECT {COLUMNS}, {LISTED} FROM notices n {JOINED} WHERE n.project_key = $1 \
         ORDER BY n.published_at, n.id LIMIT $2"
    );
    all(conn, &text, [project_key.into(), count.into()]).await
}
