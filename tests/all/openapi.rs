//! The document: current, complete, and what the server shows.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::support::{Contract, Guard, TestApp};

/// What an operation's id begins with: one that is not here is either a new verb or no verb.
const VERBS: &str = "list get create update change set delete end remove start confirm refresh register count sync mark \
                     read explain archive restore pause resume publish put revise withdraw replay \
                     stream schedule replace cancel rotate test resend search suggest preview import";

#[tokio::test]
async fn the_committed_document_is_what_the_code_says_and_the_server_shows() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/openapi.json");
    let committed = std::fs::read_to_string(path).expect("openapi/openapi.json");
    assert!(committed == yizhan::http::openapi::text(), "openapi/openapi.json is old: run scripts/openapi");
    let app = TestApp::spawn().await;
    let served = app.anonymous().get("/openapi.json").await.expect(200);
    assert!(served.text == committed, "the server shows another document");
    assert_eq!(served.json["openapi"], "3.1.0");
    assert_eq!(served.json["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_operation_says_what_it_is() {
    let contract = Contract::read();
    let tags: BTreeSet<_> = contract.json()["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .map(|tag| &tag["name"])
        .map(Value::to_string)
        .collect();
    let mut ids = BTreeSet::new();
    for operation in contract.operations() {
        let (id, node) = (&operation.id, &operation.node);
        assert!(ids.insert(id.clone()), "{id} is there twice");
        assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{id} is not in snake case");
        let verb = id.split('_').next().unwrap_or_default();
        assert!(VERBS.split_whitespace().any(|known| known == verb), "{id} begins with no verb");
        let summary = node["summary"].as_str().unwrap_or_default();
        assert!(!summary.is_empty() && !summary.ends_with('.'), "{id}: its summary is a title: {summary}");
        let description = node["description"].as_str().unwrap_or_default();
        assert!(description.chars().any(|letter| letter > '\u{2e80}'), "{id} is not described in Chinese");
        let own = node["tags"].as_array().expect("a tag");
        assert_eq!(own.len(), 1, "{id} stands in one chapter");
        assert!(tags.contains(&own[0].to_string()), "{id}: the chapter {} has no description", own[0]);
    }
}

#[test]
fn every_answer_is_described() {
    for operation in Contract::read().operations() {
        for (status, answer) in operation.node["responses"].as_object().expect("answers") {
            let described =
                answer["$ref"].is_string() || answer["description"].as_str().is_some_and(|it| !it.is_empty());
            assert!(described, "{}: {status} has no description, which OpenAPI wants of each", operation.id);
        }
    }
}

#[test]
fn every_operation_says_what_may_go_wrong() {
    for operation in Contract::read().operations() {
        let id = &operation.id;
        let says = |status: &str, code: &str| {
            let example = format!("/responses/{status}/content/application~1problem+json/examples/{code}/$ref");
            let found = operation.node.pointer(&example);
            let wanted = format!("#/components/examples/{code}");
            assert_eq!(found.and_then(Value::as_str), Some(wanted.as_str()), "{id} does not say {status} {code}");
        };
        says("500", "internal");
        if operation.path.starts_with("/v1/") {
            says("429", "too_many_requests");
        }
        if operation.body().is_some() {
            says("400", "malformed_json");
            says("413", "body_too_large");
            says("415", "unsupported_media_type");
            says("422", "invalid");
        }
        if !operation.parameters("query").is_empty() {
            says("422", "invalid");
        }
        if operation.guard != Guard::Open {
            says("401", "unauthenticated");
        }
        if matches!(operation.guard, Guard::Admin | Guard::Operator) {
            says("403", "forbidden");
        }
        if operation.path.contains('{') {
            says("404", "not_found");
        }
    }
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let contract = Contract::read();
    let mut open = vec![contract.json()];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(to) = fields.get("$ref").and_then(Value::as_str) {
                    assert!(contract.json().pointer(to.trim_start_matches('#')).is_some(), "{to} leads nowhere");
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}

#[test]
fn what_a_device_receives_is_documented() {
    let contract = Contract::read();
    let message = "/webhooks/notice.message/post/requestBody/content/application~1json";
    let content = contract.json().pointer(message).expect("the message");
    let validator = contract.validator(&content["schema"]);
    assert!(validator.is_valid(&content["example"]), "the example is of another form");
}
