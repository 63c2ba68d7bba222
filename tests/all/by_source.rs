//! Notices handed in by their natural key: the source says what holds, and need not know what we made of it before.

use serde_json::{Value, json};

use super::support::{Answer, Caller, TestApp, notice_with};

fn path(source_id: &str) -> String {
    format!("/v1/notices/by-source/demo/{source_id}")
}

async fn put(publisher: &Caller, fields: Value) -> Answer {
    publisher.put(&path("a"), notice_with("a", fields)).await
}

fn came_to(answer: &Answer) -> (u16, i64, &str) {
    let announce = answer.at("/announce").as_str().unwrap_or_default();
    (answer.status, answer.at("/revision").as_i64().unwrap_or_default(), announce)
}

#[tokio::test]
async fn a_source_says_what_holds_without_knowing_what_was_said_before() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let first = put(&publisher, json!({})).await;
    assert_eq!(came_to(&first), (201, 1, "push"));
    assert_eq!(first.at("/status"), "created");
    assert_eq!(put(&publisher, json!({})).await.at("/status"), "unchanged");
    assert_eq!(first.header("location"), format!("/v1/notices/{}", first.string("/id")));
    assert_eq!(came_to(&put(&publisher, json!({})).await), (200, 1, "none"));
    assert_eq!(came_to(&put(&publisher, json!({"title": "更正后的标题"})).await), (200, 2, "push"));
    assert_eq!(came_to(&put(&publisher, json!({"title": "更正后的标题"})).await), (200, 2, "none"));
    // Shown otherwise and saying the same.
    let link = json!({"title": "更正后的标题", "source_url": "https://example.org/a"});
    assert_eq!(came_to(&put(&publisher, link).await), (200, 3, "push"));
    // What it said at first is no repeat of the first call.
    let last = put(&publisher, json!({})).await;
    assert_eq!(came_to(&last), (200, 4, "push"));
    assert_eq!(last.at("/status"), "revised");
    assert_eq!(last.at("/id"), first.at("/id"));
    let history = app.anonymous().get(&format!("{}/revisions", first.header("location"))).await.expect(200);
    let kinds: Vec<_> = history.items().iter().map(|edition| &edition["kind"]).collect();
    assert_eq!(kinds, ["revision", "editorial", "revision", "notice"]);
    // By either way it is the same notice.
    publisher.post("/v1/notices", notice_with("a", json!({}))).await.expect(200);
}

#[tokio::test]
async fn what_was_handed_in_quietly_is_announced_by_putting_it_again() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    assert_eq!(came_to(&put(&publisher, json!({"announce": "none"})).await), (201, 1, "none"));
    assert_eq!(came_to(&put(&publisher, json!({})).await), (200, 2, "push"));
    assert_eq!(came_to(&put(&publisher, json!({})).await), (200, 2, "none"));
}

#[tokio::test]
async fn a_source_id_may_be_written_with_anything() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let id = "湘采〔2026〕1/2 号";
    let put = async |path: &str| publisher.put(path, notice_with(id, json!({}))).await;
    let encoded = path("%E6%B9%98%E9%87%87%E3%80%942026%E3%80%951%2F2%20%E5%8F%B7");
    put(&encoded).await.expect(201);
    put(&encoded).await.expect(200);
}

#[tokio::test]
async fn a_notice_is_found_by_what_its_source_calls_it() {
    let app = TestApp::spawn().await;
    let (publisher, anybody) = (app.publisher().await, app.anonymous());
    let id = "湘采〔2026〕1/2 号";
    let encoded = path("%E6%B9%98%E9%87%87%E3%80%942026%E3%80%951%2F2%20%E5%8F%B7");
    anybody.get(&encoded).await.expect(404).problem("not_found");
    let made = publisher.post("/v1/notices", notice_with(id, json!({}))).await.expect(201);
    let by_source = anybody.get(&encoded).await.expect(200);
    let by_id = anybody.get(made.header("location")).await.expect(200);
    let shown = |answer: &Answer| (answer.string("/id"), answer.string("/source_id"), answer.header("etag").to_owned());
    assert_eq!(shown(&by_source), shown(&by_id));
    assert_eq!(shown(&by_source).0, made.string("/id"));
    let known = [("if-none-match", by_id.header("etag"))];
    anybody.send(reqwest::Method::GET, &encoded, None, &known).await.expect(304);
    // Of this source alone, and as it is written.
    anybody.get(&encoded.replace("/demo/", "/other/")).await.expect(404);
    anybody.get(&format!("{encoded}%00")).await.expect(404);
    // Also once it is withdrawn.
    let withdrawal = format!("{}/withdrawal", made.header("location"));
    publisher.post(&withdrawal, json!({"reason": "误发"})).await.expect(201);
    assert_eq!(anybody.get(&encoded).await.expect(200).at("/state"), "withdrawn");
    let repeat = publisher.post("/v1/notices", notice_with(id, json!({}))).await.expect(200);
    assert_eq!((repeat.at("/status"), repeat.at("/state")), (&json!("unchanged"), &json!("withdrawn")));
}

#[tokio::test]
async fn only_the_own_notices_within_the_keys_reach_are_put() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let other = publisher.put(&path("b"), notice_with("a", json!({"source": "x"}))).await;
    let wrong = ["/source", "/source_id"].map(|place| (place.to_owned(), "other_notice".to_owned()));
    assert_eq!(other.expect(422).problem("invalid").violations(), wrong);
    let id = put(&publisher, json!({})).await.expect(201).string("/id");
    let taken = put(&app.publisher().await, json!({"title": "别人的"})).await;
    assert_eq!(taken.expect(409).problem("source_id_taken").at("/detail"), &Value::Null, "whose it is, is not told");
    let narrow = app.publisher_within(json!({"regions": ["430100"]})).await;
    narrow.put(&path("c"), notice_with("c", json!({"region": "430522"}))).await.expect(403).problem("out_of_scope");
    publisher.post(&format!("/v1/notices/{id}/withdrawal"), json!({"reason": "误发"})).await.expect(201);
    put(&publisher, json!({})).await.expect(409).problem("notice_withdrawn");
}

#[tokio::test]
async fn copies_that_come_at_once_make_one_notice_and_one_revision() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    for (title, created) in [("一", 1), ("二", 0)] {
        let calls = (0..8).map(|_| put(&publisher, json!({"title": title})));
        let answers = futures_util::future::join_all(calls).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), created, "{answers:?}");
        assert!(answers.iter().all(|answer| [200, 201].contains(&answer.status)), "{answers:?}");
    }
    assert_eq!(came_to(&put(&publisher, json!({"title": "二"})).await), (200, 2, "none"));
}
