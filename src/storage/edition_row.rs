//! What fan-out reads of a notice's revisions.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{DbResult, one};
use crate::domain::id::NoticeId;
use crate::domain::time::Timestamp;

/// A revision as matching and messages need it.
#[derive(Debug, Clone, FromQueryResult)]
pub struct EditionRow {
    /// The structured content, as JSON.
    pub document: String,
    /// The folded text.
    pub folded: String,
    /// `/parent/…/category/`, the outermost first.
    pub category_path: String,
    /// `/province/…/region/`, with each region's other codes.
    pub region_path: String,
    /// The type.
    pub notice_type: String,
    /// The stage.
    pub stage: String,
    /// The folded project code.
    pub project_key: Option<String>,
    purchaser_keys: String,
    /// The amount, when it is known.
    pub amount_fen: Option<i64>,
    /// The notice that this revision amends.
    pub amends: Option<NoticeId>,
}

impl EditionRow {
    /// By which the purchaser can be named.
    pub fn purchaser_keys(&self) -> Vec<String> {
        serde_json::from_str(&self.purchaser_keys).unwrap_or_default()
    }
}

/// A revision.
pub async fn for_fan_out(conn: &impl ConnectionTrait, notice: NoticeId, revision: i32) -> DbResult<Option<EditionRow>> {
    one(
        conn,
        "SELECT r.document, r.folded, r.category_path, r.region_path, r.notice_type, r.stage, r.project_key, \
           r.purchaser_keys, r.amount_fen, r.amends \
         FROM notice_revisions r WHERE r.notice_id = $1 AND r.revision = $2",
        [notice.into(), i64::from(revision).into()],
    )
    .await
}

/// How a revision stands.
#[derive(Debug, FromQueryResult)]
pub struct Standing {
    /// A word of `EditionKind`.
    pub kind: String,
    /// When it was published.
    pub created_at: Timestamp,
    /// Endpoints are being told of it, or will be.
    pub is_under_way: bool,
}

/// How a revision stands.
pub async fn standing(conn: &impl ConnectionTrait, notice: NoticeId, revision: i32) -> DbResult<Option<Standing>> {
    one(
        conn,
        "SELECT r.kind, r.created_at, EXISTS (SELECT 1 FROM fan_outs f WHERE f.notice_id = r.notice_id \
           AND f.revision = r.revision AND f.announce = 'push' AND f.finished_at IS NULL) AS is_under_way \
         FROM notice_revisions r WHERE r.notice_id = $1 AND r.revision = $2",
        [notice.into(), i64::from(revision).into()],
    )
    .await
}

#[derive(FromQueryResult)]
struct Newest {
    revision: i64,
}

/// The number of a notice's newest revision; a withdrawal is one too.
pub async fn newest(conn: &impl ConnectionTrait, notice: NoticeId) -> DbResult<Option<i32>> {
    let row: Option<Newest> = one(conn, "SELECT revision FROM notices WHERE id = $1", [notice.into()]).await?;
    Ok(row.and_then(|row| i32::try_from(row.revision).ok()))
}
