//! How much of everything there is: counted from the rows, for whoever shows or checks the whole.
//!
//! Not promised: cheapness. Each number reads a table.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{DbResult, all, value};
use crate::domain::time::Timestamp;

/// Rows by one of their words.
pub type ByWord = BTreeMap<String, i64>;

/// A count for a word.
#[derive(FromQueryResult)]
struct Group {
    word: String,
    rows: i64,
}

async fn groups(conn: &impl ConnectionTrait, table: &str, word: &str) -> DbResult<ByWord> {
    let text = format!("SELECT {word} AS word, count(*) AS rows FROM {table} GROUP BY {word}");
    let groups: Vec<Group> = all(conn, &text, []).await?;
    Ok(groups.into_iter().map(|group| (group.word, group.rows)).collect())
}

/// Revisions by their kind; the first edition of a notice is one too.
pub async fn revisions(conn: &impl ConnectionTrait) -> DbResult<ByWord> {
    groups(conn, "notice_revisions", "kind").await
}

/// Deliveries by their state.
pub async fn deliveries(conn: &impl ConnectionTrait) -> DbResult<ByWord> {
    groups(conn, "deliveries", "state").await
}

/// Fan-outs by the kind of what they carry.
pub async fn fan_outs(conn: &impl ConnectionTrait) -> DbResult<ByWord> {
    groups(conn, "fan_outs", "kind").await
}

/// Fan-outs that have not reached everyone.
pub async fn open_fan_outs(conn: &impl ConnectionTrait) -> DbResult<i64> {
    value(conn, "SELECT count(*) AS value FROM fan_outs WHERE finished_at IS NULL", []).await
}

/// Items in all inboxes, removed ones too.
pub async fn inbox_items(conn: &impl ConnectionTrait) -> DbResult<i64> {
    value(conn, "SELECT count(*) AS value FROM inbox_items", []).await
}

/// Items of notices that stand.
pub async fn standing_inbox_items(conn: &impl ConnectionTrait) -> DbResult<i64> {
    let text = "SELECT count(*) AS value FROM inbox_items i JOIN notices n ON n.id = i.notice_id \
                WHERE n.state = 'published'";
    value(conn, text, []).await
}

/// Deliveries that will be tried again before an instant.
pub async fn due_before(conn: &impl ConnectionTrait, before: Timestamp) -> DbResult<i64> {
    let text = "SELECT count(*) AS value FROM deliveries WHERE state = 'sending' OR (state = 'due' AND due_at < $1)";
    value(conn, text, [before.into()]).await
}
