//! Indexing what was stored before there was an index.

use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::domain::id::NoticeId;
use crate::domain::time::Timestamp;
use crate::storage::notice::{self, Notice};
use crate::storage::sql::{self, Of};
use crate::storage::{DbResult, Tx, all, execute, one};

/// How far it has come.
#[derive(Debug, Clone, Copy, FromQueryResult)]
pub struct Progress {
    /// Every notice up to this one is indexed.
    pub after_notice: Option<NoticeId>,
    /// When the last one was.
    pub finished_at: Option<Timestamp>,
}

/// How far it has come.
pub async fn progress(conn: &impl ConnectionTrait) -> DbResult<Option<Progress>> {
    one(conn, "SELECT after_notice, finished_at FROM search_progress WHERE id = 1", []).await
}

/// A notice, and what its newest edition says.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The notice.
    pub notice: Notice,
    /// Its stage.
    pub stage: String,
    /// JSON of `Content`.
    pub document: String,
    /// Its text.
    pub folded: String,
    /// Whether it is indexed.
    pub is_indexed: bool,
}

impl FromQueryResult for Stored {
    fn from_query_result(row: &sea_orm::QueryResult, prefix: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self {
            notice: Notice::from_query_result(row, prefix)?,
            stage: row.try_get(prefix, "stage")?,
            document: row.try_get(prefix, "document")?,
            folded: row.try_get(prefix, "folded")?,
            is_indexed: row.try_get(prefix, "is_indexed")?,
        })
    }
}

/// The next notices after one, in the order of their ids.
pub async fn next(conn: &impl ConnectionTrait, after: Option<NoticeId>, count: i64) -> DbResult<Vec<Stored>> {
    let text = format!(
        "SELECT {}, v.stage, v.document, v.folded, EXISTS (SELECT 1 FROM search_documents s \
           WHERE s.notice_id = n.id AND s.slot IS NOT NULL) AS is_indexed \
         FROM notices n JOIN notice_revisions v ON v.notice_id = n.id AND v.revision = n.revision \
         WHERE n.id > $1 ORDER BY n.id LIMIT $2",
        notice::COLUMNS
    );
    let after = after.unwrap_or(NoticeId::from_uuid(uuid::Uuid::nil()));
    all(conn, &text, [after.into(), count.into()]).await
}

/// An edition that was the newest once.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Earlier {
    /// The notice.
    pub notice_id: NoticeId,
    /// The edition.
    pub revision: i64,
    /// JSON of `Content`.
    pub document: String,
    /// Its text.
    pub folded: String,
}

/// What these notices said before.
pub async fn earlier(conn: &impl ConnectionTrait, notices: &[NoticeId]) -> DbResult<Vec<Earlier>> {
    let text = format!(
        "SELECT v.notice_id, v.revision, v.document, v.folded FROM notices n JOIN notice_revisions v ON v.notice_id = n.id \
         WHERE {} AND v.revision < n.revision AND v.kind <> 'withdrawal'",
        sql::is_in(conn, "n.id", "$1", Of::Uuids)
    );
    all(conn, &text, [sql::uuid_set(conn, notices.iter().map(|notice| notice.as_uuid()))]).await
}

/// Notes how far it has come.
pub async fn advance(tx: &Tx, progress: Progress) -> DbResult<()> {
    let text = "UPDATE search_progress SET after_notice = $1, finished_at = $2 WHERE id = 1";
    execute(&**tx, text, [progress.after_notice.into(), progress.finished_at.into()]).await.map(|_| ())
}
