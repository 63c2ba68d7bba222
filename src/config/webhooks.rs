//! Webhooks: where they may lead, and for how long they may fail.

use std::time::Duration;

use crate::config::env::Env;
use crate::domain::webhook::Reach;
use crate::services::webhook::Settings;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// What is told about webhooks.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// How they are treated.
    pub settings: Settings,
    /// The most calls at a time.
    pub in_flight: usize,
}

/// Reads the variables of webhooks.
pub fn read(env: &mut Env) -> Webhooks {
    let reach = Reach {
        http: env.choice("YIZHAN_WEBHOOK_HTTP", "off", &[("on", true), ("off", false)]),
        allowed: env.parsed("YIZHAN_WEBHOOK_ALLOWED_NETWORKS", ""),
    };
    let give_up = HOUR * env.within("YIZHAN_WEBHOOK_GIVE_UP_HOURS", 120, 1..=720);
    Webhooks { settings: Settings { reach, give_up }, in_flight: env.within("YIZHAN_WEBHOOK_IN_FLIGHT", 64, 1..=1_000) }
}
