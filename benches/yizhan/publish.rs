//! How long a publish call takes, and how long until the first phone hears of it; idle otherwise.
//!
//! Bounded by: the commit, and before it cleaning the HTML. What follows is the relay's wake, three bells, and the
//! commits between them. That the call does not depend on its audience is shown by its twin in `inbox.rs`.

use std::time::{Duration, Instant};

use yizhan::domain::time::Clock;

use crate::table::Table;
use crate::world::{Publisher, To, World};

/// How long a first push may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub async fn measure(world: &World, publisher: &Publisher, table: &mut Table) {
    // Connections and caches are warm in production.
    for _ in 0..3 {
        let (notice, _) = publisher.publish(To::One, "push").await;
        world.delivered(notice).await;
    }
    let mut calls = Vec::new();
    for _ in 0..world.size.publications {
        let (notice, call) = publisher.publish(To::One, "inbox").await;
        world.delivered(notice).await;
        calls.push(call);
    }
    table.times("publish, audience 1", calls, "each after the fan-out before");
    let mut firsts = Vec::new();
    for _ in 0..world.size.publications {
        firsts.push(first_push(world, publisher).await);
    }
    table.times("publish call begun to first push", firsts, "in whole milliseconds");
}

/// From the beginning of the call until the provider has the message, by the clock that both share.
async fn first_push(world: &World, publisher: &Publisher) -> Duration {
    let began_at = Clock::system().now();
    let (notice, _) = publisher.publish(To::One, "push").await;
    let until = Instant::now() + PATIENCE;
    let received_at = loop {
        if let Some(at) = world.provider.first(notice) {
            break at;
        }
        assert!(Instant::now() < until, "no push within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    world.delivered(notice).await;
    received_at.since(began_at)
}
