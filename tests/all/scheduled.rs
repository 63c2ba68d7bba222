//! Scheduled notices through the door: handed in, replaced, cancelled, published once when their time has come.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use yizhan::domain::time::{Clock, Timestamp};
use yizhan::services::{catalogue, housekeeping};
use yizhan::storage::{execute, value};

use super::support::{Answer, Caller, TestApp, eventually, notice_as, notice_with, subscription};

const PATH: &str = "/v1/scheduled-notices";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn in_future(ahead: Duration) -> Timestamp {
    Clock::system().now() + ahead
}

fn body(notice: Value) -> Value {
    json!({ "publish_at": in_future(DAY), "notice": notice })
}

async fn schedule(publisher: &Caller, notice: Value) -> String {
    publisher.post(PATH, body(notice)).await.expect(201).string("/id")
}

/// Lets the time of everything that waits come; the database's clock cannot be put forward.
async fn time_comes(app: &TestApp) {
    let text =
        "UPDATE scheduled_notices SET publish_at = publish_at - $1, due_at = due_at - $1 WHERE state = 'scheduled'";
    let two_days = i64::try_from((2 * DAY).as_millis()).expect("a few days");
    app.inside(async move |deps| execute(deps.db.writer(), text, [two_days.into()]).await)
        .await
        .expect("the time has come");
}

/// The scheduled notice once it stands like this.
async fn stands(publisher: &Caller, id: &str, state: &str) -> Answer {
    eventually(&format!("{id} is {state}"), async || {
        Some(publisher.get(&format!("{PATH}/{id}")).await.expect(200)).filter(|found| found.at("/state") == state)
    })
    .await
}

async fn count(app: &TestApp, table: &'static str) -> i64 {
    let text = format!("SELECT COUNT(*) AS value FROM {table}");
    app.inside(async move |deps| value(deps.db.reader(), &text, []).await).await.expect("a count")
}

async fn change(app: &TestApp, text: &str) {
    let text = text.to_owned();
    app.inside(async move |deps| execute(deps.db.writer(), &text, []).await).await.expect("a change");
}

#[tokio::test]
async fn nobody_sees_a_scheduled_notice_until_its_time_and_then_it_is_like_any_other() {
    let app = TestApp::spawn().await;
    let (publisher, reader) = (app.publisher().await, app.user().await);
    let wanted = json!({ "categories": ["construction"], "regions": ["430500"] });
    subscription().with("filter", wanted).subscribe(&reader).await;
    let file = json!([{ "name": "清单", "url": "https://example.org/1" }]);
    let notice = notice_with("a", json!({ "attachments": file }));
    let made = publisher.post(PATH, body(notice)).await.expect(201);
    let id = made.string("/id");
    assert_eq!(made.header("location"), format!("{PATH}/{id}"));
    assert_eq!((made.at("/state"), made.at("/notice_id")), (&json!("scheduled"), &Value::Null));
    assert!(app.anonymous().get("/v1/notices").await.expect(200).items().is_empty());
    assert_eq!(count(&app, "notices").await + count(&app, "fan_outs").await, 0);
    app.publisher().await.get(&format!("{PATH}/{id}")).await.expect(404).problem("not_found");
    let shown = publisher.get(&format!("{PATH}/{id}")).await.expect(200);
    assert_eq!(shown.at("/notice/attachments/0/name"), "清单");

    time_comes(&app).await;
    let published = stands(&publisher, &id, "published").await;
    assert_eq!(published.at("/notice"), &Value::Null);
    let read = app.anonymous().get(&format!("/v1/notices/{}", published.string("/notice_id"))).await.expect(200);
    assert_eq!(read.at("/attachments/0/name"), "清单");
    // Late, by the two days that the time was put back: it says when it was really published.
    assert!(read.string("/published_at") > published.string("/publish_at"));
    assert_eq!(app.anonymous().get("/v1/notices").await.expect(200).items().len(), 1);
    reader.inbox_of(1).await;
}

