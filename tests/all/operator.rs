//! The operators' desk, through the door: who may sit at it, dead letters, reach, figures.

use serde_json::{Value, json};
use yizhan::telemetry::metric;

use super::account::{bearing, register};
use super::support::{Answer, Caller, PATIENCE, Person, TestApp, eventually};

/// A notice of the demo's kind; everyone of [`reader`] wants it.
pub fn notice(source_id: &str) -> Value {
    json!({
        "source": "tests", "source_id": source_id, "title": format!("道路工程施工招标公告 {source_id}"),
        "category": "construction.a02", "region": "430104", "notice_type": "C-TENDER",
        "body_html": format!("<p>{source_id}</p>"),
    })
}

/// A user who wants everything under construction, with phones of these sandbox tokens.
pub async fn reader(app: &TestApp, tokens: &[String]) -> Person {
    let user = app.user().await;
    let wish = json!({ "name": "工程", "filter": { "categories": ["construction"] }, "frequency": "immediate" });
    user.post("/v1/subscriptions", wish).await.expect(201);
    for token in tokens {
        phone(&user, "sandbox", token).await;
    }
    user
}

/// Registers a phone.
pub async fn phone(user: &Caller, channel: &str, token: &str) {
    let body = json!({ "platform": "android", "name": "手机", "channel": channel, "token": token });
    user.post("/v1/devices", body).await.expect(201);
}

