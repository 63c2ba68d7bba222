//! The reach report against an independent recount: what the sandbox's log says arrived, and what users find in their
//! inboxes. Our tables are not asked. A few random worlds, with every fault that a token can have.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use yizhan::domain::id::NoticeId;
use yizhan::services::reach;
use yizhan::storage::execute;
use yizhan::storage::reach_check::{self, Difference};

use super::operator::{notice, phone, settled};
use super::support::{Answer, Caller, Person, TestApp};

/// Worlds of one run; each is a server of its own.
const WORLDS: u32 = 3;
/// A whole call suffers from one flaky or cut token in it, so most are plain: the tries of a world stay few.
const FAULTS: &[&str] =
    &["plain", "plain", "plain", "plain", "gone", "moved", "throttled", "refused", "inactive", "flaky", "cut"];

/// A reader: what is wanted, and the phones.
#[derive(Debug, Clone)]
struct Reader {
    wants: &'static str,
    phones: Vec<&'static str>,
    /// One more endpoint on a channel without credentials.
    apple: bool,
}

/// What happens to a notice after it is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Revise,
    ReviseEditorially,
    Withdraw,
}

/// What happens, and whether the one before it is waited for.
type Steps = Vec<(Step, bool)>;

fn reader() -> impl Strategy<Value = Reader> {
    let wants = prop::sample::select(vec!["construction", "construction.a02", "gov-procurement"]);
    let phones = prop::collection::vec(prop::sample::select(FAULTS.to_vec()), 0..4);
    (wants, phones, prop::bool::weighted(0.2)).prop_map(|(wants, phones, apple)| Reader { wants, phones, apple })
}

fn steps() -> impl Strategy<Value = Steps> {
    let revisions = prop::sample::select(vec![Step::Revise, Step::ReviseEditorially]);
    let revisions = prop::collection::vec((revisions, any::<bool>()), 0..3);
    (revisions, any::<bool>(), any::<bool>()).prop_map(|(mut steps, withdraw, waits)| {
        if withdraw {
            steps.push((Step::Withdraw, waits));
        }
        steps
    })
}

/// What the sandbox's log says of one message to one phone.
#[derive(Debug, Default)]
struct Seen {
    tries: i64,
    /// Taken, or left without an answer: for all that the sender knows, the phone has it.
    maybe_shown: bool,
    taken: bool,
    /// What the last try was answered; empty when it was not.
    last: String,
}

#[tokio::test]
async fn the_report_agrees_with_a_recount_at_the_sandbox() {
    let mut runner = TestRunner::default();
    for _ in 0..WORLDS {
        let worlds = (prop::collection::vec(reader(), 1..10), steps());
        let (readers, steps) = worlds.new_tree(&mut runner).expect("a world").current();
        // Shown when the test fails: the world to look at.
        println!("{readers:?}\n{steps:?}");
        hold(&readers, &steps).await;
    }
}

async fn hold(readers: &[Reader], steps: &Steps) {
    let app = TestApp::with(|config| config.limits.on = false).await;
    let (operator, publisher) = (app.operator().await, app.publisher().await);
    let mut people = Vec::new();
    for (number, reader) in readers.iter().enumerate() {
        people.push(subscribe(&app, number, reader).await);
    }
    let id = publisher.post("/v1/notices", notice("reach")).await.expect(201).string("/id");
    for (number, (step, waits)) in steps.iter().enumerate() {
        if *waits {
            settled(&operator, &id).await;
        }
        take(&publisher, &id, *step, number).await;
    }
    settled(&operator, &id).await;

    let report = operator.get(&format!("/v1/operator/notices/{id}/reach")).await.expect(200);
    assert_eq!(report.at("/adds_up"), true, "{}", report.text);
    let wanted = readers.iter().filter(|reader| reader.wants.starts_with("construction")).count();
    check_inboxes(&report, &people, &id, wanted, steps).await;
    check_sends(&report, &app, &id).await;
    counters_are_rows(&app, &people, &id).await;
}

/// The counters say what the rows say: as they are, after people have read and thrown away, after they were added up, and
/// when the scheduler looks.
async fn counters_are_rows(app: &TestApp, people: &[Person], id: &str) {
    let notice: NoticeId = id.parse().expect("an id");
    assert_eq!(differences(app, notice).await, []);
    for (number, person) in people.iter().enumerate() {
        let read = person.put(&format!("/v1/inbox/{id}/read"), json!({})).await;
        match number % 3 {
            0 => drop(person.delete(&format!("/v1/inbox/{id}/read")).await),
            1 => drop(person.delete(&format!("/v1/inbox/{id}")).await),
            _ => assert!(read.status < 300 || read.status == 404, "{}", read.text),
        }
    }
    assert_eq!(differences(app, notice).await, []);
    app.inside(async |deps| while reach::fold(&deps).await.expect("added up") {}).await;
    assert_eq!(differences(app, notice).await, []);
    app.inside(async |deps| while reach::check_finished(&deps).await.expect("a check") {}).await;
    let operator = app.operator().await;
    let report = operator.get(&format!("/v1/operator/notices/{id}/reach")).await.expect(200);
    for revision in report.at("/revisions").as_array().expect("revisions") {
        assert_eq!(revision["differences"], 0, "{revision}");
    }
}

