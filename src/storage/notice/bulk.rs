//! Many notices at once: what publishing asks of the record and writes into it, each in one statement for all of them.
//!
//! Promise: every question is the one that is asked for a single notice, with the same answer. `n` in an answer is the
//! number that the asker gave.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::revision::Revision;
use super::{COLUMNS, Notice, scopes};
use crate::domain::id::NoticeId;
use crate::domain::time::Timestamp;
use crate::storage::rows::{self, Cells, Rows};
use crate::storage::sql::{self, Binds, Of};
use crate::storage::{DbResult, Tx, all};

/// A notice that was found for somebody.
#[derive(Debug)]
pub struct Found {
    /// For whom.
    pub n: i64,
    /// What.
    pub notice: Notice,
}

impl FromQueryResult for Found {
    fn from_query_result(row: &sea_orm::QueryResult, prefix: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self { n: row.try_get(prefix, "asked")?, notice: Notice::from_query_result(row, prefix)? })
    }
}

/// A question for each of these: with its number, and a text.
#[derive(Debug, Default)]
pub struct Asked {
    /// Who asks.
    pub n: Vec<i64>,
    /// For what.
    pub key: Vec<String>,
    /// The other half of a natural key, where it is one; the project, blank when there is none, beside a section.
    pub id: Vec<String>,
    /// Up to when, where that matters.
    pub before: Vec<i64>,
}

impl Asked {
    /// Natural keys.
    fn keys(self) -> Rows {
        let Self { n, key, id, .. } = self;
        let rows = Rows::default().with("asked", Cells::Numbers(n)).with("source", Cells::Texts(key));
        rows.with("source_id", Cells::Texts(id))
    }
}

/// Notices by natural key: `key` is the source, `id` the source id.
pub async fn by_sources(tx: &Tx, asked: Asked) -> DbResult<Vec<Found>> {
    if asked.n.is_empty() {
        return Ok(Vec::new());
    }
    let mut binds = Binds::default();
    let rows = asked.keys().select(&**tx, &mut binds);
    let text = format!(
        "SELECT q.asked, {COLUMNS} FROM ({rows}) q \
         JOIN notices n ON n.source = q.source AND n.source_id = q.source_id"
    );
    all(&**tx, &text, binds).await
}

/// Notices.
pub async fn by_ids(conn: &impl ConnectionTrait, ids: &[NoticeId]) -> DbResult<Vec<Notice>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let set = sql::uuid_set(conn, ids.iter().map(|id| id.as_uuid()));
    let text = format!("SELECT {COLUMNS} FROM notices n WHERE {}", sql::is_in(conn, "n.id", "$1", Of::Uuids));
    all(conn, &text, [set]).await
}

/// Holds notices until the transaction ends, always in the same order.
pub async fn hold(tx: &Tx, ids: &[NoticeId]) -> DbResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let set = sql::uuid_set(&**tx, ids.iter().map(|id| id.as_uuid()));
    let is_in = sql::is_in(&**tx, "n.id", "$1", Of::Uuids);
    let text = format!("SELECT {COLUMNS} FROM notices n WHERE {is_in} ORDER BY n.id {}", sql::for_update(&**tx));
    all::<Notice>(&**tx, &text, [set]).await.map(|_| ())
}

/// For each section (`key`), the newest notice not after `before` that names it, is itself no amendment, and is not known
/// to be of another project than `id`.
pub async fn by_sections(tx: &Tx, asked: Asked, amending_types: &[String]) -> DbResult<Vec<Found>> {
    let newest = "SELECT n.id FROM notice_sections s JOIN notices n ON n.id = s.notice_id WHERE s.section_key = q.code \
      AND (q.project = '' OR n.project_key IS NULL OR n.project_key = q.project)";
    newest_of(tx, asked, newest, amending_types).await
}

/// For each project (`key`), the newest notice not after `before` that is of it and is itself no amendment.
pub async fn by_projects(tx: &Tx, asked: Asked, amending_types: &[String]) -> DbResult<Vec<Found>> {
    newest_of(tx, asked, "SELECT n.id FROM notices n WHERE n.project_key = q.code", amending_types).await
}

