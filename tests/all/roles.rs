//! What a copy serves that is not there for callers, and where it is found.

use serde_json::json;

use super::support::{TestApp, notice, subscription};

#[tokio::test]
async fn a_copy_without_the_role_api_serves_what_machines_watch_and_nothing_else() {
    let app = TestApp::spawn().await;
    let copy = app.another(|config| config.roles.api = false).await;
    let (anybody, admin) = (copy.anonymous(), app.admin().await.at(copy.url("")));
    anybody.get("/healthz").await.expect(200);
    anybody.get("/metrics").await.expect(200);
    let ready = anybody.get("/readyz").await.expect(200);
    assert_eq!(ready.at("/roles"), &json!(["notifier", "scheduler"]));
    anybody.get("/sandbox/v1/stats").await.expect(200);
    for path in ["/v1/categories", "/v1/categories?x=1", "/v1/me", "/.well-known/jwks.json", "/openapi.json", "/docs/"]
    {
        admin.get(path).await.expect(404).problem("not_found");
    }
    admin.post("/v1/sessions", json!({})).await.expect(404).problem("not_found");
    anybody.post("/healthz", json!({})).await.expect(405).problem("method_not_allowed");
}

#[tokio::test]
async fn whoever_listens_everywhere_still_finds_the_own_sandbox() {
    let app = TestApp::with(|config| config.listen = "0.0.0.0:0".parse().expect("an address")).await;
    let (publisher, reader) = (app.publisher().await, app.user().await);
    let phone = reader.with_device().await;
    subscription().subscribe(&reader).await;
    let published = notice().publish(&publisher).await;
    assert!(app.shown(&phone, 1).await.text.contains(&published));
}

#[tokio::test]
async fn a_copy_that_sends_to_anothers_sandbox_says_so() {
    let app = TestApp::with(|config| {
        config.sandbox = false;
        config.notifier.sandbox_url = Some("http://127.0.0.1:9".to_owned());
    })
    .await;
    let ready = app.anonymous().get("/readyz").await.expect(200);
    assert_eq!((ready.at("/sandbox"), ready.at("/degraded")), (&json!(true), &json!(["sandbox_remote"])));
    assert!(!ready.at("/unconfigured_channels").as_array().expect("a list").contains(&json!("sandbox")));
}
