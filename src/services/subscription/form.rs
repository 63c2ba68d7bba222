//! What a filter must look like beyond its schema: every code known, every word worth looking for, no contradictions.

use std::collections::BTreeSet;

use crate::domain::catalogue::Catalogue;
use crate::domain::subscription::{Filter, project_key, purchaser_key, word_key};
use crate::services::refusal::Violation;

/// Everything that is wrong with a filter, at once. `at` is the pointer of the filter in the body.
pub fn check(filter: &Filter, catalogue: &Catalogue, at: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    codes(filter, catalogue, at, &mut found);
    words(filter, at, &mut found);
    contradictions(filter, at, &mut found);
    amount(filter, at, &mut found);
    parties(filter, at, &mut found);
    found
}

fn codes(filter: &Filter, catalogue: &Catalogue, at: &str, found: &mut Vec<Violation>) {
    let mut each = |list: &[String], name: &str, rule, zh: &str, en: &str, known: &dyn Fn(&str) -> bool| {
        for (index, code) in list.iter().enumerate().filter(|(_, code)| !known(code)) {
            let pointer = format!("{at}/{name}/{index}");
            found.push(Violation::body(
                pointer,
                rule,
                format!("{zh} {code} 不存在"),
                format!("there is no {en} {code}"),
            ));
        }
    };
    let known = |code: &str| catalogue.category(code).is_some();
    each(&filter.categories, "categories", "unknown_category", "分类", "category", &known);
    let known = |code: &str| catalogue.region(code).is_some();
    each(&filter.regions, "regions", "unknown_region", "行政区划", "region", &known);
    let known = |code: &str| catalogue.notice_type(code).is_some();
    each(&filter.notice_types, "notice_types", "unknown_notice_type", "公告类型", "notice type", &known);
    let known = |code: &str| catalogue.stage(code).is_some();
    each(&filter.stages, "stages", "unknown_stage", "阶段", "stage", &known);
}

fn words(filter: &Filter, at: &str, found: &mut Vec<Violation>) {
    let keywords = &filter.keywords;
    for (name, list) in [("any", &keywords.any), ("all", &keywords.all), ("none", &keywords.none)] {
        for (index, _) in list.iter().enumerate().filter(|(_, word)| !is_worth_looking_for(word)) {
            found.push(Violation::body(
                format!("{at}/keywords/{name}/{index}"),
                "word_too_short",
                "至少一个汉字，或两个字母或数字",
                "at least one Chinese character, or two letters or digits",
            ));
        }
    }
}

/// One letter stands in every text, one Chinese character need not.
fn is_worth_looking_for(word: &str) -> bool {
    let key = word_key(word);
    let letters = key.chars().filter(|letter| letter.is_alphanumeric());
    key.chars().any(|letter| letter.is_alphanumeric() && !letter.is_ascii()) || letters.count() >= 2
}

fn contradictions(filter: &Filter, at: &str, found: &mut Vec<Violation>) {
    let keywords = &filter.keywords;
    let wanted: BTreeSet<String> = keywords.any.iter().chain(&keywords.all).map(|word| word_key(word)).collect();
    for (index, _) in keywords.none.iter().enumerate().filter(|(_, word)| wanted.contains(&word_key(word))) {
        found.push(Violation::body(
            format!("{at}/keywords/none/{index}"),
            "contradiction",
            "同一个词不能既要求包含又要求排除",
            "a word cannot be both wanted and excluded",
        ));
    }
}

fn amount(filter: &Filter, at: &str, found: &mut Vec<Violation>) {
    let Some(amount) = filter.amount else { return };
    match (amount.min_fen, amount.max_fen) {
        (None, None) => found.push(Violation::body(
            format!("{at}/amount"),
            "no_bound",
            "请至少填写一个金额界限",
            "at least one of min_fen and max_fen",
        )),
        (Some(min), Some(max)) if min > max => found.push(Violation::body(
            format!("{at}/amount/min_fen"),
            "min_above_max",
            "最低金额不能高于最高金额",
            "min_fen may not be above max_fen",
        )),
        _ => {}
    }
}

fn parties(filter: &Filter, at: &str, found: &mut Vec<Violation>) {
    let keys = [
        ("purchaser", filter.purchaser.as_deref().map(purchaser_key)),
        ("project", filter.project.as_deref().map(project_key)),
    ];
    for (name, _) in keys.into_iter().filter(|(_, key)| key.as_deref() == Some("")) {
        found.push(Violation::body(format!("{at}/{name}"), "blank", "不能为空白", "must not be blank"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_chinese_character_is_a_word_and_one_letter_is_none() {
        for word in ["水", "IT", "5G", "ａｂ", "é"] {
            assert!(is_worth_looking_for(word), "{word}");
        }
        for word in ["a", " 1 ", "--", "（）", "\u{200b}"] {
            assert!(!is_worth_looking_for(word), "{word}");
        }
    }
}
