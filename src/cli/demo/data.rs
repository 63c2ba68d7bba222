//! The committed data set: what is published, and who subscribes. `scripts/demo-data.py` makes it.
//!
//! Times in it are relative. One base, rounded to the hour, holds for a whole run, so that an edition that only
//! corrects a word has the same deadlines as the one before it.

use std::io::{BufRead as _, BufReader};

use chrono::{DateTime, DurationRound as _, FixedOffset, SecondsFormat, TimeDelta, Utc};
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;

use crate::app::StartError;
use crate::domain::device::Platform;
use crate::domain::subscription::Filter;

static NOTICES: &[u8] = include_bytes!("notices.jsonl.gz");
static USERS: &[u8] = include_bytes!("users.jsonl.gz");

/// Seconds by which clocks in China are ahead of UTC.
const CHINA: i32 = 8 * 3600;

/// One call of the publisher.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Operation {
    /// Hands a notice in.
    Publish {
        /// The body of the call.
        notice: Value,
    },
    /// Corrects one.
    Revise {
        /// What its source calls it.
        source_id: String,
        /// Whether the change matters to nobody who has it.
        editorial: bool,
        /// All that it says now.
        notice: Value,
    },
    /// Takes one back.
    Withdraw {
        /// What its source calls it.
        source_id: String,
        /// Why.
        reason: String,
    },
}

/// Somebody who subscribes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// What others see.
    pub display_name: String,
    /// What they want to hear of.
    pub subscriptions: Vec<Wanted>,
    /// Where they are told.
    pub devices: Vec<Phone>,
}

/// A subscription.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// What its user calls it.
    pub name: String,
    /// What it asks for.
    pub filter: Filter,
}

/// A device.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phone {
    /// What it runs on.
    pub platform: Platform,
    /// What its user calls it.
    pub name: String,
    /// How the sandbox knows it; the prefix says how it behaves.
    pub token: String,
}

/// The publisher's calls in their order, with times that count from `now`.
pub fn operations(now: DateTime<Utc>) -> impl Iterator<Item = Result<Operation, StartError>> {
    let lines = BufReader::new(GzDecoder::new(NOTICES)).lines();
    lines.map(move |line| Ok(serde_json::from_str(&render(&line?, now)?)?))
}

/// Everybody who subscribes.
pub fn people() -> Result<Vec<Person>, StartError> {
    let lines = BufReader::new(GzDecoder::new(USERS)).lines();
    lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}

/// Puts times in the place of `{{+SECONDS}}` (RFC 3339) and `{{zh:+SECONDS}}` (as Chinese notices write it); `{{0}}` is
/// now, everything else is rounded to the hour.
fn render(line: &str, now: DateTime<Utc>) -> Result<String, StartError> {
    let base = now.duration_trunc(TimeDelta::hours(1))?;
    let mut parts = line.split("{{");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (mark, rest) = part.split_once("}}").ok_or("a placeholder has no end")?;
        let (zh, seconds) = mark.strip_prefix("zh:").map_or((false, mark), |seconds| (true, seconds));
        let seconds: i64 = seconds.parse().map_err(|_| format!("no placeholder: {mark}"))?;
        let at = if seconds == 0 { now } else { base + TimeDelta::seconds(seconds) };
        if zh {
            let china = FixedOffset::east_opt(CHINA).ok_or("no such time zone")?;
            text += &at.with_timezone(&china).format("%Y年%-m月%-d日%-H时").to_string();
        } else {
            text += &at.to_rfc3339_opts(SecondsFormat::Millis, true);
        }
        text += rest;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_relative_and_the_same_in_text_and_value() {
        let now = "2026-03-01T16:29:30.500Z".parse().expect("a time");
        let line = r#"{"now":"{{0}}","at":"{{+86400}}","text":"截止{{zh:+86400}}。"}"#;
        let rendered = render(line, now).expect("a rendered line");
        let expected =
            r#"{"now":"2026-03-01T16:29:30.500Z","at":"2026-03-02T16:00:00.000Z","text":"截止2026年3月3日0时。"}"#;
        assert_eq!(rendered, expected);
        assert!(render("{{soon}}", now).is_err() && render("{{+1", now).is_err());
    }

    #[test]
    fn the_whole_data_set_can_be_read() {
        let now = Utc::now();
        let read: Result<Vec<_>, _> = operations(now).collect();
        assert!(read.expect("operations").len() > 2_000);
        assert!(people().expect("people").len() >= 300);
    }
}
