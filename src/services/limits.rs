//! Rate limits: by address of the network, by user, by key, and strict ones where guessing or flooding would pay.
//!
//! Promise: with Redis the counts are those of all copies together; without it each copy counts alone. A window begins
//! with its first count; [`Quota`] says how much of it is left. Not promised: fairness within a window.

use std::net::IpAddr;
use std::time::Duration;

use crate::domain::net::{self, Networks};
use crate::kv::{Counter, keys};
use crate::services::Deps;
use crate::services::refusal::{Error, Result};
use crate::telemetry::metric;

const MINUTE: Duration = Duration::from_secs(60);

/// How much is allowed in general.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether anything is limited at all.
    pub on: bool,
    /// Requests a minute of one user.
    pub user_per_minute: u64,
    /// Requests a minute of one network address without credentials.
    pub address_per_minute: u64,
    /// Requests a minute of one publisher's key.
    pub key_per_minute: u64,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Networks,
}

/// How often something may be done.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name in the keys.
    pub name: &'static str,
    /// How often within a window.
    pub limit: u64,
    /// How long a window lasts.
    pub window: Duration,
}

/// Codes sent to one address of a person.
pub const CODES_TO_PERSON: Rule = Rule { name: "code", limit: 5, window: Duration::from_secs(60 * 60) };
/// Codes asked for from one network address.
pub const CODES_FROM_LINE: Rule = Rule { name: "code_line", limit: 20, window: Duration::from_secs(60 * 60) };
/// Wrong passwords for one address of a person from one network address.
pub const WRONG_FOR_PERSON_FROM_LINE: Rule = Rule { name: "wrong", limit: 10, window: Duration::from_secs(15 * 60) };
/// Wrong passwords for one address of a person from wherever: it takes many network addresses to keep somebody out, and
/// many days to try what is worth trying.
pub const WRONG_FOR_PERSON: Rule = Rule { name: "wrong_person", limit: 100, window: Duration::from_secs(60 * 60) };
/// Wrong passwords and codes from one network address.
pub const WRONG_FROM_LINE: Rule = Rule { name: "wrong_line", limit: 50, window: Duration::from_secs(15 * 60) };

/// Filters that one user tries out: each reads a month of notices.
pub const PREVIEWS: Rule = Rule { name: "preview", limit: 30, window: MINUTE };

/// How much of a window is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How often within a window.
    pub limit: u64,
    /// How often still.
    pub remaining: u64,
    /// When counting begins anew.
    pub reset_in: Duration,
}

/// Requests of one user.
pub fn of_user(settings: &Settings) -> Rule {
    Rule { name: "user", limit: settings.user_per_minute, window: MINUTE }
}

/// Requests from one network address.
pub fn of_line(settings: &Settings) -> Rule {
    Rule { name: "line", limit: settings.address_per_minute, window: MINUTE }
}

/// Requests with one publisher's key.
pub fn of_key(settings: &Settings) -> Rule {
    Rule { name: "key", limit: settings.key_per_minute, window: MINUTE }
}

/// The text that a network address is counted under.
pub fn line(address: IpAddr) -> String {
    net::line(address).to_string()
}

/// Counts one; refuses when it is one too many. Nothing to say when limits are off.
pub async fn take(deps: &Deps, rule: Rule, whom: &str) -> Result<Option<Quota>> {
    if !deps.limits.on {
        return Ok(None);
    }
    let used = deps.kv.count(&counter(rule, whom), 1, deps.clock.now()).await;
    if used.count > rule.limit {
        metrics::counter!(metric::RATE_LIMITED, "rule" => rule.name).increment(1);
        return Err(Error::too_many(used.reset_in));
    }
    Ok(Some(Quota { limit: rule.limit, remaining: rule.limit - used.count, reset_in: used.reset_in }))
}

/// Takes a count back: it turned out not to be of the kind that is limited.
pub async fn give_back(deps: &Deps, rule: Rule, whom: &str) {
    if deps.limits.on {
        deps.kv.count(&counter(rule, whom), -1, deps.clock.now()).await;
    }
}

/// Forgets what was counted.
pub async fn clear(deps: &Deps, rule: Rule, whom: &str) {
    deps.kv.clear(&counter(rule, whom)).await;
}

fn counter(rule: Rule, whom: &str) -> Counter {
    Counter { key: keys::limit(rule.name, whom), window: rule.window }
}
