//! How many a day, on working days and on others, in China's time.

use std::collections::BTreeMap;

use crate::domain::time::Timestamp;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;
/// UTC+8, all year, in the whole country.
const CHINA_MILLIS: i64 = 8 * 60 * 60 * 1_000;

/// How many came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// In all.
    pub count: u32,
    /// On an average day from Monday to Friday.
    pub per_working_day: f64,
    /// On an average Saturday or Sunday; 0 when there was none.
    pub per_day_off: f64,
}

/// The days of a time, counted; the day that has begun and the day that has ended count as parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Days {
    working: f64,
    off: f64,
}

/// The day of an instant in China, counted from 1970-01-01.
fn day(at: Timestamp) -> i64 {
    at.as_millis().saturating_add(CHINA_MILLIS).div_euclid(DAY_MILLIS)
}

/// 1970-01-01 was a Thursday.
fn is_working(day: i64) -> bool {
    day.saturating_add(3).rem_euclid(7) < 5
}

impl Days {
    /// Those from one instant to another; at least a whole day, or what came within an hour would count for many a day.
    pub(super) fn of(from: Timestamp, to: Timestamp) -> Self {
        let (mut working, mut off) = (0.0, 0.0);
        let bounds = |day: i64| (day * DAY_MILLIS - CHINA_MILLIS, (day + 1) * DAY_MILLIS - CHINA_MILLIS);
        for day in day(from)..=day(to) {
            let (begin, end) = bounds(day);
            let millis = end.min(to.as_millis()) - begin.max(from.as_millis());
            let part = f64::from(u32::try_from(millis.max(0)).unwrap_or(u32::MAX)) / f64::from(86_400_000_u32);
            *(if is_working(day) { &mut working } else { &mut off }) += part;
        }
        Self { working, off }
    }

    /// How many a day those are that came at these instants.
    pub(super) fn rate(&self, at: impl Iterator<Item = Timestamp>) -> Rate {
        let (mut working, mut off) = (0_u32, 0_u32);
        for at in at {
            *(if is_working(day(at)) { &mut working } else { &mut off }) += 1;
        }
        Rate {
            count: working + off,
            per_working_day: tenths(f64::from(working) / self.working.max(1.0)),
            per_day_off: tenths(f64::from(off) / self.off.max(1.0)),
        }
    }

    /// The same for each stage, in the order of their codes.
    pub(super) fn by_stage(&self, dates: &[(Timestamp, &str)]) -> Vec<(String, Rate)> {
        let mut stages: BTreeMap<&str, Vec<Timestamp>> = BTreeMap::new();
        for (at, stage) in dates {
            stages.entry(stage).or_default().push(*at);
        }
        stages.into_iter().map(|(stage, dates)| (stage.to_owned(), self.rate(dates.into_iter()))).collect()
    }

    /// So many in all are so many on a working day, when they fall as most do.
    pub(super) fn on_working_days(&self, count: u32) -> f64 {
        tenths(f64::from(count) / self.working.max(1.0))
    }
}

fn tenths(figure: f64) -> f64 {
    (figure * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn days_are_chinas_and_weekends_are_off() {
        // Monday 2026-11-23 to the next Monday.
        let week = Days::of(at("2026-11-23T00:00:00+08:00"), at("2026-11-30T00:00:00+08:00"));
        assert_eq!(week, Days { working: 5.0, off: 2.0 });
        let rate = week.rate([at("2026-11-23T07:00:00+08:00"), at("2026-11-27T23:59:00+08:00")].into_iter());
        assert_eq!(rate, Rate { count: 2, per_working_day: 0.4, per_day_off: 0.0 });
        let saturday = week.rate([at("2026-11-27T16:00:00Z")].into_iter());
        assert_eq!((saturday.per_working_day, saturday.per_day_off), (0.0, 0.5));
    }

    #[test]
    fn an_hour_counts_for_a_day_and_no_more() {
        let hour = Days::of(at("2026-11-23T10:00:00+08:00"), at("2026-11-23T11:00:00+08:00"));
        let rate = hour.rate([at("2026-11-23T10:30:00+08:00")].into_iter());
        assert_eq!(rate, Rate { count: 1, per_working_day: 1.0, per_day_off: 0.0 });
    }
}
