//! A notice on its way: who has it in the inbox, whose phone shows it, and who is left alone, and why.

use std::time::Duration;

use serde_json::{Value, json};
use yizhan::domain::message::MessageKind;
use yizhan::sandbox::{Entry, LogQuery};

use crate::all::support::{Answer, Caller, Person, TestApp, eventually};

/// A subscriber with a phone whose token is known to the sandbox.
struct Reader {
    person: Person,
    token: String,
}

impl Reader {
    async fn new(app: &TestApp, filter: Value) -> Self {
        Self::with_token(app, filter, "sbx").await
    }

    async fn with_token(app: &TestApp, filter: Value, prefix: &str) -> Self {
        let person = app.user().await;
        subscribe(&person, filter).await;
        let token = format!("{prefix}-{}", person.id);
        let device = json!({ "platform": "android", "name": "手机", "channel": "sandbox", "token": token });
        person.post("/v1/devices", device).await.expect(201);
        Self { person, token }
    }

    /// The revisions of a notice that this phone was shown, in order.
    fn shown(&self, app: &TestApp, notice: &str) -> Vec<(i32, MessageKind)> {
        let shown = log(app, &self.token).into_iter().filter(|entry| entry.shown);
        shown
            .filter(|entry| entry.about.notice.to_string() == notice)
            .map(|entry| (entry.about.revision, entry.about.kind))
            .collect()
    }

    async fn item(&self, notice: &str) -> Option<Value> {
        let answer = self.person.get(&format!("/v1/inbox/{notice}")).await;
        (answer.status == 200).then_some(answer.json)
    }
}

async fn subscribe(person: &Person, filter: Value) -> Answer {
    let subscription = json!({ "name": "订阅", "filter": filter, "frequency": "immediate" });
    person.post("/v1/subscriptions", subscription).await.expect(201)
}

fn log(app: &TestApp, token: &str) -> Vec<Entry> {
    let query = LogQuery { limit: Some(1_000), token: Some(token.to_owned()), ..LogQuery::default() };
    app.sandbox().log(&query).items
}

fn notice(source_id: &str, title: &str) -> Value {
    json!({
        "source": "test", "source_id": source_id, "title": title, "category": "construction.a02",
        "region": "430104", "notice_type": "C-TENDER", "body_html": format!("<p>{title}，编号 {source_id}</p>"),
    })
}

async fn publish(publisher: &Caller, notice: Value) -> String {
    publisher.post("/v1/notices", notice).await.expect(201).string("/id")
}

/// Waits until a notice's fan-outs are finished, so that what did not come will not come.
async fn carried(app: &TestApp, fan_outs: i64) {
    let conn = app.database().connect().await;
    eventually("the fan-outs are finished", async || {
        let sql = "SELECT count(*) AS n FROM fan_outs WHERE finished_at IS NOT NULL";
        (count(&conn, sql).await >= fan_outs).then_some(())
    })
    .await;
}

async fn count(conn: &sea_orm::DatabaseConnection, sql: &str) -> i64 {
    use sea_orm::ConnectionTrait as _;
    let statement = sea_orm::Statement::from_string(conn.get_database_backend(), sql);
    conn.query_one_raw(statement).await.expect("a query").expect("a row").try_get("", "n").expect("a number")
}