#[tokio::test]
async fn what_is_due_in_a_moment_is_published_then_and_not_before() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let at = in_future(Duration::from_millis(1_500));
    let made = publisher.post(PATH, json!({ "publish_at": at, "notice": notice_as("a") })).await.expect(201);
    let published = stands(&publisher, &made.string("/id"), "published").await;
    let path = format!("/v1/notices/{}", published.string("/notice_id"));
    let read = app.anonymous().get(&path).await.expect(200);
    let said: Timestamp = read.string("/published_at").parse().expect("an instant");
    assert!(said >= at, "{said} is before {at}");
}

#[tokio::test]
async fn what_is_handed_in_is_checked_at_once() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    app.anonymous().post(PATH, body(notice_as("a"))).await.expect(401);
    let wrong = notice_with("a", json!({ "category": "nothing", "published_at": "2026-01-01T00:00:00Z" }));
    let far = json!({ "publish_at": in_future(91 * DAY), "notice": wrong });
    let answer = publisher.post(PATH, far).await.expect(422).problem("invalid");
    let rules: Vec<String> = answer.violations().into_iter().map(|(_, rule)| rule).collect();
    assert_eq!(rules, ["unknown_category", "not_with_publish_at", "too_far_ahead"]);
    let past = json!({ "publish_at": "2026-01-01T00:00:00Z", "notice": notice_as("a") });
    let answer = publisher.post(PATH, past).await.expect(422).problem("invalid");
    assert_eq!(answer.violations(), [("/publish_at".to_owned(), "in_the_past".to_owned())]);
    let elsewhere = app.publisher_within(json!({ "regions": ["110000"] })).await;
    let beyond = elsewhere.post(PATH, body(notice_as("a"))).await.expect(403).problem("out_of_scope");
    assert_eq!(beyond.violations(), [("/notice/region".to_owned(), "out_of_scope".to_owned())]);
    let id = publisher.post("/v1/notices", notice_as("a")).await.expect(201).string("/id");
    let taken = publisher.post(PATH, body(notice_with("a", json!({ "title": "另一个" })))).await;
    assert_eq!(taken.expect(409).problem("source_id_taken").string("/detail"), id);
    assert_eq!(count(&app, "scheduled_notices").await, 0);
}

#[tokio::test]
async fn the_same_again_answers_the_first_and_anything_else_must_replace_it() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let first = body(notice_as("a"));
    let calls = (0..8).map(|_| publisher.post(PATH, first.clone()));
    let answers = futures_util::future::join_all(calls).await;
    let id = answers[0].string("/id");
    assert!(answers.iter().all(|answer| answer.string("/id") == id));
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    let other = json!({ "publish_at": in_future(2 * DAY), "notice": notice_as("a") });
    let refused = publisher.post(PATH, other.clone()).await.expect(409).problem("already_scheduled");
    assert_eq!(refused.string("/detail"), id);
    let foreign = app.publisher().await.post(PATH, other.clone()).await.expect(409).problem("source_id_taken");
    assert_eq!(foreign.at("/detail"), &Value::Null, "that it waits, and whose it is, is nobody's business");

    // A notice that stands answers a foreigner alike: else the one that waits would be told by what is not said of it.
    publisher.post("/v1/notices", notice_as("stands")).await.expect(201);
    let other_publisher = app.publisher().await;
    let taken = other_publisher.post(PATH, body(notice_as("stands"))).await.expect(409).problem("source_id_taken");
    assert_eq!(taken.at("/detail"), &Value::Null);
    let many = json!({ "notices": [notice_as("stands")] });
    let refused = other_publisher.post("/v1/notices/batch", many).await.expect(200);
    assert_eq!(refused.at("/outcomes/0/problem/code"), "source_id_taken");
    assert_eq!(refused.at("/outcomes/0/problem/detail"), &Value::Null);

    let path = format!("{PATH}/{id}");
    app.publisher().await.put(&path, other.clone()).await.expect(404).problem("not_found");
    let answer = publisher.put(&path, body(notice_as("b"))).await.expect(422).problem("invalid");
    assert_eq!(answer.violations(), [("/notice/source_id".to_owned(), "other_notice".to_owned())]);
    let new = json!({ "publish_at": other["publish_at"], "notice": notice_with("a", json!({ "title": "新题" })) });
    let replaced = publisher.put(&path, new.clone()).await.expect(200);
    assert_eq!((replaced.at("/title"), replaced.at("/publish_at")), (&json!("新题"), &new["publish_at"]));
    publisher.put(&path, new.clone()).await.expect(200);
    // What the first call answered under a key is answered again, whatever has become of it.
    let once = body(notice_as("c"));
    let made = publisher.post_once(PATH, "k", once.clone()).await.expect(201);
    publisher.delete(&format!("{PATH}/{}", made.string("/id"))).await.expect(204);
    assert_eq!(publisher.post_once(PATH, "k", once).await.expect(201).string("/id"), made.string("/id"));

    time_comes(&app).await;
    let published = stands(&publisher, &id, "published").await;
    let notice = published.string("/notice_id");
    assert_eq!(app.anonymous().get(&format!("/v1/notices/{notice}")).await.expect(200).at("/title"), "新题");
    let answer = publisher.put(&path, body(notice_as("a"))).await.expect(409).problem("no_longer_scheduled");
    assert_eq!(answer.string("/detail"), notice);
    publisher.delete(&path).await.expect(409).problem("no_longer_scheduled");
}

