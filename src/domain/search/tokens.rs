//! Tokens: single characters, pairs, and triples of ASCII.
//!
//! A text stands under each of its letters and digits, each pair of neighbours and each triple of ASCII neighbours; a
//! word is looked for by its pairs, or by its triples where it is ASCII, because pairs of Latin letters are everywhere.
//! A word of one or two characters (three of ASCII) is one token, so having the token is containing the word; a longer
//! one must be looked for in the texts that its tokens find.

use std::collections::BTreeSet;

/// How much of a text is looked at, in characters: a bound for what one notice can cost the index.
pub const MAX_TEXT_CHARS: usize = 100_000;
/// What stands before a scope.
const SCOPE: char = '@';

/// The tokens of folded texts, each once, in the order of their bytes.
#[derive(Debug, Clone, Default)]
pub struct Tokens(Vec<u64>);

/// The bits of a character: three fit into 64.
const BITS: u32 = 21;

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
        let (mut last, mut last_but_one) = (None, None);
        for letter in folded.chars().take(MAX_TEXT_CHARS) {
            if !letter.is_alphanumeric() {
                (last, last_but_one) = (None, None);
                continue;
            }
            self.0.push(packed(letter, 2));
            if let Some(before) = last {
                self.0.push(packed(before, 2) | packed(letter, 1));
                let ascii = |first: &char| first.is_ascii() && char::is_ascii(&before) && letter.is_ascii();
                if let Some(first) = last_but_one.filter(ascii) {
                    self.0.push(packed(first, 2) | packed(before, 1) | packed(letter, 0));
                }
            }
            (last, last_but_one) = (Some(letter), last);
        }
        self.0.sort_unstable();
        self.0.dedup();
    }

    /// Writes them with those of a title, parted where scopes stand: what is handed to an index in the order of bytes
    /// need not be sorted there.
    pub fn around_scopes(&self, title: &Self) -> (String, String) {
        let (before, after) = self.0.split_at(self.0.partition_point(|token| *token < packed(SCOPE, 2)));
        let (mut low, mut high) = (String::new(), String::new());
        write(before, "", &mut low);
        write(&title.0, TITLE, &mut high);
        write(after, "", &mut high);
        (low, high)
    }
}

/// Each behind `mark` and before a space.
fn write(tokens: &[u64], mark: &str, line: &mut String) {
    for token in tokens {
        line.push_str(mark);
        line.extend([2, 1, 0].into_iter().filter_map(|place| unpacked(*token, place)));
        line.push(' ');
    }
}

/// A letter at a place of a token, the first at place 2.
fn packed(letter: char, place: u32) -> u64 {
    u64::from(u32::from(letter)) << (place * BITS)
}

/// No text of letters and digits holds U+0000, so it stands for none.
fn unpacked(token: u64, place: u32) -> Option<char> {
    let letter = u32::try_from(token >> (place * BITS) & ((1 << BITS) - 1)).ok();
    letter.filter(|letter| *letter != 0).and_then(char::from_u32)
}

/// What stands before a token of a title. No text has it: it is neither letter nor digit.
const TITLE: &str = "^";

/// The same token as one of a title.
pub fn in_title(token: &str) -> String {
    format!("{TITLE}{token}")
}

/// The token of a scope in which a notice stands.
pub fn of_scope(scope: &str) -> String {
    // The tokenizer of SQLite folds ASCII, so both engines are given what is folded.
    format!("{SCOPE}{}", scope.to_ascii_lowercase())
}

/// The tokens that every text with this word has, and whether only such texts have them.
pub(super) fn of_word(folded: &str) -> (BTreeSet<String>, bool) {
    let letters: Vec<char> = folded.chars().collect();
    let mut tokens = BTreeSet::new();
    for run in runs(&letters) {
        let triples = run.windows(3).map(|window| window.iter().all(char::is_ascii)).collect::<Vec<_>>();
        let is_triple = |place: Option<usize>| place.and_then(|place| triples.get(place)).copied().unwrap_or(false);
        tokens.extend(run.windows(3).filter(|window| window.iter().all(char::is_ascii)).map(String::from_iter));
        let pairs = run.windows(2).enumerate();
        let alone = pairs.filter(|(place, _)| !is_triple(Some(*place)) && !is_triple(place.checked_sub(1)));
        tokens.extend(alone.map(|(_, window)| String::from_iter(window)));
        if let [letter] = run {
            tokens.insert(letter.to_string());
        }
    }
    let exact = tokens.len() == 1 && tokens.contains(folded);
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
    pub fn of_text(folded: &str) -> BTreeSet<String> {
        line(folded, "").split_terminator(' ').map(str::to_owned).collect()
    }

    fn line(folded: &str, title: &str) -> String {
        let (low, high) = Tokens::of(folded).around_scopes(&Tokens::of(title));
        low + &high
    }

    fn word(text: &str) -> (Vec<String>, bool) {
        let (tokens, exact) = of_word(text);
        (tokens.into_iter().collect(), exact)
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

    proptest! {
        #[test]
        fn tokens_stand_in_the_order_of_their_bytes(text in "[市政工ab12 é𠮷]{0,30}", title in "[市政ab12]{0,6}") {
            let (low, high) = Tokens::of(&text).around_scopes(&Tokens::of(&title));
            let all = format!("{low}{} {high}", of_scope("a"));
            prop_assert!(all.split_terminator(' ').is_sorted(), "{}", all);
        }

        #[test]
        fn a_text_stands_under_all_that_the_head_of_this_file_says(text in "[市政工ab12 -，𠮷\u{10fffd}é]{0,30}") {
            let letters: Vec<char> = text.chars().collect();
            let mut tokens = BTreeSet::new();
            for run in runs(&letters) {
                for length in 1..=3 {
                    let windows = run.windows(length);
                    let windows = windows.filter(|window| length < 3 || window.iter().all(char::is_ascii));
                    tokens.extend(windows.map(String::from_iter));
                }
            }
            prop_assert_eq!(of_text(&text), tokens);
        }

        #[test]
        fn a_text_has_all_tokens_of_every_part_of_it(
            text in "[市政工程ab12 -，。𠮷]{0,30}", from in 0usize..30, length in 0usize..8
        ) {
            let part: String = text.chars().skip(from).take(length).collect();
            prop_assert!(of_word(&part).0.is_subset(&of_text(&text)), "{part:?} of {text:?}");
        }

        #[test]
        fn one_token_that_is_the_word_says_that_the_text_contains_it(
            text in "[市政工ab1 -]{0,20}", part in "[市政工ab1 -]{1,3}"
        ) {
            let (tokens, exact) = of_word(&part);
            if exact {
                prop_assert_eq!(tokens.is_subset(&of_text(&text)), text.contains(&part));
            }
        }
    }
}