async fn newest_of(tx: &Tx, asked: Asked, of: &str, amending_types: &[String]) -> DbResult<Vec<Found>> {
    if asked.n.is_empty() {
        return Ok(Vec::new());
    }
    let mut binds = Binds::default();
    let types = binds.add(sql::text_set(&**tx, amending_types.iter().cloned()));
    let Asked { n, key, id, before } = asked;
    let rows = Rows::default().with("asked", Cells::Numbers(n)).with("code", Cells::Texts(key));
    let rows = rows.with("project", Cells::Texts(id));
    let rows = rows.with("before", Cells::Numbers(before)).select(&**tx, &mut binds);
    let text = format!(
        "SELECT q.asked, {COLUMNS} FROM ({rows}) q JOIN notices n ON n.id = ({of} AND n.published_at <= q.before \
           AND n.notice_type NOT IN {} AND n.state = 'published' ORDER BY n.published_at DESC, n.position DESC LIMIT 1)",
        sql::texts(&**tx, &types)
    );
    all(&**tx, &text, binds).await
}

/// For each of these contents the first notice that has it and stands.
pub async fn by_contents(tx: &Tx, n: Vec<i64>, hashes: Vec<Vec<u8>>) -> DbResult<Vec<Found>> {
    let mut binds = Binds::default();
    let rows = Rows::default().with("asked", Cells::Numbers(n)).with("hash", Cells::Bytes(hashes));
    let rows = rows.select(&**tx, &mut binds);
    let text = format!(
        "SELECT q.asked, {COLUMNS} FROM ({rows}) q JOIN notices n ON n.id = (SELECT n.id FROM notices n \
           WHERE n.content_hash = q.hash AND n.state = 'published' ORDER BY n.received_at, n.id LIMIT 1)"
    );
    all(&**tx, &text, binds).await
}

/// How far an edition of a notice was announced.
#[derive(Debug, FromQueryResult)]
pub struct Announced {
    /// For whom it was found.
    pub asked: i64,
    /// A word of `Announce`.
    pub announce: String,
}

/// How far notices were announced, by natural key: a row for each word that an edition of theirs has.
pub async fn announced(tx: &Tx, asked: Asked) -> DbResult<Vec<Announced>> {
    if asked.n.is_empty() {
        return Ok(Vec::new());
    }
    let mut binds = Binds::default();
    let rows = asked.keys().select(&**tx, &mut binds);
    let text = format!(
        "SELECT DISTINCT q.asked, r.announce FROM ({rows}) q \
         JOIN notices n ON n.source = q.source AND n.source_id = q.source_id \
         JOIN notice_revisions r ON r.notice_id = n.id"
    );
    all(&**tx, &text, binds).await
}

/// The newest editions of notices.
pub async fn newest(tx: &Tx, ids: &[NoticeId]) -> DbResult<Vec<Revision>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let set = sql::uuid_set(&**tx, ids.iter().map(|id| id.as_uuid()));
    let text = format!(
        "SELECT r.* FROM notices n JOIN notice_revisions r ON r.notice_id = n.id AND r.revision = n.revision WHERE {}",
        sql::is_in(&**tx, "n.id", "$1", Of::Uuids)
    );
    all(&**tx, &text, [set]).await
}

/// A new notice with its first edition, and where it stands.
#[derive(Debug)]
pub struct New {
    /// How it stands.
    pub notice: Notice,
    /// What it says.
    pub edition: Revision,
    /// The keys of its sections.
    pub sections: Vec<String>,
}

/// Stores new notices, their first editions, and the lists and sections where they stand.
pub async fn insert(tx: &Tx, new: &[New]) -> DbResult<()> {
    rows::insert(tx, "notices", notices(new)).await?;
    rows::insert(tx, "notice_revisions", editions(new)).await?;
    rows::insert(tx, "notice_scopes", in_scopes(new)).await?;
    let each = || new.iter().flat_map(|new| new.sections.iter().map(|key| (new.notice.id, key)));
    let keys = Cells::Texts(each().map(|(_, key)| key.clone()).collect());
    let sections = Rows::default().with("section_key", keys);
    let ids = Cells::Ids(each().map(|(id, _)| id.as_uuid()).collect());
    rows::insert(tx, "notice_sections", sections.with("notice_id", ids)).await
}