#[tokio::test]
async fn what_was_cancelled_is_never_published_and_its_key_is_free_again() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let id = schedule(&publisher, notice_as("a")).await;
    let path = format!("{PATH}/{id}");
    app.publisher().await.delete(&path).await.expect(404).problem("not_found");
    publisher.delete(&path).await.expect(204);
    publisher.delete(&path).await.expect(204);
    let second = schedule(&publisher, notice_as("a")).await;
    let listed = publisher.get(PATH).await.expect(200);
    let ids: Vec<&Value> = listed.items().iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [&json!(second), &json!(id)]);
    let waiting = publisher.get(&format!("{PATH}?state=scheduled")).await.expect(200);
    assert_eq!((waiting.items().len(), waiting.at("/items/0/id")), (1, &json!(second)));
    let page = publisher.get(&format!("{PATH}?limit=1")).await.expect(200);
    let rest = publisher.get(&format!("{PATH}?limit=1&cursor={}", page.string("/next_cursor"))).await.expect(200);
    assert_eq!((rest.at("/items/0/id"), rest.at("/next_cursor")), (&json!(id), &Value::Null));
    assert!(app.publisher().await.get(PATH).await.expect(200).items().is_empty());
    time_comes(&app).await;
    stands(&publisher, &second, "published").await;
    assert_eq!(publisher.get(&path).await.expect(200).at("/state"), "cancelled");
    assert_eq!(count(&app, "notices").await, 1);
}

#[tokio::test]
async fn what_can_be_published_no_longer_says_why_to_its_publisher_and_to_operators() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let taken = schedule(&publisher, notice_as("taken")).await;
    let unknown = schedule(&publisher, notice_with("unknown", json!({ "amends": "nothing" }))).await;
    let vanished = schedule(&publisher, notice_with("vanished", json!({ "category": "construction.a03" }))).await;
    let other = notice_with("taken", json!({ "title": "先到先得" }));
    let first = publisher.post("/v1/notices", other).await.expect(201).string("/id");
    load_without(&app, "construction.a03").await;
    time_comes(&app).await;
    let refused = async |id: &str| {
        let found = stands(&publisher, id, "refused").await;
        (found.at("/reason").clone(), found.at("/detail").clone(), found.at("/notice").is_object())
    };
    assert_eq!(refused(&taken).await, (json!("source_id_taken"), json!(first), true));
    assert_eq!(refused(&unknown).await, (json!("amended_notice_unknown"), json!("nothing"), true));
    let detail = json!("/notice/category: unknown_category");
    assert_eq!(refused(&vanished).await, (json!("catalogue_changed"), detail, true));

    // Of each key its own: what a copy knows of a key it goes by for some seconds.
    let (second, third) = (app.publisher().await, app.publisher().await);
    let narrowed = schedule(&second, notice_as("narrowed")).await;
    let orphan = schedule(&third, notice_as("orphan")).await;
    let of = "(SELECT key_id FROM scheduled_notices WHERE source_id =";
    change(&app, &format!("UPDATE publisher_keys SET regions = '[\"110000\"]' WHERE id = {of} 'narrowed')")).await;
    change(&app, &format!("UPDATE publisher_keys SET ended_at = 1 WHERE id = {of} 'orphan')")).await;
    time_comes(&app).await;
    let narrowed = stands(&second, &narrowed, "refused").await;
    assert_eq!(
        (narrowed.at("/reason"), narrowed.string("/detail")),
        (&json!("out_of_scope"), "/notice/region: out_of_scope".to_owned())
    );
    let operator = app.operator().await;
    let found = eventually("the orphan is refused", async || {
        let all = operator.get("/v1/operator/scheduled-notices?state=refused").await.expect(200);
        all.items().iter().find(|item| item["id"] == json!(orphan)).cloned()
    })
    .await;
    assert_eq!(found["reason"], "key_ended");
    assert_eq!(count(&app, "notices").await, 1);
    let figures = app.anonymous().get("/metrics").await.expect(200).text;
    assert!(figures.contains("yizhan_scheduled_ended_total{state=\"refused\"}"), "{figures}");
}

