//! Turns: which webhook, and which host, is left alone for a while.
//!
//! ```text
//!   well ── [`TRIES`] failures in a row, or a call that hung ─▶ rests, longer each time ─▶ one probe ─▶ well, or rests
//! ```
//!
//! Promise: a webhook that hangs, fails or is not reached is left alone for a while, and nobody else's with it; a host
//! rests as a whole only when webhooks of several users got no answer there with no success between. Meanwhile only a
//! probe now and then costs anybody a call. What a user tries by hand, and a call that was given up, teach nothing about a
//! host. A bot is called no oftener than its service allows. How many calls are under way, [`places`](super::places)
//! says. Not promised: that copies of this process share what they know: each learns by itself, and a service that
//! counts says so in its answers.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use super::standing::{Standing, TRIES};
use crate::domain::id::{EndpointId, UserId};
use crate::domain::webhook::Preset;

/// No receiver's word keeps it from being probed for longer.
const LONGEST_WORD: Duration = Duration::from_secs(60 * 60);
/// From so many entries on, those that say nothing are forgotten …
const CROWD: usize = 20_000;
/// … this often.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// What an answer says about who gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// Host and address are well.
    Well,
    /// There was no connection; so many users of a host speak against the host, as with all that got no answer.
    Unreached,
    /// The address did not answer in time.
    Hung,
    /// The connection ended in the middle of the call.
    Broke,
    /// The host is well and this address of it is not.
    AddressFailed,
    /// The address does not want to be called before this has passed.
    AddressRests(Duration),
    /// Nobody waited for the answer, or it was our own fault that there is none: nothing is learned.
    Untold,
}

/// At whose wish a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// A notice's: it tells of the host as well.
    Notice,
    /// A user's, who may repeat it at will: it tells of their own address only.
    ByHand,
}

/// Who is under way, who rests, who was called when.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    hosts: HashMap<String, Standing>,
    addresses: HashMap<EndpointId, Standing>,
    swept: Option<Instant>,
}

/// Who is called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Callee {
    /// Whose webhook.
    pub(super) user: UserId,
    /// Which.
    pub(super) address: EndpointId,
    /// What is spoken there.
    pub(super) preset: Preset,
}

/// A call under way. Dropping it without [`Turn::ended`] means that nobody waited for its end, and teaches nothing.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    host: String,
    callee: Callee,
    wish: Wish,
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
    fn state(&self) -> MutexGuard<'_, State> {
        // Numbers only: whoever panicked while it held them left them whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long to wait before an address is called; nothing: now.
    pub(super) fn wait(&self, host: &str, address: EndpointId, preset: Preset, now: Instant) -> Option<Duration> {
        let state = self.state();
        let (host, address) = (state.hosts.get(host), state.addresses.get(&address));
        let waits = [
            host.and_then(|host| host.wait(now)),
            address.and_then(|address| address.wait(now)),
            address.and_then(|address| address.wait_by_limits(limits(preset), now)),
        ];
        waits.into_iter().flatten().max()
    }

    /// A call begins.
    pub(super) fn begin(&self, host: &str, callee: Callee, wish: Wish, now: Instant) -> Turn<'_> {
        let mut state = self.state();
        state.forget_what_says_nothing(now);
        state.hosts.entry(host.to_owned()).or_default().begin(now);
        let standing = state.addresses.entry(callee.address).or_default();
        standing.begin(now);
        if let Some((most, _)) = limits(callee.preset).last() {
            standing.recent.push_back(now);
            while standing.recent.len() > *most {
                standing.recent.pop_front();
            }
        }
        Turn { turns: self, host: host.to_owned(), callee, wish, health: Health::Untold }
    }

    fn end(&self, turn: &Turn<'_>, now: Instant) {
        let mut state = self.state();
        let host = state.hosts.entry(turn.host.clone()).or_default();
        host.end(now);
        match turn.health {
            _ if turn.wish == Wish::ByHand => {}
            Health::Unreached | Health::Hung | Health::Broke => host.doubt(turn.callee.user, now),
            Health::Well | Health::AddressFailed | Health::AddressRests(_) => host.recover(),
            Health::Untold => {}
        }
        let address = state.addresses.entry(turn.callee.address).or_default();
        address.end(now);
        match turn.health {
            Health::Well => address.recover(),
            Health::Hung => address.fail(1, now),
            Health::AddressFailed | Health::Unreached | Health::Broke => address.fail(TRIES, now),
            Health::AddressRests(wait) => address.rests_until = Some(now + wait.min(LONGEST_WORD)),
            Health::Untold => {}
        }
    }
}