fn in_scopes(new: &[New]) -> Rows {
    let (mut names, mut at, mut ids, mut positions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for New { notice, edition, .. } in new {
        for scope in scopes(notice, &edition.stage) {
            names.push(scope);
            at.push(notice.published_at.as_millis());
            ids.push(notice.id.as_uuid());
            positions.push(notice.position);
        }
    }
    let rows = Rows::default().with("scope", Cells::Texts(names)).with("published_at", Cells::Numbers(at));
    rows.with("notice_id", Cells::Ids(ids)).with("position", Cells::Numbers(positions))
}

fn notices(new: &[New]) -> Rows {
    let texts = |of: fn(&Notice) -> &String| Cells::Texts(new.iter().map(|new| of(&new.notice).clone()).collect());
    let numbers = |of: fn(&Notice) -> i64| Cells::Numbers(new.iter().map(|new| of(&new.notice)).collect());
    let some = |of: fn(&Notice) -> Option<i64>| Cells::MaybeNumbers(new.iter().map(|new| of(&new.notice)).collect());
    let links = |of: fn(&Notice) -> Option<NoticeId>| {
        Cells::MaybeIds(new.iter().map(|new| of(&new.notice).map(NoticeId::as_uuid)).collect())
    };
    Rows::default()
        .with("id", Cells::Ids(new.iter().map(|new| new.notice.id.as_uuid()).collect()))
        .with("publisher_id", Cells::Ids(new.iter().map(|new| new.notice.publisher_id.as_uuid()).collect()))
        .with("source", texts(|notice| &notice.source))
        .with("source_id", texts(|notice| &notice.source_id))
        .with("revision", numbers(|notice| notice.revision))
        .with("position", numbers(|notice| notice.position))
        .with("state", texts(|notice| &notice.state))
        .with("title", texts(|notice| &notice.title))
        .with("category_path", texts(|notice| &notice.category_path))
        .with("region_path", texts(|notice| &notice.region_path))
        .with("notice_type", texts(|notice| &notice.notice_type))
        .with("project_key", Cells::MaybeTexts(new.iter().map(|new| new.notice.project_key.clone()).collect()))
        .with("amount_fen", some(|notice| notice.amount_fen))
        .with("bid_deadline_at", some(|notice| notice.bid_deadline_at.map(Timestamp::as_millis)))
        .with("amends", links(|notice| notice.amends))
        .with("duplicate_of", links(|notice| notice.duplicate_of))
        .with("content_hash", Cells::Bytes(new.iter().map(|new| new.notice.content_hash.clone()).collect()))
        .with("published_at", numbers(|notice| notice.published_at.as_millis()))
        .with("received_at", numbers(|notice| notice.received_at.as_millis()))
        .with("updated_at", numbers(|notice| notice.updated_at.as_millis()))
}

fn editions(new: &[New]) -> Rows {
    let texts = |of: fn(&Revision) -> &String| Cells::Texts(new.iter().map(|new| of(&new.edition).clone()).collect());
    let numbers = |of: fn(&Revision) -> i64| Cells::Numbers(new.iter().map(|new| of(&new.edition)).collect());
    let some =
        |of: fn(&Revision) -> Option<String>| Cells::MaybeTexts(new.iter().map(|new| of(&new.edition)).collect());
    Rows::default()
        .with("notice_id", Cells::Ids(new.iter().map(|new| new.edition.notice_id.as_uuid()).collect()))
        .with("revision", numbers(|edition| edition.revision))
        .with("position", numbers(|edition| edition.position))
        .with("kind", texts(|edition| &edition.kind))
        .with("announce", texts(|edition| &edition.announce))
        .with("matcher", numbers(|edition| edition.matcher))
        .with("document", texts(|edition| &edition.document))
        .with("body_html", texts(|edition| &edition.body_html))
        .with("folded", texts(|edition| &edition.folded))
        .with("category_path", texts(|edition| &edition.category_path))
        .with("region_path", texts(|edition| &edition.region_path))
        .with("notice_type", texts(|edition| &edition.notice_type))
        .with("stage", texts(|edition| &edition.stage))
        .with("project_key", some(|edition| edition.project_key.clone()))
        .with("purchaser_keys", texts(|edition| &edition.purchaser_keys))
        .with("amount_fen", Cells::MaybeNumbers(new.iter().map(|new| new.edition.amount_fen).collect()))
        .with("changes", texts(|edition| &edition.changes))
        .with("reason", some(|edition| edition.reason.clone()))
        .with("created_at", numbers(|edition| edition.created_at.as_millis()))
        .with("amends", Cells::MaybeIds(new.iter().map(|new| new.edition.amends.map(NoticeId::as_uuid)).collect()))
        .with("content_hash", Cells::Bytes(new.iter().map(|new| new.notice.content_hash.clone()).collect()))
}
