//! How large the sandbox's memory is, and how it misbehaves.

use std::path::PathBuf;
use std::time::Duration;

/// The settings of the sandbox.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many log entries are kept in memory. Default 200,000 (about 40 MB).
    pub log_capacity: usize,
    /// A file that every entry is appended to, one JSON line each, before the call is answered. At start it is read
    /// back, so that keys are remembered across a restart. Default none.
    pub log_file: Option<PathBuf>,
    /// Show a repeated idempotency key once, as a *safe* provider does; off, it is a *visible* one. Default on.
    pub deduplicate: bool,
    /// How many tries of a `throttled-` token are throttled. Default 1.
    pub throttled_tries: u32,
    /// What a throttled caller is told to wait, in seconds. Default 1.
    pub retry_after: u64,
    /// How long a call with a `slow-` token takes. Default 2 s.
    pub slow: Duration,
    /// How long a hanging call is kept open. Default 60 s.
    pub hang: Duration,
    /// How many phones are remembered; those longest without a message are forgotten first. Default 20,000.
    pub max_phones: usize,
    /// How many idempotency keys are remembered; the oldest are forgotten first. Default 4,000,000 (about 300 MB).
    pub max_keys: usize,
    /// How many pages may watch at a time. Default 64.
    pub max_watchers: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            log_capacity: 200_000,
            log_file: None,
            deduplicate: true,
            throttled_tries: 1,
            retry_after: 1,
            slow: Duration::from_secs(2),
            hang: Duration::from_secs(60),
            max_phones: 20_000,
            max_keys: 4_000_000,
            max_watchers: 64,
        }
    }
}
