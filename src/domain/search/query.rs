//! What somebody typed.
//!
//! Words stand apart by spaces, of which a notice must contain all; quotation marks hold words together; a minus before
//! a word excludes it. Nothing that can be typed is wrong: a quotation mark that is not closed holds to the end, and
//! what has neither letter nor digit is passed over.

use std::collections::BTreeSet;

use super::tokens::{self, Token};
use crate::domain::fold::fold;

/// More words than this are not looked for.
pub const MAX_WORDS: usize = 12;

/// A word that is looked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word {
    /// As it stands in folded texts.
    pub folded: String,
    /// The tokens that every text with it has.
    pub tokens: BTreeSet<Token>,
    /// Whether every text with these tokens contains the word.
    pub exact: bool,
}

impl Word {
    /// A word as somebody writes it; nothing when it has neither letter nor digit.
    pub fn of(text: &str) -> Option<Self> {
        let folded = fold(text);
        let (tokens, exact) = tokens::of_word(&folded);
        (!tokens.is_empty()).then_some(Self { folded, tokens, exact })
    }
}

/// What is asked for: each word once, in the order in which they were typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Words that must be there.
    pub all: Vec<Word>,
    /// Words that must not.
    pub none: Vec<Word>,
}

impl Query {
    /// Reads what somebody typed.
    pub fn parse(text: &str) -> Self {
        let mut query = Self::default();
        for (excluded, word) in split(text) {
            let Some(word) = Word::of(&word) else { continue };
            let list = if excluded { &mut query.none } else { &mut query.all };
            if !list.contains(&word) {
                list.push(word);
            }
        }
        query
    }

    /// Nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.none.is_empty()
    }

    /// How many words there are.
    pub fn words(&self) -> usize {
        self.all.len() + self.none.len()
    }

    /// The same for all that asks for the same.
    pub fn canonical(&self) -> String {
        let all = self.all.iter().map(|word| format!("\"{}\"", word.folded));
        let none = self.none.iter().map(|word| format!("-\"{}\"", word.folded));
        all.chain(none).collect::<Vec<_>>().join(" ")
    }

    /// The tokens of the words as they stand side by side, when that says more than the words by themselves.
    pub(super) fn together(&self) -> Option<BTreeSet<Token>> {
        let mut joined = String::new();
        for word in &self.all {
            let seam = (joined.chars().next_back(), word.folded.chars().next());
            if matches!(seam, (Some(left), Some(right)) if left.is_ascii() && right.is_ascii()) {
                joined.push(' ');
            }
            joined.push_str(&word.folded);
        }
        let alone: BTreeSet<Token> = self.all.iter().flat_map(|word| word.tokens.iter().copied()).collect();
        let together = tokens::of_word(&joined).0;
        (self.all.len() > 1 && !together.is_subset(&alone)).then_some(together)
    }
}

/// The words as they were typed, and whether they are excluded.
fn split(text: &str) -> Vec<(bool, String)> {
    let mut words = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(first) = letters.next() {
        if first.is_whitespace() {
            continue;
        }
        let excluded = is_minus(first) && letters.peek().is_some_and(|next| !next.is_whitespace());
        let first = if excluded { letters.next().unwrap_or(first) } else { first };
        let quoted = is_quote(first);
        let mut word: String = if quoted { String::new() } else { first.into() };
        while let Some(letter) = letters.next_if(|&next| quoted || !(next.is_whitespace() || is_quote(next))) {
            if is_quote(letter) {
                break;
            }
            word.push(letter);
        }
        words.push((excluded, word));
    }
    words
}

fn is_minus(letter: char) -> bool {
    matches!(letter, '-' | '－' | '−')
}

fn is_quote(letter: char) -> bool {
    matches!(letter, '"' | '＂' | '“' | '”' | '„' | '«' | '»')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let query = Query::parse(text);
        let texts = |words: Vec<Word>| words.into_iter().map(|word| word.folded).collect();
        (texts(query.all), texts(query.none))
    }

    fn plain(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn words_stand_apart_by_spaces_and_quotes_hold_them_together() {
        for (text, all, none) in [
            ("市政 绿化", &["市政", "绿化"][..], &[][..]),
            ("　市政　绿化　", &["市政", "绿化"], &[]),
            ("市政 市政 ＣＴ ct", &["市政", "ct"], &[]),
            ("“市政 工程” -监理", &["市政 工程"], &["监理"]),
            ("\"open market", &["open market"], &[]),
            ("－\"ab c\" 水", &["水"], &["ab c"]),
            ("HNZC-2024-001", &["hnzc-2024-001"], &[]),
            ("焦公资采购〔２０２６〕１８号", &["焦公资采购(2026)18号"], &[]),
            ("- -- \"\" 。 \u{200b}", &[], &[]),
            ("a\"b c\"d", &["a", "b c", "d"], &[]),
        ] {
            assert_eq!(read(text), (plain(all), plain(none)), "{text}");
        }
    }

    #[test]
    fn words_side_by_side_say_more_where_no_space_would_stand_between_them() {
        assert!(
            Query::parse("市政 绿化").together().is_some_and(|tokens| tokens.is_superset(&tokens::of_word("政绿").0))
        );
        assert_eq!(Query::parse("open market").together(), None);
        assert_eq!(Query::parse("市政").together(), None);
    }

    proptest! {
        #[test]
        fn whatever_is_typed_can_be_read(text in "\\PC{0,60}|[-\"“” ab市]{0,30}") {
            let query = Query::parse(&text);
            prop_assert_eq!(Query::parse(&query.canonical()), query.clone(), "{}", query.canonical());
        }
    }
}
