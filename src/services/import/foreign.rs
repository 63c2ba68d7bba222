//! Values as foreign feeds write them, read for a map.

use serde_json::Value;

use super::forms::{Day, instant};
use crate::domain::money;
use crate::services::refusal::Violation;

/// A value, none, or the rule that is broken, in Chinese and in English.
pub type Shaped = Result<Option<Value>, (&'static str, String, String)>;

/// Whether there is nothing in a value.
pub fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// A value as a text.
pub fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// Numbers and truths as texts, also within a list.
pub fn in_words(value: Value) -> Value {
    match value {
        Value::Number(_) | Value::Bool(_) => Value::String(value.to_string()),
        Value::Array(items) => items.into_iter().map(in_words).collect(),
        other => other,
    }
}

/// A table has no such word.
pub fn not_in_table(pointer: &str, word: &str) -> Violation {
    let word: String = word.chars().take(100).collect();
    let (zh, en) = (format!("对照表中没有 {word}"), format!("the map's table has no {word}"));
    Violation::body(pointer, "not_in_table", zh, en)
}

/// A time as feeds write it, of something that happens or that ends then.
pub fn time(text: &str, day: Day) -> Shaped {
    let unreadable = || {
        let shown: String = text.chars().take(100).collect();
        ("time", format!("无法识别的时间 {shown}"), format!("not a time: {shown}"))
    };
    instant(text, day).map(|at| Some(at.to_string().into())).ok_or_else(unreadable)
}

/// A sum in yuan, in fen; nothing when it cannot be read for certain.
pub fn yuan(value: &Value) -> Option<Value> {
    let text = word(value);
    let text = text.trim();
    let bare = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b',');
    let fen = if bare { money::fen(&format!("{text}元")) } else { money::fen(text) };
    fen.map(Value::from)
}

/// Plain text as HTML: a paragraph for each line.
pub fn paragraphs(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.fold(String::new(), |html, line| {
        let line = line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        html + "<p>" + &line + "</p>"
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sums_in_yuan_become_fen_when_they_are_certain() {
        assert_eq!(yuan(&json!(246786.62)), Some(json!(24_678_662)));
        assert_eq!(yuan(&json!("65 万元")), Some(json!(65_000_000)));
        assert_eq!(yuan(&json!("1,800,000")), Some(json!(180_000_000)));
        assert_eq!(yuan(&json!("见附件")), None);
    }

    #[test]
    fn a_text_becomes_paragraphs_that_hold_no_tags() {
        assert_eq!(paragraphs("一\n\n <b>&二"), "<p>一</p><p>&lt;b&gt;&amp;二</p>");
    }
}
