//! Times as feeds write them.
//!
//! Promise: a time with an offset is that instant; one without is China's time (UTC+8), which has had no summer time
//! since 1991. What is no time is `None`, never a guess.

use chrono::{Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

use crate::domain::fold::fold;
use crate::domain::time::Timestamp;

/// China's offset from UTC, in seconds.
const CHINA_SECONDS: i32 = 8 * 60 * 60;

/// Which instant of a day a bare date means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// Its first: something happened on it.
    Begins,
    /// Its last second: something ends with it.
    Ends,
}

/// The instant that a text names: RFC 3339, `2026-03-01 09:00`, `2026年3月1日9时`, `20260301090000`, a bare date, or
/// milliseconds since 1970 in 13 digits, seconds in 10. 24:00 is the next day's first instant.
pub fn instant(text: &str, day: Day) -> Option<Timestamp> {
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    let plain = fold(text);
    if plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits(&plain, day);
    }
    let plain = plain.replace(['年', '月'], "-").replace('日', " ").replace(['时', '点', '分'], ":").replace('秒', "");
    let (date, rest) = plain.trim().split_once([' ', 't']).unwrap_or((plain.trim(), ""));
    let date = date_of(&date.replace(['/', '.'], "-"))?;
    let (clock, offset) = offset_of(rest.trim())?;
    let local = local(date, clock, day)?;
    Some(local.and_local_timezone(offset).single()?.to_utc().into())
}

/// `20260301`, `202603010900`, `20260301090000`, milliseconds, or seconds.
fn digits(plain: &str, day: Day) -> Option<Timestamp> {
    if plain.len() == 13 {
        return plain.parse().ok().map(Timestamp::from_millis);
    }
    if plain.len() == 10 {
        return plain.parse::<i64>().ok().map(|seconds| Timestamp::from_millis(seconds * 1_000));
    }
    let date = format!("{}-{}-{}", plain.get(..4)?, plain.get(4..6)?, plain.get(6..8)?);
    let clock = match plain.len() {
        8 => String::new(),
        12 => format!("{}:{}", plain.get(8..10)?, plain.get(10..12)?),
        14 => format!("{}:{}:{}", plain.get(8..10)?, plain.get(10..12)?, plain.get(12..14)?),
        _ => return None,
    };
    let local = local(date_of(&date)?, &clock, day)?;
    Some(local.and_local_timezone(china()?).single()?.to_utc().into())
}

fn date_of(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split('-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let known = parts.next().is_none() && (1_900..=9_999).contains(&year);
    known.then(|| NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day))?
}

/// A clock's text, and the offset behind it: `z`, `+0800`, `+08:00`. `9:00-17:00` is no clock with an offset, so an offset
/// stands behind seconds only.
fn offset_of(rest: &str) -> Option<(&str, FixedOffset)> {
    if let Some(clock) = rest.strip_suffix('z') {
        return Some((clock, FixedOffset::east_opt(0)?));
    }
    let Some(at) = rest.find(['+', '-']) else { return Some((rest, china()?)) };
    let (clock, offset) = rest.split_at_checked(at)?;
    let digits = offset.get(1..)?.replacen(':', "", 1);
    if digits.len() != 4 || clock.matches(':').count() != 2 {
        return None;
    }
    let (hours, minutes) = (digits.get(..2)?.parse::<i32>().ok()?, digits.get(2..)?.parse::<i32>().ok()?);
    let seconds = hours.checked_mul(3_600)?.checked_add(minutes.checked_mul(60)?)?;
    Some((clock.trim(), FixedOffset::east_opt(if offset.starts_with('-') { -seconds } else { seconds })?))
}

fn china() -> Option<FixedOffset> {
    FixedOffset::east_opt(CHINA_SECONDS)
}

/// The time of a day; without a clock it is where the day begins, or ends.
fn local(date: NaiveDate, clock: &str, day: Day) -> Option<NaiveDateTime> {
    let clock = clock.trim_end_matches(':');
    if clock.is_empty() {
        return match day {
            Day::Begins => date.and_hms_opt(0, 0, 0),
            Day::Ends => date.and_hms_opt(23, 59, 59),
        };
    }
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let mut parts = clock.split(':').map(|part| part.trim().parse::<u32>().ok());
    let hour = parts.next()??;
    let minute = parts.next().map_or(Some(0), |minute| minute)?;
    let second = parts.next().map_or(Some(0), |second| second)?;
    if parts.next().is_some() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if (hour, minute, second) == (24, 0, 0) {
        return date.checked_add_days(Days::new(1))?.and_hms_opt(0, 0, 0);
    }
    Some(date.and_time(NaiveTime::from_hms_opt(hour, minute, second)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_feeds_write_them() {
        let table = [
            ("2026-06-16T15:08:24.000+08:00", "2026-06-16T07:08:24.000Z"),
            ("2010-03-20T09:45:00Z", "2010-03-20T09:45:00.000Z"),
            ("2015-12-22T00:00:00-06:00", "2015-12-22T06:00:00.000Z"),
            ("2026-06-16T15:08:24+0800", "2026-06-16T07:08:24.000Z"),
            ("2026-06-16T15:08:24.123", "2026-06-16T07:08:24.000Z"),
            ("2025-05-27 17:20:48", "2025-05-27T09:20:48.000Z"),
            ("2025/5/7 9:05", "2025-05-07T01:05:00.000Z"),
            ("2025年5月7日9时", "2025-05-07T01:00:00.000Z"),
            ("2025年05月27日 17时20分", "2025-05-27T09:20:00.000Z"),
            ("２０２５－０５－２７　１７：２０", "2025-05-27T09:20:00.000Z"),
            ("2025.05.27", "2025-05-26T16:00:00.000Z"),
            ("20250527172048", "2025-05-27T09:20:48.000Z"),
            ("202505271720", "2025-05-27T09:20:00.000Z"),
            ("20250527", "2025-05-26T16:00:00.000Z"),
            ("2025-12-31 24:00", "2025-12-31T16:00:00.000Z"),
            ("1748395372848", "2025-05-28T01:22:52.848Z"),
            ("1748395372", "2025-05-28T01:22:52.000Z"),
            ("2025年05月07日 09:05:06", "2025-05-07T01:05:06.000Z"),
        ];
        for (text, expected) in table {
            assert_eq!(instant(text, Day::Begins).map(|at| at.to_string()).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(
            instant("2025-05-27", Day::Ends).map(|at| at.to_string()).as_deref(),
            Some("2025-05-27T15:59:59.000Z")
        );
    }

    #[test]
    fn what_is_no_time_stays_unknown() {
        for text in [
            "",
            "soon",
            "2025-13-01",
            "2025-02-30",
            "2025-05-27 25:00",
            "12",
            "5月7日",
            "2025-05-27至2025-06-01",
            "详见招标文件",
            "0000-00-00 00:00:00",
            "2025-05-27 9:00-17:00",
        ] {
            assert_eq!(instant(text, Day::Begins), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,40}|[0-9年月日时分: T+zZ.-]{0,30}") {
            instant(&text, Day::Ends);
        }
    }
}