/// Where the counters of a notice differ from its rows.
async fn differences(app: &TestApp, notice: NoticeId) -> Vec<Difference> {
    let found = app.inside(async move |deps| reach_check::differences(deps.db.reader(), &[notice]).await).await;
    found.expect("a comparison")
}

#[tokio::test]
async fn counters_that_are_not_what_the_rows_say_are_found_reported_and_recounted() {
    let app = TestApp::with(|config| config.roles.scheduler = false).await;
    let (operator, publisher) = (app.operator().await, app.publisher().await);
    subscribe(&app, 0, &Reader { wants: "construction", phones: vec!["plain"], apple: true }).await;
    let id = publisher.post("/v1/notices", notice("lost")).await.expect(201).string("/id");
    settled(&operator, &id).await;
    app.inside(async |deps| {
        execute(deps.db.writer(), "DELETE FROM deliveries WHERE channel = 'sandbox'", []).await.expect("a loss");
        while reach::check_finished(&deps).await.expect("a check") {}
    })
    .await;
    let path = format!("/v1/operator/notices/{id}/reach");
    let report = operator.get(&path).await.expect(200);
    assert_eq!(report.at("/adds_up"), false, "{}", report.text);
    assert_eq!(report.at("/revisions/0/differences"), 2, "a state and the totals: {}", report.text);
    assert_eq!(report.at("/revisions/0/deliveries"), 2, "the report says what was counted: {}", report.text);
    app.inside(async |deps| {
        let wrong = reach::recount(&deps, None).await.expect("a recount");
        assert_eq!(wrong.iter().map(|one| one.totals.deliveries).collect::<Vec<_>>(), [-1, -1]);
        while reach::check_finished(&deps).await.expect("a check") {}
    })
    .await;
    let report = operator.get(&path).await.expect(200);
    assert_eq!((report.at("/adds_up"), report.at("/revisions/0/deliveries")), (&json!(true), &json!(1)));
}

#[tokio::test]
async fn what_was_announced_before_there_were_counters_is_counted_when_it_is_asked_for() {
    let app = TestApp::with(|config| config.roles.scheduler = false).await;
    let (operator, publisher) = (app.operator().await, app.publisher().await);
    subscribe(&app, 0, &Reader { wants: "construction", phones: vec!["plain"], apple: false }).await;
    let id = publisher.post("/v1/notices", notice("before")).await.expect(201).string("/id");
    settled(&operator, &id).await;
    let path = format!("/v1/operator/notices/{id}/reach");
    let counted = operator.get(&path).await.expect(200);
    app.inside(async |deps| {
        for forgotten in
            ["DELETE FROM reach_counts", "DELETE FROM reach_deltas", "UPDATE fan_outs SET reach_uncounted = true"]
        {
            execute(deps.db.writer(), forgotten, []).await.expect("as it was before");
        }
    })
    .await;
    assert_eq!(operator.get(&path).await.expect(200).json, counted.json);
}

async fn subscribe(app: &TestApp, number: usize, reader: &Reader) -> Person {
    let user = app.user().await;
    let wish = json!({ "name": "订阅", "filter": { "categories": [reader.wants] }, "frequency": "immediate" });
    user.post("/v1/subscriptions", wish).await.expect(201);
    for (place, fault) in reader.phones.iter().enumerate() {
        phone(&user, "sandbox", &format!("{fault}-{number}-{place}-token")).await;
    }
    if reader.apple {
        phone(&user, "apns", &format!("{number:0>64}")).await;
    }
    user
}

async fn take(publisher: &Caller, id: &str, step: Step, number: usize) {
    if step == Step::Withdraw {
        publisher.post(&format!("/v1/notices/{id}/withdrawal"), json!({ "reason": "撤回" })).await.expect(201);
        return;
    }
    let mut said = notice("reach");
    said["body_html"] = json!(format!("<p>第 {number} 次修订</p>"));
    let body = json!({ "notice": said, "editorial": step == Step::ReviseEditorially });
    let answer = publisher.post(&format!("/v1/notices/{id}/revisions"), body).await;
    assert!(answer.status < 300, "{}", answer.text);
}

