//! Completions: how a beginning goes on in texts.
//!
//! Promise: what is suggested really occurs, in more than one text unless it is ASCII, and begins where a word can begin.
//! Chinese has no spaces: a completion ends where texts go on in different ways.

use std::collections::{BTreeMap, BTreeSet};

use super::words::words;

words! {
    /// What a suggestion is.
    SuggestionKind {
        /// A word, a phrase, a code.
        Word = "word",
        /// The name of a purchaser.
        Purchaser = "purchaser",
    }
}

/// How far a beginning is followed, in characters.
const MAX_AHEAD: usize = 12;
/// Codes and Latin words are followed this far.
const MAX_AHEAD_ASCII: usize = 40;
/// A completion goes on while so many hundredths of the texts that have it go on in the same way.
const SAME_WAY: usize = 60;

/// What a beginning becomes in these folded texts, what most of them say first.
pub fn completions<'a>(beginning: &str, texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut support: BTreeMap<String, usize> = BTreeMap::new();
    for text in texts {
        let mut here: BTreeSet<String> = BTreeSet::new();
        for (at, _) in text.match_indices(beginning) {
            let (before, after) =
                (text.get(..at).unwrap_or_default(), text.get(at + beginning.len()..).unwrap_or_default());
            if begins_a_word(before, beginning) {
                here.extend(ways(beginning, after));
            }
        }
        for way in here {
            *support.entry(way).or_default() += 1;
        }
    }
    let mut ends: Vec<(&String, usize)> = support.iter().map(|(way, texts)| (way, *texts)).collect();
    ends.retain(|(way, texts)| (*texts > 1 || way.is_ascii()) && ends_here(&support, way, *texts));
    ends.sort_by(|(a, more), (b, fewer)| fewer.cmp(more).then(a.len().cmp(&b.len())).then(a.cmp(b)));
    ends.into_iter().map(|(way, _)| way.clone()).collect()
}

/// A Latin word is not looked into.
fn begins_a_word(before: &str, beginning: &str) -> bool {
    let latin = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    !(latin(before.chars().next_back()) && latin(beginning.chars().next()))
}

/// The beginning and each step of how it goes on here; of an ASCII one only its whole word or code.
fn ways(beginning: &str, after: &str) -> Vec<String> {
    if beginning.is_ascii() {
        let goes_on = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '/');
        let rest: String = after.chars().take_while(goes_on).take(MAX_AHEAD_ASCII).collect();
        let rest = rest.trim_end_matches(['-', '_', '.', '/']);
        return if rest.is_empty() { Vec::new() } else { vec![format!("{beginning}{rest}")] };
    }
    let mut way = beginning.to_owned();
    let mut ways = Vec::new();
    for letter in after.chars().take_while(|letter| letter.is_alphanumeric() && !letter.is_ascii()).take(MAX_AHEAD) {
        way.push(letter);
        ways.push(way.clone());
    }
    ways
}

/// Whether texts with this way go on in different ways, or not at all.
fn ends_here(support: &BTreeMap<String, usize>, way: &str, texts: usize) -> bool {
    let longer = support.range(way.to_owned()..).skip(1).take_while(|(longer, _)| longer.starts_with(way));
    let next = longer.filter(|(longer, _)| longer.chars().count() == way.chars().count() + 1).map(|(_, texts)| *texts);
    way.is_ascii() || next.max().unwrap_or(0) * 100 < texts * SAME_WAY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_goes_on_as_most_texts_do() {
        let texts = ["市政工程施工公告", "市政工程监理", "市政道路改造", "新市政道路保洁", "市政厅"];
        assert_eq!(completions("市", texts), ["市政", "市政工程", "市政道路"]);
        assert_eq!(completions("市政", texts), ["市政工程", "市政道路"]);
        assert_eq!(completions("养护", texts), Vec::<String>::new());
    }

    #[test]
    fn codes_and_latin_words_are_completed_whole_and_from_their_beginning() {
        let texts = ["编号 hnzc-2024-001 招标", "编号 hnzc-2024-002。", "xhnzc-1", "hnzc"];
        assert_eq!(completions("hnz", texts), ["hnzc", "hnzc-2024-001", "hnzc-2024-002"]);
        assert_eq!(completions("hnzc-2024-0", texts), ["hnzc-2024-001", "hnzc-2024-002"]);
    }
}
