//! What should never come: a huge body, and a delivery that kills whoever sends it.

use serde_json::json;

use super::seed::{follow_others, notice, other_notice};
use super::world::{ALL, World, wait};

/// Few: each of the poisoned one's neighbours is found by halving, and each halving costs two deaths and their leases.
const READERS: u32 = 4;
/// Notices of one reader each, that are carried beside the deadly one.
const BESIDE: i64 = 8;
/// Whoever sends to this address dies of it.
const DEADLY: &str = "sbx-poisoned-poisoned-poisoned";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_that_kills_its_workers_ends_alone_among_the_dead_letters_and_the_rest_has_gone_out() {
    let world = World::of(READERS).await;
    let first = if world.shared() { "min(id::text)::uuid" } else { "min(id)" };
    world
        .run(&format!(
            "UPDATE endpoints SET address = '{DEADLY}' \
             WHERE user_id = (SELECT {first} FROM users WHERE display_name = 'reader')"
        ))
        .await;
    let failpoint = format!("send_to:{DEADLY}");
    // One of the innocent has many chunks of its own, worked beside the deadly one: they die with it and are not to blame.
    follow_others(&world.conn, "(SELECT * FROM subscriptions ORDER BY user_id DESC LIMIT 1) s").await;
    let mut door = world.start("api", &[]);
    world.publish(&door, "poison").await;
    for beside in 0..BESIDE {
        world.publisher(&door).post("/v1/notices", other_notice(&format!("beside {beside}"))).await.expect(201);
    }
    door.kill();
    let deadly = [("FAILPOINT", failpoint.as_str()), ("YIZHAN_NOTIFIER_CONCURRENCY", "4")];
    let mut process = world.start(ALL, &deadly);
    let mut deaths = 0;
    wait("the poisoned one stands alone", async || {
        if process.has_ended() {
            deaths += 1;
            process = world.start(ALL, &deadly);
        }
        world.count("SELECT count(*) AS n FROM fan_outs WHERE finished_at IS NOT NULL").await == 1 + BESIDE
    })
    .await;
    assert!(deaths >= 2, "it killed {deaths}");
    assert_eq!(world.count("SELECT count(*) AS n FROM chunks WHERE state = 'dead' AND users = 1").await, 1);
    assert_eq!(
        world.count("SELECT count(*) AS n FROM chunks WHERE state = 'dead'").await,
        1,
        "nobody else is set aside"
    );
    assert_eq!(world.inboxes().await, i64::from(READERS) + BESIDE, "it is in everybody's inbox");
    let others = "SELECT count(*) AS n FROM deliveries WHERE state = 'accepted'";
    assert_eq!(world.count(others).await, i64::from(READERS - 1) + BESIDE, "everybody else was told");
    assert_eq!(world.difference().await, 0);
    let tally = world.witnessed();
    world.report(&format!("12 a delivery that kills its workers ({deaths} deaths)"), tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_huge_body_is_refused_with_no_change_and_the_largest_allowed_one_is_carried() {
    let world = World::of(2_000).await;
    let process = world.start(ALL, &[]);
    let publisher = world.publisher(&process);
    let mut body = notice("huge");
    body["body_html"] = json!("<p>".repeat(40 * 1024 * 1024 / 3));
    let refused = publisher.post("/v1/notices", body).await;
    assert!(matches!(refused.status, 413 | 422), "{}", refused.status);
    assert_eq!(world.count("SELECT count(*) AS n FROM notices").await, 0);
    // Deep, long and ugly, and within what is allowed.
    let mut body = notice("large");
    body["body_html"] = json!(format!("{}{}", "<div>".repeat(200), "道路&lt;b".repeat(20_000)));
    body["title"] = json!("道".repeat(200));
    publisher.post("/v1/notices", body).await.expect(201);
    world.publish(&process, "after it").await;
    world.settled(2).await;
    let tally = world.audit_everyone_once(&process).await;
    world.report("12 a huge body", tally, "-");
}