/// Stores a catalogue that lacks a category, and lets the application go by it.
async fn load_without(app: &TestApp, code: &str) {
    let text = include_str!("../../src/reference/categories.json");
    let mut categories: Vec<Value> = serde_json::from_str(text).expect("categories");
    categories.retain(|category| category["code"] != code);
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("categories.json"), json!(categories).to_string()).expect("a file");
    let path = folder.path().to_owned();
    app.inside(async move |deps| {
        catalogue::load(&deps.db, &path, deps.clock.now()).await.expect("a whole catalogue");
        catalogue::refresh(&deps).await.expect("a new catalogue");
    })
    .await;
}

#[tokio::test]
async fn two_schedulers_publish_everything_once() {
    const NOTICES: usize = 24;
    let app = TestApp::spawn().await;
    let _copy = app.second_copy().await;
    let publisher = app.publisher().await;
    let mut ids = Vec::new();
    for number in 0..NOTICES {
        ids.push(schedule(&publisher, notice_as(&format!("n{number}"))).await);
    }
    time_comes(&app).await;
    let mut notices = std::collections::BTreeSet::new();
    for id in &ids {
        notices.insert(stands(&publisher, id, "published").await.string("/notice_id"));
    }
    assert_eq!(notices.len(), NOTICES, "each its own");
    let expected = i64::try_from(NOTICES).expect("few");
    assert_eq!((count(&app, "notices").await, count(&app, "fan_outs").await), (expected, expected));
}

#[tokio::test]
async fn what_came_due_while_nobody_was_there_is_published_when_somebody_is() {
    let app = TestApp::with(|config| config.roles.scheduler = false).await;
    let publisher = app.publisher().await;
    let id = schedule(&publisher, notice_as("a")).await;
    time_comes(&app).await;
    let before = Clock::system().now();
    assert_eq!(publisher.get(&format!("{PATH}/{id}")).await.expect(200).at("/state"), "scheduled");
    let _scheduler = app.another(|config| config.roles.scheduler = true).await;
    let published = stands(&publisher, &id, "published").await;
    let read = app.anonymous().get(&format!("/v1/notices/{}", published.string("/notice_id"))).await.expect(200);
    let said: Timestamp = read.string("/published_at").parse().expect("an instant");
    assert!(said >= before, "{said}: the real time");
}

#[tokio::test]
async fn what_we_fail_at_is_tried_again_until_it_works_and_stops_nobody_else() {
    let app = TestApp::spawn().await;
    let (publisher, operator) = (app.publisher().await, app.operator().await);
    let id = schedule(&publisher, notice_as("a")).await;
    change(&app, "UPDATE scheduled_notices SET draft = '{' || draft").await;
    let other = schedule(&publisher, notice_as("b")).await;
    time_comes(&app).await;
    stands(&publisher, &other, "published").await;
    eventually("it was tried", async || {
        let all = operator.get("/v1/operator/scheduled-notices?state=scheduled").await.expect(200);
        (all.at("/items/0/attempts").as_i64() > Some(0)).then_some(())
    })
    .await;
    change(&app, "UPDATE scheduled_notices SET draft = substr(draft, 2) WHERE state = 'scheduled'").await;
    stands(&publisher, &id, "published").await;
}

