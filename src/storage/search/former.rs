//! The editions that slots stood for before their notices were revised or withdrawn.
//!
//! Promise: an edition that was indexed once is found by its slot ever after, here or in its document. Nobody searches
//! for it any more; who asks what was told a while ago does.

use sea_orm::ConnectionTrait;

use super::{Said, write};
use crate::domain::id::NoticeId;
use crate::storage::rows::{self, Cells, Rows};
use crate::storage::sql::{self, Of};
use crate::storage::{DbResult, Tx, execute};

/// An edition that is the newest of its notice no more.
#[derive(Debug, Clone)]
pub struct Former {
    /// The notice.
    pub notice: NoticeId,
    /// The edition.
    pub revision: i64,
    /// What it says.
    pub said: Said,
}

/// Keeps the editions for which documents stand that are about to be indexed anew.
pub(super) async fn keep(tx: &Tx, docs: Vec<i64>) -> DbResult<()> {
    if docs.is_empty() {
        return Ok(());
    }
    let text = format!(
        "INSERT INTO search_former (slot, notice_id, revision) SELECT slot, notice_id, text_revision \
         FROM search_documents WHERE {} AND slot IS NOT NULL AND text_revision IS NOT NULL",
        sql::is_in(&**tx, "doc", "$1", Of::Integers)
    );
    execute(&**tx, &text, [sql::integer_set(&**tx, docs)]).await.map(|_| ())
}

/// Indexes editions that were never indexed while they stood. Call it with the position taken.
pub async fn index(tx: &Tx, editions: &[Former]) -> DbResult<()> {
    if editions.is_empty() {
        return Ok(());
    }
    let slots = write(tx, editions.iter().map(|edition| &edition.said.tokens)).await?;
    let rows = Rows::default()
        .with("slot", Cells::Numbers(slots.collect()))
        .with("notice_id", Cells::Ids(editions.iter().map(|edition| edition.notice.as_uuid()).collect()))
        .with("revision", Cells::Numbers(editions.iter().map(|edition| edition.revision).collect()));
    rows::insert(tx, "search_former", rows).await
}

/// A query of the editions for which slots stand; `bind` holds a set of integers.
pub(in crate::storage) fn editions(conn: &impl ConnectionTrait, bind: &str) -> String {
    let within = |column: &str| sql::is_in(conn, column, bind, Of::Integers);
    format!(
        "SELECT d.notice_id, d.text_revision AS revision FROM search_documents d \
           WHERE {} AND d.text_revision IS NOT NULL \
         UNION ALL SELECT f.notice_id, f.revision FROM search_former f WHERE {}",
        within("d.slot"),
        within("f.slot")
    )
}
