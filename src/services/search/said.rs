//! Which editions may say some words, whether they stand or stood once.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;

use super::backfill::is_whole;
use crate::domain::search::{Token, Word, every};
use crate::domain::subscription::Keywords;
use crate::services::Deps;
use crate::services::refusal::Result;
use crate::storage::search::LONG;

/// The slots of all editions that may satisfy these words, and of some that do not; nothing when the index cannot say.
pub(in crate::services) async fn saying(deps: &Deps, keywords: &Keywords) -> Result<Option<RoaringBitmap>> {
    let (required, any) = (each(&keywords.all), each(&keywords.any));
    // A word that has no letters may stand anywhere.
    let any = any.into_iter().collect::<Option<Vec<Word>>>().unwrap_or_default();
    let required: Vec<Word> = required.into_iter().flatten().collect();
    if required.is_empty() && any.is_empty() || !is_whole(deps).await? {
        return Ok(None);
    }
    let none: Vec<Word> = each(&keywords.none).into_iter().flatten().filter(|word| word.exact).collect();
    let long = Token::of_scope(LONG);
    // A document holds more than the text that subscriptions look at: only what a title says is surely in both.
    let none: Vec<BTreeSet<Token>> = none.iter().map(in_title).collect();
    let tokens = required.iter().chain(&any).flat_map(|word| word.tokens.iter().copied());
    let tokens = tokens.chain(none.iter().flatten().copied()).chain([long]);
    // What was published through another copy a moment ago counts, too.
    deps.answers.changed();
    let docs = deps.index.docs(deps).await?;
    let sets = deps.index.sets(deps, &docs, tokens).await?;
    let all: BTreeSet<Token> = required.iter().flat_map(|word| word.tokens.iter().copied()).collect();
    let mut found = every(&all, &sets);
    if !any.is_empty() {
        let mut one = RoaringBitmap::new();
        for word in &any {
            one |= every(&word.tokens, &sets).unwrap_or_default();
        }
        found = Some(found.map_or_else(|| one.clone(), |found| found & &one));
    }
    // Of those that are not indexed to their ends nobody knows what they say there.
    let mut found = found.unwrap_or_default() | sets.get(&long).map(|set| set.as_ref().clone()).unwrap_or_default();
    for tokens in &none {
        found -= every(tokens, &sets).unwrap_or_default();
    }
    Ok(Some(found))
}

/// The tokens of a title that has this word.
fn in_title(word: &Word) -> BTreeSet<Token> {
    word.tokens.iter().map(|token| token.in_title()).collect()
}

/// Each as the index knows it; nothing for one that has neither letter nor digit.
fn each(words: &[String]) -> Vec<Option<Word>> {
    words.iter().map(|word| Word::of(word)).collect()
}
