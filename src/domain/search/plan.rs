//! In which order what is found stands.
//!
//! Promise: the order follows from sets of tokens and the number of a document alone. Each tier is a set of its own, no two
//! share a notice, and within a tier the newest stands first: a reader can stop as soon as a page is full.

use std::collections::BTreeSet;

use super::query::{Query, Word};
use super::tokens::Token;
use crate::domain::words::words;

words! {
    /// In which order what is found is shown.
    Sort {
        /// The best tier first, and in each the newest.
        Relevance = "relevance",
        /// The newest.
        Time = "time",
    }
}

/// Where the words stand. The greater, the nearer to what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// In the text.
    Text = 0,
    /// One of them in the title.
    SomeInTitle = 1,
    /// All of them in the title.
    Title = 2,
    /// All of them in the title, side by side as they were typed.
    TogetherInTitle = 3,
}

impl Stream {
    /// All tokens that it speaks of, some of them more than once.
    pub fn tokens(&self) -> impl Iterator<Item = Token> {
        let sets = self.alternatives.iter().chain(&self.excluded).flatten();
        self.needed.iter().chain(sets).copied()
    }
}

impl Tier {
    /// The tier of this number.
    pub fn of(number: i64) -> Option<Self> {
        [Self::Text, Self::SomeInTitle, Self::Title, Self::TogetherInTitle]
            .into_iter()
            .find(|tier| tier.number() == number)
    }

    /// Its number.
    pub const fn number(self) -> i64 {
        match self {
            Self::Text => 0,
            Self::SomeInTitle => 1,
            Self::Title => 2,
            Self::TogetherInTitle => 3,
        }
    }
}

/// A set of documents: those with all the needed tokens, one of the alternatives where there are some, and none of the
/// excluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Which tier it is.
    pub tier: Tier,
    /// Tokens that all of them have; at least one.
    pub needed: BTreeSet<Token>,
    /// Sets of tokens of which they have at least one whole; empty: that is not asked for.
    pub alternatives: Vec<BTreeSet<Token>>,
    /// Sets of tokens of which they have none whole.
    pub excluded: Vec<BTreeSet<Token>>,
}

/// What a query finds within these scopes, the best tier first.
pub fn streams(query: &Query, scopes: &[String]) -> Vec<Stream> {
    let base = by_time(query, scopes);
    let titles: Vec<BTreeSet<Token>> = query.all.iter().map(title).collect();
    if titles.is_empty() {
        return vec![base];
    }
    let mut found = Vec::new();
    let all: BTreeSet<Token> = titles.iter().flatten().copied().collect();
    let together: Option<BTreeSet<Token>> =
        query.together().map(|tokens| tokens.iter().map(|token| token.in_title()).collect());
    // A title is part of its text: what is in the title need not be asked of the text again.
    let beside = |needed: &BTreeSet<Token>| scoped(scopes).chain(needed.iter().copied()).collect();
    if let Some(together) = &together {
        found.push(Stream { tier: Tier::TogetherInTitle, needed: beside(together), ..base.clone() });
    }
    let excluded = base.excluded.iter().cloned().chain(together).collect();
    found.push(Stream { tier: Tier::Title, needed: beside(&all), excluded, ..base.clone() });
    if titles.len() > 1 {
        let excluded = base.excluded.iter().cloned().chain([all]).collect();
        found.push(Stream { tier: Tier::SomeInTitle, alternatives: titles.clone(), excluded, ..base.clone() });
    }
    let excluded = base.excluded.iter().cloned().chain(titles).collect();
    found.push(Stream { excluded, ..base });
    found
}

/// All that a query finds within these scopes, without regard to where the words stand.
pub fn by_time(query: &Query, scopes: &[String]) -> Stream {
    let mut needed: BTreeSet<Token> = scoped(scopes).collect();
    needed.extend(query.all.iter().flat_map(|word| word.tokens.iter().copied()));
    if needed.is_empty() {
        needed.insert(Token::of_scope("*"));
    }
    // A longer word cannot be excluded by its tokens: they may stand apart.
    let excluded = query.none.iter().filter(|word| word.exact).map(|word| word.tokens.clone()).collect();
    Stream { tier: Tier::Text, needed, alternatives: Vec::new(), excluded }
}

fn scoped(scopes: &[String]) -> impl Iterator<Item = Token> {
    scopes.iter().map(|scope| Token::of_scope(scope))
}

fn title(word: &Word) -> BTreeSet<Token> {
    word.tokens.iter().map(|token| token.in_title()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tokens::tests::{self, of_text};
    use super::*;

    /// The tokens of a notice with this title and this text behind it.
    fn document(title: &str, text: &str) -> BTreeSet<Token> {
        let mut tokens = of_text(&format!("{title} {text}"));
        tokens.extend(of_text(title).iter().map(|token| token.in_title()));
        tokens.insert(Token::of_scope("*"));
        tokens
    }

    fn has(stream: &Stream, document: &BTreeSet<Token>) -> bool {
        let within = |set: &BTreeSet<Token>| set.iter().all(|token| tests::has(document, token));
        within(&stream.needed)
            && (stream.alternatives.is_empty() || stream.alternatives.iter().any(within))
            && !stream.excluded.iter().any(within)
    }

    fn tiers(query: &str, title: &str, text: &str) -> Vec<Tier> {
        let document = document(title, text);
        let streams = streams(&Query::parse(query), &[]);
        streams.iter().filter(|stream| has(stream, &document)).map(|stream| stream.tier).collect()
    }

    #[test]
    fn titles_come_before_texts_and_words_side_by_side_before_words_apart() {
        assert_eq!(tiers("市政 绿化", "市政绿化工程", ""), [Tier::TogetherInTitle]);
        assert_eq!(tiers("市政 绿化", "绿化市政工程", ""), [Tier::Title]);
        assert_eq!(tiers("市政 绿化", "市政工程", "绿化"), [Tier::SomeInTitle]);
        assert_eq!(tiers("市政 绿化", "公告", "市政，绿化"), [Tier::Text]);
        assert_eq!(tiers("市政 绿化", "市政", ""), []);
        assert_eq!(tiers("市政 -绿化", "市政绿化", ""), []);
        assert_eq!(tiers("-绿化", "市政", ""), [Tier::Text]);
    }

    proptest! {
        #[test]
        fn a_notice_that_has_the_words_stands_in_one_tier_and_another_in_none(
            words in proptest::collection::vec("[甲乙丙]{1,2}|[甲乙]{3}", 1..4),
            without in proptest::collection::vec("[甲乙丙]{1,2}", 0..2),
            title in "[甲乙丙丁]{0,6}", text in "[甲乙丙丁 ]{0,8}"
        ) {
            let minus = without.iter().map(|word| format!("-{word}"));
            let query = words.iter().cloned().chain(minus).collect::<Vec<_>>().join(" ");
            let found = tiers(&query, &title, &text).len();
            let whole = format!("{title} {text}");
            let contains = words.iter().all(|word| whole.contains(word.as_str()))
                && !without.iter().any(|word| whole.contains(word.as_str()));
            if contains {
                prop_assert_eq!(found, 1);
            } else if words.iter().all(|word| word.chars().count() < 3) {
                prop_assert_eq!(found, 0);
            } else {
                prop_assert!(found <= 1);
            }
        }
    }
}
