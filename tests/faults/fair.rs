//! One big fan-out never delays the next notice.

use yizhan::sandbox::LogQuery;

use super::seed;
use super::world::{ALL, USERS, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_notice_published_behind_a_big_one_arrives_long_before_its_end() {
    let world = World::new().await;
    seed::follow_other(&world.conn).await;
    let process = world.start(ALL, &[("YIZHAN_NOTIFIER_CONCURRENCY", "1")]);
    let big = world.publish(&process, "big").await;
    world.received(1_000).await;
    let small = seed::other_notice("small");
    let small = world.publisher(&process).post("/v1/notices", small).await.expect(201).string("/id");
    world.settled(2).await;
    let last_of = |id: &str| {
        let query = LogQuery { notice: id.parse().ok(), newest: true, limit: Some(1), ..LogQuery::default() };
        world.witness.state.log(&query).items.last().map(|entry| entry.number).expect("it was received")
    };
    // In between are the bells that were rung before it, a window's worth of chunks, and what was sent meanwhile.
    assert!(last_of(&small) < u64::from(USERS) * 3 / 4, "it came at {} of {}", last_of(&small), last_of(&big));
    assert!(last_of(&small) < last_of(&big));
    world.audit_everyone_once(&process).await;
}
