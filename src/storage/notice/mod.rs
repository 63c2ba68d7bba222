//! Notices as they stand now, their scopes and sections, and the edition rows beside them.

pub mod bulk;
pub mod feed;
pub mod list;
pub mod revision;

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::{DbResult, Tx, all, execute, one, sql};
use crate::domain::catalogue::{is_probe, path_codes};
use crate::domain::id::{NoticeId, PublisherId};
use crate::domain::notice::NoticeState;
use crate::domain::time::Timestamp;

/// A notice.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Notice {
    /// Its id.
    pub id: NoticeId,
    /// Who handed it in.
    pub publisher_id: PublisherId,
    /// The system it comes from.
    pub source: String,
    /// What that system calls it.
    pub source_id: String,
    /// The number of its newest edition.
    pub revision: i64,
    /// That edition's place in the order of commits.
    pub position: i64,
    /// How it stands; a word of [`NoticeState`].
    pub state: String,
    /// Its title.
    pub title: String,
    /// Its category's ancestors and itself.
    pub category_path: String,
    /// Its region's ancestors and itself, former codes too.
    pub region_path: String,
    /// Its notice type.
    pub notice_type: String,
    /// Its project's code, folded.
    pub project_key: Option<String>,
    /// The sum that filters compare.
    pub amount_fen: Option<i64>,
    /// Until when bids are taken.
    pub bid_deadline_at: Option<Timestamp>,
    /// The notice that it amends.
    pub amends: Option<NoticeId>,
    /// The first notice with the same content.
    pub duplicate_of: Option<NoticeId>,
    /// Names its content.
    pub content_hash: Vec<u8>,
    /// When its publisher published it.
    pub published_at: Timestamp,
    /// When it came.
    pub received_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The columns of [`Notice`], of a table called `n`.
pub(in crate::storage) const COLUMNS: &str = "n.id, n.publisher_id, n.source, n.source_id, n.revision, n.position, n.state, \
    n.title, n.category_path, n.region_path, n.notice_type, n.project_key, n.amount_fen, n.bid_deadline_at, n.amends, \
    n.duplicate_of, n.content_hash, n.published_at, n.received_at, n.updated_at";

impl Notice {
    /// How it stands.
    pub fn state(&self) -> NoticeState {
        self.state.parse().unwrap_or(NoticeState::Published)
    }
}

/// A notice.
pub async fn find(conn: &impl ConnectionTrait, id: NoticeId) -> DbResult<Option<Notice>> {
    one(conn, &format!("SELECT {COLUMNS} FROM notices n WHERE n.id = $1"), [id.into()]).await
}

/// A notice, held until the transaction ends: its editions are numbered without gaps.
pub async fn find_for_update(tx: &Tx, id: NoticeId) -> DbResult<Option<Notice>> {
    let text = format!("SELECT {COLUMNS} FROM notices n WHERE n.id = $1 {}", sql::for_update(&**tx));
    one(&**tx, &text, [id.into()]).await
}

/// The notice with this natural key.
pub async fn find_by_source(conn: &impl ConnectionTrait, source: &str, source_id: &str) -> DbResult<Option<Notice>> {
    let text = format!("SELECT {COLUMNS} FROM notices n WHERE n.source = $1 AND n.source_id = $2");
    one(conn, &text, [source.into(), source_id.into()]).await
}

/// The first notice with this content, but for `except`.
pub async fn find_by_content(
    conn: &impl ConnectionTrait,
    content_hash: &[u8],
    except: NoticeId,
) -> DbResult<Option<Notice>> {
    let text = format!(
        "SELECT {COLUMNS} FROM notices n WHERE n.content_hash = $1 AND n.id <> $2 AND n.state = 'published' \
         ORDER BY n.received_at, n.id LIMIT 1"
    );
    one(conn, &text, [content_hash.to_vec().into(), except.into()]).await
}

