//! How much one user may have.

use std::time::Duration;

use crate::config::env::Env;
use crate::services::holdings::Settings;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads the variables of what users have.
pub fn read(env: &mut Env) -> Settings {
    let default = Settings::default();
    Settings {
        subscriptions: env.within("YIZHAN_MAX_SUBSCRIPTIONS", default.subscriptions, 1..=1_000),
        devices: env.within("YIZHAN_MAX_DEVICES", default.devices, 1..=1_000),
        webhooks: env.within("YIZHAN_MAX_WEBHOOKS", default.webhooks, 0..=1_000),
        inbox_retention: DAY * env.within("YIZHAN_INBOX_RETENTION_DAYS", 90, 1..=3_650),
        words: env.within("YIZHAN_MAX_WORDS", default.words, 1..=5_000_000),
    }
}
