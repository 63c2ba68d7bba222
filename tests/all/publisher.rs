//! Publishers and their keys.

use serde_json::json;

use super::support::{TestApp, notice_as, notice_with};

#[tokio::test]
async fn only_admins_make_publishers() {
    let app = TestApp::spawn().await;
    let body = json!({"name": "长沙公共资源交易中心"});
    app.anonymous().post("/v1/admin/publishers", body.clone()).await.expect(401).problem("unauthenticated");
    app.user().await.post("/v1/admin/publishers", body.clone()).await.expect(403).problem("forbidden");
    let admin = app.admin().await;
    let made = admin.post("/v1/admin/publishers", body.clone()).await.expect(201);
    assert_eq!(made.header("location"), format!("/v1/admin/publishers/{}", made.string("/id")));
    admin.post("/v1/admin/publishers", body).await.expect(409).problem("name_taken");
    assert_eq!(admin.get("/v1/admin/publishers").await.expect(200).items().len(), 1);
}

#[tokio::test]
async fn a_secret_is_shown_once_and_never_kept() {
    let app = TestApp::spawn().await;
    let admin = app.admin().await;
    let made = admin.post_once("/v1/admin/publishers", "one", json!({"name": "甲"})).await.expect(201);
    let again = admin.post_once("/v1/admin/publishers", "one", json!({"name": "甲"})).await.expect(201);
    assert_eq!(made.string("/id"), again.string("/id"));

    let keys = format!("/v1/admin/publishers/{}/keys", made.string("/id"));
    let body = json!({"name": "交易系统", "sources": ["demo"], "categories": ["construction"], "regions": ["430000"]});
    let key = admin.post_once(&keys, "two", body.clone()).await.expect(201);
    let secret = key.string("/secret");
    assert!(secret.starts_with("yzk_"));
    let repeat = admin.post_once(&keys, "two", body).await.expect(409).problem("secret_shown_once");
    assert_eq!(repeat.at("/detail"), key.at("/key/id"));
    let listed = admin.get(&keys).await.expect(200);
    assert_eq!(listed.items().len(), 1);
    assert!(!listed.text.contains(&secret), "{}", listed.text);
    assert_eq!(listed.at("/items/0/categories"), &json!(["construction"]));
}

#[tokio::test]
async fn a_scope_names_what_exists() {
    let app = TestApp::spawn().await;
    let admin = app.admin().await;
    let made = admin.post("/v1/admin/publishers", json!({"name": "甲"})).await.expect(201);
    let keys = format!("/v1/admin/publishers/{}/keys", made.string("/id"));
    let body = json!({"name": "x", "categories": ["construction", "nothing"], "regions": ["999999"]});
    let violations = admin.post(&keys, body).await.expect(422).problem("invalid").violations();
    let rule = "unknown_code".to_owned();
    assert_eq!(violations, [("/categories/1".to_owned(), rule.clone()), ("/regions/0".to_owned(), rule)]);
}

#[tokio::test]
async fn a_key_reaches_no_further_than_its_scope() {
    let app = TestApp::spawn().await;
    let scope = json!({"sources": ["demo"], "categories": ["construction"], "regions": ["430124"]});
    let publisher = app.publisher_within(scope).await;
    // 430182 took 430124 over.
    publisher.post("/v1/notices", notice_with("a", json!({"region": "430182"}))).await.expect(201);
    for (field, value) in [("source", "other"), ("category", "gov-procurement"), ("region", "430100")] {
        let mut outside = notice_with("b", json!({"region": "430182"}));
        outside[field] = json!(value);
        let refused = publisher.post("/v1/notices", outside).await.expect(403).problem("out_of_scope");
        assert_eq!(refused.violations(), [(format!("/{field}"), "out_of_scope".to_owned())]);
    }
    let list = app.anonymous().get("/v1/notices").await.expect(200);
    assert_eq!(list.items().len(), 1);
}

#[tokio::test]
async fn an_ended_key_opens_nothing() {
    let app = TestApp::spawn().await;
    let admin = app.admin().await;
    let made = admin.post("/v1/admin/publishers", json!({"name": "甲"})).await.expect(201);
    let path = format!("/v1/admin/publishers/{}", made.string("/id"));
    let mut callers = Vec::new();
    for name in ["一", "二"] {
        let key = admin.post(&format!("{path}/keys"), json!({"name": name})).await.expect(201);
        let caller = app.anonymous().bearing(key.string("/secret"));
        caller.post("/v1/notices", notice_as(name)).await.expect(201);
        callers.push((key.string("/key/id"), caller));
    }
    let (first, second) = (&callers[0], &callers[1]);
    admin.delete(&format!("{path}/keys/{}", first.0)).await.expect(204);
    first.1.post("/v1/notices", notice_as("x")).await.expect(401).problem("unauthenticated");
    second.1.post("/v1/notices", notice_as("y")).await.expect(201);
    admin.delete(&format!("{path}/keys/{}", first.0)).await.expect(404);
    admin.delete(&path).await.expect(204);
    second.1.post("/v1/notices", notice_as("z")).await.expect(401).problem("unauthenticated");
    admin.post(&format!("{path}/keys"), json!({"name": "三"})).await.expect(404).problem("not_found");
    app.anonymous().bearing("yzk_nothing").post("/v1/notices", notice_as("z")).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reaches_anothers_readers_by_amending_a_notice_outside_their_scope() {
    let app = TestApp::spawn().await;
    let theirs = app.publisher().await.post("/v1/notices", notice_as("a")).await.expect(201).string("/id");
    let stranger = app.publisher_within(json!({"sources": ["stranger"]})).await;
    let amendment = json!({"source": "stranger", "notice_type": "C-CLARIFY", "amends": theirs});
    let refused = stranger.post("/v1/notices", notice_with("b", amendment)).await;
    refused.expect(422).problem("amended_notice_unknown");
}
