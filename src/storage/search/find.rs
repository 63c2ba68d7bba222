//! Looking into what is stored of documents, where their tokens say too little.

use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::domain::search::Word;
use crate::domain::time::Timestamp;
use crate::storage::sql::{self, Binds, Of};
use crate::storage::{DbResult, all};

/// What documents are held against.
#[derive(Debug, Clone, Default)]
pub struct Conditions<'a> {
    /// Words that must be there.
    pub containing: Vec<&'a Word>,
    /// Words that must not.
    pub without: Vec<&'a Word>,
    /// Published at this instant or later.
    pub from: Option<Timestamp>,
    /// Published before this instant.
    pub to: Option<Timestamp>,
}

impl Conditions<'_> {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.containing.is_empty() && self.without.is_empty() && self.from.is_none() && self.to.is_none()
    }
}

#[derive(FromQueryResult)]
struct Fitting {
    doc: i64,
}

/// Those of these documents that fit, in no order.
pub async fn fitting(
    conn: &impl ConnectionTrait,
    conditions: &Conditions<'_>,
    docs: impl IntoIterator<Item = i64>,
) -> DbResult<Vec<i64>> {
    let mut binds = Binds::default();
    let asked = binds.add(sql::integer_set(conn, docs));
    let mut all_of = vec![sql::is_in(conn, "s.doc", &asked, Of::Integers)];
    all_of.extend(conditions.from.map(|from| format!("s.published_at >= {}", binds.add(from))));
    all_of.extend(conditions.to.map(|to| format!("s.published_at < {}", binds.add(to))));
    let mut said = |word: &Word| {
        let bind = binds.add(word.folded.as_str());
        format!(
            "({} OR {})",
            sql::contains(conn, "s.head", &bind),
            sql::contains(conn, "COALESCE(r.folded, '')", &bind)
        )
    };
    all_of.extend(conditions.containing.iter().map(|word| said(word)));
    all_of.extend(conditions.without.iter().map(|word| format!("NOT {}", said(word))));
    let edition = "LEFT JOIN notice_revisions r ON r.notice_id = s.notice_id AND r.revision = s.text_revision";
    let edition = if conditions.containing.is_empty() && conditions.without.is_empty() { "" } else { edition };
    let text = format!("SELECT s.doc FROM search_documents s {edition} WHERE {}", all_of.join(" AND "));
    let rows: Vec<Fitting> = all(conn, &text, binds).await?;
    Ok(rows.into_iter().map(|row| row.doc).collect())
}
