//! Rate limits.

use crate::config::env::Env;
use crate::services::limits::Settings;

/// Reads the variables of rate limits.
pub fn read(env: &mut Env) -> Settings {
    Settings {
        on: env.choice("YIZHAN_RATE_LIMITS", "on", &[("on", true), ("off", false)]),
        user_per_minute: env.within("YIZHAN_LIMIT_USER_PER_MINUTE", 600, 1..=1_000_000),
        address_per_minute: env.within("YIZHAN_LIMIT_ADDRESS_PER_MINUTE", 1_200, 1..=1_000_000),
        key_per_minute: env.within("YIZHAN_LIMIT_KEY_PER_MINUTE", 6_000, 1..=1_000_000),
        trusted_proxies: env.parsed("YIZHAN_TRUSTED_PROXIES", ""),
    }
}
