//! A release's notice type: by its tags, and among the types of a tag by what the title, the method and the states of its
//! tender and awards say.
//!
//! | tag | types whose `ocds_tag` is |
//! | --- | --- |
//! | `planning`, `planningUpdate` | `planning` |
//! | `tender` | `tender` |
//! | `tenderAmendment`, `tenderUpdate` | `tenderAmendment`; with bids it is the opening (`tenderUpdate`) |
//! | `tenderCancellation`, `awardCancellation` | `tenderCancellation` |
//! | `award`, `awardUpdate` | `award`; all pending: the candidates (stage `evaluation`) |
//! | `contract`, `contractUpdate`, `contractAmendment` | `contract` |
//! | `implementation`, `implementationUpdate`, `contractTermination` | `implementation`, else `contract` |
//! | `compiled`, or none | of the furthest of contracts, awards, tender and planning that it holds |
//!
//! Of several tags the furthest in a process's life counts, an end before everything. Where the category has no such type,
//! or no tag is known, the given type is taken.

use super::super::Held;
use super::super::kind::{by_title, by_words, of_category, says};
use super::super::read::{Node, is_missing, short};
use crate::domain::catalogue::NoticeType;

/// The tags of the standard, the furthest first, and the tags that the catalogue's types are looked for under.
const TAGS: [(&str, &[&str]); 15] = [
    ("tenderCancellation", &["tenderCancellation"]),
    ("awardCancellation", &["tenderCancellation"]),
    ("contractTermination", &["implementation", "contract"]),
    ("implementationUpdate", &["implementation", "contract"]),
    ("implementation", &["implementation", "contract"]),
    ("contractAmendment", &["contract"]),
    ("contractUpdate", &["contract"]),
    ("contract", &["contract"]),
    ("awardUpdate", &["award"]),
    ("award", &["award"]),
    ("tenderAmendment", &["tenderAmendment"]),
    ("tenderUpdate", &["tenderAmendment"]),
    ("tender", &["tender"]),
    ("planningUpdate", &["planning"]),
    ("planning", &["planning"]),
];

/// What a compiled release came to, by what it holds, the furthest first.
const STATES: [(&str, &str); 4] =
    [("contracts", "contract"), ("awards", "award"), ("tender", "tender"), ("planning", "planning")];

/// The tags of a release; of a compiled one, and of one without tags, what it came to.
pub fn tags(release: &Node<'_>) -> Vec<String> {
    let tags: Vec<String> = release.get("tag").items().iter().filter_map(Node::text).collect();
    if !tags.is_empty() && tags != ["compiled"] {
        return tags;
    }
    let holds = |(field, _): &&(&str, &str)| release.value().get(field).is_some_and(|value| !is_missing(value));
    STATES.iter().find(holds).map(|(_, tag)| (*tag).to_owned()).into_iter().collect()
}

/// The code of its notice type; notes a fault when there is none.
pub fn choose(release: &Node<'_>, tags: &[String], category: &str, title: &str, held: Held<'_>) -> Option<String> {
    let furthest = TAGS.iter().find(|(tag, _)| tags.iter().any(|own| own == tag));
    let wanted = match furthest {
        Some(("tenderUpdate", _)) if !release.get("bids").is_missing() => ["tenderUpdate"].as_slice(),
        Some((_, wanted)) => wanted,
        None => &[],
    };
    let kinds = of_category(held.catalogue, category);
    let of_tag = |tag: &&str| kinds.iter().filter(|kind| kind.ocds_tag.as_deref() == Some(*tag)).copied().collect();
    let kinds: Vec<&NoticeType> =
        wanted.iter().map(of_tag).find(|kinds: &Vec<_>| !kinds.is_empty()).unwrap_or_default();
    let found = among(release, &kinds, title).map(|kind| kind.code.clone());
    let found = found.or_else(|| held.given.notice_type.clone());
    if found.is_none() {
        let tags = short(&tags.join(", "));
        release.get("tag").fault(
            "no_notice_type",
            format!("分类 {category} 没有与 {tags} 对应的公告类型，请用 --notice-type 指明"),
            format!("no notice type of {category} for {tags}: name one with --notice-type"),
        );
    }
    found
}

fn among<'a>(release: &Node<'_>, kinds: &[&'a NoticeType], title: &str) -> Option<&'a NoticeType> {
    if let Some(kind) = by_title(kinds, title) {
        return Some(kind);
    }
    let tender = release.get("tender");
    let details = tender.get("procurementMethodDetails").text();
    if let Some(kind) = details.and_then(|details| by_words(kinds, &details)) {
        return Some(kind);
    }
    let statuses = release.get("awards").items();
    let mut statuses = statuses.iter().filter_map(|award| award.get("status").text()).peekable();
    let pending = statuses.peek().is_some() && statuses.all(|status| status == "pending");
    let facts = [("ocds_method", tender.get("procurementMethod").text()), ("ocds_status", tender.get("status").text())];
    let score = |kind: &NoticeType| {
        let said = facts.iter().filter_map(|(key, fact)| Some((key, fact.as_deref()?)));
        let said = said.filter(|(key, fact)| says(kind, key, fact)).count();
        (((kind.stage == "evaluation") == pending), said)
    };
    // The first of equals.
    kinds.iter().copied().rev().max_by_key(|kind| score(kind))
}
