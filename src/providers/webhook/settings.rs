//! What webhooks need: how far they reach, and how patient to be.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::time::Clock;
use crate::domain::webhook::Reach;

/// The addresses of a name, on their way.
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
/// Finds the addresses of a name; tests bring their own.
pub type Lookup = Arc<dyn Fn(String) -> Addresses + Send + Sync>;

/// The settings of webhooks. None is a credential: each webhook brings its own.
#[derive(Clone)]
pub struct Settings {
    /// Where a connection may lead. Default: the public internet over `https`.
    pub reach: Reach,
    /// How long a call may take from the first look-up of its name to the last byte of its answer. Default 2.5 s.
    pub timeout: Duration,
    /// The most calls at a time. Default 64.
    pub in_flight: usize,
    /// The most calls at a time to one host, but for the bots of chat services. Default 16.
    pub per_host: usize,
    /// What time signatures tell. Default: the machine's.
    pub clock: Clock,
    /// Who knows names. Default: the machine's resolver.
    pub lookup: Lookup,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reach: Reach::default(),
            timeout: Duration::from_millis(2_500),
            in_flight: 64,
            per_host: 16,
            clock: Clock::system(),
            lookup: system_lookup(),
        }
    }
}

/// The machine's own resolver.
pub fn system_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("reach", &self.reach)
            .field("timeout", &self.timeout)
            .field("in_flight", &self.in_flight)
            .field("per_host", &self.per_host)
            .finish_non_exhaustive()
    }
}
