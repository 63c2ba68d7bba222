//! What can be found, and the index over it.
//!
//! Promise: a document is indexed in the transaction that stores what it says, and for the same documents both engines
//! find the same in the same order. An index keeps sets of tokens (`domain::search`), nothing else: FTS5 on SQLite,
//! `tsvector` under GIN on PostgreSQL.
//!
//! A document's number orders documents by the second in which their notices were published, then by when they came:
//! it is the order of all that is found, and what a cursor names.

pub mod backfill;
pub mod find;
mod number;
pub mod suggest;

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};

use super::notice::{Notice, scopes};
use super::rows::{Cells, Rows};
use super::sql::{self, Binds, Of};
use super::{DbResult, Tx, all, execute, order};
use crate::domain::catalogue::is_probe;
use crate::domain::fold::fold;
use crate::domain::id::NoticeId;
use crate::domain::notice::{Content, NoticeState};
use crate::domain::search::{Tokens, of_scope};
use crate::domain::time::Timestamp;

pub use number::first_of;

/// How many documents one statement stores: a few binds each, within the limit of both engines.
const AT_ONCE: usize = 500;

/// What is indexed of a notice as it stands now. Making one costs time in proportion to its text: make it before the
/// transaction where you can.
#[derive(Debug, Clone)]
pub struct Document {
    notice: NoticeId,
    revision: i64,
    text_revision: Option<i64>,
    published_at: Timestamp,
    head: String,
    tokens: String,
}

/// What of a document depends on nothing but what its notice says: the part that costs time, and needs no row.
#[derive(Debug, Clone)]
pub struct Said {
    head: String,
    /// Its tokens, parted where its scopes stand.
    tokens: (String, String),
}

impl Said {
    /// Of a notice that stands.
    pub fn of(content: &Content, folded: &str) -> Self {
        Self::made(content, Some(folded))
    }

    fn made(content: &Content, folded: Option<&str>) -> Self {
        let head = content.head();
        let mut tokens = Tokens::of(&head);
        if let Some(folded) = folded {
            tokens.add(folded);
        }
        let tokens = tokens.around_scopes(&Tokens::of(&fold(&content.title)));
        Self { head, tokens }
    }
}

impl Document {
    /// The document of a notice, its stage, and what its newest edition says. Of a withdrawn one only its head counts:
    /// its text is not shown any more.
    pub fn of(notice: &Notice, stage: &str, content: &Content, folded: &str) -> Self {
        let stands = notice.state() == NoticeState::Published;
        Self::made_of(notice, stage, Said::made(content, stands.then_some(folded)))
    }

    /// The document of a notice, its stage, and what it says.
    pub fn made_of(notice: &Notice, stage: &str, said: Said) -> Self {
        let stands = notice.state() == NoticeState::Published;
        // A probe is found by nothing.
        if is_probe(&notice.category_path) {
            return Self::standing(notice, stands, String::new(), String::new());
        }
        let Said { head, tokens: (mut tokens, rest) } = said;
        let mut scopes: Vec<String> =
            scopes(notice, stage).iter().chain(&by_key(notice)).map(|scope| of_scope(scope)).collect();
        scopes.sort_unstable();
        for scope in &scopes {
            tokens.push_str(scope);
            tokens.push(' ');
        }
        tokens.push_str(&rest);
        tokens.truncate(tokens.trim_end_matches(' ').len());
        Self::standing(notice, stands, head, tokens)
    }

    fn standing(notice: &Notice, stands: bool, head: String, tokens: String) -> Self {
        Self {
            notice: notice.id,
            revision: notice.revision,
            text_revision: stands.then_some(notice.revision),
            published_at: notice.published_at,
            head,
            tokens,
        }
    }
}

/// Further scopes by which what is found can be narrowed.
fn by_key(notice: &Notice) -> Vec<String> {
    let project = notice.project_key.iter().map(|key| scope_of_project(key));
    let amends = notice.amends.iter().map(|id| format!("a:{id}"));
    let stands = (notice.state() == NoticeState::Published).then(|| STANDING.to_owned());
    let day = std::iter::once(find::scope_of_day(notice.published_at));
    project.chain(amends).chain(stands).chain(day).collect()
}

/// The scope of notices that were not withdrawn.
pub const STANDING: &str = "v:";

/// The scope of a project. Its code may hold anything: only letters and digits stand for themselves.
pub fn scope_of_project(key: &str) -> String {
    let letter = |letter: char| match letter {
        'a'..='z' | '0'..='9' => letter.to_string(),
        _ => format!("_{:x}_", u32::from(letter)),
    };
    format!("k:{}", key.chars().map(letter).collect::<String>())
}

/// Indexes a notice as it stands now. See [`index_many`].
pub async fn index(tx: &Tx, document: &Document) -> DbResult<()> {
    index_many(tx, std::slice::from_ref(document)).await
}

