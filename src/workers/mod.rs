//! The back door: loops around the engine's verbs.
//!
//! Promise: a loop never ends by an error; it says so once, waits a little, and goes on. [`Workers::stop`] takes no new
//! work, lets what is at hand end within the grace time, and leaves the rest to the leases.

pub mod listen;
pub mod notifier;
pub mod scheduler;

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::services::{Deps, live};

/// The loops of this process.
#[derive(Debug, Default)]
pub struct Workers {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Workers {
    /// No loops yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts what takes bells, sends and retries.
    pub fn start_notifier(&self, deps: &Deps) {
        self.tasks.spawn(listen::relay(deps.clone(), self.stop.clone()));
        self.tasks.spawn(notifier::take(deps.clone(), self.stop.clone()));
        self.tasks.spawn(notifier::report(deps.clone(), self.stop.clone()));
        for channel in deps.fan_out.providers.channels() {
            self.tasks.spawn(notifier::retry(deps.clone(), channel, self.stop.clone()));
        }
    }

    /// Starts what tells other copies whose inboxes have changed and, where streams are served, what hears it and looks.
    pub fn start_live(&self, deps: &Deps, serves: bool) {
        self.tasks.spawn(live::publish(deps.clone(), self.stop.clone()));
        if serves {
            self.tasks.spawn(live::hear(deps.clone(), self.stop.clone()));
            self.tasks.spawn(live::read(deps.clone(), self.stop.clone()));
            self.tasks.spawn(live::keep(deps.clone(), self.stop.clone()));
        }
    }

    /// Starts what sweeps, publishes what is due, and tidies.
    pub fn start_scheduler(&self, deps: &Deps) {
        self.tasks.spawn(scheduler::sweep(deps.clone(), self.stop.clone()));
        self.tasks.spawn(scheduler::index(deps.clone(), self.stop.clone()));
        self.tasks.spawn(scheduler::publish_due(deps.clone(), self.stop.clone()));
        self.tasks.spawn(scheduler::count(deps.clone(), self.stop.clone()));
        self.tasks.spawn(scheduler::tidy(deps.clone(), self.stop.clone()));
        self.tasks.spawn(scheduler::watch_webhooks(deps.clone(), self.stop.clone()));
    }

    /// Starts a loop of somebody else's that ends when the token says so.
    pub fn spawn<F>(&self, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task(self.stop.clone()));
    }

    /// Stops: no new work, and `grace` for what is at hand.
    pub async fn stop(&self, grace: Duration) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!("work at hand was left to its leases after {grace:?}");
        }
    }
}

/// Waits, unless it is time to stop; `false` when it is.
pub(crate) async fn pause(stop: &CancellationToken, wait: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(wait) => true,
    }
}
