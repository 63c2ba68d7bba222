//! A scheduled notice is published once, whenever whoever publishes it dies.

use std::time::Duration;

use serde_json::json;
use yizhan::domain::time::Clock;

use super::world::{ALL, World, notice, wait};

/// Few: this is about the publication, not about its fan-out.
const USERS: u32 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_the_notice_is_stored() {
    published_once_in_spite_of("scheduled_before").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_it_is_stored_and_before_that_commits() {
    published_once_in_spite_of("scheduled_stored").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_right_after_the_commit() {
    published_once_in_spite_of("scheduled_published").await;
}

/// Two schedulers where two processes can share the database, one that is started again where they cannot.
async fn published_once_in_spite_of(failpoint: &str) {
    let world = World::of(USERS).await;
    let mut first = world.start(ALL, &[("FAILPOINT", failpoint)]);
    let soon = Clock::system().now() + Duration::from_secs(2);
    let body = json!({ "publish_at": soon, "notice": notice("scheduled") });
    world.publisher(&first).post("/v1/scheduled-notices", body).await.expect(201);
    first.ended().await;
    let second = world.start(ALL, &[]);
    let published = "SELECT count(*) AS n FROM scheduled_notices WHERE state = 'published' AND notice_id IS NOT NULL";
    wait("it is published", async || world.count(published).await == 1).await;
    world.settled(1).await;
    assert_eq!(world.count("SELECT count(*) AS n FROM notices").await, 1);
    let tally = world.audit_everyone_once(&second).await;
    world.report(&format!("14 killed at {failpoint}"), tally, "-");
}

/// Where processes can share the database: one dies with the row in its hands while the other waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_scheduler_takes_over_from_one_that_dies() {
    let world = World::of(USERS).await;
    if !world.shared() {
        return;
    }
    let mut first = world.start("api,scheduler", &[("FAILPOINT", "scheduled_stored")]);
    let mut second = world.start("api,scheduler", &[("FAILPOINT", "scheduled_stored:2")]);
    for number in 0..10 {
        let soon = Clock::system().now() + Duration::from_secs(2);
        let body = json!({ "publish_at": soon, "notice": notice(&format!("n{number}")) });
        world.publisher(&first).post("/v1/scheduled-notices", body).await.expect(201);
    }
    first.ended().await;
    second.ended().await;
    let third = world.start(ALL, &[]);
    let published = "SELECT count(DISTINCT notice_id) AS n FROM scheduled_notices WHERE state = 'published'";
    wait("all are published", async || world.count(published).await == 10).await;
    world.settled(10).await;
    assert_eq!(world.count("SELECT count(*) AS n FROM notices").await, 10);
    let tally = world.audit_everyone_once(&third).await;
    world.report("14 two schedulers killed with ten notices due", tally, "-");
}
