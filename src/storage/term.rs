//! Interned terms: each word, project and purchaser that subscriptions name has one number, for ever.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::FromQueryResult;

use super::sql::Binds;
use super::{DbResult, Tx, all, execute, value};
use crate::domain::lookup::{Term, TermKind};

/// The numbers of terms, and whether some of them were unknown before.
#[derive(Debug, Default)]
pub struct Interned {
    ids: BTreeMap<Term, i64>,
    /// Some are new: announce them with [`announce`] before the commit.
    pub is_new: bool,
}

impl Interned {
    /// The number of one of the terms.
    pub fn id(&self, term: &Term) -> Option<i64> {
        self.ids.get(term).copied()
    }
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    kind: TermKind,
    folded: String,
}

/// Gives each of these terms its number. They are inserted in their own order, so that two transactions which intern
/// the same new words wait for each other and never both.
pub async fn intern(tx: &Tx, terms: &BTreeSet<&Term>) -> DbResult<Interned> {
    if terms.is_empty() {
        return Ok(Interned::default());
    }
    let pairs = |binds: &mut Binds| {
        let pair = |term: &&Term| format!("({}, {})", binds.add(term.kind), binds.add(term.folded.as_str()));
        terms.iter().map(pair).collect::<Vec<_>>().join(", ")
    };
    let mut binds = Binds::default();
    let text =
        format!("INSERT INTO terms (kind, folded) VALUES {} ON CONFLICT (kind, folded) DO NOTHING", pairs(&mut binds));
    let is_new = execute(&**tx, &text, binds).await? > 0;
    let mut binds = Binds::default();
    // CROSS JOIN keeps SQLite from reading every term there is: a few look-ups, in this order.
    let text = format!(
        "WITH v (kind, folded) AS (VALUES {}) SELECT t.id, t.kind, t.folded FROM v CROSS JOIN terms t \
         WHERE t.kind = v.kind AND t.folded = v.folded",
        pairs(&mut binds)
    );
    let rows: Vec<Row> = all(&**tx, &text, binds).await?;
    let ids = rows.into_iter().map(|row| (Term { kind: row.kind, folded: row.folded }, row.id)).collect();
    Ok(Interned { ids, is_new })
}

/// Tells every matcher that there are new terms. It holds the order's row until the commit: call it just before
/// [`take_position`](super::order::take_position).
pub async fn announce(tx: &Tx) -> DbResult<()> {
    execute(&**tx, "UPDATE commit_order SET words_version = words_version + 1 WHERE id = 1", []).await.map(|_| ())
}

/// Whether more than `most` words are interned. To be asked after [`announce`]: then whoever interned others has
/// committed, and nobody else does until this transaction ends.
pub async fn has_more_words_than(tx: &Tx, most: u32) -> DbResult<bool> {
    // Numbers are given once and never back, so the newest says in one look that there cannot be more.
    let newest: i64 = value(&**tx, "SELECT coalesce(max(id), 0) AS value FROM terms", []).await?;
    if newest <= i64::from(most) {
        return Ok(false);
    }
    let words: i64 = value(&**tx, "SELECT count(*) AS value FROM terms WHERE kind = 'word'", []).await?;
    Ok(words > i64::from(most))
}
