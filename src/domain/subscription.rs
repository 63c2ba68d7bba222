//! A subscription's filter, and the one function that says whether a notice satisfies it.
//!
//! Promise: [`matches()`] depends on nothing but the filter and the stored facts of a notice revision, so the answer of
//! today is the answer of every later day. `storage::matching` says the same in SQL, and a test holds the two to one
//! answer. Whoever changes either so that an old match would come out differently raises [`MATCHER`].

use serde::{Deserialize, Serialize};

use super::catalogue::is_probe;
use super::fold::{fold, fold_code};
use super::words::words;

/// The version of the rules by which a notice and a filter are held together; stored with each notice revision.
pub const MATCHER: i64 = 1;

/// What a user wants to hear of. An empty part asks for nothing; every part that is not empty must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Category codes; one covers everything below it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Region codes; one covers everything below it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Notice type codes; together with `stages` one part: one of either suffices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notice_types: Vec<String>,
    /// Stage codes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<String>,
    /// Words of the notice's text.
    #[serde(skip_serializing_if = "Keywords::is_empty")]
    pub keywords: Keywords,
    /// The notice's amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// The purchaser, by name or by credit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchaser: Option<String>,
    /// The project, by its code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}

/// Words, as the user wrote them; they are folded whenever they are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Keywords {
    /// At least one of these stands in the text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub any: Vec<String>,
    /// All of these stand in the text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub all: Vec<String>,
    /// None of these stands in the text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub none: Vec<String>,
}

/// A range of amounts, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// The least, in fen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_fen: Option<i64>,
    /// The most, in fen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_fen: Option<i64>,
    /// What becomes of a notice that names no amount.
    pub unknown: UnknownAmount,
}

words! {
    /// What becomes of a notice that names no amount; unknown is a case of its own, never zero.
    UnknownAmount {
        /// It counts as within the range.
        Include = "include",
        /// It counts as outside.
        Exclude = "exclude",
    }
}

words! {
    /// How soon a match is told.
    Frequency {
        /// At once.
        Immediate = "immediate",
        /// In a digest a day.
        Daily = "daily",
        /// In a digest a week.
        Weekly = "weekly",
    }
}

impl Frequency {
    /// Whether this release offers it.
    pub const fn is_offered(self) -> bool {
        matches!(self, Self::Immediate)
    }
}

words! {
    /// Why an edition of a subscription ended.
    SubscriptionEnd {
        /// Its filter was changed: the next edition began.
        Changed = "changed",
        /// The user ended the subscription.
        UserLeft = "user_left",
        /// The user's account was closed.
        AccountClosed = "account_closed",
    }
}

impl Keywords {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.any.is_empty() && self.all.is_empty() && self.none.is_empty()
    }
}

impl Filter {
    /// Whether it names nothing that a notice must have. Excluded words alone would match nearly every notice and so
    /// count as nothing.
    pub fn is_empty(&self) -> bool {
        self.categories.is_empty()
            && self.regions.is_empty()
            && self.notice_types.is_empty()
            && self.stages.is_empty()
            && self.keywords.any.is_empty()
            && self.keywords.all.is_empty()
            && self.amount.is_none()
            && self.purchaser.is_none()
            && self.project.is_none()
    }
}

/// What matching reads of a notice revision: resolved and folded when it was stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its category and all ancestors, root first: `/construction/construction.a02/`.
    pub category_path: String,
    /// Its region, all ancestors, and every code that these have or had.
    pub region_path: String,
    /// The notice type's code.
    pub notice_type: String,
    /// The stage that the type belongs to.
    pub stage: String,
    /// The project's code, folded as a code.
    pub project_key: Option<String>,
    /// The purchaser's folded name and folded code.
    pub purchaser_keys: Vec<String>,
    /// Control price, else budget, else award; `None` when none is known.
    pub amount_fen: Option<i64>,
    /// Title, project, purchaser and text, folded.
    pub folded: String,
}

/// Why a notice satisfies a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// The words found in the text, as the user wrote them.
    pub words: Vec<String>,
}

words! {
    /// The parts of a filter, each of which holds or fails.
    Part {
        /// One of the categories.
        Categories = "categories",
        /// One of the regions.
        Regions = "regions",
        /// One of the notice types or stages.
        Types = "types",
        /// The project.
        Project = "project",
        /// The purchaser.
        Purchaser = "purchaser",
        /// The amount.
        Amount = "amount",
        /// All of the words.
        AllWords = "all_words",
        /// One of the words.
        AnyWords = "any_words",
        /// None of the words.
        NoWords = "no_words",
    }
}

words! {
    /// In which way a part of a filter could be changed.
    How {
        /// Leave it out.
        Remove = "remove",
        /// Take what lies above.
        Widen = "widen",
        /// Ask for this.
        Add = "add",
    }
}

