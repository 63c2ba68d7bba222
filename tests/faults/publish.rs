//! The same call comes many times at once.

use serde_json::{Value, json};

use super::world::{ALL, World, notice, wait};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_publishes_with_one_idempotency_key_are_one_notice() {
    let world = World::new().await;
    let first = world.start(ALL, &[]);
    let second = world.second("api,notifier", &[]);
    let doors = [&first, second.as_ref().unwrap_or(&first)];
    let calls = (0..50).map(|call| {
        let publisher = world.publisher(doors[call % 2]);
        async move { publisher.post_once("/v1/notices", "the-same-key", notice("once")).await }
    });
    let answers = futures_util::future::join_all(calls).await;
    let mut ids: Vec<String> = answers.iter().map(|answer| answer.string("/id")).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "every call was answered with the same notice");
    let other = world.publisher(&first).post_once("/v1/notices", "the-same-key", notice("other")).await;
    other.problem("idempotency_key_reused");
    world.settled(1).await;
    wait("there is one notice", async || world.count("SELECT count(*) AS n FROM notices").await == 1).await;
    let tally = world.audit_everyone_once(&first).await;
    world.report("10 fifty publishes with one idempotency key", tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_publishes_with_one_idempotency_key_and_other_bodies_one_is_taken() {
    let world = World::of(2_000).await;
    let first = world.start(ALL, &[]);
    let second = world.second("api,notifier", &[]);
    let doors = [&first, second.as_ref().unwrap_or(&first)];
    let calls = (0..50).map(|call| {
        let publisher = world.publisher(doors[call % 2]);
        async move { publisher.post_once("/v1/notices", "the-same-key", notice(&format!("body {call}"))).await }
    });
    let answers = futures_util::future::join_all(calls).await;
    let (taken, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(taken.len(), 1, "one of them was first");
    assert!(
        refused.iter().all(|answer| answer.status == 409),
        "{:?}",
        refused.iter().map(|one| one.status).collect::<Vec<_>>()
    );
    let codes: Vec<Value> = refused.iter().map(|answer| answer.at("/code").clone()).collect();
    assert!(codes.iter().all(|code| *code == json!("idempotency_key_reused")), "{codes:?}");
    world.settled(1).await;
    assert_eq!(world.count("SELECT count(*) AS n FROM notices").await, 1);
    let tally = world.audit_everyone_once(&first).await;
    world.report("10 fifty publishes with one key and other bodies", tally, "-");
}
