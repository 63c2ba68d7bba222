//! Turns: which host and which bot may be called now.
//!
//! ```text
//!   well ── [`TRIES`] failures in a row, or one call that hung ─▶ rests, longer each time ─▶ one probe ─▶ well, or rests
//! ```
//!
//! Promise: a host to which no connection is made, or that hangs, is left alone for a while, and so is one address that
//! answers with failures; meanwhile only a probe now and then costs anybody a call. A bot is called no oftener than its
//! service allows. Not promised: that copies of this process share what they know; each learns by itself, and a service
//! that counts says so in its answers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use crate::domain::id::EndpointId;
use crate::domain::webhook::Preset;

/// Failures in a row after which there is a rest.
const TRIES: u32 = 3;
/// The first rest; each further one without a success between is twice as long …
const FIRST_REST: Duration = Duration::from_secs(2);
/// … up to this. What is new is tried again as soon as that.
const LONGEST_REST: Duration = Duration::from_secs(5 * 60);
/// No receiver's word keeps it from being probed for longer.
const LONGEST_WORD: Duration = Duration::from_secs(60 * 60);
/// When to come again to a host that is busy with us, or that is being probed.
const BUSY: Duration = Duration::from_millis(300);
/// From so many entries on, those that say nothing are forgotten.
const CROWD: usize = 20_000;

/// What an answer says about who gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// Host and address are well.
    Well,
    /// The host is not there, or does not speak.
    HostFailed,
    /// The host did not answer in time.
    HostHung,
    /// The host is well and this address of it is not.
    AddressFailed,
    /// The address does not want to be called before this has passed.
    AddressRests(Duration),
}

/// Who is under way, who rests, who was called when.
#[derive(Debug)]
pub(super) struct Turns {
    per_host: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    hosts: HashMap<String, Standing>,
    addresses: HashMap<EndpointId, Standing>,
}

#[derive(Debug, Default)]
struct Standing {
    under_way: usize,
    failures: u32,
    rests_until: Option<Instant>,
    /// When calls began of late; kept where there are limits.
    recent: VecDeque<Instant>,
}

/// A call under way. Dropping it without [`Turn::ended`] means that nobody waited for its end: it hung.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    host: String,
    address: EndpointId,
    health: Health,
}

/// Host and port, as turns are kept by.
pub(super) fn host(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

/// How often an address may be called: so many within each of these.
const fn limits(preset: Preset) -> &'static [(usize, Duration)] {
    const TWENTY_A_MINUTE: &[(usize, Duration)] = &[(20, Duration::from_secs(60))];
    const FEISHUS: &[(usize, Duration)] = &[(5, Duration::from_secs(1)), (100, Duration::from_secs(60))];
    match preset {
        Preset::Standard => &[],
        Preset::Wecom | Preset::Dingtalk => TWENTY_A_MINUTE,
        Preset::Feishu => FEISHUS,
    }
}

impl Turns {
    pub(super) fn new(per_host: usize) -> Self {
        Self { per_host, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Numbers only: whoever panicked while it held them left them whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long to wait before an address is called; nothing: now.
    pub(super) fn wait(&self, host: &str, address: EndpointId, preset: Preset, now: Instant) -> Option<Duration> {
        let state = self.state();
        let (host, address) = (state.hosts.get(host), state.addresses.get(&address));
        let waits = [
            host.and_then(|host| host.wait(now)),
            // A chat service is one for all its bots, and made for many calls.
            host.filter(|host| preset == Preset::Standard && host.under_way >= self.per_host).map(|_| BUSY),
            address.and_then(|address| address.wait(now)),
            address.and_then(|address| address.wait_by_limits(limits(preset), now)),
        ];
        waits.into_iter().flatten().max()
    }

    /// A call begins.
    pub(super) fn begin(&self, host: &str, address: EndpointId, preset: Preset, now: Instant) -> Turn<'_> {
        let mut state = self.state();
        state.forget_what_says_nothing(now);
        state.hosts.entry(host.to_owned()).or_default().under_way += 1;
        let standing = state.addresses.entry(address).or_default();
        standing.under_way += 1;
        if let Some((most, _)) = limits(preset).last() {
            standing.recent.push_back(now);
            while standing.recent.len() > *most {
                standing.recent.pop_front();
            }
        }
        Turn { turns: self, host: host.to_owned(), address, health: Health::HostHung }
    }

    fn end(&self, turn: &Turn<'_>, now: Instant) {
        let mut state = self.state();
        let host = state.hosts.entry(turn.host.clone()).or_default();
        host.under_way = host.under_way.saturating_sub(1);
        match turn.health {
            Health::HostFailed => host.fail(TRIES, now),
            Health::HostHung => host.fail(1, now),
            Health::Well | Health::AddressFailed | Health::AddressRests(_) => host.recover(),
        }
        let address = state.addresses.entry(turn.address).or_default();
        address.under_way = address.under_way.saturating_sub(1);
        match turn.health {
            Health::Well => address.recover(),
            Health::AddressFailed => address.fail(TRIES, now),
            Health::AddressRests(wait) => address.rests_until = Some(now + wait.min(LONGEST_WORD)),
            Health::HostFailed | Health::HostHung => {}
        }
    }
}

impl State {
    fn forget_what_says_nothing(&mut self, now: Instant) {
        if self.hosts.len() > CROWD {
            self.hosts.retain(|_, standing| standing.says_something(now));
        }
        if self.addresses.len() > CROWD {
            self.addresses.retain(|_, standing| standing.says_something(now));
        }
    }
}

impl Standing {
    fn wait(&self, now: Instant) -> Option<Duration> {
        match self.rests_until {
            Some(until) if now < until => Some(until - now),
            // After a rest one call goes ahead, and the others wait for what it finds.
            Some(_) if self.under_way > 0 => Some(BUSY),
            _ => None,
        }
    }

