//! What every test stands on: the real application in this process, a database of its own, and people to call it.
//!
//! Promise: two tests never meet (own database, own port, own queue), whichever order or number runs at once; a server
//! that does not start or stop as it should fails its test. Not promised: silence; `YIZHAN_TEST_LOG=debug` shows logs.

mod answer;
mod app;
mod build;
mod callers;
mod contract;
mod database;
mod pair;
mod receiver;
pub mod seed;
pub mod stream;
mod world;

pub use answer::Answer;
pub use app::{TestApp, prepare};
pub use build::{notice, notice_as, notice_with, subscription};
pub use callers::{Caller, Person};
pub use contract::{Cast, Contract, Guard, Operation, kind};
pub use database::Database;
pub use pair::Pair;
pub use receiver::{Received, Receiver, Reply};
pub use seed::Seed;
pub use world::TestWorld;

use std::time::Duration;

/// How long anything may take that a test waits for, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `attempt` has an answer; only for what gives no signal of its own.
///
/// # Panics
/// When [`PATIENCE`] is over first; says what was waited for.
pub async fn eventually<T>(what: &str, attempt: impl AsyncFn() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited {PATIENCE:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
