//! Places: which servers have calls under way, by their names and by their addresses in the network.
//!
//! Promise: no more calls are under way to one name, on whichever ports, and to one address, under whichever names and
//! ports, than one server may have. A name's new connections lead to one of its addresses, which is how a call's place is
//! known before it begins; when it does not answer, the next look-up takes the next one. A server is an address, or a
//! network of 64 bits in IPv6, because whoever has one of those has them all. The chat services are exempt: each is one
//! for all bots, and made for many calls; an address that only speaks like one is not.
//! Not promised: a share for each user. The first calls to a new name begin before it is known where it leads; those that
//! are too many are told that we are busy. A kept connection counts where its name leads by now.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use url::{Host, Url};

use crate::domain::net::line;

/// WeCom, DingTalk, Feishu and Lark.
const CHAT_SERVICES: [&str; 4] = ["qyapi.weixin.qq.com", "oapi.dingtalk.com", "open.feishu.cn", "open.larksuite.com"];
/// From so many names on, those that were not looked up for a while are forgotten …
const CROWD: usize = 20_000;
/// … which is this long.
const A_WHILE: Duration = Duration::from_secs(10 * 60);

/// Where calls are under way, and where names lead.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    names: HashMap<String, Lead>,
    under_way: HashMap<u64, Call>,
    begun: u64,
}

/// Where a name leads.
#[derive(Debug)]
struct Lead {
    server: IpAddr,
    /// How often the address of the time did not answer.
    missed: usize,
    found_at: Instant,
}

#[derive(Debug)]
struct Call {
    name: String,
    /// Nothing until the name is looked up.
    server: Option<IpAddr>,
}

/// A call under way; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
}

/// The name of an address's host, or its number in words.
fn name(url: &Url) -> String {
    plain(url.host_str().unwrap_or_default())
}

fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

impl State {
    fn server(&self, url: &Url) -> Option<IpAddr> {
        match url.host()? {
            Host::Ipv4(address) => Some(line(address.into())),
            Host::Ipv6(address) => Some(line(address.into())),
            Host::Domain(domain) => self.names.get(&plain(domain)).map(|lead| lead.server),
        }
    }

    fn under_way(&self, is_there: impl Fn(&Call) -> bool) -> usize {
        self.under_way.values().filter(|call| is_there(call)).count()
    }
}

impl Places {
    /// Places of which each has at most so many calls under way.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is made whole: whoever panicked while it held them left them so.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a server has as many calls as it may.
    pub(super) fn is_full(&self, url: &Url) -> bool {
        let (name, state) = (name(url), self.state());
        if CHAT_SERVICES.contains(&name.as_str()) {
            return false;
        }
        let server = state.server(url);
        let there = |call: &Call| server.is_some() && call.server == server;
        state.under_way(|call| call.name == name) >= self.most || state.under_way(there) >= self.most
    }

    /// A call begins.
    pub(super) fn enter(self: &Arc<Self>, url: &Url) -> Place {
        let mut state = self.state();
        let call = Call { name: name(url), server: state.server(url) };
        let number = state.begun;
        state.begun += 1;
        state.under_way.insert(number, call);
        Place { places: Arc::clone(self), number }
    }

    /// A name was looked up: the address to connect to, unless too many calls are under way there.
    pub(super) fn lead(&self, name: &str, found: &[IpAddr], now: Instant) -> Option<IpAddr> {
        let (name, mut state) = (plain(name), self.state());
        if state.names.len() > CROWD {
            state.names.retain(|_, lead| now.saturating_duration_since(lead.found_at) < A_WHILE);
        }
        let missed = state.names.get(&name).map_or(0, |lead| lead.missed);
        let address = found.get(missed.checked_rem(found.len())?).copied()?;
        let server = line(address);
        state.names.insert(name.clone(), Lead { server, missed, found_at: now });
        for call in state.under_way.values_mut().filter(|call| call.name == name) {
            call.server.get_or_insert(server);
        }
        let most = if CHAT_SERVICES.contains(&name.as_str()) { usize::MAX } else { self.most };
        (state.under_way(|call| call.server == Some(server)) <= most).then_some(address)
    }

    /// Where a name leads did not answer.
    pub(super) fn missed(&self, url: &Url) {
        if let Some(lead) = self.state().names.get_mut(&name(url)) {
            lead.missed = lead.missed.wrapping_add(1);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.state().under_way.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("an address")
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("a number")
    }

    #[test]
    fn ports_and_other_names_of_a_server_are_the_same_server() {
        let (places, now) = (Places::new(2), Instant::now());
        places.lead("a.example.com", &[ip("192.0.2.1")], now);
        places.lead("b.example.com", &[ip("192.0.2.1")], now);
        places.lead("c.example.com", &[ip("192.0.2.2")], now);
        let first = places.enter(&url("https://a.example.com/1"));
        let _second = places.enter(&url("https://a.example.com.:8443/2"));
        for full in ["https://a.example.com:9443/", "https://b.example.com/", "https://192.0.2.1/"] {
            assert!(places.is_full(&url(full)), "{full}");
        }
        assert!(!places.is_full(&url("https://c.example.com/")));
        drop(first);
        assert!(!places.is_full(&url("https://b.example.com/")));
    }

    #[test]
    fn calls_to_a_new_name_count_where_it_leads_and_the_surplus_is_turned_away() {
        let (places, now) = (Places::new(2), Instant::now());
        let _there = [places.enter(&url("https://192.0.2.1/")), places.enter(&url("https://192.0.2.1:8443/"))];
        let new = places.enter(&url("https://new.example.com/"));
        assert_eq!(places.lead("new.example.com", &[ip("192.0.2.1")], now), None);
        drop(new);
        assert!(places.is_full(&url("https://new.example.com/")), "now it is known where it leads");
        let _six = places.enter(&url("https://[2001:db8::1]/"));
        let _seven = places.enter(&url("https://[2001:db8::2]/"));
        assert!(places.is_full(&url("https://[2001:db8::3]/")), "a network of one owner");
    }

    #[test]
    fn an_address_that_does_not_answer_gives_way_to_the_next_and_one_that_does_is_kept() {
        let (places, now) = (Places::new(2), Instant::now());
        let (found, at) = ([ip("192.0.2.1"), ip("192.0.2.2")], url("https://two.example.com/"));
        let lead = || places.lead("two.example.com", &found, now);
        assert_eq!((lead(), lead()), (Some(found[0]), Some(found[0])));
        places.missed(&at);
        assert_eq!((lead(), lead()), (Some(found[1]), Some(found[1])));
        places.missed(&at);
        assert_eq!(lead(), Some(found[0]));
        assert_eq!(places.lead("none.example.com", &[], now), None);
    }

    #[test]
    fn only_the_chat_services_themselves_take_any_number_of_calls() {
        let (places, now) = (Places::new(1), Instant::now());
        let bot = url("https://oapi.dingtalk.com/robot/send");
        let _calls: Vec<_> = (0..5).map(|_| places.enter(&bot)).collect();
        assert!(!places.is_full(&bot));
        assert!(places.lead("oapi.dingtalk.com", &[ip("192.0.2.9")], now).is_some());
        let other = url("https://dingtalk.example.com/robot/send");
        let _one = places.enter(&other);
        assert!(places.is_full(&other));
    }
}
