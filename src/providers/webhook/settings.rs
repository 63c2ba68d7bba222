//! What webhooks need: how far they reach, and how patient to be.

use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

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
    /// The most calls at a time to one server, by its name and by its address, but for the chat services. Default 16.
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

/// How many names are looked up at a time. A look-up holds a thread, of those that passwords and texts need too, until the
/// resolver gives up, whoever still waits for it.
const LOOKUPS: usize = 32;
/// How long a look-up waits for its turn.
const TURN_WITHIN: Duration = Duration::from_millis(500);

static TURNS: Semaphore = Semaphore::const_new(LOOKUPS);

/// The machine's own resolver; [`io::ErrorKind::ResourceBusy`] when it has too much to do.
pub fn system_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(bounded(&TURNS, move || {
            let found = (name.as_str(), 0).to_socket_addrs()?;
            Ok(found.map(|address| address.ip()).collect())
        }))
    })
}

async fn bounded<T: Send + 'static>(
    turns: &'static Semaphore,
    look_up: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let Ok(Ok(turn)) = tokio::time::timeout(TURN_WITHIN, turns.acquire()).await else {
        return Err(io::ErrorKind::ResourceBusy.into());
    };
    let found = tokio::task::spawn_blocking(move || {
        // Held by the work and not by the waiting, which its caller may give up.
        let _turn = turn;
        look_up()
    });
    found.await.map_err(io::Error::other)?
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_up_that_nobody_waits_for_any_more_keeps_its_turn_and_the_next_is_told_that_we_are_busy() {
        static ONE: Semaphore = Semaphore::const_new(1);
        let (answer, resolver) = std::sync::mpsc::channel::<()>();
        let hangs = tokio::spawn(bounded(&ONE, move || resolver.recv().map_err(io::Error::other)));
        while ONE.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        hangs.abort();
        let next = bounded(&ONE, || Ok(())).await.expect_err("no turn");
        assert_eq!(next.kind(), io::ErrorKind::ResourceBusy);
        drop(answer);
        bounded(&ONE, || Ok(())).await.expect("a turn");
    }
}
