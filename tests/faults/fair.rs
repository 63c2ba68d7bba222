//! One big fan-out never delays the next notice.

use serde_json::json;
use yizhan::sandbox::LogQuery;

use super::world::{USERS, World, notice};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_notice_published_behind_a_big_one_arrives_long_before_its_end() {
    let world = World::new().await;
    world.subscribe_one_to("gov-procurement").await;
    let process = world.start("api,notifier,scheduler", &[("YIZHAN_NOTIFIER_CONCURRENCY", "1")]);
    let publisher = world.publisher(&process);
    let big = publisher.post("/v1/notices", notice("big")).await.expect(201).string("/id");
    world.received(1_000).await;
    let mut small = notice("small");
    small["category"] = json!("gov-procurement");
    small["notice_type"] = json!("G-OPEN");
    let small = publisher.post("/v1/notices", small).await.expect(201).string("/id");
    world.settled(2).await;
    let last_of = |id: &str| {
        let query = LogQuery { notice: id.parse().ok(), newest: true, limit: Some(1), ..LogQuery::default() };
        world.witness.state.log(&query).items.last().map(|entry| entry.number).expect("it was received")
    };
    // In between are the bells that were rung before it, a window's worth of chunks, and what was sent meanwhile.
    assert!(last_of(&small) < u64::from(USERS) * 3 / 4, "it came at {} of {}", last_of(&small), last_of(&big));
    assert!(last_of(&small) < last_of(&big));
}
