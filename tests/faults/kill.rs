//! A worker dies, at each instant that matters, or is stopped beyond its lease.

use super::world::{Process, USERS, World, notice, wait};

/// Kills the first process at a failpoint in the middle of a fan-out. On PostgreSQL a second process goes on; the
/// embedded database has one process, which is started again.
async fn survives(failpoint: &str) {
    let world = World::new().await;
    let mut first = world.start("api,notifier,scheduler", &[("FAILPOINT", failpoint)]);
    world.publisher(&first).post("/v1/notices", notice(failpoint)).await.expect(201);
    let second = second_process(&world, &[]).await;
    first.ended().await;
    let again = (!world.shared()).then(|| world.start("api,notifier,scheduler", &[]));
    world.settled(1).await;
    world.audit_everyone_once().await;
    drop((second, again));
}

/// Where processes can share the database, a second one that joins once the first is at work: whoever is to die has
/// chunks in hand by then, however busy the machine is.
async fn second_process(world: &World, environment: &[(&str, &str)]) -> Option<Process> {
    if !world.shared() {
        return None;
    }
    wait("the first one is at work", async || world.count("SELECT count(*) AS n FROM inbox_items").await > 0).await;
    Some(world.start("notifier,scheduler", environment))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_before_it_sends_loses_nothing() {
    survives("before_send:3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_after_it_sent_loses_nothing_and_repeats_with_the_same_key() {
    survives("after_send:3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_before_a_slice_commits_loses_nothing() {
    survives("before_slice:3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_after_a_slice_has_committed_loses_nothing() {
    survives("after_slice:3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_before_its_chunk_closes_loses_nothing() {
    survives("before_close:3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_between_the_inboxes_and_the_pushes_loses_nothing() {
    survives("after_inbox:2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_stopped_beyond_its_lease_sends_nothing_of_it_when_it_goes_on() {
    let world = World::new().await;
    let api = world.shared().then(|| world.start("api", &[]));
    let roles = if world.shared() { "notifier,scheduler" } else { "api,notifier,scheduler" };
    let stopped = world.start(roles, &[("YIZHAN_NOTIFIER_CONCURRENCY", "1")]);
    let door = api.as_ref().unwrap_or(&stopped);
    world.publisher(door).post("/v1/notices", notice("stopped")).await.expect(201);
    world.received(2_000).await;
    stopped.signal("STOP");
    let leased_until = world.count("SELECT COALESCE(max(leased_until), 0) AS n FROM chunks").await;
    let second = world.shared().then(|| world.start("notifier,scheduler", &[]));
    wait("the leases of the stopped worker have run out", async || world.database_now().await > leased_until).await;
    stopped.signal("CONT");
    world.settled(1).await;
    world.audit_everyone_once().await;
    drop(second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_repeat_is_forbidden_a_killed_worker_leaves_unknown_outcomes_and_nothing_is_sent_twice() {
    let world = World::new().await;
    let forbidden = ("YIZHAN_SANDBOX_REPEAT", "forbidden");
    let mut first = world.start("api,notifier,scheduler", &[forbidden, ("FAILPOINT", "after_send:3")]);
    world.publisher(&first).post("/v1/notices", notice("forbidden")).await.expect(201);
    let second = second_process(&world, &[forbidden]).await;
    first.ended().await;
    let again = (!world.shared()).then(|| world.start("api,notifier,scheduler", &[forbidden]));
    world.settled(1).await;
    let users = i64::from(USERS);
    let unknown = world.count("SELECT count(*) AS n FROM deliveries WHERE state = 'unknown'").await;
    let accepted = world.count("SELECT count(*) AS n FROM deliveries WHERE state = 'accepted'").await;
    assert!(unknown > 0, "what was under way has no known outcome");
    assert_eq!(accepted + unknown, users);
    assert_eq!(world.witness.state.stats().repeats, 0, "nothing was sent twice");
    assert_eq!(world.count("SELECT count(*) AS n FROM inbox_items").await, users);
    drop((second, again));
}
