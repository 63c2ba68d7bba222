//! How much a channel may send: so many messages a second, and so many a day.
//!
//! Promise: [`Limits::take`] is the one rule; what Redis does in its own words (`kv::allowance`) is held to it by a test.
//! What is less urgent leaves a part of the bucket to what is more urgent, so that a withdrawal does not wait behind an
//! import. Not promised: that a provider counts as we do; its own word (429, a spent quota) is heeded besides.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::fanout::Lane;
use super::time::Timestamp;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// The bucket is counted in thousandths of a message, so that a millisecond fills it by a whole number.
const WHOLE: i64 = 1000;
/// No rate and no burst is more.
const MOST_PER_SECOND: u32 = 1_000_000;

/// Messages a second, on the average; `burst` of them at once after a pause. Written `500` or `500/2000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    per_second: u32,
    burst: u32,
}

/// Messages a day. The day begins at `resets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub messages: u32,
    /// When counting begins anew.
    pub resets: Reset,
}

/// A time of day in a zone, such as `00:00+08:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reset {
    minute: i64,
    offset_minutes: i64,
}

/// What a channel may send; what is not there limits nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Messages a second.
    pub rate: Option<Rate>,
    /// Messages a day.
    pub quota: Option<Quota>,
}

/// What is left of an allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What the bucket holds, in thousandths of a message.
    pub level: i64,
    /// When it held that.
    pub filled_at: Timestamp,
    /// When the day began that is counted.
    pub day: Timestamp,
    /// Messages of that day.
    pub used: i64,
}

impl Standing {
    /// Whole messages in the bucket.
    pub const fn messages(self) -> i64 {
        self.level / WHOLE
    }
}

/// What somebody who wants to send is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// So many may go now.
    pub granted: u32,
    /// The next one after this.
    pub wait: Duration,
    /// What there was too little of, where not all were granted.
    pub scarce: Option<Scarce>,
}

/// What there was too little of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scarce {
    /// Places a second.
    Rate,
    /// Messages a day.
    Quota,
}

impl Scarce {
    /// The word for it in the figures.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Quota => "quota",
        }
    }
}

/// The text is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AllowanceError(String);

impl Rate {
    /// So many messages a second, and so many at once.
    pub fn new(per_second: u32, burst: u32) -> Result<Self, AllowanceError> {
        let sane = 1..=MOST_PER_SECOND;
        if sane.contains(&per_second) && sane.contains(&burst) {
            return Ok(Self { per_second, burst });
        }
        Err(AllowanceError(format!("messages a second and at once are 1 to {MOST_PER_SECOND}")))
    }

    /// Messages a second.
    pub const fn per_second(self) -> u32 {
        self.per_second
    }

    /// Messages at once.
    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// What the bucket holds when it is full, in thousandths of a message.
    pub fn full(self) -> i64 {
        i64::from(self.burst) * WHOLE
    }

    /// What a lane leaves in the bucket to more urgent ones, in thousandths of a message: whole messages.
    pub fn left_by(self, lane: Lane) -> i64 {
        let part = match lane {
            Lane::Urgent => 0,
            Lane::Normal => i64::from(self.burst) / 8,
            Lane::Bulk => i64::from(self.burst) / 4,
        };
        part * WHOLE
    }

    /// What it holds after a while.
    fn refilled(self, standing: Standing, now: Timestamp) -> i64 {
        let passed = i64::try_from(now.since(standing.filled_at).as_millis()).unwrap_or(i64::MAX);
        standing.level.saturating_add(passed.saturating_mul(i64::from(self.per_second))).min(self.full())
    }

    /// How long it takes until it holds one message beyond what is left to others.
    fn wait(self, level: i64, left: i64) -> Duration {
        let lacking = (left + WHOLE - level).max(0);
        let millis = lacking.saturating_add(i64::from(self.per_second) - 1) / i64::from(self.per_second);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}

impl Reset {
    /// Midnight in China.
    pub const CHINA: Self = Self { minute: 0, offset_minutes: 8 * 60 };

    /// When the day began in which `now` is.
    pub fn day(self, now: Timestamp) -> Timestamp {
        let shift = (self.offset_minutes - self.minute) * 60_000;
        let days = now.as_millis().saturating_add(shift).div_euclid(DAY_MILLIS);
        Timestamp::from_millis(days * DAY_MILLIS - shift)
    }