#[tokio::test]
async fn a_wait_that_only_a_clock_that_was_put_back_can_have_made_is_not_waited_for() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let id = schedule(&publisher, notice_as("a")).await;
    change(&app, "UPDATE scheduled_notices SET publish_at = publish_at - 172800000, due_at = due_at + 31536000000")
        .await;
    stands(&publisher, &id, "published").await;
}

#[tokio::test]
async fn a_clock_that_is_behind_the_databases_refuses_nothing_that_is_due() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    app.world().put_back(Duration::from_secs(60 * 60));
    let at = in_future(Duration::from_millis(1_500));
    let made = publisher.post(PATH, json!({ "publish_at": at, "notice": notice_as("a") })).await.expect(201);
    let published = eventually("it has ended", async || {
        let found = publisher.get(&format!("{PATH}/{}", made.string("/id"))).await.expect(200);
        (found.at("/state") != "scheduled").then_some(found)
    })
    .await;
    assert_eq!((published.at("/state"), published.at("/reason")), (&json!("published"), &Value::Null));
    let path = format!("/v1/notices/{}", published.string("/notice_id"));
    let said: Timestamp =
        app.anonymous().get(&path).await.expect(200).string("/published_at").parse().expect("an instant");
    assert_eq!(said, at, "never earlier than was asked");
}

#[tokio::test]
async fn a_key_is_shown_what_is_within_its_reach_of_its_publishers_drafts() {
    let app = TestApp::spawn().await;
    let admin = app.admin().await;
    let made = admin.post("/v1/admin/publishers", json!({ "name": "两地" })).await.expect(201);
    let keys = format!("/v1/admin/publishers/{}/keys", made.string("/id"));
    let key = async |scope: Value| {
        let mut scope = scope;
        scope["name"] = json!("测试");
        app.anonymous().bearing(admin.post(&keys, scope).await.expect(201).string("/secret"))
    };
    let wide = key(json!({})).await;
    let ids = |page: &Answer| page.items().iter().map(|item| item["source_id"].clone()).collect::<Vec<_>>();
    let here = schedule(&wide, notice_with("here", json!({ "region": "430102" }))).await;
    let there = schedule(&wide, notice_with("there", json!({ "region": "430522" }))).await;
    for scope in [
        json!({ "regions": ["430100"] }),
        json!({ "regions": ["110000", "430102"], "categories": ["construction"], "sources": ["demo"] }),
    ] {
        let narrow = key(scope.clone()).await;
        narrow.get(&format!("{PATH}/{there}")).await.expect(403).problem("out_of_scope");
        narrow.get(&format!("{PATH}/{here}")).await.expect(200);
        assert_eq!(ids(&narrow.get(PATH).await.expect(200)), ["here"], "{scope}");
        assert_eq!(ids(&narrow.get(&format!("{PATH}?state=scheduled&limit=1")).await.expect(200)), ["here"], "{scope}");
    }
    for scope in [json!({ "sources": ["other"] }), json!({ "categories": ["gov-procurement"] })] {
        assert!(key(scope).await.get(PATH).await.expect(200).items().is_empty());
    }
    assert_eq!(ids(&wide.get(PATH).await.expect(200)), ["there", "here"]);
}

#[tokio::test]
async fn a_publication_that_was_quicker_with_the_same_words_is_what_it_becomes() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let id = schedule(&publisher, notice_as("a")).await;
    let notice = publisher.post("/v1/notices", notice_as("a")).await.expect(201).string("/id");
    time_comes(&app).await;
    assert_eq!(stands(&publisher, &id, "published").await.string("/notice_id"), notice);
    assert_eq!((count(&app, "notices").await, count(&app, "fan_outs").await), (1, 1));
}

#[tokio::test]
async fn what_became_of_it_is_forgotten_in_the_end() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let waiting = schedule(&publisher, notice_as("a")).await;
    let ended = schedule(&publisher, notice_as("b")).await;
    publisher.delete(&format!("{PATH}/{ended}")).await.expect(204);
    let forget = async || app.inside(async |deps| housekeeping::prune(&deps).await).await.expect("housekeeping");
    forget().await;
    assert_eq!(count(&app, "scheduled_notices").await, 2);
    app.world().advance(91 * DAY);
    forget().await;
    let left = publisher.get(PATH).await.expect(200);
    assert_eq!((left.items().len(), left.at("/items/0/id")), (1, &json!(waiting)));
}