/// Waits until every fan-out is finished and nothing is to be tried again. Later tries wait for their time, so this may
/// take longer than anything else that tests wait for.
pub async fn settled(operator: &Caller, notice: &str) {
    let is_settled = async || {
        let fan_outs = operator.get(&format!("/v1/operator/fan-outs?notice={notice}&limit=100")).await.expect(200);
        let finished = fan_outs.items().iter().all(|one| one["state"] == "done");
        let due = format!("/v1/operator/deliveries?notice={notice}&state=due&limit=1");
        finished && operator.get(&due).await.expect(200).items().is_empty()
    };
    let deadline = tokio::time::Instant::now() + 4 * PATIENCE;
    while !is_settled().await {
        assert!(tokio::time::Instant::now() < deadline, "{notice} is not carried to everyone");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

async fn published(publisher: &Caller, operator: &Caller, source_id: &str) -> String {
    let id = publisher.post("/v1/notices", notice(source_id)).await.expect(201).string("/id");
    settled(operator, &id).await;
    id
}

#[tokio::test]
async fn the_desk_is_for_operators_and_admins() {
    let app = TestApp::spawn().await;
    let paths = ["fan-outs", "deliveries?user=usr_01h455vb4pex5vsknk084sn02q", "dead-letters"];
    for path in paths.map(|path| format!("/v1/operator/{path}")) {
        app.anonymous().get(&path).await.expect(401).problem("unauthenticated");
        app.user().await.get(&path).await.expect(403).problem("forbidden");
        app.operator().await.get(&path).await.expect(200);
        app.admin().await.get(&path).await.expect(200);
    }
    let replay = "/v1/operator/dead-letters/replay";
    app.user().await.post(replay, json!({ "limit": 1 })).await.expect(403).problem("forbidden");
    app.operator().await.post(replay, json!({ "limit": 1 })).await.expect(404).problem("nothing_to_replay");
}

#[tokio::test]
async fn deliveries_are_asked_for_by_notice_or_user() {
    let app = TestApp::spawn().await;
    let operator = app.operator().await;
    let answer = operator.get("/v1/operator/deliveries").await.expect(422).problem("invalid");
    assert_eq!(answer.violations(), [("notice".to_owned(), "required".to_owned())]);
    let answer = operator.get("/v1/operator/fan-outs?state=sleeping&colour=red").await.expect(422);
    assert_eq!(answer.violations().len(), 2, "{}", answer.text);
    operator.get("/v1/operator/fan-outs/fan_01h455vb4pex5vsknk084sn02q").await.expect(404).problem("not_found");
    operator.get("/v1/operator/notices/ntc_01h455vb4pex5vsknk084sn02q/reach").await.expect(404).problem("not_found");
}

#[tokio::test]
async fn a_notice_is_followed_from_its_fan_out_to_every_attempt() {
    let app = TestApp::spawn().await;
    let (operator, publisher) = (app.operator().await, app.publisher().await);
    let user = reader(&app, &["plain-0123456789".to_owned(), "throttled-0123456789".to_owned()]).await;
    let id = published(&publisher, &operator, "followed").await;

    let fan_outs = operator.get(&format!("/v1/operator/fan-outs?notice={id}&state=done")).await.expect(200);
    let [fan_out] = fan_outs.items() else { panic!("one fan-out: {}", fan_outs.text) };
    for (name, count) in [("users", 1), ("inboxed_users", 1), ("chunks", 1), ("chunks_done", 1), ("chunks_dead", 0)] {
        assert_eq!(fan_out[name], count, "{name}: {fan_out}");
    }
    let path = format!("/v1/operator/fan-outs/{}", fan_out["id"].as_str().expect("an id"));
    assert_eq!(operator.get(&path).await.expect(200).at("/unfinished_chunks"), &json!([]));

    let mine = operator.get(&format!("/v1/operator/deliveries?user={}", user.id)).await.expect(200);
    let tries = |hint: &str| {
        let found = mine.items().iter().find(|one| one["endpoint_hint"] == hint && one["state"] == "accepted");
        found.map(|one| one["attempts"].as_array().expect("attempts").len())
    };
    let mut counts: Vec<usize> =
        mine.items().iter().map(|one| one["attempts"].as_array().expect("attempts").len()).collect();
    counts.sort_unstable();
    assert_eq!((counts, tries("6789").is_some()), (vec![1, 2], true), "{}", mine.text);
    assert!(!mine.text.contains("0123456789"), "an address was shown in full: {}", mine.text);
}

#[tokio::test]
async fn lists_go_on_where_they_stopped() {
    let app = TestApp::spawn().await;
    let (operator, publisher) = (app.operator().await, app.publisher().await);
    let tokens: Vec<String> = (0..3).map(|number| format!("refused-{number}-01234567")).collect();
    reader(&app, &tokens).await;
    let id = published(&publisher, &operator, "paged").await;
    for path in ["deliveries", "dead-letters"].map(|list| format!("/v1/operator/{list}?notice={id}&limit=2")) {
        let first = operator.get(&path).await.expect(200);
        let rest = operator.get(&format!("{path}&cursor={}", first.string("/next_cursor"))).await.expect(200);
        assert_eq!((first.items().len(), rest.items().len(), rest.at("/next_cursor")), (2, 1, &Value::Null));
        assert!(!first.items().contains(&rest.items()[0]), "{}", rest.text);
        operator.get(&format!("{path}&cursor=bm9uc2Vuc2U")).await.expect(422).problem("invalid");
    }
}

#[tokio::test]
async fn what_was_refused_is_a_dead_letter_and_is_tried_again() {
    let app = TestApp::spawn().await;
    let (operator, publisher) = (app.operator().await, app.publisher().await);
    reader(&app, &["refused-0123456789".to_owned(), "plain-0123456789".to_owned()]).await;
    let id = published(&publisher, &operator, "refused").await;

    let list = format!("/v1/operator/dead-letters?notice={id}&channel=sandbox&reason=payload");
    let letters = operator.get(&list).await.expect(200);
    let [letter] = letters.items() else { panic!("one dead letter: {}", letters.text) };
    assert_eq!((&letter["kind"], &letter["delivery"]["state"]), (&json!("delivery"), &json!("refused")));

    let replay = async |key: &str| {
        let body = json!({ "notice": id, "limit": 100 });
        operator.post_once("/v1/operator/dead-letters/replay", key, body).await.expect(200)
    };
    let first = replay("once").await;
    assert_eq!(first.json, json!({ "deliveries": 1, "chunks": 0, "extended": 0, "overdue": 0 }));
    eventually("it was tried a second time", async || {
        let letters = operator.get(&list).await.expect(200);
        letters.at("/items/0/delivery/attempts/1").is_object().then_some(())
    })
    .await;
    assert_eq!(replay("once").await.json, first.json, "the repeat of a call replays nothing");
    let letters = operator.get(&list).await.expect(200);
    assert_eq!(letters.items()[0]["delivery"]["attempts"].as_array().expect("attempts").len(), 2);
}

#[tokio::test]
async fn a_replay_past_the_deadline_needs_a_new_one() {
    let app = TestApp::spawn().await;
    let (operator, publisher) = (app.operator().await, app.publisher().await);
    reader(&app, &["refused-0123456789".to_owned()]).await;
    let id = published(&publisher, &operator, "late").await;
    app.world().advance(std::time::Duration::from_secs(48 * 3600));
    // Signed in anew: the clock has overtaken the first token.
    let operator = app.operator().await;
    let replay = async |body: Value| operator.post("/v1/operator/dead-letters/replay", body).await;
    replay(json!({ "notice": id, "limit": 10 })).await.expect(409).problem("delivery_deadline_passed");
    let extended = replay(json!({ "notice": id, "limit": 10, "extend_hours": 2 })).await.expect(200);
    assert_eq!(extended.json, json!({ "deliveries": 1, "chunks": 0, "extended": 1, "overdue": 0 }));
}

#[tokio::test]
async fn unreadable_queue_entries_and_dead_chunks_are_dead_letters_too() {
    use sea_orm::ConnectionTrait as _;
    let app = TestApp::spawn().await;
    let (operator, publisher) = (app.operator().await, app.publisher().await);
    reader(&app, &["plain-0123456789".to_owned()]).await;
    let id = published(&publisher, &operator, "chunk").await;
    let connection = app.database().connect().await;
    for statement in [
        "INSERT INTO dead_entries (payload, reason, created_at) VALUES ('nonsense', 'unreadable', 1)",
        "UPDATE chunks SET state = 'dead', attempts = 26, finished_at = 2",
    ] {
        connection.execute_unprepared(statement).await.expect("a seed");
    }
    let kinds = |answer: &Answer| -> Vec<Value> { answer.items().iter().map(|one| one["kind"].clone()).collect() };
    let all = operator.get("/v1/operator/dead-letters").await.expect(200);
    assert_eq!(kinds(&all), [json!("chunk"), json!("queue_entry")]);
    let first = operator.get("/v1/operator/dead-letters?limit=1").await.expect(200);
    let rest = format!("/v1/operator/dead-letters?limit=1&cursor={}", first.string("/next_cursor"));
    assert_eq!(kinds(&operator.get(&rest).await.expect(200)), [json!("queue_entry")]);

    let replayed = operator.post("/v1/operator/dead-letters/replay", json!({ "notice": id, "limit": 5 })).await;
    assert_eq!(replayed.expect(200).at("/chunks"), 1);
    settled(&operator, &id).await;
    let left = operator.get("/v1/operator/dead-letters").await.expect(200);
    assert_eq!(kinds(&left), [json!("queue_entry")]);
}

#[tokio::test]
async fn a_publisher_sees_the_reach_of_its_own_notices_within_its_scope() {
    let app = TestApp::spawn().await;
    let (operator, publisher) = (app.operator().await, app.publisher().await);
    reader(&app, &["plain-0123456789".to_owned()]).await;
    reader(&app, &[]).await;
    let id = published(&publisher, &operator, "mine").await;
    let path = format!("/v1/notices/{id}/reach");
    let checked = async || {
        let report = publisher.get(&path).await.expect(200);
        (!report.at("/revisions/0/checked_at").is_null()).then_some(report)
    };
    let own = eventually("its counters are held against the rows", checked).await;
    assert_eq!(own.at("/revisions/0/users_with_endpoint"), 1);
    let seen = operator.get(&format!("/v1/operator/notices/{id}/reach")).await.expect(200);
    assert_eq!(own.json, seen.json);
    assert_eq!(own.at("/adds_up"), true, "{}", own.text);
    for (name, count) in [
        ("audience", 2),
        ("inboxed", 2),
        ("waiting", 0),
        ("inbox_items_here", 2),
        ("inbox_items_read_here", 0),
        ("deliveries", 1),
        ("attempts", 1),
        ("taken", 1),
        ("shown", 1),
    ] {
        assert_eq!(own.at(&format!("/revisions/0/{name}")), count, "{name}: {}", own.text);
    }
    let stranger = app.publisher().await;
    stranger.get(&format!("/v1/notices/{id}/reach")).await.expect(404).problem("not_found");
    app.anonymous().get(&format!("/v1/notices/{id}/reach")).await.expect(401).problem("unauthenticated");
    app.user().await.get(&format!("/v1/operator/notices/{id}/reach")).await.expect(403).problem("forbidden");
}

#[tokio::test]
async fn a_copy_says_whether_it_is_ready_and_what_it_is() {
    let app = TestApp::with(|config| config.roles.scheduler = false).await;
    let ready = app.anonymous().get("/readyz").await.expect(200);
    assert_eq!(ready.at("/status"), "ready");
    assert_eq!(ready.at("/roles"), &json!(["api", "notifier"]));
    assert_eq!(ready.at("/sandbox"), true);
    assert_eq!(ready.at("/degraded"), &json!(["sandbox_on"]));
    let unconfigured = ready.at("/unconfigured_channels").as_array().expect("channels");
    assert!(unconfigured.contains(&json!("apns")) && !unconfigured.contains(&json!("sandbox")));
}

#[tokio::test]
async fn figures_are_there_for_prometheus() {
    let app = TestApp::spawn().await;
    let figures = app.anonymous().get("/metrics").await.expect(200);
    assert!(figures.header("content-type").starts_with("text/plain"));
    for name in [metric::QUEUE_DEPTH, metric::OUTBOX_LINES, metric::DELIVERIES_DUE, metric::DEAD_LETTERS] {
        assert!(figures.text.contains(name), "{name} is missing:\n{}", figures.text);
    }
    assert!(figures.text.contains("yizhan_queue_depth{lane=\"urgent\"}"), "{}", figures.text);
}

#[test]
fn every_metric_stands_in_the_manual() {
    let manual = include_str!("../../docs/operations.md");
    let missing: Vec<_> = metric::ALL.iter().filter(|name| !manual.contains(&format!("`{name}"))).collect();
    assert!(missing.is_empty(), "not in docs/operations.md: {missing:?}");
}

#[tokio::test]
async fn who_asks_why_nothing_came_is_found_by_phone_and_told() {
    let app = TestApp::spawn().await;
    let (operator, publisher) = (app.operator().await, app.publisher().await);
    let caller = bearing(&app, &register(&app).await);
    let filter = json!({ "categories": ["construction"], "keywords": { "any": ["桥梁"] } });
    let wish = json!({ "name": "桥", "filter": filter, "frequency": "immediate" });
    caller.post("/v1/subscriptions", wish).await.expect(201);
    let missed = publisher.post("/v1/notices", notice("road")).await.expect(201).string("/id");

    let found = operator.get("/v1/operator/users?q=13800138000").await.expect(200);
    let path = format!("/v1/operator/users/{}/notices/{missed}/why", found.string("/items/0/id"));
    let told = operator.get(&path).await.expect(200);
    assert_eq!((told.at("/in_inbox"), told.at("/subscriptions/0/name")), (&json!(false), &json!("桥")));
    let parts: Vec<_> = told.at("/subscriptions/0/parts").as_array().expect("parts").iter().collect();
    let wrong: Vec<_> = parts.iter().filter(|part| part["holds"] == false).map(|part| &part["part"]).collect();
    assert_eq!(wrong, ["any_words"], "the category was right, the words were not: {}", told.text);
    // The user is told the same.
    assert_eq!(caller.get(&format!("/v1/inbox/{missed}/why")).await.expect(200).json, told.json);

    let came = notice("bridge").to_string().replace("道路", "桥梁");
    let came = publisher.send(reqwest::Method::POST, "/v1/notices", Some(came), &[]).await.expect(201).string("/id");
    let path = path.replace(&missed, &came);
    eventually("the notice is in the inbox", async || {
        Some(operator.get(&path).await.expect(200)).filter(|told| told.at("/in_inbox") == true)
    })
    .await;
    for nobody in [path.replace("usr_", "usr_0"), path.replace(&came, "ntc_x"), path.replace(&came, &missed[1..])] {
        operator.get(&nobody).await.expect(404).problem("not_found");
    }
    caller.get(&path).await.expect(403).problem("forbidden");
}