    /// When the next one begins.
    pub fn next(self, now: Timestamp) -> Timestamp {
        Timestamp::from_millis(self.day(now).as_millis() + DAY_MILLIS)
    }
}

impl Limits {
    /// Whether there is anything to count.
    pub const fn any(self) -> bool {
        self.rate.is_some() || self.quota.is_some()
    }

    /// When the day began that is counted; the beginning of time where no day is.
    pub fn day(self, now: Timestamp) -> Timestamp {
        self.quota.map_or(Timestamp::default(), |quota| quota.resets.day(now))
    }

    /// An allowance of which nothing is taken yet.
    pub fn untouched(self, now: Timestamp, day: Timestamp) -> Standing {
        Standing { level: self.rate.map_or(0, Rate::full), filled_at: now, day, used: 0 }
    }

    /// Takes up to `wanted`. `now` is the bucket's clock, `day` the beginning of the day that is counted, and `left` how
    /// long it is until the next.
    pub fn take(
        self,
        mut standing: Standing,
        wanted: u32,
        lane: Lane,
        (now, day, left): (Timestamp, Timestamp, Duration),
    ) -> (Grant, Standing) {
        if standing.day < day {
            (standing.day, standing.used) = (day, 0);
        }
        let mut granted = i64::from(wanted);
        let (mut scarce, mut wait) = (None, Duration::ZERO);
        if let Some(rate) = self.rate {
            standing.level = rate.refilled(standing, now);
            standing.filled_at = standing.filled_at.max(now);
            let kept = rate.left_by(lane);
            let places = (standing.level - kept).max(0) / WHOLE;
            if places < granted {
                (granted, scarce) = (places, Some(Scarce::Rate));
                wait = rate.wait(standing.level - places * WHOLE, kept);
            }
        }
        if let Some(quota) = self.quota {
            let places = (i64::from(quota.messages) - standing.used).max(0);
            if places < granted {
                (granted, scarce, wait) = (places, Some(Scarce::Quota), left);
            }
        }
        if self.rate.is_some() {
            standing.level -= granted * WHOLE;
        }
        standing.used += granted;
        (Grant { granted: u32::try_from(granted).unwrap_or(0), wait, scarce }, standing)
    }

    /// Gives back what was not sent at all, and what was sent in vain: the provider has not counted that.
    pub fn give_back(self, mut standing: Standing, unsent: u32, uncounted: u32, day: Timestamp) -> Standing {
        if let Some(rate) = self.rate {
            standing.level = standing.level.saturating_add(i64::from(unsent) * WHOLE).min(rate.full());
        }
        if standing.day == day {
            standing.used = (standing.used - i64::from(uncounted)).max(0);
        }
        standing
    }
}

impl FromStr for Rate {
    type Err = AllowanceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (per_second, burst) = text.split_once('/').unwrap_or((text, text));
        match (per_second.trim().parse(), burst.trim().parse()) {
            (Ok(per_second), Ok(burst)) => Self::new(per_second, burst),
            _ => Err(AllowanceError("must be messages a second such as 500, or with a burst 500/2000".to_owned())),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.per_second, self.burst)
    }
}

impl FromStr for Reset {
    type Err = AllowanceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let sign = text.find(['+', '-'])?;
            let (time, zone) = text.split_at(sign);
            let sense = if zone.starts_with('-') { -1 } else { 1 };
            let offset = sense * minutes(zone.get(1..)?, 15)?;
            Some(Self { minute: minutes(time, 24)?, offset_minutes: offset })
        };
        read().ok_or_else(|| AllowanceError("must be a time of day with its zone, such as 00:00+08:00".to_owned()))
    }
}