impl State {
    fn forget_what_says_nothing(&mut self, now: Instant) {
        let swept = self.swept.is_some_and(|at| now.saturating_duration_since(at) < SWEEP_EVERY);
        if swept || self.hosts.len().max(self.addresses.len()) <= CROWD {
            return;
        }
        self.swept = Some(now);
        self.hosts.retain(|_, standing| standing.says_something(now));
        self.addresses.retain(|_, standing| standing.says_something(now));
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
    use super::super::standing::{BUSY, FIRST_REST, LONGEST_REST};
    use super::*;

    const HOST: &str = "hooks.example.com:443";
    const SECOND: Duration = Duration::from_secs(1);

    fn standard(address: EndpointId) -> Callee {
        Callee { user: UserId::from_uuid(address.as_uuid()), address, preset: Preset::Standard }
    }

    fn call(turns: &Turns, address: EndpointId, preset: Preset, health: Health, now: Instant) {
        called(turns, Callee { preset, ..standard(address) }, health, now);
    }

    fn called(turns: &Turns, callee: Callee, health: Health, now: Instant) {
        let mut turn = turns.begin(HOST, callee, Wish::Notice, now);
        turn.health = health;
        turns.end(&turn, now);
        // Its end was told at an instant of the test's own.
        std::mem::forget(turn);
    }

    #[test]
    fn an_address_that_hangs_rests_longer_each_time_and_others_of_its_host_do_not() {
        let (turns, one, other) = (Turns::default(), EndpointId::new(), EndpointId::new());
        let mut now = Instant::now();
        for rest in [2, 4, 8] {
            assert_eq!(turns.wait(HOST, one, Preset::Standard, now), None);
            call(&turns, one, Preset::Standard, Health::Hung, now);
            assert_eq!(turns.wait(HOST, one, Preset::Standard, now), Some(rest * SECOND));
            assert_eq!(turns.wait(HOST, other, Preset::Standard, now), None);
            now += rest * SECOND;
        }
    }

    #[test]
    fn a_host_that_leaves_several_users_without_an_answer_rests_until_a_probe_is_answered() {
        let (turns, other, now) = (Turns::default(), EndpointId::new(), Instant::now());
        let hang = || call(&turns, EndpointId::new(), Preset::Standard, Health::Hung, now);
        hang();
        call(&turns, EndpointId::new(), Preset::Standard, Health::Unreached, now);
        call(&turns, other, Preset::Standard, Health::Well, now);
        hang();
        hang();
        assert_eq!(turns.wait(HOST, other, Preset::Standard, now), None, "a success lies between");
        hang();
        assert_eq!(turns.wait(HOST, other, Preset::Standard, now), Some(FIRST_REST));
        assert_eq!(turns.wait("elsewhere.example.com:443", other, Preset::Standard, now), None);
        let later = now + FIRST_REST;
        let probe = turns.begin(HOST, standard(other), Wish::Notice, later);
        assert_eq!(turns.wait(HOST, EndpointId::new(), Preset::Standard, later), Some(BUSY), "one probe at a time");
        probe.ended(Health::Well);
        assert_eq!(turns.wait(HOST, other, Preset::Standard, later), None, "well again");
    }

    #[test]
    fn one_user_makes_no_host_rest_with_however_many_webhooks() {
        let (turns, other, now) = (Turns::default(), EndpointId::new(), Instant::now());
        let user = UserId::new();
        for health in [Health::Hung, Health::Broke, Health::Unreached, Health::AddressFailed] {
            for _ in 0..8 {
                let one = Callee { user, ..standard(EndpointId::new()) };
                (0..TRIES).for_each(|_| called(&turns, one, health, now));
                assert!(turns.wait(HOST, one.address, Preset::Standard, now).is_some(), "{health:?}: it rests itself");
            }
        }
        assert_eq!(turns.wait(HOST, other, Preset::Standard, now), None);
    }

    #[test]
    fn what_is_tried_by_hand_or_given_up_teaches_nothing_about_the_host() {
        let (turns, other, now) = (Turns::default(), EndpointId::new(), Instant::now());
        for health in [Health::Unreached, Health::Hung, Health::Broke, Health::Hung] {
            drop(turns.begin(HOST, standard(EndpointId::new()), Wish::Notice, now));
            turns.begin(HOST, standard(EndpointId::new()), Wish::ByHand, now).ended(health);
        }
        assert_eq!(turns.wait(HOST, other, Preset::Standard, now), None);
    }

    #[test]
    fn who_failed_long_ago_is_forgotten_in_a_crowd() {
        let (turns, now) = (Turns::default(), Instant::now());
        for _ in 0..=CROWD {
            call(&turns, EndpointId::new(), Preset::Standard, Health::AddressFailed, now);
        }
        let later = now + 2 * LONGEST_REST;
        call(&turns, EndpointId::new(), Preset::Standard, Health::Well, later);
        assert_eq!(turns.state().addresses.len(), 1);
    }

    #[test]
    fn an_address_that_answers_with_failures_rests_and_others_of_its_host_do_not() {
        let (turns, one, other) = (Turns::default(), EndpointId::new(), EndpointId::new());
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
    fn a_bot_is_called_no_oftener_than_its_service_allows() {
        let (turns, bot, mut now) = (Turns::default(), EndpointId::new(), Instant::now());
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
