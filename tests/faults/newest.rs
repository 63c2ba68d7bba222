//! The newest word wins: a revision and a withdrawal in the middle of a fan-out.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use yizhan::domain::message::MessageKind;
use yizhan::domain::time::Timestamp;
use yizhan::sandbox::{Entry, LogQuery};

use super::world::{USERS, World, notice};

/// Everything the witness received, in the order of arrival.
fn log(world: &World) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map_or(0, |entry| entry.number);
        let page = world.witness.state.log(&LogQuery { after, limit: Some(10_000), ..LogQuery::default() });
        if page.items.is_empty() {
            return entries;
        }
        entries.extend(page.items);
    }
}

/// Calls that were under way when the newer word committed may still arrive; none may begin a second after it.
fn assert_none_began_late(entries: &[Entry], revision: i32, committed: Timestamp) {
    // What began within the second may take until the send budget is over to be read by the witness.
    let last = committed + Duration::from_secs(1) + Duration::from_millis(500);
    let late = entries.iter().filter(|entry| entry.about.revision == revision && entry.received_at > last).count();
    assert_eq!(late, 0, "messages of revision {revision} that came after a newer word");
}

fn tokens(entries: &[Entry], wanted: impl Fn(&Entry) -> bool) -> BTreeSet<String> {
    entries.iter().filter(|entry| entry.shown && wanted(entry)).map(|entry| entry.token.to_string()).collect()
}

fn now() -> Timestamp {
    chrono::Utc::now().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_revision_nobody_is_pushed_the_old_text_and_everybody_gets_the_new_one() {
    let world = World::new().await;
    let process = world.start("api,notifier,scheduler", &[("YIZHAN_NOTIFIER_CONCURRENCY", "1")]);
    let second = world.shared().then(|| world.start("notifier,scheduler", &[("YIZHAN_NOTIFIER_CONCURRENCY", "1")]));
    let publisher = world.publisher(&process);
    let id = publisher.post("/v1/notices", notice("revised")).await.expect(201).string("/id");
    world.received(3_000).await;
    let mut corrected = notice("revised");
    corrected["title"] = json!("道路工程施工招标公告（更正）");
    let revision = json!({ "notice": corrected, "editorial": false });
    publisher.post(&format!("/v1/notices/{id}/revisions"), revision).await.expect(201);
    let committed = now();
    world.settled(2).await;
    let entries = log(&world);
    assert_none_began_late(&entries, 1, committed);
    assert_eq!(tokens(&entries, |e| e.about.revision == 2).len(), usize::try_from(USERS).expect("a number"));
    let users = i64::from(USERS);
    assert_eq!(world.count("SELECT count(*) AS n FROM inbox_items WHERE revision = 2").await, users);
    assert_eq!(
        world.count("SELECT count(*) AS n FROM deliveries WHERE revision = 1").await,
        users,
        "all accounted for"
    );
    assert_eq!(world.witness.state.stats().shown_again, 0);
    drop(second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_withdrawal_nobody_is_pushed_and_whoever_was_is_told() {
    let world = World::new().await;
    let process = world.start("api,notifier,scheduler", &[("YIZHAN_NOTIFIER_CONCURRENCY", "1")]);
    let second = world.shared().then(|| world.start("notifier,scheduler", &[("YIZHAN_NOTIFIER_CONCURRENCY", "1")]));
    let publisher = world.publisher(&process);
    let id = publisher.post("/v1/notices", notice("withdrawn")).await.expect(201).string("/id");
    world.received(3_000).await;
    publisher.post(&format!("/v1/notices/{id}/withdrawal"), json!({ "reason": "误发" })).await.expect(201);
    let committed = now();
    world.settled(2).await;
    let entries = log(&world);
    assert_none_began_late(&entries, 1, committed);
    let pushed = tokens(&entries, |entry| entry.about.kind == MessageKind::Notice);
    let told = tokens(&entries, |entry| entry.about.kind == MessageKind::Withdrawal);
    assert_eq!(pushed, told, "those who were pushed the notice are those who are told");
    assert!(!pushed.is_empty(), "the withdrawal came in the middle");
    let users = i64::from(USERS);
    assert_eq!(world.count("SELECT count(*) AS n FROM inbox_items WHERE revision = 2").await, users);
    drop(second);
}
