//! What can be found, and the index over it.
//!
//! Promise: a document is indexed in the transaction that stores what it says, and on both engines the same way: its
//! tokens (`domain::search`) are turned round together with those of the documents beside it, and written as a segment of
//! the index ([`segments`]), which [`mod@fold`] later makes into larger ones.
//!
//! A document's *number* orders documents by the second in which their notices were published, then by when they came: it
//! is the order of all that is found, and what a cursor names. Its *slot* is what the index knows it by: each time when
//! what it says changes it takes the next one, so that nothing in the index is ever changed. A slot that it had before
//! belongs to no document any more; whose edition it was is kept for those who ask what was told ([`former`]).

pub mod backfill;
pub mod find;
pub mod fold;
pub mod former;
mod number;
pub mod segments;
pub mod slots;
pub mod suggest;

use std::collections::BTreeMap;

use sea_orm::FromQueryResult;

use super::notice::{Notice, scopes};
use super::rows::{Cells, Rows};
use super::sql::{self, Binds, Of};
use super::{DbResult, Tx, all, execute, order};
use crate::domain::catalogue::is_probe;
use crate::domain::fold::fold;
use crate::domain::id::NoticeId;
use crate::domain::notice::{Content, NoticeState};
use crate::domain::search::{MAX_TEXT_CHARS, Tokens, block};
use crate::domain::time::Timestamp;

pub use number::{OVERFLOW, first_of};

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
    tokens: Tokens,
}

/// What of a document depends on nothing but what its notice says: the part that costs time, and needs no row.
#[derive(Debug, Clone)]
pub struct Said {
    head: String,
    tokens: Tokens,
    is_long: bool,
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
        tokens.add_title(&fold(&content.title));
        // Bytes are no fewer than characters.
        let is_long = folded.is_some_and(|text| text.len() > MAX_TEXT_CHARS && text.chars().count() > MAX_TEXT_CHARS);
        Self { head, tokens, is_long }
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
        let Said { head, mut tokens, is_long } = said;
        // A probe is found by nothing.
        let (head, tokens) = if is_probe(&notice.category_path) {
            (String::new(), Tokens::default())
        } else {
            let scopes: Vec<String> = scopes(notice, stage).into_iter().chain(by_key(notice)).collect();
            let long = is_long.then_some(LONG);
            tokens.add_scopes(scopes.iter().map(String::as_str).chain(long));
            (head, tokens)
        };
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
    project.chain(amends).chain(stands).collect()
}

/// The scope of notices whose texts go on beyond what is indexed of them.
pub const LONG: &str = "long:";

/// The scope of notices that were not withdrawn.
pub const STANDING: &str = "v:";

/// The scope of a project.
pub fn scope_of_project(key: &str) -> String {
    format!("k:{key}")
}

/// Indexes a notice as it stands now. See [`index_many`].
pub async fn index(tx: &Tx, document: &Document) -> DbResult<()> {
    index_many(tx, std::slice::from_ref(document)).await
}

/// Indexes notices as they stand now, whether they were indexed before or not. Notices must be stored before and no
/// notice may stand here twice; call it with the position taken, so that nobody else numbers documents at the time.
pub async fn index_many(tx: &Tx, documents: &[Document]) -> DbResult<()> {
    index_all(tx, documents, |document| document.revision > 1).await
}

/// The same for notices of which any may have been indexed before.
pub async fn index_again(tx: &Tx, documents: &[Document]) -> DbResult<()> {
    index_all(tx, documents, |_| true).await
}

async fn index_all(tx: &Tx, documents: &[Document], may_be_known: fn(&Document) -> bool) -> DbResult<()> {
    for some in documents.chunks(AT_ONCE) {
        let asked = some.iter().filter(|document| may_be_known(document)).map(|document| document.notice);
        let known = known(tx, asked.collect()).await?;
        let new: Vec<&Document> = some.iter().filter(|document| !known.contains_key(&document.notice)).collect();
        let numbers = number::take(tx, new.iter().map(|document| document.published_at)).await?;
        let new = new.into_iter().zip(numbers).map(|(document, doc)| (doc, document));
        let old = some.iter().filter_map(|document| Some((*known.get(&document.notice)?, document)));
        let old: Vec<(i64, &Document)> = old.collect();
        former::keep(tx, old.iter().map(|(doc, _)| *doc).collect()).await?;
        store(tx, &new.chain(old).collect::<Vec<_>>()).await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Known {
    notice_id: NoticeId,
    doc: i64,
}

/// The numbers of those that were indexed before.
async fn known(tx: &Tx, notices: Vec<NoticeId>) -> DbResult<BTreeMap<NoticeId, i64>> {
    if notices.is_empty() {
        return Ok(BTreeMap::new());
    }
    let condition = sql::is_in(&**tx, "notice_id", "$1", Of::Uuids);
    let text = format!("SELECT notice_id, doc FROM search_documents WHERE {condition}");
    let notices = sql::uuid_set(&**tx, notices.iter().map(|notice| notice.as_uuid()));
    let rows: Vec<Known> = all(&**tx, &text, [notices]).await?;
    Ok(rows.into_iter().map(|row| (row.notice_id, row.doc)).collect())
}

async fn store(tx: &Tx, documents: &[(i64, &Document)]) -> DbResult<()> {
    let each = || documents.iter().map(|(_, document)| document);
    let slots = write(tx, each().map(|document| &document.tokens)).await?;
    let rows = Rows::default()
        .with("doc", Cells::Numbers(documents.iter().map(|(doc, _)| *doc).collect()))
        .with("notice_id", Cells::Ids(each().map(|document| document.notice.as_uuid()).collect()))
        .with("revision", Cells::Numbers(each().map(|document| document.revision).collect()))
        .with("text_revision", Cells::MaybeNumbers(each().map(|document| document.text_revision).collect()))
        .with("published_at", Cells::Numbers(each().map(|document| document.published_at.as_millis()).collect()))
        .with("head", Cells::Texts(each().map(|document| document.head.clone()).collect()))
        .with("slot", Cells::Numbers(slots.collect()));
    let mut binds = Binds::default();
    let rows = rows.select(&**tx, &mut binds);
    let text = format!(
        "INSERT INTO search_documents (doc, notice_id, revision, text_revision, published_at, head, slot) \
         SELECT * FROM ({rows}) q WHERE true \
         ON CONFLICT (doc) DO UPDATE SET revision = excluded.revision, text_revision = excluded.text_revision, \
           head = excluded.head, slot = excluded.slot"
    );
    execute(&**tx, &text, binds).await.map(|_| ())
}

/// Writes a segment of these tokens; returns the slots, one for each.
async fn write<'a>(
    tx: &Tx,
    documents: impl ExactSizeIterator<Item = &'a Tokens>,
) -> DbResult<std::ops::RangeInclusive<i64>> {
    let count = i64::try_from(documents.len()).unwrap_or(i64::MAX);
    let blocks = block::invert(documents.map(Tokens::as_slice));
    let first = order::take_slots(tx, count).await?;
    let last = first + count - 1;
    if !blocks.is_empty() {
        let segment = segments::open(tx, first, last).await?;
        segments::write(tx, segment, blocks).await?;
    }
    Ok(first..=last)
}