    fn wait_by_limits(&self, limits: &[(usize, Duration)], now: Instant) -> Option<Duration> {
        let wait = |(most, within): &(usize, Duration)| {
            // The call that must have left the window before the next one begins.
            let at = self.recent.len().checked_sub(*most).and_then(|place| self.recent.get(place))?;
            Some((*at + *within).saturating_duration_since(now)).filter(|wait| !wait.is_zero())
        };
        limits.iter().filter_map(wait).max()
    }

    fn fail(&mut self, patience: u32, now: Instant) {
        self.failures = self.failures.saturating_add(1).max(TRIES.saturating_sub(patience) + 1);
        let Some(rests) = self.failures.checked_sub(TRIES) else { return };
        let rest = FIRST_REST.saturating_mul(2_u32.saturating_pow(rests)).min(LONGEST_REST);
        self.rests_until = Some(now + rest);
    }

    fn recover(&mut self) {
        (self.failures, self.rests_until) = (0, None);
    }

    fn says_something(&self, now: Instant) -> bool {
        let called_of_late = self.recent.back().is_some_and(|at| now.saturating_duration_since(*at) < LONGEST_REST);
        self.under_way > 0 || self.failures > 0 || self.rests_until.is_some_and(|until| now < until) || called_of_late
    }
}

impl Turn<'_> {
    /// Says what the answer said.
    pub(super) fn ended(mut self, health: Health) {
        self.health = health;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.end(self, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "hooks.example.com:443";
    const SECOND: Duration = Duration::from_secs(1);

    fn call(turns: &Turns, address: EndpointId, preset: Preset, health: Health, now: Instant) {
        let mut turn = turns.begin(HOST, address, preset, now);
        turn.health = health;
        turns.end(&turn, now);
        // Its end was told at an instant of the test's own.
        std::mem::forget(turn);
    }

    #[test]
    fn a_host_that_hangs_rests_at_once_and_longer_each_time_and_its_neighbours_do_not() {
        let (turns, one, other) = (Turns::new(16), EndpointId::new(), EndpointId::new());
        let mut now = Instant::now();
        for rest in [2, 4, 8] {
            assert_eq!(turns.wait(HOST, one, Preset::Standard, now), None);
            call(&turns, one, Preset::Standard, Health::HostHung, now);
            assert_eq!(turns.wait(HOST, other, Preset::Standard, now), Some(rest * SECOND));
            assert_eq!(turns.wait("elsewhere.example.com:443", other, Preset::Standard, now), None);
            now += rest * SECOND;
        }
        let probe = turns.begin(HOST, one, Preset::Standard, now);
        assert_eq!(turns.wait(HOST, other, Preset::Standard, now), Some(BUSY), "one probe at a time");
        probe.ended(Health::Well);
        assert_eq!(turns.wait(HOST, other, Preset::Standard, now), None, "well again");
    }

    #[test]
    fn a_call_whose_end_nobody_waits_for_counts_as_one_that_hung() {
        let (turns, address) = (Turns::new(16), EndpointId::new());
        drop(turns.begin(HOST, address, Preset::Standard, Instant::now()));
        assert!(turns.wait(HOST, address, Preset::Standard, Instant::now()).is_some());
    }

    #[test]
    fn an_address_that_answers_with_failures_rests_and_others_of_its_host_do_not() {
        let (turns, one, other) = (Turns::new(16), EndpointId::new(), EndpointId::new());
        let now = Instant::now();
        for _ in 0..TRIES {
            assert_eq!(turns.wait(HOST, one, Preset::Standard, now), None);
            call(&turns, one, Preset::Standard, Health::AddressFailed, now);
        }
        assert_eq!(turns.wait(HOST, one, Preset::Standard, now), Some(FIRST_REST));
        assert_eq!(turns.wait(HOST, other, Preset::Standard, now), None);
        call(&turns, other, Preset::Standard, Health::AddressRests(40 * SECOND), now);
        assert_eq!(turns.wait(HOST, other, Preset::Standard, now), Some(40 * SECOND));
    }

    #[test]
    fn no_more_are_under_way_to_a_host_than_it_may_have() {
        let (turns, address, now) = (Turns::new(2), EndpointId::new(), Instant::now());
        let first = turns.begin(HOST, address, Preset::Standard, now);
        let _second = turns.begin(HOST, address, Preset::Standard, now);
        assert_eq!(turns.wait(HOST, address, Preset::Standard, now), Some(BUSY));
        assert_eq!(turns.wait(HOST, address, Preset::Feishu, now), None, "a chat service is made for many");
        first.ended(Health::Well);
        assert_eq!(turns.wait(HOST, address, Preset::Standard, now), None);
    }

    #[test]
    fn a_bot_is_called_no_oftener_than_its_service_allows() {
        let (turns, bot, mut now) = (Turns::new(16), EndpointId::new(), Instant::now());
        for _ in 0..20 {
            assert_eq!(turns.wait(HOST, bot, Preset::Wecom, now), None);
            call(&turns, bot, Preset::Wecom, Health::Well, now);
            now += SECOND;
        }
        assert_eq!(turns.wait(HOST, bot, Preset::Wecom, now), Some(40 * SECOND));
        assert_eq!(turns.wait(HOST, EndpointId::new(), Preset::Wecom, now), None, "each bot has its own");
        let bot = EndpointId::new();
        for _ in 0..5 {
            call(&turns, bot, Preset::Feishu, Health::Well, now);
        }
        assert_eq!(turns.wait(HOST, bot, Preset::Feishu, now), Some(SECOND));
    }
}