/// Indexes notices as they stand now, whether they were indexed before or not. Notices must be stored before and no
/// notice may stand here twice; call it with the position taken, so that nobody else numbers documents at the time.
pub async fn index_many(tx: &Tx, documents: &[Document]) -> DbResult<()> {
    for some in documents.chunks(AT_ONCE) {
        let known = known(tx, some).await?;
        let new: Vec<&Document> = some.iter().filter(|document| !known.contains_key(&document.notice)).collect();
        let numbers = number::take(tx, new.iter().map(|document| document.published_at)).await?;
        let new = new.into_iter().zip(numbers).map(|(document, doc)| (doc, document));
        let old = some.iter().filter_map(|document| Some((*known.get(&document.notice)?, document)));
        let old: Vec<(i64, &Document)> = old.collect();
        if !old.is_empty() && tx.get_database_backend() == DbBackend::Sqlite {
            let text = format!("DELETE FROM search_index WHERE {}", sql::is_in(&**tx, "rowid", "$1", Of::Integers));
            execute(&**tx, &text, [sql::integer_set(&**tx, old.iter().map(|(doc, _)| *doc))]).await?;
        }
        store(tx, &new.chain(old).collect::<Vec<_>>()).await?;
    }
    order::change_notices(tx).await.map(|_| ())
}

#[derive(FromQueryResult)]
struct Known {
    notice_id: NoticeId,
    doc: i64,
}

/// The numbers of those that were indexed before; a first edition cannot have been.
async fn known(tx: &Tx, documents: &[Document]) -> DbResult<BTreeMap<NoticeId, i64>> {
    let later = documents.iter().filter(|document| document.revision > 1).map(|document| document.notice.as_uuid());
    let later: Vec<_> = later.collect();
    if later.is_empty() {
        return Ok(BTreeMap::new());
    }
    let condition = sql::is_in(&**tx, "notice_id", "$1", Of::Uuids);
    let text = format!("SELECT notice_id, doc FROM search_documents WHERE {condition}");
    let rows: Vec<Known> = all(&**tx, &text, [sql::uuid_set(&**tx, later)]).await?;
    Ok(rows.into_iter().map(|row| (row.notice_id, row.doc)).collect())
}

async fn store(tx: &Tx, documents: &[(i64, &Document)]) -> DbResult<()> {
    let each = || documents.iter().map(|(_, document)| document);
    let docs = || Cells::Numbers(documents.iter().map(|(doc, _)| *doc).collect());
    let rows = Rows::default()
        .with("doc", docs())
        .with("notice_id", Cells::Ids(each().map(|document| document.notice.as_uuid()).collect()))
        .with("revision", Cells::Numbers(each().map(|document| document.revision).collect()))
        .with("text_revision", Cells::MaybeNumbers(each().map(|document| document.text_revision).collect()))
        .with("published_at", Cells::Numbers(each().map(|document| document.published_at.as_millis()).collect()))
        .with("head", Cells::Texts(each().map(|document| document.head.clone()).collect()));
    let mut binds = Binds::default();
    let rows = rows.select(&**tx, &mut binds);
    let text = format!(
        "INSERT INTO search_documents (doc, notice_id, revision, text_revision, published_at, head) \
         SELECT * FROM ({rows}) q WHERE true \
         ON CONFLICT (doc) DO UPDATE SET revision = excluded.revision, text_revision = excluded.text_revision, \
           head = excluded.head"
    );
    execute(&**tx, &text, binds).await?;
    let tokens = Cells::Texts(each().map(|document| document.tokens.clone()).collect());
    let mut binds = Binds::default();
    let rows = Rows::default().with("doc", docs()).with("tokens", tokens).select(&**tx, &mut binds);
    let text = match tx.get_database_backend() {
        DbBackend::Postgres => format!(
            "INSERT INTO search_index (doc, tokens) \
             SELECT q.doc, array_to_tsvector(string_to_array(q.tokens, ' ')) FROM ({rows}) q \
             ON CONFLICT (doc) DO UPDATE SET tokens = excluded.tokens"
        ),
        _ => format!("INSERT INTO search_index (rowid, tokens) SELECT q.doc, q.tokens FROM ({rows}) q"),
    };
    execute(&**tx, &text, binds).await.map(|_| ())
}

/// Sorts in what waits in the index's list of new entries, so that searching need not read through it. SQLite has no
/// such list.
pub async fn settle(conn: &impl ConnectionTrait) -> DbResult<()> {
    if conn.get_database_backend() == DbBackend::Postgres {
        execute(conn, "SELECT gin_clean_pending_list('search_index_tokens_idx'::regclass)", []).await?;
    }
    Ok(())
}
