//! How a filter is found: the terms that it names, and under which keys it stands.
//!
//! Promise: a filter that matches a notice stands under at least one key made of a term of that notice (or none), a
//! code of its category path (or any) and one of its region path (or any); and it has at most [`MAX_KEYS`] keys.

use std::collections::BTreeSet;

use super::subscription::{Filter, project_key, purchaser_key, word_key};
use super::words::words;

words! {
    /// What a term is.
    TermKind {
        /// A word of the text.
        Word = "word",
        /// A project's code.
        Project = "project",
        /// A purchaser's name or code.
        Purchaser = "purchaser",
    }
}

words! {
    /// What a term that is no key is to a filter.
    TermMode {
        /// It must be hit.
        All = "all",
        /// One of those of this mode must be hit.
        Any = "any",
        /// It must not be hit.
        None = "none",
    }
}

/// Something that is looked for in notices, folded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term {
    /// What it is.
    pub kind: TermKind,
    /// As it is looked for.
    pub folded: String,
}

/// The most keys that one filter has.
pub const MAX_KEYS: usize = 500;

/// Where a filter stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The terms of its keys; empty: it is found without one.
    pub anchors: BTreeSet<Term>,
    /// The categories of its keys; empty: any.
    pub categories: BTreeSet<String>,
    /// The regions of its keys; empty: any.
    pub regions: BTreeSet<String>,
    /// The terms beyond the keys, and what they are to it.
    pub terms: BTreeSet<(TermMode, Term)>,
}

impl Lookup {
    /// Where this filter stands.
    pub fn of(filter: &Filter) -> Self {
        let word = |text: &String| Term { kind: TermKind::Word, folded: word_key(text) };
        let project = filter.project.as_deref().map(|code| Term { kind: TermKind::Project, folded: project_key(code) });
        let purchaser =
            filter.purchaser.as_deref().map(|name| Term { kind: TermKind::Purchaser, folded: purchaser_key(name) });
        let all: BTreeSet<Term> = filter.keywords.all.iter().map(word).collect();
        let any: BTreeSet<Term> = filter.keywords.any.iter().map(word).collect();
        let categories: BTreeSet<String> = filter.categories.iter().cloned().collect();
        let regions: BTreeSet<String> = filter.regions.iter().cloned().collect();

        // The rarest first: a project has few notices, a purchaser some, and a longer word is rarer than a shorter one.
        let longest = all.iter().max_by_key(|term| term.folded.chars().count()).cloned();
        let anchor = project.clone().or_else(|| purchaser.clone()).or(longest);
        let places = categories.len().max(1) * regions.len().max(1);
        let any_anchors = anchor.is_none() && any.len() * places <= MAX_KEYS;

        let mut terms = BTreeSet::new();
        terms.extend(filter.keywords.none.iter().map(word).map(|term| (TermMode::None, term)));
        let needed = all.into_iter().chain(purchaser).filter(|term| Some(term) != anchor.as_ref());
        terms.extend(needed.map(|term| (TermMode::All, term)));
        let anchors = if any_anchors {
            any
        } else {
            terms.extend(any.into_iter().map(|term| (TermMode::Any, term)));
            anchor.into_iter().collect()
        };
        Self { anchors, categories, regions, terms }
    }

    /// Every term that it names.
    pub fn all_terms(&self) -> BTreeSet<&Term> {
        self.anchors.iter().chain(self.terms.iter().map(|(_, term)| term)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::subscription::Keywords;

    fn texts(count: usize, prefix: &str) -> Vec<String> {
        (0..count).map(|number| format!("{prefix}{number}")).collect()
    }

    fn modes(lookup: &Lookup) -> Vec<(TermMode, &str)> {
        lookup.terms.iter().map(|(mode, term)| (*mode, term.folded.as_str())).collect()
    }

    #[test]
    fn the_rarest_term_is_the_anchor() {
        let mut filter = Filter {
            keywords: Keywords {
                any: vec!["绿化".to_owned()],
                all: vec!["市政工程".to_owned(), "施工".to_owned()],
                none: vec!["监理".to_owned()],
            },
            ..Filter::default()
        };
        let lookup = Lookup::of(&filter);
        assert_eq!(lookup.anchors.iter().map(|term| term.folded.as_str()).collect::<Vec<_>>(), ["市政工程"]);
        assert_eq!(modes(&lookup), [(TermMode::All, "施工"), (TermMode::Any, "绿化"), (TermMode::None, "监理")]);

        filter.project = Some("HN 001".to_owned());
        let lookup = Lookup::of(&filter);
        assert_eq!(lookup.anchors.iter().map(|term| term.folded.as_str()).collect::<Vec<_>>(), ["hn001"]);
    }

    #[test]
    fn alternatives_are_anchors_until_the_keys_are_too_many() {
        let mut filter = Filter {
            categories: texts(5, "c"),
            regions: texts(5, "r"),
            keywords: Keywords { any: texts(20, "word"), ..Keywords::default() },
            ..Filter::default()
        };
        let lookup = Lookup::of(&filter);
        assert_eq!((lookup.anchors.len(), lookup.terms.len()), (20, 0));

        filter.regions = texts(6, "r");
        let lookup = Lookup::of(&filter);
        assert_eq!((lookup.anchors.len(), lookup.terms.len()), (0, 20));
    }

    #[test]
    fn what_is_said_twice_counts_once() {
        let filter = Filter {
            keywords: Keywords { all: vec!["ABC".to_owned(), "ａｂｃ".to_owned()], ..Keywords::default() },
            ..Filter::default()
        };
        let lookup = Lookup::of(&filter);
        assert_eq!((lookup.anchors.len(), lookup.terms.len()), (1, 0));
    }
}