/// The newest notice before `before` that names one of these sections and is itself no amendment. Many a section is just
/// called 1: a notice that is known to be of another project is none.
pub async fn find_by_sections(
    conn: &impl ConnectionTrait,
    (sections, project_key): (&[String], Option<&str>),
    before: Timestamp,
    amending_types: &[String],
    except: NoticeId,
) -> DbResult<Option<NoticeId>> {
    let text = format!(
        "SELECT n.id FROM notice_sections s JOIN notices n ON n.id = s.notice_id \
         WHERE s.section_key IN {} AND n.published_at <= $2 AND n.notice_type NOT IN {} AND n.id <> $4 \
           AND n.state = 'published' AND ($5 = '' OR n.project_key IS NULL OR n.project_key = $5) \
         ORDER BY n.published_at DESC, n.position DESC LIMIT 1",
        sql::texts(conn, "$1"),
        sql::texts(conn, "$3")
    );
    let sections = sql::text_set(conn, sections.iter().cloned());
    let types = sql::text_set(conn, amending_types.iter().cloned());
    let project = project_key.unwrap_or_default();
    let found: Option<Found> =
        one(conn, &text, [sections, before.into(), types, except.into(), project.into()]).await?;
    Ok(found.map(|found| found.id))
}

/// The newest notice before `before` of this project that is itself no amendment.
pub async fn find_by_project(
    conn: &impl ConnectionTrait,
    project_key: &str,
    before: Timestamp,
    amending_types: &[String],
    except: NoticeId,
) -> DbResult<Option<NoticeId>> {
    let text = format!(
        "SELECT n.id FROM notices n WHERE n.project_key = $1 AND n.published_at <= $2 AND n.notice_type NOT IN {} \
           AND n.id <> $4 AND n.state = 'published' ORDER BY n.published_at DESC, n.position DESC LIMIT 1",
        sql::texts(conn, "$3")
    );
    let types = sql::text_set(conn, amending_types.iter().cloned());
    let found: Option<Found> = one(conn, &text, [project_key.into(), before.into(), types, except.into()]).await?;
    Ok(found.map(|found| found.id))
}

#[derive(FromQueryResult)]
struct Found {
    id: NoticeId,
}

/// Stores a new notice.
pub async fn insert(tx: &Tx, notice: &Notice) -> DbResult<u64> {
    execute(
        &**tx,
        "INSERT INTO notices (id, publisher_id, source, source_id, revision, position, state, title, category_path, \
           region_path, notice_type, project_key, amount_fen, bid_deadline_at, amends, duplicate_of, content_hash, \
           published_at, received_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
        values(notice),
    )
    .await
}

/// Stores how a notice stands now.
pub async fn update(tx: &Tx, notice: &Notice) -> DbResult<u64> {
    execute(
        &**tx,
        "UPDATE notices SET publisher_id = $2, source = $3, source_id = $4, revision = $5, position = $6, state = $7, \
           title = $8, category_path = $9, region_path = $10, notice_type = $11, project_key = $12, amount_fen = $13, \
           bid_deadline_at = $14, amends = $15, duplicate_of = $16, content_hash = $17, published_at = $18, \
           received_at = $19, updated_at = $20 WHERE id = $1",
        values(notice),
    )
    .await
}

fn values(notice: &Notice) -> [Value; 20] {
    let Notice { id, publisher_id, source, source_id, revision, position, state, title, .. } = notice;
    [
        (*id).into(),
        (*publisher_id).into(),
        source.as_str().into(),
        source_id.as_str().into(),
        (*revision).into(),
        (*position).into(),
        state.as_str().into(),
        title.as_str().into(),
        notice.category_path.as_str().into(),
        notice.region_path.as_str().into(),
        notice.notice_type.as_str().into(),
        notice.project_key.clone().into(),
        notice.amount_fen.into(),
        notice.bid_deadline_at.into(),
        notice.amends.into(),
        notice.duplicate_of.into(),
        notice.content_hash.clone().into(),
        notice.published_at.into(),
        notice.received_at.into(),
        notice.updated_at.into(),
    ]
}

