//! A process dies at each instant that matters, or is stopped beyond its lease.

use super::random::{in_words, recovery};
use super::world::{ALL, BEHIND, Process, USERS, World, notice, wait};

/// Kills the first process at a failpoint in the middle of a fan-out. On PostgreSQL a second process goes on; the
/// embedded database has one process, which is started again.
async fn survives(failpoint: &str) {
    let world = World::new().await;
    let mut first = world.start(ALL, &[("FAILPOINT", failpoint)]);
    world.publish(&first, failpoint).await;
    let second = second_process(&world, &[]).await;
    first.ended().await;
    let measured = tokio::spawn(recovery(world.database_url().to_owned(), first.pid()));
    let door = second.unwrap_or_else(|| world.start(ALL, &[]));
    world.settled(1).await;
    let tally = world.audit_everyone_once(&door).await;
    let measured = measured.await.expect("it was taken over");
    world.report(&format!("1 killed at {failpoint}"), tally, &in_words(measured.into_iter().collect()));
}

/// Where processes can share the database, a second one that joins once the first is at work: whoever is to die has
/// chunks in hand by then, however busy the machine is.
async fn second_process(world: &World, environment: &[(&str, &str)]) -> Option<Process> {
    if !world.shared() {
        return None;
    }
    wait("the first one is at work", async || world.inboxes().await > 0).await;
    Some(world.start(ALL, environment))
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
async fn an_api_killed_between_the_commit_and_the_queue_is_answered_by_the_next_one_as_it_would_have_been() {
    let world = World::new().await;
    let mut first = world.start("api", &[("FAILPOINT", "published")]);
    let publisher = world.publisher(&first);
    let body = notice("committed").to_string();
    let call = publisher.request(reqwest::Method::POST, "/v1/notices");
    let call = call.header("idempotency-key", "the-key").header("content-type", "application/json").body(body);
    assert!(call.send().await.is_err(), "nobody answers: the process has died");
    first.ended().await;
    assert_eq!(world.count("SELECT count(*) AS n FROM notices").await, 1, "it was committed");
    let second = world.start(ALL, &[]);
    let again = world.publisher(&second).post_once("/v1/notices", "the-key", notice("committed")).await.expect(201);
    assert_eq!(
        world.notices().await,
        [again.string("/id")],
        "the repeat is answered with the notice of the first call"
    );
    let third = world.publisher(&second).post_once("/v1/notices", "the-key", notice("committed")).await.expect(201);
    assert_eq!(again.json, third.json);
    world.settled(1).await;
    let tally = world.audit_everyone_once(&second).await;
    world.report("2 an API killed between the commit and the queue", tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_stopped_beyond_its_lease_sends_nothing_of_it_when_it_goes_on() {
    let world = World::new().await;
    let api = world.second("api", &[]);
    let roles = if world.shared() { BEHIND } else { ALL };
    // It stands still with a chunk in hand, before its first send, right before it asks whether the chunk is still its own.
    let stopping = [("YIZHAN_NOTIFIER_CONCURRENCY", "1"), ("FAILPOINT", "before_send:1:stop")];
    let stopped = world.start(roles, &stopping);
    let door = api.as_ref().unwrap_or(&stopped);
    world.publish(door, "stopped").await;
    wait("it stands still", async || stopped.is_stopped()).await;
    let leased_until = world.count("SELECT COALESCE(max(leased_until), 0) AS n FROM chunks").await;
    let second = world.second(BEHIND, &[]);
    wait("the leases of the stopped worker have run out", async || world.database_now().await > leased_until).await;
    if second.is_some() {
        // The other one does all that is left, so that whatever comes now comes from the one that was stopped.
        world.settled(1).await;
    }
    let received = world.witness.state.stats().received;
    stopped.signal("CONT");
    if second.is_some() {
        wait("it has found that its lease is lost", async || stopped.has_said("lease")).await;
        assert_eq!(world.witness.state.stats().received, received, "nothing left it");
    }
    world.settled(1).await;
    let tally = world.audit_everyone_once(door).await;
    world.report("9 stopped beyond its lease and continued", tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_repeat_is_forbidden_a_killed_worker_leaves_unknown_outcomes_and_nothing_is_sent_twice() {
    let world = World::new().await;
    let forbidden = ("YIZHAN_SANDBOX_REPEAT", "forbidden");
    let mut first = world.start(ALL, &[forbidden, ("FAILPOINT", "after_send:3")]);
    world.publish(&first, "forbidden").await;
    let second = second_process(&world, &[forbidden]).await;
    first.ended().await;
    let door = second.unwrap_or_else(|| world.start(ALL, &[forbidden]));
    world.settled(1).await;
    let unknown = world.count("SELECT count(*) AS n FROM deliveries WHERE state = 'unknown'").await;
    let accepted = world.count("SELECT count(*) AS n FROM deliveries WHERE state = 'accepted'").await;
    assert!(unknown > 0, "what was under way has no known outcome");
    assert_eq!(accepted + unknown, i64::from(USERS));
    assert_eq!(world.witness.state.stats().repeats, 0, "nothing was sent twice");
    let tally = world.audit(&door).await;
    world.report(&format!("1 killed after a send, repeats forbidden: {unknown} unknown"), tally, "-");
}
