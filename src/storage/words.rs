//! The interned terms, as matching reads them.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::sql::{self, Of};
use super::{DbResult, all, value};

/// Counts the commits that interned new terms.
pub async fn version(conn: &impl ConnectionTrait) -> DbResult<i64> {
    value(conn, "SELECT words_version AS value FROM commit_order WHERE id = 1", []).await
}

#[derive(FromQueryResult)]
struct Word {
    id: i64,
    folded: String,
}

/// Every word with its id.
pub async fn words(conn: &impl ConnectionTrait) -> DbResult<Vec<(i64, String)>> {
    let words: Vec<Word> = all(conn, "SELECT id, folded FROM terms WHERE kind = 'word' ORDER BY id", []).await?;
    Ok(words.into_iter().map(|word| (word.id, word.folded)).collect())
}

#[derive(FromQueryResult)]
struct TermId {
    id: i64,
}

/// The ids of the interned project and purchasers that a notice has.
pub async fn keys_hit(conn: &impl ConnectionTrait, project: Option<&str>, purchasers: &[String]) -> DbResult<Vec<i64>> {
    let text = format!(
        "SELECT id FROM terms WHERE (kind = 'project' AND folded = $1) OR (kind = 'purchaser' AND {})",
        sql::is_in(conn, "folded", "$2", Of::Texts)
    );
    let project = project.unwrap_or_default();
    let rows: Vec<TermId> = all(conn, &text, [project.into(), sql::text_set(conn, purchasers.to_vec())]).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