/// Every list that a notice stands in; a probe stands in none.
pub(super) fn scopes(notice: &Notice, stage: &str) -> Vec<String> {
    if is_probe(&notice.category_path) {
        return Vec::new();
    }
    let mut scopes = vec!["*".to_owned(), format!("t:{}", notice.notice_type), format!("s:{stage}")];
    scopes.push(format!("p:{}", notice.publisher_id));
    scopes.push(format!("o:{}", notice.source));
    scopes.extend(path_codes(&notice.category_path).map(|code| format!("c:{code}")));
    scopes.extend(path_codes(&notice.region_path).map(|code| format!("r:{code}")));
    if notice.state() == NoticeState::Withdrawn {
        scopes.push("w:".to_owned());
    }
    scopes
}

/// Puts a notice into the lists and under the sections where it stands.
pub async fn place(tx: &Tx, notice: &Notice, stage: &str, sections: &[String]) -> DbResult<()> {
    let scopes = scopes(notice, stage);
    put_into(tx, notice, scopes).await?;
    for section in sections {
        let text = "INSERT INTO notice_sections (section_key, notice_id) VALUES ($1, $2)";
        execute(&**tx, text, [section.as_str().into(), notice.id.into()]).await?;
    }
    Ok(())
}

/// Writes a notice's lines in these lists, where its newest edition stands in the order of commits.
async fn put_into(tx: &Tx, notice: &Notice, scopes: Vec<String>) -> DbResult<()> {
    if scopes.is_empty() {
        return Ok(());
    }
    let rows: Vec<String> = (4..scopes.len() + 4).map(|bind| format!("(${bind}, $1, $2, $3)")).collect();
    let text =
        format!("INSERT INTO notice_scopes (scope, published_at, notice_id, position) VALUES {}", rows.join(", "));
    let fixed: [Value; 3] = [notice.published_at.into(), notice.id.into(), notice.position.into()];
    execute(&**tx, &text, fixed.into_iter().chain(scopes.into_iter().map(Value::from))).await.map(|_| ())
}

/// Puts a notice that stood in lists and sections where it stands now. In the lists that it has ever left it remains as
/// one that has left: whoever follows them must hear of it. To be called when its new edition is stored.
pub async fn move_to(tx: &Tx, notice: &Notice, stage: &str, sections: &[String]) -> DbResult<()> {
    let text = "SELECT DISTINCT category_path, region_path, notice_type, stage FROM notice_revisions \
                WHERE notice_id = $1";
    let editions: Vec<Stood> = all(&**tx, text, [notice.id.into()]).await?;
    let now: BTreeSet<String> = scopes(notice, stage).into_iter().collect();
    let ever = editions.into_iter().flat_map(|stood| {
        let Stood { category_path, region_path, notice_type, stage } = stood;
        scopes(&Notice { category_path, region_path, notice_type, ..notice.clone() }, &stage)
    });
    let ever: BTreeSet<String> = ever.chain(now.iter().cloned()).collect();
    let lines = ever.iter().cloned().chain(ever.iter().map(|scope| feed::left(scope)));
    let text = format!(
        "DELETE FROM notice_scopes WHERE scope IN {} AND published_at = $2 AND notice_id = $3",
        sql::texts(&**tx, "$1")
    );
    let set = sql::text_set(&**tx, lines);
    execute(&**tx, &text, [set, notice.published_at.into(), notice.id.into()]).await?;
    execute(&**tx, "DELETE FROM notice_sections WHERE notice_id = $1", [notice.id.into()]).await?;
    let left: Vec<String> = ever.difference(&now).map(|scope| feed::left(scope)).collect();
    place(tx, notice, stage, sections).await?;
    if left.is_empty() { Ok(()) } else { put_into(tx, notice, left).await }
}

/// What an edition said that decides in which lists it stands.
#[derive(FromQueryResult)]
struct Stood {
    category_path: String,
    region_path: String,
    notice_type: String,
    stage: String,
}
