//! How the notifier is run.

use std::time::Duration;

use super::env::Env;
use crate::domain::allowance::{Limits, Quota, Reset};
use crate::domain::channel::Repeat;

/// How the notifier is run.
#[derive(Debug, Clone)]
pub struct Notifier {
    /// What all keys in Redis begin with, so that two installations can share one.
    pub redis_prefix: String,
    /// Chunks and plans worked at a time by one process.
    pub concurrency: usize,
    /// How long a chunk waits for a provider.
    pub send_budget: Duration,
    /// How long work at hand may go on after the process is told to stop.
    pub grace: Duration,
    /// How the sandbox of this process behaves.
    pub sandbox: crate::sandbox::Settings,
    /// Where the sandbox is, when it is another process.
    pub sandbox_url: Option<String>,
    /// What a repeat on the sandbox channel is declared to be.
    pub sandbox_repeat: Repeat,
    /// The most recipients of a call to the sandbox.
    pub sandbox_batch: usize,
    /// The most calls to the sandbox at a time.
    pub sandbox_in_flight: usize,
    /// Whether the sandbox is called over HTTP/2.
    pub sandbox_http2: bool,
    /// What the sandbox channel is declared to take.
    pub sandbox_limits: Limits,
}

pub(super) fn read(env: &mut Env) -> Notifier {
    let redis_prefix: String = env.parsed("YIZHAN_REDIS_PREFIX", "yizhan");
    let sane = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if redis_prefix.len() > 64 || !redis_prefix.bytes().all(sane) {
        env.refuse("YIZHAN_REDIS_PREFIX", "at most 64 letters, digits and -_.:");
    }
    Notifier {
        redis_prefix,
        concurrency: env.within("YIZHAN_NOTIFIER_CONCURRENCY", 4, 1..=64),
        send_budget: env.millis("YIZHAN_SEND_BUDGET_MILLIS", 3_000, 100..=9_000),
        grace: env.seconds("YIZHAN_SHUTDOWN_GRACE_SECONDS", 10, 1..=300),
        sandbox: crate::sandbox::Settings {
            log_file: env.secret("YIZHAN_SANDBOX_LOG").map(Into::into),
            ..crate::sandbox::Settings::default()
        },
        sandbox_url: env.secret("YIZHAN_SANDBOX_URL"),
        sandbox_repeat: env.choice(
            "YIZHAN_SANDBOX_REPEAT",
            "safe",
            &[("safe", Repeat::Safe), ("visible", Repeat::Visible), ("forbidden", Repeat::Forbidden)],
        ),
        sandbox_batch: env.within("YIZHAN_SANDBOX_BATCH", 500, 1..=500),
        sandbox_in_flight: env.within("YIZHAN_SANDBOX_IN_FLIGHT", 8, 1..=1_000),
        sandbox_http2: env.choice("YIZHAN_SANDBOX_HTTP2", "off", &[("on", true), ("off", false)]),
        sandbox_limits: sandbox_limits(env),
    }
}

fn sandbox_limits(env: &mut Env) -> Limits {
    let rate = env.optional("YIZHAN_SANDBOX_RATE");
    let messages: u32 = env.within("YIZHAN_SANDBOX_QUOTA", 0, 0..=u32::MAX);
    let resets = env.parsed("YIZHAN_SANDBOX_QUOTA_RESETS", &Reset::CHINA.to_string());
    Limits { rate, quota: (messages > 0).then_some(Quota { messages, resets }) }
}
