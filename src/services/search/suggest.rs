//! Suggestions: how what somebody begins to type may go on.
//!
//! Promise: each suggestion occurs in the newest notices that have the beginning, or is a word to which at least
//! [`MIN_PEOPLE`] people subscribe now; nothing tells which, nor how many. The cost is one look into the index and two
//! short reads.

use std::collections::BTreeMap;

use crate::domain::completion::{SuggestionKind, completions};
use crate::domain::fold::fold;
use crate::domain::search::{Query, streams};
use crate::services::Deps;
use crate::services::refusal::Result;
use crate::storage::search::suggest;

use super::find::Look;

/// How many notices are looked at: the newest, those with the beginning in their title first.
const NOTICES: usize = 128;
/// How many purchasers are suggested at most.
const PURCHASERS: usize = 3;
/// A word that fewer people subscribe to is their own affair.
const MIN_PEOPLE: i64 = 5;
/// How many such words are asked for.
const SUBSCRIBED: i64 = 20;

/// A suggestion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// What may be searched for, folded.
    pub text: String,
    /// What it is.
    pub kind: SuggestionKind,
}

/// How a beginning may go on, the likeliest first.
pub async fn suggest(deps: &Deps, beginning: &str, most: usize) -> Result<Vec<Suggestion>> {
    let beginning = fold(beginning);
    let quoted = Query::parse(&format!("\"{beginning}\""));
    if quoted.is_empty() {
        return Ok(Vec::new());
    }
    let conn = deps.db.reader();
    let streams = streams(&quoted, &[]);
    let found = Look::at(deps, &streams).await?.first(None, (i64::MIN, i64::MAX), NOTICES);
    let named = suggest::named(conn, found.iter().map(|found| found.doc)).await?;
    let subscribed = suggest::subscribed(conn, &beginning, MIN_PEOPLE, SUBSCRIBED).await?;

    let mut purchasers: BTreeMap<&str, usize> = BTreeMap::new();
    for purchaser in named.iter().filter_map(|named| named.purchaser.as_deref()) {
        if purchaser.starts_with(&beginning) && purchaser != beginning {
            *purchasers.entry(purchaser).or_default() += 1;
        }
    }
    let mut purchasers: Vec<(&str, usize)> = purchasers.into_iter().collect();
    purchasers.sort_by(|(a, more), (b, fewer)| fewer.cmp(more).then(a.cmp(b)));
    let purchasers =
        purchasers.into_iter().take(PURCHASERS).map(|(name, _)| (name.to_owned(), SuggestionKind::Purchaser));
    let said = completions(&beginning, named.iter().map(|named| named.title.as_str()));
    let words = said.into_iter().chain(subscribed).map(|word| (word, SuggestionKind::Word));
    let mut suggestions: Vec<Suggestion> = Vec::new();
    for (text, kind) in purchasers.chain(words) {
        if suggestions.len() < most && text != beginning && suggestions.iter().all(|known| known.text != text) {
            suggestions.push(Suggestion { text, kind });
        }
    }
    Ok(suggestions)
}
