//! How much one user may have, and for how long it is kept.

use std::time::Duration;

/// What one user may have.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Subscriptions at a time.
    pub subscriptions: u32,
    /// Devices at a time.
    pub devices: u32,
    /// How long a cursor of the inbox's changes is good for, and how long a removed item leaves its tombstone.
    pub inbox_retention: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { subscriptions: 20, devices: 20, inbox_retention: Duration::from_secs(90 * 24 * 60 * 60) }
    }
}
