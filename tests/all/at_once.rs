//! All that is wrong with a request is said at once, whoever finds it: the schema, a rule, a parser.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Caller, TestApp, notice_with};

/// Says that the answer names all of these places and rules, and no others.
async fn wrong(caller: &Caller, path: &str, body: Value, expected: &[(&str, &str)]) {
    let answer = caller.post(path, body).await.expect(422).problem("invalid");
    let expected: Vec<_> = expected.iter().map(|(place, rule)| ((*place).to_owned(), (*rule).to_owned())).collect();
    assert_eq!(answer.violations(), expected, "{}", answer.text);
}

#[tokio::test]
async fn what_the_schema_and_what_the_rules_forbid_is_said_together() {
    let app = TestApp::spawn().await;
    let (me, admin) = (app.user().await, app.admin().await);
    let body = json!({
        "kind": "phone", "address": "12345", "code": "123456", "password": "short", "display_name": " ", "x/y": 1,
    });
    let expected = [
        ("/address", "phone"),
        ("/display_name", "display_name"),
        ("/password", "too_short"),
        ("/x~1y", "unknown_field"),
    ];
    wrong(&me, "/v1/users", body, &expected).await;
    let body = json!({ "kind": "phone", "address": "12345", "code": "12345x", "password": "long enough" });
    wrong(&me, "/v1/password-resets/confirm", body, &[("/address", "phone"), ("/code", "pattern")]).await;

    let filter = json!({ "categories": ["nothing"], "keywords": { "any": ["a"] }, "project": "" });
    let body = json!({ "name": " ", "filter": filter, "frequency": "immediate" });
    let expected = [
        ("/filter/categories/0", "unknown_category"),
        ("/filter/keywords/any/0", "word_too_short"),
        ("/filter/project", "too_short"),
        ("/name", "blank"),
    ];
    wrong(&me, "/v1/subscriptions", body, &expected).await;

    let body = json!({ "platform": "ios", "name": " ", "channel": "webhook", "token": "token-0123456789", "x": 1 });
    let expected = [("/channel", "not_of_devices"), ("/name", "blank"), ("/x", "unknown_field")];
    wrong(&me, "/v1/devices", body, &expected).await;

    wrong(&admin, "/v1/admin/publishers", json!({ "name": " \t" }), &[("/name", "blank")]).await;
    let publisher = admin.post("/v1/admin/publishers", json!({ "name": " 甲 " })).await.expect(201);
    assert_eq!(publisher.string("/name"), "甲");
    let keys = format!("/v1/admin/publishers/{}/keys", publisher.string("/id"));
    let body = json!({ "name": " ", "categories": ["nothing"], "sources": ["a b"] });
    let expected = [("/categories/0", "unknown_code"), ("/name", "blank"), ("/sources/0", "pattern")];
    wrong(&admin, &keys, body, &expected).await;
    assert!(admin.get(&keys).await.expect(200).items().is_empty());
}

#[tokio::test]
async fn a_notice_hears_of_its_form_and_of_what_it_names_together() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let body = notice_with("a", json!({ "category": "nothing", "notice_type": "NOTHING", "title": " ", "x": 1 }));
    let mut expected = [
        ("/category", "unknown_category"),
        ("/notice_type", "unknown_notice_type"),
        ("/title", "pattern"),
        ("/x", "unknown_field"),
    ];
    wrong(&publisher, "/v1/notices", body.clone(), &expected).await;
    let made = publisher.post("/v1/notices", notice_with("a", json!({}))).await.expect(201);
    let within = ["/notice/category", "/notice/notice_type", "/notice/title", "/notice/x"];
    for (entry, place) in expected.iter_mut().zip(within) {
        entry.0 = place;
    }
    let path = format!("/v1/notices/{}/revisions", made.string("/id"));
    wrong(&publisher, &path, json!({ "notice": body }), &expected).await;
}

#[tokio::test]
async fn what_only_a_parser_refuses_has_its_place() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let amount = json!({ "kind": "control_price", "fen": 1, "currency": "CNY" });
    let notice = notice_with("a", json!({ "amounts": [amount, amount] }));
    publisher.post("/v1/notices", notice.clone()).await.expect(201);
    // A whole number of JSON schema's, and none of ours.
    let text = notice.to_string().replacen("\"fen\":1", "\"fen\":65000000.0", 1).replace("\"a\"", "\"b\"");
    let answer = publisher.send(Method::POST, "/v1/notices", Some(text), &[]).await.expect(422).problem("invalid");
    assert_eq!(answer.violations(), [("/amounts/0/fen".to_owned(), "value".to_owned())], "{}", answer.text);

    // Not too many characters, and too many bytes.
    let token = "长".repeat(2_000);
    let body = json!({ "platform": "ios", "name": "手机", "channel": "apns", "token": token });
    let me = app.user().await;
    wrong(&me, "/v1/devices", body, &[("/token", "value")]).await;
}
