//! Values as foreign feeds write them, read for a map.

use chrono::{Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};
use serde_json::Value;

use crate::domain::money;
use crate::domain::time::Timestamp;
use crate::services::refusal::Violation;

/// Seconds by which clocks in China are ahead of UTC.
const CHINA: i32 = 8 * 60 * 60;
/// Numbers of milliseconds since 1970 are larger than this, of seconds smaller: 2286 for the one, April 1970 for the
/// other.
const MILLIS_FROM: i64 = 10_000_000_000;
/// How dates and times are written without a zone.
const LOCAL: [&str; 8] = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日 %H:%M",
];
/// How dates are written alone.
const DATES: [&str; 4] = ["%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日", "%Y%m%d"];

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

/// A time as feeds write it: with a zone, or local to China; a date alone is its first instant, and 24:00 the next
/// day's. A number is seconds or milliseconds since 1970.
pub fn time(text: &str) -> Shaped {
    let text = text.trim();
    let unreadable = || {
        let shown: String = text.chars().take(100).collect();
        ("time", format!("无法识别的时间 {shown}"), format!("not a time: {shown}"))
    };
    instant(text).map(|at| Some(at.to_string().into())).ok_or_else(unreadable)
}

fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    if let Ok(number) = text.parse::<i64>()
        && text.len() != 8
    {
        return Some(Timestamp::from_millis(if number > MILLIS_FROM { number } else { number.checked_mul(1_000)? }));
    }
    let local = LOCAL.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN);
    let date = |text: &str| DATES.iter().find_map(|form| NaiveDate::parse_from_str(text, form).ok());
    let local = local.or_else(|| date(text).map(midnight)).or_else(|| {
        let (day, _) = text.split_once(" 24:00").or_else(|| text.split_once("T24:00"))?;
        Some(midnight(date(day)?.checked_add_days(Days::new(1))?))
    })?;
    let zone = FixedOffset::east_opt(CHINA)?;
    Some(Timestamp::from_millis(local.and_local_timezone(zone).single()?.timestamp_millis()))
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
    fn times_are_read_as_feeds_write_them() {
        let read = |text: &str| time(text).map(|value| value.and_then(|value| value.as_str().map(str::to_owned)));
        for text in [
            "2026-03-01T09:30:00+08:00",
            "2026-03-01 09:30:00",
            "2026-03-01 09:30",
            "2026/03/01 09:30",
            "2026年03月01日 09:30",
            "2026-03-01T01:30:00Z",
            "1772328600",
            "1772328600000",
        ] {
            assert_eq!(read(text), Ok(Some("2026-03-01T01:30:00.000Z".to_owned())), "{text}");
        }
        for text in ["2026-03-01", "20260301", "2026-02-28 24:00", "2026-02-28 24:00:00"] {
            assert_eq!(read(text), Ok(Some("2026-02-28T16:00:00.000Z".to_owned())), "{text}");
        }
        assert!(read("昨天").is_err() && read("2026-13-01").is_err());
    }

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
