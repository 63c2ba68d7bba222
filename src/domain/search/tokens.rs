//! Tokens: pairs of neighbours, triples of ASCII, and letters that end a stretch.
//!
//! A text stands under each pair of neighbouring letters and digits, each triple of ASCII neighbours, and the last one of
//! each stretch: whatever begins with a letter and the letter itself are next to each other in the order of tokens, so a
//! single letter is looked for as a range. A word is looked for by its pairs, or by its triples where it is ASCII, because
//! pairs of Latin letters are everywhere. A word of one or two characters (three of ASCII) is one token, so having the
//! token is containing the word; a longer one must be looked for in the texts that its tokens find.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

/// How much of a text is looked at, in characters: a bound for what one notice can cost the index.
pub const MAX_TEXT_CHARS: usize = 100_000;

/// A token: three characters of 21 bits, the first in the highest; what is missing is zero, which no text of letters and
/// digits holds. A title's token is the same with the sign. Where the first character is none that Unicode can have, the
/// rest names a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(i64);

/// The bits of a character: three fit into 63.
const BITS: u32 = 21;
/// The first character of scopes: beyond the last one of Unicode, whatever the other bits are.
const SCOPE: i64 = 0b11 << 61;

impl Token {
    /// As it is stored.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The first and the last token that a document may have that has this one.
    pub const fn range(self) -> (i64, i64) {
        let rest = (1 << (2 * BITS)) - 1;
        if self.0 & rest == 0 { (self.0, self.0 | rest) } else { (self.0, self.0) }
    }

    /// These letters, at most three.
    fn of(letters: &[char]) -> Self {
        Self(letters.iter().zip([2, 1, 0]).fold(0, |token, (letter, place)| token | packed(*letter, place)))
    }

    /// The same token as one of a title.
    pub const fn in_title(self) -> Self {
        Self(self.0 | i64::MIN)
    }

    /// The token of a scope in which a notice stands: 60 bits of its digest. Two scopes that shared them would each be
    /// narrowed to what stands in either; among a million scopes that is as likely as one in two million.
    pub fn of_scope(scope: &str) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(Sha256::digest(scope.as_bytes()));
        let digest = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
        // Odd: a letter by itself, which stands for a range, is not.
        Self(SCOPE | digest & !(SCOPE | i64::MIN) | 1)
    }
}

/// The tokens of folded texts, each once, in order.
#[derive(Debug, Clone, Default)]
pub struct Tokens(Vec<Token>);

impl Tokens {
    /// Those of a folded text.
    pub fn of(folded: &str) -> Self {
        let mut tokens = Self::default();
        tokens.add(folded);
        tokens
    }

    /// Adds those of a folded text.
    pub fn add(&mut self, folded: &str) {
        // The two letters before the one at hand, in the same stretch of letters and digits.
        let (mut last, mut last_but_one): (Option<char>, Option<char>) = (None, None);
        for letter in folded.chars().take(MAX_TEXT_CHARS) {
            if !letter.is_alphanumeric() {
                self.0.extend(last.map(|letter| Token(packed(letter, 2))));
                (last, last_but_one) = (None, None);
                continue;
            }
            if let Some(before) = last {
                self.0.push(Token(packed(before, 2) | packed(letter, 1)));
                let ascii = |first: &char| first.is_ascii() && char::is_ascii(&before) && letter.is_ascii();
                if let Some(first) = last_but_one.filter(ascii) {
                    self.0.push(Token(packed(first, 2) | packed(before, 1) | packed(letter, 0)));
                }
            }
            (last, last_but_one) = (Some(letter), last);
        }
        self.0.extend(last.map(|letter| Token(packed(letter, 2))));
        self.0.sort_unstable();
        self.0.dedup();
    }

    /// Adds those of a title.
    pub fn add_title(&mut self, folded: &str) {
        let mut title: Vec<Token> = Self::of(folded).0.into_iter().map(Token::in_title).collect();
        title.append(&mut self.0);
        self.0 = title;
    }

    /// Adds those of scopes.
    pub fn add_scopes<'a>(&mut self, scopes: impl Iterator<Item = &'a str>) {
        let from = self.0.len();
        self.0.extend(scopes.map(Token::of_scope));
        if let Some(scopes) = self.0.get_mut(from..) {
            scopes.sort_unstable();
        }
        self.0.dedup();
    }

    /// All of them.
    pub fn as_slice(&self) -> &[Token] {
        &self.0
    }
}

/// A letter at a place of a token, the first at place 2.
fn packed(letter: char, place: u32) -> i64 {
    i64::from(u32::from(letter)) << (place * BITS)
}