/// Whom it concerns is known without any table: it is who subscribed to construction.
async fn check_inboxes(report: &Answer, people: &[Person], id: &str, wanted: usize, steps: &Steps) {
    let mut having = 0;
    for person in people {
        let found = person.get(&format!("/v1/inbox/{id}")).await;
        having += usize::from(found.status == 200);
    }
    assert_eq!(having, wanted, "inboxes as users find them");
    assert_eq!(report.at("/inbox_items"), wanted, "{}", report.text);
    let revisions = report.at("/revisions").as_array().expect("revisions");
    assert_eq!(revisions.len(), steps.len() + 1, "{}", report.text);
    for revision in revisions {
        for name in ["audience", "inboxed"] {
            assert_eq!(revision[name], wanted, "{name}: {revision}");
        }
    }
    let last = revisions.last().expect("a revision");
    assert_eq!(last["inbox_items_here"], wanted, "{last}");
}

/// What arrived at the sandbox, message by message.
async fn check_sends(report: &Answer, app: &TestApp, id: &str) {
    let log = app.anonymous().get(&format!("/sandbox/v1/log?limit=10000&notice={id}")).await.expect(200);
    let mut seen: BTreeMap<i64, BTreeMap<String, Seen>> = BTreeMap::new();
    for entry in log.items() {
        let revision = seen.entry(entry["revision"].as_i64().expect("a revision")).or_default();
        let key = entry["idempotency_key"].as_str().expect("a key").to_owned();
        let one = revision.entry(key).or_default();
        let taken = matches!(entry["outcome"].as_str(), Some("ok" | "inactive"));
        let answered = entry["unanswered"] == false;
        one.tries += 1;
        one.maybe_shown |= taken || !answered;
        one.taken |= taken && answered;
        let outcome = entry["outcome"].as_str().expect("an outcome");
        one.last = if answered { outcome.to_owned() } else { String::new() };
    }
    for revision in report.at("/revisions").as_array().expect("revisions") {
        let number = revision["revision"].as_i64().expect("a number");
        check_revision(revision, &seen.remove(&number).unwrap_or_default());
    }
    assert!(seen.is_empty(), "sends of revisions that the report does not know: {seen:?}");
}

fn check_revision(revision: &Value, seen: &BTreeMap<String, Seen>) {
    let count = |of: &dyn Fn(&Seen) -> bool| i64::try_from(seen.values().filter(|one| of(one)).count()).expect("few");
    let state = |wanted: &[&str]| -> i64 {
        let states = revision["by_state"].as_array().expect("states").iter();
        let wanted: BTreeSet<&str> = wanted.iter().copied().collect();
        let fitting = states.filter(|one| wanted.contains(one["state"].as_str().expect("a state")));
        fitting.map(|one| one["count"].as_i64().expect("a count")).sum()
    };
    assert_eq!(revision["attempts"], seen.values().map(|one| one.tries).sum::<i64>(), "tries: {revision} {seen:?}");
    assert_eq!(revision["taken"], count(&|one| one.taken), "taken: {revision} {seen:?}");
    assert_eq!(state(&["accepted", "delivered"]), count(&|one| one.taken), "accepted: {revision} {seen:?}");
    assert_eq!(revision["shown"], count(&|one| one.maybe_shown), "shown: {revision} {seen:?}");
    assert_eq!(state(&["gone"]), count(&|one| one.last == "token_gone"), "gone: {revision} {seen:?}");
    let refused = count(&|one| one.last == "payload_refused" || one.last == "token_moved");
    assert_eq!(state(&["refused"]), refused, "refused: {revision} {seen:?}");
    // Tried, not settled by an answer: the newer word came first.
    let settled = ["ok", "inactive", "token_gone", "token_moved", "payload_refused"];
    let cut_off = count(&|one| !settled.contains(&one.last.as_str()));
    assert!(cut_off <= state(&["superseded", "skipped", "expired"]), "left: {revision} {seen:?}");
    assert_eq!(state(&["exhausted", "unknown", "due", "sending"]), 0, "unfinished: {revision}");
    // Whatever never came to the sandbox was superseded or skipped before its first try, or held.
    let deliveries = revision["deliveries"].as_i64().expect("a count");
    let arrived = i64::try_from(seen.len()).expect("few");
    assert!(arrived <= deliveries, "{revision}");
    let untried = state(&["superseded", "skipped", "expired", "held"]) - cut_off;
    assert_eq!(deliveries - arrived, untried, "untried: {revision} {seen:?}");
}
