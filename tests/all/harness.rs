//! What the harness itself promises, and what holds for every answer.

use std::time::Duration;

use reqwest::header::HeaderMap;
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use yizhan::storage;

use super::support::{Answer, Database, Pair, Person, TestApp, TestWorld, eventually};

#[tokio::test]
async fn the_application_starts_answers_and_stops() {
    let app = TestApp::spawn().await;
    app.anonymous().get("/healthz").await.expect(200);
}

#[tokio::test]
async fn two_tests_never_meet() {
    let (one, other) = (TestApp::spawn().await, TestApp::spawn().await);
    let connection = one.database().connect().await;
    connection.execute_unprepared("UPDATE commit_order SET position = 77").await.expect("a change in one");
    assert_eq!((position(one.database()).await, position(other.database()).await), (77, 0));
    assert_ne!(
        one.database().redis_url.is_some(),
        matches!(other.database().pair(), Pair::SqliteTable | Pair::PostgresTable(_))
    );
}

#[tokio::test]
async fn copies_share_a_database_and_a_restart_keeps_it() {
    let mut app = TestApp::with(|config| config.storage.pool = 4).await;
    assert_eq!(app.config().storage.pool, 4);
    let copy = app.second_copy().await;
    let caller = app.anonymous();
    caller.at(copy.url("")).get("/healthz").await.expect(200);
    drop(copy);
    caller.get("/healthz").await.expect(200);
    app.restart().await;
    eventually("the restarted application answers", async || {
        Some(app.anonymous().get("/healthz").await).filter(|answer| answer.status == 200)
    })
    .await;
}

#[tokio::test]
async fn an_unknown_path_is_a_problem_document_whatever_the_method() {
    let app = TestApp::spawn().await;
    let caller = app.anonymous();
    let path = "/v1/nowhere";
    let answers: [Answer; 6] = [
        caller.get(path).await,
        caller.post(path, json!({})).await,
        caller.post_once(path, "once", json!({})).await,
        caller.put(path, json!({})).await,
        caller.patch(path, json!({})).await,
        caller.bearing("nothing").delete(path).await,
    ];
    for answer in answers {
        let answer = answer.expect(404).problem("not_found");
        assert_eq!((answer.string("/title").as_str(), answer.at("/errors")), ("没有找到", &json!(null)));
        assert!(answer.violations().is_empty());
    }
}

#[tokio::test]
async fn everybody_is_somebody_else() {
    let app = TestApp::spawn().await;
    let people: [Person; 4] = [app.user().await, app.user().await, app.operator().await, app.admin().await];
    for (at, person) in people.iter().enumerate() {
        let others = people.iter().filter(|other| other.id == person.id || other.session == person.session);
        assert_eq!(others.count(), 1, "{at}");
    }
    let publishers = [app.publisher().await, app.publisher_within(json!({ "regions": ["430000"] })).await];
    for publisher in publishers {
        publisher.get("/v1/admin/publishers").await.expect(401).problem("unauthenticated");
    }
}

#[tokio::test]
async fn time_passes_at_once_and_for_all_copies() {
    let app = TestApp::spawn().await;
    let user = app.user().await;
    user.get("/v1/me").await.expect(200);
    let world: &TestWorld = app.world();
    world.advance(Duration::from_secs(16 * 60));
    user.get("/v1/me").await.expect(401).problem("unauthenticated");
}

#[tokio::test]
async fn letters_can_be_opened() {
    let app = TestApp::spawn().await;
    let body = json!({ "kind": "email", "address": "zhang@example.com" });
    app.anonymous().post("/v1/registrations", body).await.expect(202);
    let code = app.world().open_letter("zhang@example.com").await.expect("a code");
    assert_eq!(code.len(), 6);
}

#[test]
fn a_list_is_read_by_its_items() {
    let json = json!({ "items": [1, 2], "next_cursor": null });
    let (asked, headers, text) = (String::new(), HeaderMap::new(), json.to_string());
    assert_eq!(Answer { asked, status: 200, headers, text, json }.items(), [json!(1), json!(2)]);
}

async fn position(database: &Database) -> i64 {
    let reader = database.connect().await;
    storage::value(&reader, "SELECT position AS value FROM commit_order", []).await.expect("a position")
}
