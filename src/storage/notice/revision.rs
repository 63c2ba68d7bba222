//! Editions of notices: immutable, with what matching reads.

use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::domain::id::NoticeId;
use crate::domain::time::Timestamp;
use crate::storage::rows::{Cells, Rows};
use crate::storage::sql::Binds;
use crate::storage::{DbResult, Tx, all, execute, one, value};

/// An edition of a notice; the columns are those of `notice_revisions`.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Revision {
    /// Whose.
    pub notice_id: NoticeId,
    /// Which.
    pub revision: i64,
    /// Its place in the order of commits.
    pub position: i64,
    /// A word of `EditionKind`.
    pub kind: String,
    /// A word of `Announce`.
    pub announce: String,
    /// By which rules it is matched.
    pub matcher: i64,
    /// JSON of `Content`.
    pub document: String,
    /// Harmless HTML.
    pub body_html: String,
    /// What words are looked for in.
    pub folded: String,
    /// Its category's ancestors and itself.
    pub category_path: String,
    /// Its region's ancestors and itself, former codes too.
    pub region_path: String,
    /// Its notice type.
    pub notice_type: String,
    /// Its stage.
    pub stage: String,
    /// Its project's code, folded.
    pub project_key: Option<String>,
    /// JSON array: the purchaser's name and code, folded.
    pub purchaser_keys: String,
    /// The sum that filters compare.
    pub amount_fen: Option<i64>,
    /// The notice that it amends.
    pub amends: Option<NoticeId>,
    /// JSON array of what changed.
    pub changes: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// Names what it says; nothing for an edition of before that nobody has asked for yet.
    pub content_hash: Option<Vec<u8>>,
}

/// What a list of editions shows.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Entry {
    /// Which.
    pub revision: i64,
    /// A word of `EditionKind`.
    pub kind: String,
    /// JSON array of what changed.
    pub changes: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

/// Stores an edition.
pub async fn insert(tx: &Tx, row: &Revision) -> DbResult<u64> {
    execute(
        &**tx,
        "INSERT INTO notice_revisions (notice_id, revision, position, kind, announce, matcher, document, body_html, \
           folded, category_path, region_path, notice_type, stage, project_key, purchaser_keys, amount_fen, changes, \
           reason, created_at, amends, content_hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
        [
            row.notice_id.into(),
            row.revision.into(),
            row.position.into(),
            row.kind.as_str().into(),
            row.announce.as_str().into(),
            row.matcher.into(),
            row.document.as_str().into(),
            row.body_html.as_str().into(),
            row.folded.as_str().into(),
            row.category_path.as_str().into(),
            row.region_path.as_str().into(),
            row.notice_type.as_str().into(),
            row.stage.as_str().into(),
            row.project_key.clone().into(),
            row.purchaser_keys.as_str().into(),
            row.amount_fen.into(),
            row.changes.as_str().into(),
            row.reason.clone().into(),
            row.created_at.into(),
            row.amends.into(),
            row.content_hash.clone().into(),
        ],
    )
    .await
}

/// An edition.
pub async fn find(conn: &impl ConnectionTrait, notice: NoticeId, revision: i64) -> DbResult<Option<Revision>> {
    let text = "SELECT * FROM notice_revisions WHERE notice_id = $1 AND revision = $2";
    one(conn, text, [notice.into(), revision.into()]).await
}

/// Editions, the newest first, below `before`.
pub async fn list(conn: &impl ConnectionTrait, notice: NoticeId, before: i64, count: i64) -> DbResult<Vec<Entry>> {
    all(
        conn,
        "SELECT revision, kind, changes, reason, created_at FROM notice_revisions \
         WHERE notice_id = $1 AND revision < $2 ORDER BY revision DESC LIMIT $3",
        [notice.into(), before.into(), count.into()],
    )
    .await
}

/// How many of a notice's editions were announced this far.
pub async fn announced(conn: &impl ConnectionTrait, notice: NoticeId, announce: &str) -> DbResult<i64> {
    let text = "SELECT COUNT(*) AS value FROM notice_revisions WHERE notice_id = $1 AND announce = $2";
    value(conn, text, [notice.into(), announce.into()]).await
}

#[derive(FromQueryResult)]
struct Told {
    announce: String,
}

/// How far notices that stand, and have this content now, have announced it: a word of `Announce`; nothing when none of
/// them has. `except` is not asked.
pub async fn told(conn: &impl ConnectionTrait, content_hash: &[u8], except: NoticeId) -> DbResult<Option<String>> {
    // The widest word comes last in the alphabet, and so first here.
    let text = "SELECT r.announce FROM notice_revisions r JOIN notices n ON n.id = r.notice_id \
                WHERE r.content_hash = $1 AND r.announce <> 'none' AND r.notice_id <> $2 AND n.content_hash = $1 \
                  AND n.state = 'published' ORDER BY r.announce DESC LIMIT 1";
    let told: Option<Told> = one(conn, text, [content_hash.to_vec().into(), except.into()]).await?;
    Ok(told.map(|told| told.announce))
}

/// An announced edition of before, whose content has no hash yet.
#[derive(Debug, FromQueryResult)]
pub struct Unknown {
    /// Whose.
    pub notice_id: NoticeId,
    /// Which.
    pub revision: i64,
    /// JSON of `Content`.
    pub document: String,
    /// What words were looked for in.
    pub folded: String,
}

/// Announced editions without a hash, at most `count`, of the notices that stand and have one of these contents now.
pub async fn unknown(tx: &Tx, contents: &[[u8; 32]], count: i64) -> DbResult<Vec<Unknown>> {
    let mut binds = Binds::default();
    let rows = Rows::default().with("hash", Cells::Bytes(contents.iter().map(|hash| hash.to_vec()).collect()));
    let rows = rows.select(&**tx, &mut binds);
    let limit = binds.add(count);
    let text = format!(
        "SELECT r.notice_id, r.revision, r.document, r.folded FROM ({rows}) q \
         JOIN notices n ON n.content_hash = q.hash AND n.state = 'published' \
         JOIN notice_revisions r ON r.notice_id = n.id AND r.content_hash IS NULL AND r.announce <> 'none' \
         ORDER BY r.notice_id, r.revision LIMIT {limit}"
    );
    all(&**tx, &text, binds).await
}

/// Keeps the hash of what an edition says.
pub async fn set_hash(tx: &Tx, of: &Unknown, content_hash: &[u8]) -> DbResult<u64> {
    let text = "UPDATE notice_revisions SET content_hash = $3 WHERE notice_id = $1 AND revision = $2";
    execute(&**tx, text, [of.notice_id.into(), of.revision.into(), content_hash.to_vec().into()]).await
}
