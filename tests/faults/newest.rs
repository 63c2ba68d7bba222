//! The newest word wins: a revision and a withdrawal in the middle of a fan-out.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use yizhan::domain::message::MessageKind;
use yizhan::domain::time::Timestamp;
use yizhan::sandbox::Entry;

use super::world::{ALL, BEHIND, USERS, World, notice};

/// Slowly enough that something can happen in the middle.
const SLOWLY: (&str, &str) = ("YIZHAN_NOTIFIER_CONCURRENCY", "1");

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
    let process = world.start(ALL, &[SLOWLY]);
    let second = world.second(BEHIND, &[SLOWLY]);
    let publisher = world.publisher(&process);
    let id = world.publish(&process, "revised").await;
    world.received(3_000).await;
    let mut corrected = notice("revised");
    corrected["title"] = json!("道路工程施工招标公告（更正）");
    let revision = json!({ "notice": corrected, "editorial": false });
    publisher.post(&format!("/v1/notices/{id}/revisions"), revision).await.expect(201);
    let committed = now();
    world.settled(2).await;
    let entries = world.witness.log();
    assert_none_began_late(&entries, 1, committed);
    assert_eq!(tokens(&entries, |e| e.about.revision == 2).len(), usize::try_from(USERS).expect("a number"));
    let users = i64::from(USERS);
    assert_eq!(world.count("SELECT count(*) AS n FROM inbox_items WHERE revision = 2").await, users);
    assert_eq!(
        world.count("SELECT count(*) AS n FROM deliveries WHERE revision = 1").await,
        users,
        "all accounted for"
    );
    let tally = world.audit(&process).await;
    assert_eq!(tally.shown_again, 0);
    world.report("13 a revision", tally, "-");
    drop(second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_withdrawal_nobody_is_pushed_and_whoever_was_is_told() {
    let world = World::new().await;
    let process = world.start(ALL, &[SLOWLY]);
    let second = world.second(BEHIND, &[SLOWLY]);
    let publisher = world.publisher(&process);
    let id = world.publish(&process, "withdrawn").await;
    world.received(3_000).await;
    publisher.post(&format!("/v1/notices/{id}/withdrawal"), json!({ "reason": "误发" })).await.expect(201);
    let committed = now();
    world.settled(2).await;
    let entries = world.witness.log();
    assert_none_began_late(&entries, 1, committed);
    let pushed = tokens(&entries, |entry| entry.about.kind == MessageKind::Notice);
    let told = tokens(&entries, |entry| entry.about.kind == MessageKind::Withdrawal);
    assert_eq!(pushed, told, "those who were pushed the notice are those who are told");
    assert!(!pushed.is_empty(), "the withdrawal came in the middle");
    let users = i64::from(USERS);
    assert_eq!(world.count("SELECT count(*) AS n FROM inbox_items WHERE revision = 2").await, users);
    let tally = world.audit(&process).await;
    world.report("13 a withdrawal", tally, "-");
    drop(second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_editorial_revision_reaches_those_who_had_not_been_reached_and_nobody_twice() {
    let world = World::new().await;
    let process = world.start(ALL, &[SLOWLY]);
    let second = world.second(BEHIND, &[SLOWLY]);
    let id = world.publish(&process, "editorial").await;
    world.received(3_000).await;
    let mut corrected = notice("editorial");
    corrected["title"] = json!("道路工程施工招标公告（勘误）");
    let revision = json!({ "notice": corrected, "editorial": true });
    world.publisher(&process).post(&format!("/v1/notices/{id}/revisions"), revision).await.expect(201);
    let committed = now();
    world.settled(2).await;
    let entries = world.witness.log();
    assert_none_began_late(&entries, 1, committed);
    let (old, new) = (tokens(&entries, |e| e.about.revision == 1), tokens(&entries, |e| e.about.revision == 2));
    assert!(!old.is_empty() && !new.is_empty(), "it came in the middle: {} and {}", old.len(), new.len());
    assert_eq!(old.intersection(&new).count(), 0, "nobody was told twice");
    assert_eq!(old.len() + new.len(), usize::try_from(USERS).expect("a number"), "everybody was told");
    assert_eq!(world.count("SELECT count(*) AS n FROM inbox_items WHERE revision = 2").await, i64::from(USERS));
    let tally = world.audit(&process).await;
    world.report("13 an editorial revision", tally, "-");
    drop(second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_amendment_in_mid_fan_out_reaches_everyone_who_has_the_amended_notice() {
    let world = World::new().await;
    let process = world.start(ALL, &[SLOWLY]);
    let second = world.second(BEHIND, &[SLOWLY]);
    let id = world.publish(&process, "amended").await;
    world.received(3_000).await;
    let mut amendment = notice("amendment");
    amendment["amends"] = json!(id);
    // Of a category that nobody follows: it reaches those who have the amended notice, and them alone.
    amendment["category"] = json!(super::seed::OTHER);
    amendment["notice_type"] = json!("G-CORRECT");
    world.publisher(&process).post("/v1/notices", amendment).await.expect(201);
    world.settled(2).await;
    let users = i64::from(USERS);
    assert_eq!(world.inboxes().await, 2 * users, "everybody has both");
    let tally = world.audit_everyone_once(&process).await;
    world.report("13 an amendment", tally, "-");
    drop(second);
}