/// How the deliveries of a notice stand: `state:reason`.
async fn states(app: &TestApp, reader: &Reader) -> Vec<String> {
    use sea_orm::ConnectionTrait as _;
    let conn = app.database().connect().await;
    let sql = "SELECT state || ':' || COALESCE(reason, '') AS s FROM deliveries WHERE user_id = $1 ORDER BY revision";
    let values = [reader.person.id.as_uuid().into()];
    let statement = sea_orm::Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
    let rows = conn.query_all_raw(statement).await.expect("a query");
    rows.iter().map(|row| row.try_get("", "s").expect("a text")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_reaches_those_whom_it_concerns_and_nobody_else() {
    let app = TestApp::spawn().await;
    let wants = Reader::new(&app, json!({ "categories": ["construction"], "keywords": { "any": ["道路"] } })).await;
    let not = Reader::new(&app, json!({ "categories": ["construction"], "keywords": { "any": ["桥梁"] } })).await;
    let id = publish(&app.publisher().await, notice("1", "岳麓区道路工程施工招标公告")).await;
    carried(&app, 1).await;
    assert_eq!(wants.shown(&app, &id), [(1, MessageKind::Notice)]);
    let item = wants.item(&id).await.expect("an inbox item");
    assert_eq!(item.pointer("/why/0/words/0"), Some(&json!("道路")), "{item}");
    assert!(not.item(&id).await.is_none());
    assert!(not.shown(&app, &id).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_subscriptions_match_there_is_one_item_and_one_push() {
    let app = TestApp::spawn().await;
    let reader = Reader::new(&app, json!({ "categories": ["construction"] })).await;
    subscribe(&reader.person, json!({ "regions": ["430100"] })).await;
    subscribe(&reader.person, json!({ "keywords": { "any": ["道路", "工程"] } })).await;
    let id = publish(&app.publisher().await, notice("1", "道路工程招标公告")).await;
    carried(&app, 1).await;
    assert_eq!(reader.shown(&app, &id).len(), 1);
    let item = reader.item(&id).await.expect("an inbox item");
    assert_eq!(item.pointer("/why").and_then(Value::as_array).map(Vec::len), Some(3), "{item}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amendment_reaches_everyone_who_has_the_amended_notice() {
    let app = TestApp::spawn().await;
    let reader = Reader::new(&app, json!({ "keywords": { "any": ["道路"] } })).await;
    let other = Reader::new(&app, json!({ "keywords": { "any": ["桥梁"] } })).await;
    let publisher = app.publisher().await;
    let id = publish(&publisher, notice("1", "道路工程招标公告")).await;
    let mut amendment = notice("2", "变更公告");
    amendment["notice_type"] = json!("C-CLARIFY");
    amendment["amends"] = json!(id);
    let amendment = publish(&publisher, amendment).await;
    carried(&app, 2).await;
    assert_eq!(reader.shown(&app, &amendment), [(1, MessageKind::Amendment)]);
    assert!(reader.item(&amendment).await.is_some());
    assert!(other.item(&amendment).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_makes_the_item_unread_again_and_an_editorial_one_does_not() {
    let app = TestApp::spawn().await;
    let reader = Reader::new(&app, json!({ "categories": ["construction"] })).await;
    let publisher = app.publisher().await;
    let id = publish(&publisher, notice("1", "道路工程招标公告")).await;
    carried(&app, 1).await;
    let read = format!("/v1/inbox/{id}/read");
    reader.person.put(&read, json!({})).await;
    let revise = async |title: &str, editorial: bool| {
        let revision = json!({ "notice": notice("1", title), "editorial": editorial });
        publisher.post(&format!("/v1/notices/{id}/revisions"), revision).await.expect(201);
    };
    revise("道路工程招标公告。", true).await;
    carried(&app, 2).await;
    let item = reader.item(&id).await.expect("an inbox item");
    assert_eq!(
        (item.pointer("/revision"), item.pointer("/read_at").is_some_and(Value::is_string)),
        (Some(&json!(2)), true)
    );
    assert_eq!(reader.shown(&app, &id).len(), 1, "an editorial change disturbs nobody who was reached");
    revise("道路工程招标公告（延期）", false).await;
    carried(&app, 3).await;
    let item = reader.item(&id).await.expect("an inbox item");
    assert_eq!(item.pointer("/revision"), Some(&json!(3)));
    assert!(item.pointer("/read_at").is_none_or(Value::is_null), "{item}");
    assert_eq!(reader.shown(&app, &id), [(1, MessageKind::Notice), (3, MessageKind::Revision)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_pushed_a_notice_is_told_of_its_withdrawal() {
    let app = TestApp::spawn().await;
    let reader = Reader::new(&app, json!({ "categories": ["construction"] })).await;
    let publisher = app.publisher().await;
    let id = publish(&publisher, notice("1", "道路工程招标公告")).await;
    carried(&app, 1).await;
    let late = Reader::new(&app, json!({ "categories": ["construction"] })).await;
    publisher.post(&format!("/v1/notices/{id}/withdrawal"), json!({ "reason": "误发" })).await.expect(201);
    carried(&app, 2).await;
    assert_eq!(reader.shown(&app, &id), [(1, MessageKind::Notice), (2, MessageKind::Withdrawal)]);
    assert!(late.shown(&app, &id).is_empty());
    let item = reader.item(&id).await.expect("an inbox item");
    assert!(item.to_string().contains("withdrawn"), "{item}");
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_is_asked_again_at_the_door() {
    let app = TestApp::spawn().await;
    let paused = Reader::new(&app, json!({ "categories": ["construction"] })).await;
    let subscription = paused.person.get("/v1/subscriptions").await.expect(200).string("/items/0/id");
    let until = json!({ "until": (app.world().world().clock.now() + Duration::from_secs(3_600)).to_string() });
    paused.person.put(&format!("/v1/subscriptions/{subscription}/pause"), until).await;
    let id = publish(&app.publisher().await, notice("1", "道路工程招标公告")).await;
    carried(&app, 1).await;
    assert!(paused.item(&id).await.is_some(), "the inbox follows the instant of publishing");
    assert!(paused.shown(&app, &id).is_empty());
    assert_eq!(states(&app, &paused).await, ["skipped:paused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_has_ended_before_matches_nothing() {
    let app = TestApp::spawn().await;
    let reader = Reader::new(&app, json!({ "categories": ["construction"] })).await;
    let subscription = reader.person.get("/v1/subscriptions").await.expect(200).string("/items/0/id");
    reader.person.delete(&format!("/v1/subscriptions/{subscription}")).await;
    let id = publish(&app.publisher().await, notice("1", "道路工程招标公告")).await;
    carried(&app, 1).await;
    assert!(reader.item(&id).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_without_credentials_holds_what_it_is_given() {
    let app = TestApp::spawn().await;
    let reader = Reader { person: app.user().await, token: String::new() };
    subscribe(&reader.person, json!({ "categories": ["construction"] })).await;
    let device = json!({ "platform": "android", "name": "华为", "channel": "hms", "token": "hms-token-1234" });
    reader.person.post("/v1/devices", device).await.expect(201);
    let id = publish(&app.publisher().await, notice("1", "道路工程招标公告")).await;
    carried(&app, 1).await;
    assert!(reader.item(&id).await.is_some());
    assert_eq!(states(&app, &reader).await, ["held:unconfigured"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_gone_is_not_tried_again() {
    let app = TestApp::spawn().await;
    let reader = Reader::with_token(&app, json!({ "categories": ["construction"] }), "gone").await;
    let publisher = app.publisher().await;
    publish(&publisher, notice("1", "道路工程招标公告")).await;
    carried(&app, 1).await;
    assert_eq!(states(&app, &reader).await, ["gone:gone"]);
    publish(&publisher, notice("2", "另一个道路工程招标公告")).await;
    carried(&app, 2).await;
    assert_eq!(log(&app, &reader.token).len(), 1, "its endpoint has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_throttled_or_cut_is_tried_again_with_the_same_key() {
    let app = TestApp::spawn().await;
    let filter = json!({ "categories": ["construction"] });
    let throttled = Reader::with_token(&app, filter.clone(), "throttled").await;
    let cut = Reader::with_token(&app, filter, "cut").await;
    let id = publish(&app.publisher().await, notice("1", "道路工程招标公告")).await;
    for reader in [&throttled, &cut] {
        eventually("it was accepted after all", async || (states(&app, reader).await == ["accepted:"]).then_some(()))
            .await;
        let entries = log(&app, &reader.token);
        assert!(entries.len() > 1, "there was more than one try");
        let first = entries.first().map(|entry| entry.idempotency_key.clone());
        assert!(entries.iter().all(|entry| Some(&entry.idempotency_key) == first.as_ref()));
        assert_eq!(reader.shown(&app, &id).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_a_dead_letter() {
    let app = TestApp::spawn().await;
    let reader = Reader::with_token(&app, json!({ "categories": ["construction"] }), "refused").await;
    publish(&app.publisher().await, notice("1", "道路工程招标公告")).await;
    carried(&app, 1).await;
    assert_eq!(states(&app, &reader).await, ["refused:payload"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_announced_to_inboxes_disturbs_nobody_and_what_is_not_announced_reaches_nobody() {
    let app = TestApp::spawn().await;
    let reader = Reader::new(&app, json!({ "categories": ["construction"] })).await;
    let publisher = app.publisher().await;
    let mut quiet = notice("1", "道路工程招标公告");
    quiet["announce"] = json!("inbox");
    let quiet = publish(&publisher, quiet).await;
    let mut silent = notice("2", "旧的道路工程招标公告");
    silent["announce"] = json!("none");
    let silent = publish(&publisher, silent).await;
    carried(&app, 1).await;
    assert!(reader.item(&quiet).await.is_some());
    assert!(reader.shown(&app, &quiet).is_empty());
    assert!(reader.item(&silent).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_notice_is_in_the_inbox_and_its_push_has_expired() {
    let app = TestApp::spawn().await;
    let reader = Reader::new(&app, json!({ "categories": ["construction"] })).await;
    let mut old = notice("1", "道路工程招标公告");
    old["published_at"] = json!((app.world().world().clock.now() - Duration::from_secs(48 * 3_600)).to_string());
    let id = publish(&app.publisher().await, old).await;
    carried(&app, 1).await;
    assert!(reader.item(&id).await.is_some());
    assert_eq!(states(&app, &reader).await, ["expired:deadline"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_moved_to_another_user_reaches_the_new_one_only() {
    let app = TestApp::spawn().await;
    let filter = json!({ "categories": ["construction"] });
    let first = Reader::new(&app, filter.clone()).await;
    let second = app.user().await;
    subscribe(&second, filter).await;
    let device = json!({ "platform": "android", "name": "手机", "channel": "sandbox", "token": first.token });
    second.post("/v1/devices", device).await.expect(201);
    let id = publish(&app.publisher().await, notice("1", "道路工程招标公告")).await;
    carried(&app, 1).await;
    assert!(first.item(&id).await.is_some());
    assert_eq!(first.shown(&app, &id).len(), 1, "one push, for the phone's present owner");
    assert!(states(&app, &first).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_stops_leaves_nothing_half_done() {
    let mut app = TestApp::spawn().await;
    let reader = Reader::new(&app, json!({ "categories": ["construction"] })).await;
    let publisher = app.publisher().await;
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(publish(&publisher, notice(&number.to_string(), &format!("道路工程 {number}"))).await);
    }
    app.restart().await;
    carried(&app, 10).await;
    for id in &ids {
        assert!(reader.person.at(app.url("")).get(&format!("/v1/inbox/{id}")).await.status == 200);
    }
    eventually("all are accepted", async || (states(&app, &reader).await == vec!["accepted:"; 10]).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_correction_takes_over_what_is_still_under_way_and_disturbs_nobody_else() {
    let app = TestApp::spawn().await;
    let filter = json!({ "categories": ["construction"] });
    let reached = Reader::new(&app, filter.clone()).await;
    // The provider wants to see this one again in an hour.
    let waiting = Reader::with_token(&app, filter, "quota").await;
    let publisher = app.publisher().await;
    let id = publish(&publisher, notice("1", "道路工程招标公告")).await;
    carried(&app, 1).await;
    let tried = |reader: &Reader| log(&app, &reader.token).iter().map(|entry| entry.about.revision).collect::<Vec<_>>();
    assert_eq!((tried(&reached), tried(&waiting)), (vec![1], vec![1]));
    let mut quiet = notice("1", "道路工程招标公告（更正）");
    quiet["announce"] = json!("none");
    let path = format!("/v1/notices/{id}/revisions");
    let corrected = publisher.post(&path, json!({ "notice": quiet })).await.expect(201);
    assert_eq!(corrected.at("/announce"), "push", "to those who wait for it");
    carried(&app, 2).await;
    assert_eq!((tried(&reached), tried(&waiting)), (vec![1], vec![1, 2]));
}
