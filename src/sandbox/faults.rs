//! The fault switch: the whole channel misbehaves until it is told otherwise, for a time, or for some calls.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;
use crate::domain::words::words;

words! {
    /// How the whole channel misbehaves.
    Mode {
        /// It does not.
        Ok = "ok",
        /// Every call is answered 500; nothing is taken.
        Error500 = "error500",
        /// Every call is answered 429 with `Retry-After`; nothing is taken.
        Throttle = "throttle",
        /// Every call is taken, and then there is no answer.
        Hang = "hang",
        /// Every call is answered 502 with a page of HTML; nothing is taken.
        Html502 = "html502",
        /// Every call is taken, and the connection is cut instead of an answer.
        Cut = "cut",
    }
}

/// A fault, and how long it lasts; without `seconds` and `count`, until the next one is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    pub mode: Mode,
    /// For how long, from the moment it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// For how many calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// What `throttle` tells the caller to wait, in seconds, when it is not the settings' number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Fault {
    /// No fault.
    pub const NONE: Self = Self::of(Mode::Ok);

    /// A fault that lasts until the next one is set.
    pub const fn of(mode: Mode) -> Self {
        Self { mode, seconds: None, count: None, retry_after: None }
    }

    /// A fault for so many calls.
    pub const fn times(mode: Mode, count: u32) -> Self {
        Self { count: Some(count), ..Self::of(mode) }
    }
}

/// The switch.
#[derive(Debug)]
pub(super) struct Switch {
    fault: Fault,
    ends_at: Option<Timestamp>,
}

impl Switch {
    pub(super) fn new() -> Self {
        Self { fault: Fault::NONE, ends_at: None }
    }

    pub(super) fn set(&mut self, fault: Fault, now: Timestamp) {
        self.ends_at = fault.seconds.map(|seconds| now + Duration::from_secs(u64::from(seconds)));
        self.fault = fault;
    }

    /// The fault in force, with the calls that remain of it.
    pub(super) fn current(&mut self, now: Timestamp) -> Fault {
        if self.ends_at.is_some_and(|end| end <= now) || self.fault.count == Some(0) {
            self.set(Fault::NONE, now);
        }
        self.fault
    }

    /// The fault that the next call meets.
    pub(super) fn spend(&mut self, now: Timestamp) -> Fault {
        let fault = self.current(now);
        if let Some(count) = &mut self.fault.count {
            *count = count.saturating_sub(1);
        }
        fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_ends_by_count_or_by_time() {
        let at = Timestamp::from_millis;
        let mut switch = Switch::new();
        switch.set(Fault::times(Mode::Cut, 2), at(0));
        assert_eq!([0; 3].map(|_| switch.spend(at(0)).mode), [Mode::Cut, Mode::Cut, Mode::Ok]);
        switch.set(Fault { seconds: Some(1), ..Fault::of(Mode::Hang) }, at(0));
        assert_eq!(switch.spend(at(999)).mode, Mode::Hang);
        assert_eq!(switch.spend(at(1000)).mode, Mode::Ok);
    }
}
