//! How much one user may have, for how long it is kept, and what all users together may have.

use std::time::Duration;

/// What one user may have, and all together.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Subscriptions at a time.
    pub subscriptions: u32,
    /// Devices at a time.
    pub devices: u32,
    /// Webhooks at a time.
    pub webhooks: u32,
    /// How long a cursor of the inbox's changes is good for, and how long a removed item leaves its tombstone.
    pub inbox_retention: Duration,
    /// Different words that all users together may have subscribed to, now or ever: every notifier holds them in memory.
    pub words: u32,
}

impl Default for Settings {
    fn default() -> Self {
        let inbox_retention = Duration::from_secs(90 * 24 * 60 * 60);
        Self { subscriptions: 20, devices: 20, webhooks: 10, inbox_retention, words: 500_000 }
    }
}
