//! What suggestions are made of.

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};

use crate::domain::fold::fold;
use crate::storage::sql::{self, Of};
use crate::storage::{DbResult, all};

/// What a notice is called, and who buys, folded.
#[derive(Debug, Clone)]
pub struct Named {
    /// Its title and codes.
    pub title: String,
    /// The purchaser's name.
    pub purchaser: Option<String>,
}

#[derive(FromQueryResult)]
struct Row {
    title: String,
    project_key: Option<String>,
    purchaser_keys: Option<String>,
}

/// What these documents' notices are called, the newest first.
pub async fn named(conn: &impl ConnectionTrait, docs: impl IntoIterator<Item = i64>) -> DbResult<Vec<Named>> {
    let text = format!(
        "SELECT n.title, n.project_key, r.purchaser_keys FROM search_documents s JOIN notices n ON n.id = s.notice_id \
         LEFT JOIN notice_revisions r ON r.notice_id = s.notice_id AND r.revision = s.text_revision \
         WHERE {} ORDER BY s.doc DESC",
        sql::is_in(conn, "s.doc", "$1", Of::Integers)
    );
    let rows: Vec<Row> = all(conn, &text, [sql::integer_set(conn, docs)]).await?;
    let purchaser = |keys: String| serde_json::from_str::<Vec<String>>(&keys).ok()?.into_iter().next();
    let named = |row: Row| Named {
        title: format!("{} {}", fold(&row.title), row.project_key.unwrap_or_default()),
        purchaser: row.purchaser_keys.and_then(purchaser),
    };
    Ok(rows.into_iter().map(named).collect())
}

#[derive(FromQueryResult)]
struct Word {
    folded: String,
}

/// Words with this beginning to which at least so many people subscribe now.
pub async fn subscribed(
    conn: &impl ConnectionTrait,
    beginning: &str,
    people: i64,
    count: i64,
) -> DbResult<Vec<String>> {
    // Compared byte by byte on both engines, as the index is.
    let collation = if conn.get_database_backend() == DbBackend::Postgres { "COLLATE \"C\"" } else { "" };
    let text = format!(
        "SELECT t.folded FROM terms t WHERE t.kind = 'word' AND t.folded {collation} >= $1 AND t.folded {collation} < $2 \
           AND (SELECT COUNT(*) FROM (SELECT DISTINCT k.user_id FROM subscription_keys k \
             WHERE k.term_id = t.id AND k.ended_position IS NULL LIMIT $3) u) >= $3 \
         ORDER BY t.folded {collation} LIMIT $4"
    );
    let end = format!("{beginning}\u{10ffff}");
    let rows: Vec<Word> = all(conn, &text, [beginning.into(), end.into(), people.into(), count.into()]).await?;
    Ok(rows.into_iter().map(|word| word.folded).collect())
}