/// How one part of a filter fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The part.
    pub part: Part,
    /// Whether it holds.
    pub holds: bool,
    /// The words of this part that stand in the text.
    pub words: Vec<String>,
}

/// Whether a notice satisfies a filter, and by which words.
pub fn matches(filter: &Filter, facts: &Facts) -> Option<Why> {
    let mut words = Vec::new();
    for verdict in verdicts(filter, facts) {
        if !verdict.holds {
            return None;
        }
        words.extend(verdict.words);
    }
    Some(Why { words })
}

/// How every part of a filter fared that is not empty, the cheap ones first; nothing is computed before it is asked for.
pub fn verdicts<'a>(filter: &'a Filter, facts: &'a Facts) -> impl Iterator<Item = Verdict> + 'a {
    Part::ALL.iter().filter_map(|&part| verdict(part, filter, facts))
}

fn verdict(part: Part, filter: &Filter, facts: &Facts) -> Option<Verdict> {
    let keywords = &filter.keywords;
    let plain = |asked: bool, holds: bool| asked.then(|| Verdict { part, holds, words: Vec::new() });
    match part {
        // A probe is for those who ask for it by name.
        Part::Categories => plain(
            !filter.categories.is_empty() || is_probe(&facts.category_path),
            on_path(&filter.categories, &facts.category_path),
        ),
        Part::Regions => plain(!filter.regions.is_empty(), on_path(&filter.regions, &facts.region_path)),
        Part::Types => plain(
            !filter.notice_types.is_empty() || !filter.stages.is_empty(),
            filter.notice_types.contains(&facts.notice_type) || filter.stages.contains(&facts.stage),
        ),
        Part::Project => {
            let project = filter.project.as_deref()?;
            plain(true, facts.project_key.as_deref() == Some(&project_key(project)))
        }
        Part::Purchaser => {
            let purchaser = filter.purchaser.as_deref()?;
            plain(true, facts.purchaser_keys.contains(&purchaser_key(purchaser)))
        }
        Part::Amount => plain(true, filter.amount?.admits(facts.amount_fen)),
        Part::AllWords => worded(part, &keywords.all, facts, |found| found == keywords.all.len()),
        Part::AnyWords => worded(part, &keywords.any, facts, |found| found > 0),
        Part::NoWords => worded(part, &keywords.none, facts, |found| found == 0),
    }
}

fn worded(part: Part, asked: &[String], facts: &Facts, holds: impl Fn(usize) -> bool) -> Option<Verdict> {
    if asked.is_empty() {
        return None;
    }
    let words: Vec<String> = asked.iter().filter(|word| facts.folded.contains(&word_key(word))).cloned().collect();
    Some(Verdict { part, holds: holds(words.len()), words })
}

fn on_path(codes: &[String], path: &str) -> bool {
    codes.iter().any(|code| path.split('/').any(|step| step == code))
}

impl Amount {
    /// Whether an amount lies within.
    pub fn admits(&self, amount_fen: Option<i64>) -> bool {
        match amount_fen {
            Some(fen) => self.min_fen.is_none_or(|min| min <= fen) && self.max_fen.is_none_or(|max| fen <= max),
            None => self.unknown == UnknownAmount::Include,
        }
    }
}

/// A word as it is looked for.
pub fn word_key(word: &str) -> String {
    fold(word)
}

/// A project code as it is looked for.
pub fn project_key(code: &str) -> String {
    fold_code(code)
}

/// A purchaser as it is looked for: what has the form of a credit code loses its spaces, anything else is a name.
pub fn purchaser_key(purchaser: &str) -> String {
    let code = fold_code(purchaser);
    if is_credit_code(&code) { code } else { fold(purchaser) }
}