/// The tokens that every text with this word has, and whether only such texts have them.
pub(super) fn of_word(folded: &str) -> (BTreeSet<Token>, bool) {
    let letters: Vec<char> = folded.chars().collect();
    let mut tokens = BTreeSet::new();
    for run in runs(&letters) {
        let triples = run.windows(3).map(|window| window.iter().all(char::is_ascii)).collect::<Vec<_>>();
        let is_triple = |place: Option<usize>| place.and_then(|place| triples.get(place)).copied().unwrap_or(false);
        tokens.extend(run.windows(3).filter(|window| window.iter().all(char::is_ascii)).map(Token::of));
        let pairs = run.windows(2).enumerate();
        let alone = pairs.filter(|(place, _)| !is_triple(Some(*place)) && !is_triple(place.checked_sub(1)));
        tokens.extend(alone.map(|(_, window)| Token::of(window)));
        if run.len() == 1 {
            tokens.insert(Token::of(run));
        }
    }
    let exact = letters.len() <= 3 && tokens.len() == 1 && tokens.contains(&Token::of(&letters));
    (tokens, exact)
}

/// The stretches of letters and digits.
fn runs(letters: &[char]) -> impl Iterator<Item = &[char]> {
    letters.split(|letter| !letter.is_alphanumeric()).filter(|run| !run.is_empty())
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The tokens of a folded text.
    pub fn of_text(folded: &str) -> BTreeSet<Token> {
        Tokens::of(folded).0.into_iter().collect()
    }

    /// Whether a document with these tokens has this one.
    pub fn has(document: &BTreeSet<Token>, token: &Token) -> bool {
        let (first, last) = token.range();
        document.range(Token(first)..=Token(last)).next().is_some()
    }

    /// A token as it would be written.
    fn written(token: Token) -> String {
        let letter = |place: u32| u32::try_from(token.0 >> (place * BITS) & ((1 << BITS) - 1)).ok();
        let letters = [2, 1, 0].into_iter().filter_map(letter).filter(|letter| *letter != 0);
        letters.filter_map(char::from_u32).collect()
    }

    fn word(text: &str) -> (Vec<String>, bool) {
        let (tokens, exact) = of_word(text);
        (tokens.into_iter().map(written).collect(), exact)
    }

    #[test]
    fn a_word_is_looked_for_by_its_rarest_tokens() {
        assert_eq!(word("市"), (vec!["市".to_owned()], true));
        assert_eq!(word("市政"), (vec!["市政".to_owned()], true));
        assert_eq!(word("市政工程").0, ["工程", "市政", "政工"]);
        assert!(!word("市政工程").1);
        assert_eq!(word("ct"), (vec!["ct".to_owned()], true));
        assert_eq!(word("hnz"), (vec!["hnz".to_owned()], true));
        assert_eq!(word("hnzc-2024-001").0, ["001", "024", "202", "hnz", "nzc"]);
        assert_eq!(word("ct机").0, ["ct", "t机"]);
        assert_eq!(word("-。").0, Vec::<String>::new());
    }

    #[test]
    fn scopes_and_titles_are_no_texts() {
        let (text, title) = (Token::of(&['\u{10ffff}'; 3]), Token::of(&['市', '政']).in_title());
        for scope in ["", "*", "c:construction", "k:a"] {
            let scope = Token::of_scope(scope);
            assert!(scope > text && scope.range() == (scope.0, scope.0), "{scope:?}");
        }
        assert!(title.0 < 0 && text.0 > 0);
    }

    proptest! {
        #[test]
        fn tokens_stand_in_order(
            text in "[市政工ab12 é𠮷]{0,30}", title in "[市政ab12]{0,6}",
            scopes in proptest::collection::vec("[a-c:]{0,2}", 0..4)
        ) {
            let mut tokens = Tokens::of(&text);
            tokens.add_title(&title);
            tokens.add_scopes(scopes.iter().map(String::as_str));
            prop_assert!(tokens.0.is_sorted_by(|a, b| a < b), "{:?}", tokens);
        }

        #[test]
        fn a_text_stands_under_all_that_the_head_of_this_file_says(text in "[市政工ab12 -，𠮷\u{10fffd}é]{0,30}") {
            let letters: Vec<char> = text.chars().collect();
            let mut tokens = BTreeSet::new();
            for run in runs(&letters) {
                for length in 2..=3 {
                    let windows = run.windows(length);
                    let windows = windows.filter(|window| length < 3 || window.iter().all(char::is_ascii));
                    tokens.extend(windows.map(Token::of));
                }
                tokens.extend(run.last().map(|letter| Token::of(&[*letter])));
            }
            prop_assert_eq!(of_text(&text), tokens);
        }

        #[test]
        fn a_text_has_all_tokens_of_every_part_of_it(
            text in "[市政工程ab12 -，。𠮷]{0,30}", from in 0usize..30, length in 0usize..8
        ) {
            let part: String = text.chars().skip(from).take(length).collect();
            let of_text = of_text(&text);
            prop_assert!(of_word(&part).0.iter().all(|token| has(&of_text, token)), "{part:?} of {text:?}");
        }

        #[test]
        fn one_token_that_is_the_word_says_that_the_text_contains_it(
            text in "[市政工ab1 -]{0,20}", part in "[市政工ab1 -]{1,3}"
        ) {
            let (tokens, exact) = of_word(&part);
            if exact {
                let of_text = of_text(&text);
                prop_assert_eq!(tokens.iter().all(|token| has(&of_text, token)), text.contains(&part));
            }
        }
    }
}