/// `HH:MM` with less than so many hours.
fn minutes(text: &str, hours_below: i64) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < hours_below && minutes < 60).then_some(hours * 60 + minutes)
}

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.offset_minutes < 0 { '-' } else { '+' };
        let (time, zone) = (self.minute, self.offset_minutes.abs());
        write!(f, "{:02}:{:02}{sign}{:02}:{:02}", time / 60, time % 60, zone / 60, zone % 60)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(rate: &str, quota: Option<u32>) -> Limits {
        let quota = quota.map(|messages| Quota { messages, resets: Reset::CHINA });
        Limits { rate: rate.parse().ok(), quota }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_day_begins_at_its_time_in_its_zone() {
        let china = Reset::CHINA;
        assert_eq!(china.day(at("2026-11-24T15:59:59.999Z")), at("2026-11-23T16:00:00Z"));
        assert_eq!(china.day(at("2026-11-24T16:00:00Z")), at("2026-11-24T16:00:00Z"));
        assert_eq!(china.next(at("2026-11-24T16:00:00Z")), at("2026-11-25T16:00:00Z"));
        let morning: Reset = "09:30-03:30".parse().expect("a time of day");
        assert_eq!(morning.day(at("2026-11-24T13:00:00Z")), at("2026-11-24T13:00:00Z"));
        assert_eq!(morning.day(at("2026-11-24T12:59:00Z")), at("2026-11-23T13:00:00Z"));
    }

    #[test]
    fn what_is_written_comes_back_and_nonsense_is_refused() {
        for text in ["500/500", "1/2000"] {
            assert_eq!(text.parse::<Rate>().map(|rate| rate.to_string()), Ok(text.to_owned()));
        }
        for text in ["00:00+08:00", "23:59-03:30"] {
            assert_eq!(text.parse::<Reset>().map(|reset| reset.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "0", "5/0", "-1", "1/2/3", "9999999"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        for text in ["", "00:00", "24:00+08:00", "0:00+08:00", "00:60+08:00", "00:00+8", "00:00+15:00", "-:+"] {
            assert!(text.parse::<Reset>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_less_urgent_leaves_places_to_what_is_more_urgent() {
        let limits = limits("10/80", None);
        let now = Timestamp::from_millis(0);
        let times = (now, now, Duration::ZERO);
        let (bulk, standing) = limits.take(limits.untouched(now, now), 100, Lane::Bulk, times);
        let (normal, standing) = limits.take(standing, 100, Lane::Normal, times);
        let (urgent, standing) = limits.take(standing, 100, Lane::Urgent, times);
        assert_eq!((bulk.granted, normal.granted, urgent.granted), (60, 10, 10));
        assert_eq!((urgent.wait, normal.wait), (Duration::from_millis(100), Duration::from_millis(100)));
        let (bulk, _) = limits.take(standing, 1, Lane::Bulk, times);
        assert_eq!((bulk.granted, bulk.wait), (0, Duration::from_millis(2_100)));
    }

    #[test]
    fn a_quota_ends_with_its_day_and_what_was_in_vain_is_given_back() {
        let limits = limits("", Some(10));
        let (day, next) = (Timestamp::from_millis(0), Timestamp::from_millis(DAY_MILLIS));
        let left = Duration::from_secs(60);
        let (first, standing) = limits.take(limits.untouched(day, day), 8, Lane::Normal, (day, day, left));
        let (second, standing) = limits.take(standing, 8, Lane::Normal, (day, day, left));
        assert_eq!((first.granted, second.granted), (8, 2));
        assert_eq!((second.scarce, second.wait), (Some(Scarce::Quota), left));
        let back = limits.give_back(standing, 0, 3, day);
        assert_eq!(limits.take(back, 8, Lane::Normal, (day, day, left)).0.granted, 3);
        assert_eq!(limits.take(standing, 8, Lane::Normal, (next, next, left)).0.granted, 8, "a new day");
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_what_the_time_brought(
            per_second in 1_u32..1_000, burst in 1_u32..1_000,
            asked in proptest::collection::vec((0_i64..5_000, 0_u32..300), 1..50),
        ) {
            let limits = Limits { rate: Some(Rate::new(per_second, burst).expect("sane")), quota: None };
            let (mut now, mut sent) = (0, 0_i64);
            let mut standing = limits.untouched(Timestamp::from_millis(0), Timestamp::default());
            for (passed, wanted) in asked {
                now += passed;
                let times = (Timestamp::from_millis(now), Timestamp::default(), Duration::ZERO);
                let (grant, after) = limits.take(standing, wanted, Lane::Urgent, times);
                standing = after;
                sent += i64::from(grant.granted);
                prop_assert!(sent * WHOLE <= i64::from(burst) * WHOLE + now * i64::from(per_second));
                let later = (times.0 + grant.wait, times.1, times.2);
                prop_assert!(limits.take(standing, 1, Lane::Urgent, later).0.granted == 1 || grant.scarce.is_none());
            }
        }
    }
}