/// The unified social credit code: 18 letters and digits, of which the third to the eighth are a region's digits.
fn is_credit_code(folded: &str) -> bool {
    const CHARS: usize = 18;
    folded.len() == CHARS
        && folded.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && folded.bytes().skip(2).take(6).all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            category_path: "/construction/construction.a02/".to_owned(),
            region_path: "/430000/430100/430182/430124/".to_owned(),
            notice_type: "C-TENDER".to_owned(),
            stage: "tender".to_owned(),
            project_key: Some(project_key("HNJS-2026-001")),
            purchaser_keys: vec![fold("长沙市政建设有限公司"), fold_code("91430100MA4L1234XX")],
            amount_fen: Some(1_000_000),
            folded: fold("宁乡市市政工程（一标段）施工\nABC 设备"),
        }
    }

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).to_owned()).collect()
    }

    fn holds(change: impl Fn(&mut Filter)) -> bool {
        let mut filter = Filter::default();
        change(&mut filter);
        matches(&filter, &facts()).is_some()
    }

    #[test]
    fn a_probe_is_for_those_who_ask_for_it_by_name() {
        let probe = Facts { category_path: "/probe/".to_owned(), ..facts() };
        assert!(matches(&Filter::default(), &probe).is_none());
        let by_name = Filter { categories: words(&["probe"]), ..Filter::default() };
        assert!(matches(&by_name, &probe).is_some() && matches(&by_name, &facts()).is_none());
    }

    #[test]
    fn a_category_and_a_region_cover_what_lies_below_them() {
        assert!(holds(|filter| filter.categories = words(&["construction"])));
        assert!(holds(|filter| filter.categories = words(&["land", "construction.a02"])));
        assert!(!holds(|filter| filter.categories = words(&["construction.a0"])));
        assert!(holds(|filter| filter.regions = words(&["430000"])));
        assert!(holds(|filter| filter.regions = words(&["430124"])), "the code before the county became a city");
        assert!(!holds(|filter| filter.regions = words(&["430200"])));
    }

    #[test]
    fn types_and_stages_are_one_part() {
        assert!(holds(|filter| filter.notice_types = words(&["C-TENDER"])));
        assert!(holds(|filter| {
            filter.notice_types = words(&["C-AWARD"]);
            filter.stages = words(&["tender"]);
        }));
        assert!(!holds(|filter| filter.stages = words(&["award"])));
    }

    #[test]
    fn words_are_folded_and_found_inside_longer_ones() {
        assert!(holds(|filter| filter.keywords.any = words(&["市政"])));
        assert!(holds(|filter| filter.keywords.all = words(&["市政工程", "ａｂｃ"])));
        assert!(holds(|filter| filter.keywords.any = words(&["（一标段）"])));
        assert!(!holds(|filter| filter.keywords.all = words(&["市政", "绿化"])));
        assert!(!holds(|filter| {
            filter.keywords.any = words(&["市政"]);
            filter.keywords.none = words(&["Abc"]);
        }));
    }

    #[test]
    fn the_words_found_are_told_as_they_were_written() {
        let mut filter = Filter::default();
        filter.keywords.any = words(&["绿化", "Ａbc"]);
        filter.keywords.all = words(&["施工"]);
        assert_eq!(matches(&filter, &facts()), Some(Why { words: words(&["施工", "Ａbc"]) }));
    }

    #[test]
    fn an_unknown_amount_is_neither_low_nor_high() {
        let of = |min_fen, max_fen, unknown| Amount { min_fen, max_fen, unknown };
        assert!(of(Some(1_000_000), Some(1_000_000), UnknownAmount::Exclude).admits(Some(1_000_000)));
        assert!(!of(Some(1_000_001), None, UnknownAmount::Include).admits(Some(1_000_000)));
        assert!(!of(None, Some(999_999), UnknownAmount::Include).admits(Some(1_000_000)));
        assert!(of(Some(5), None, UnknownAmount::Include).admits(None));
        assert!(!of(None, Some(5), UnknownAmount::Exclude).admits(None));
    }

    #[test]
    fn a_purchaser_is_known_by_name_and_by_code() {
        assert!(holds(|filter| filter.purchaser = Some("长沙市政建设有限公司".to_owned())));
        assert!(holds(|filter| filter.purchaser = Some("91430100 MA4L 1234XX".to_owned())));
        assert!(!holds(|filter| filter.purchaser = Some("长沙市政".to_owned())));
        assert!(holds(|filter| filter.project = Some("hnjs－2026－001".to_owned())));
        assert!(!holds(|filter| filter.project = Some("HNJS-2026-002".to_owned())));
    }

    #[test]
    fn the_verdicts_say_which_part_failed() {
        let filter = Filter {
            categories: words(&["construction"]),
            keywords: Keywords { any: words(&["绿化"]), ..Keywords::default() },
            ..Filter::default()
        };
        let facts = facts();
        let found: Vec<(Part, bool)> = verdicts(&filter, &facts).map(|verdict| (verdict.part, verdict.holds)).collect();
        assert_eq!(found, [(Part::Categories, true), (Part::AnyWords, false)]);
    }

    #[test]
    fn empty_parts_are_not_written_down() {
        let mut filter = Filter::default();
        filter.keywords.any = words(&["市政"]);
        assert_eq!(serde_json::to_string(&filter).unwrap(), r#"{"keywords":{"any":["市政"]}}"#);
        let read: Filter = serde_json::from_str(r#"{"keywords":{"any":["市政"]}}"#).unwrap();
        assert_eq!(read, filter);
        assert!(
            Filter { keywords: Keywords { none: words(&["市政"]), ..Keywords::default() }, ..Filter::default() }
                .is_empty()
        );
    }
}
