//! Which of our notice types a foreign notice has: by what the catalogue says of its types, never by a list in the code.
//!
//! Promise: only types of the notice's own category are considered. Three things speak of a notice's type: the tab that
//! it stood under (or its tag), the words that its title ends with, and what the feed says of the method; none of them
//! is always right, so a form says in which order it believes them.

use serde_json::Value;

use crate::domain::catalogue::{Catalogue, NoticeType, path_codes};
use crate::domain::fold::fold;

/// What may stand behind a title's type word: 招标公告（第二次）, 终止公告, 更正通知书.
const TAIL_WORDS: [&str; 10] = ["公告书", "通知书", "公告", "公示", "通知", "结果", "信息", "书", "表", "的"];

/// The types whose notices stand in this category, in the catalogue's order.
pub fn of_category<'a>(catalogue: &'a Catalogue, category: &str) -> Vec<&'a NoticeType> {
    let path = catalogue.category_path(category).unwrap_or_default();
    let own = |kind: &&NoticeType| path_codes(&path).any(|code| code == kind.category);
    catalogue.notice_types().iter().filter(own).collect()
}

/// The type whose word a title ends with; of several the last, of those the longest.
pub fn by_title<'a>(kinds: &[&'a NoticeType], title: &str) -> Option<&'a NoticeType> {
    let title = fold(title);
    let last = |kind: &&'a NoticeType| {
        let ends = kind.title_markers.iter().filter_map(|marker| {
            let marker = fold(marker);
            let end = title.rfind(&marker)?.checked_add(marker.len())?;
            is_tail(title.get(end..)?).then_some((end, marker.len()))
        });
        ends.max()
    };
    // The first of equals: `max_by_key` would take the last.
    let found = kinds.iter().filter_map(|kind| Some((last(kind)?, *kind)));
    found
        .fold(None, |best: Option<((usize, usize), &NoticeType)>, new| match best {
            Some(best) if best.0 >= new.0 => Some(best),
            _ => Some(new),
        })
        .map(|(_, kind)| kind)
}

/// The type that a text speaks of, wherever: 采购方式：竞争性磋商. The longest word wins.
pub fn by_words<'a>(kinds: &[&'a NoticeType], text: &str) -> Option<&'a NoticeType> {
    let text = fold(text);
    let longest = |kind: &NoticeType| {
        let words = kind.title_markers.iter().chain(std::iter::once(&kind.name_zh)).map(|word| fold(word));
        let bare = words.map(|word| word.trim_end_matches("公告").trim_end_matches("公示").to_owned());
        bare.filter(|word| !word.is_empty() && text.contains(word.as_str())).map(|word| word.len()).max()
    };
    let found = kinds.iter().filter_map(|kind| Some((longest(kind)?, *kind)));
    found
        .fold(None, |best: Option<(usize, &NoticeType)>, new| match best {
            Some(best) if best.0 >= new.0 => Some(best),
            _ => Some(new),
        })
        .map(|(_, kind)| kind)
}

/// The types that a feed writes like this, under one of these keys of their `source_codes`.
pub fn by_source_code<'a>(kinds: &[&'a NoticeType], keys: &[&str], code: &str) -> Vec<&'a NoticeType> {
    kinds.iter().filter(|kind| keys.iter().any(|key| says(kind, key, code))).copied().collect()
}

/// Whether a type's `source_codes` hold a code under a key; one, or a list of them.
pub fn says(kind: &NoticeType, key: &str, code: &str) -> bool {
    match kind.source_codes.get(key) {
        Some(Value::String(known)) => known == code,
        Some(Value::Array(known)) => known.iter().any(|known| known == code),
        _ => false,
    }
}

/// Whether nothing but brackets, attempts and words of form are left of a title.
fn is_tail(rest: &str) -> bool {
    let mut rest = rest.trim();
    while !rest.is_empty() {
        let shorter = if let Some(inside) = rest.strip_prefix('(') {
            inside.split_once(')').map_or("", |(_, after)| after)
        } else if let Some((number, after)) = rest.strip_prefix('第').and_then(|rest| rest.split_once('次')) {
            if number.chars().count() > 3 {
                return false;
            }
            after
        } else if let Some(after) = TAIL_WORDS.iter().find_map(|word| rest.strip_prefix(word)) {
            after
        } else {
            return false;
        };
        rest = shorter.trim();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::import::forms::tests::catalogue;

    fn title(category: &str, title: &str) -> Option<String> {
        let catalogue = catalogue();
        by_title(&of_category(&catalogue, category), title).map(|kind| kind.code.clone())
    }

    #[test]
    fn a_title_ends_with_its_type() {
        let table = [
            ("construction.a02", "芙蓉路提质改造工程施工招标公告", Some("C-TENDER")),
            ("construction.a02", "芙蓉路提质改造工程施工招标公告（第二次）", Some("C-TENDER")),
            ("construction.a02", "关于芙蓉路工程招标公告的澄清公告", Some("C-CLARIFY")),
            ("construction.a02", "芙蓉路工程招标公告更正公告〔二〕", Some("C-CLARIFY")),
            ("construction.a02", "芙蓉路工程终止公告", Some("C-SUSPEND")),
            ("construction.a02", "填埋场终止使用工程施工", None),
            ("construction.a02", "芙蓉路工程中标候选人公示", Some("C-CANDIDATE")),
            ("construction.a02", "芙蓉路工程中标结果公告", Some("C-RESULT")),
            ("gov-procurement.goods", "家具采购项目公开招标公告", Some("G-OPEN")),
            ("gov-procurement.goods", "家具采购项目竞争性磋商公告", Some("G-CONSULT")),
            ("gov-procurement.goods", "家具采购项目废标公告", Some("G-VOID")),
            ("gov-procurement.goods", "家具采购项目中标（成交）公告", Some("G-AWARD")),
            ("land-use-right", "网挂〔2026〕1号地块挂牌公告", Some("L-OFFER")),
            ("gov-procurement", "", None),
        ];
        for (category, text, expected) in table {
            assert_eq!(title(category, text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_feeds_own_codes_are_understood_by_the_catalogue() {
        let catalogue = catalogue();
        let kinds = of_category(&catalogue, "gov-procurement");
        let keys = ["hunan_platform_type", "ccgp_hunan_type"];
        let codes =
            |code: &str| by_source_code(&kinds, &keys, code).iter().map(|kind| kind.code.clone()).collect::<Vec<_>>();
        assert_eq!(codes("modfiyNotices"), ["G-CORRECT"]);
        assert_eq!(codes("dealNotices"), ["G-AWARD", "G-DEAL"]);
        assert_eq!(codes("ZHAOBIAO_NOTICE"), ["G-OPEN"]);
        assert_eq!(by_words(&kinds, "采购方式：竞争性磋商").map(|kind| kind.code.as_str()), Some("G-CONSULT"));
        assert!(codes("nobody's").is_empty());
    }
}
