//! What no caller can make grow or wait: figures, answers, connections.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use yizhan::http::extract::body::READ_WITHIN;
use yizhan::services::refusal::MAX_VIOLATIONS;

use super::support::{Answer, PATIENCE, TestApp};

const REGISTRATIONS: &str = "/v1/registrations";

#[tokio::test]
async fn a_method_that_somebody_makes_up_leaves_no_series_behind() {
    let app = TestApp::spawn().await;
    let anybody = app.anonymous();
    let made_up = Method::from_bytes(b"BREW-COFFEE").expect("a method");
    anybody.send(made_up, "/v1/categories", None, &[]).await.expect(405);
    anybody.get("/v1/categories").await.expect(200);
    let figures = anybody.get("/metrics").await.expect(200).text;
    assert!(figures.contains("method=\"OTHER\"") && figures.contains("method=\"GET\""));
    assert!(!figures.contains("BREW"), "{figures}");
}

/// Says that the answer names some of what is wrong, and not more than anybody reads.
#[track_caller]
fn bounded(answer: Answer, rule: &str) {
    let found = answer.expect(422).problem("invalid").violations();
    assert!((1..=MAX_VIOLATIONS).contains(&found.len()), "{} errors", found.len());
    assert!(found.iter().all(|(_, broken)| broken == rule), "{found:?}");
}

#[tokio::test]
async fn however_much_is_wrong_the_answer_is_short() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let mut body: Map<String, Value> = (0..3_000).map(|number| (format!("x{number}"), json!(1))).collect();
    body.extend([("kind".to_owned(), json!("phone")), ("address".to_owned(), json!("13800138000"))]);
    bounded(me.post(REGISTRATIONS, Value::Object(body)).await, "unknown_field");

    let words = vec!["a\0"; 20];
    let keywords = json!({ "any": words, "all": &words[..10], "none": words });
    let filter = json!({ "keywords": keywords, "purchaser": "a\0", "project": "a\0" });
    let body = json!({ "name": "a\0", "filter": filter, "frequency": "immediate" });
    bounded(me.post("/v1/subscriptions", body).await, "nul");

    let admin = app.admin().await;
    let publisher = admin.post("/v1/admin/publishers", json!({ "name": "甲" })).await.expect(201).string("/id");
    let regions: Vec<_> = (0..500).map(|number| format!("no-{number}")).collect();
    let keys = format!("/v1/admin/publishers/{publisher}/keys");
    bounded(admin.post(&keys, json!({ "name": "x", "regions": regions })).await, "unknown_code");
}

#[tokio::test]
async fn a_query_is_bounded_where_parameters_are_taken_and_where_none_are() {
    let app = TestApp::spawn().await;
    let anybody = app.anonymous();
    for path in ["/v1/notices", "/v1/categories", "/healthz", "/%76%31/categories"] {
        let many: String = (0..500).map(|number| format!("x{number}=1&")).collect();
        bounded(anybody.get(&format!("{path}?{many}")).await, "unknown_parameter");
        let long = "x&".repeat(5_000);
        bounded(anybody.get(&format!("{path}?{long}")).await, "too_long");
    }
    let same = "limit=1&".repeat(500);
    bounded(anybody.get(&format!("/v1/notices?{same}")).await, "repeated");
}

#[tokio::test]
async fn a_body_that_trickles_in_holds_a_connection_for_fifteen_seconds() {
    let app = TestApp::spawn().await;
    let address = app.url("").replace("http://", "");
    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    let head = format!(
        "POST {REGISTRATIONS} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{{"
    );
    // Before the server can begin to count.
    let begun = Instant::now();
    stream.write_all(head.as_bytes()).await.expect("a head");
    let (mut reader, mut writer) = stream.into_split();
    let trickle = tokio::spawn(async move {
        while writer.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let mut answer = Vec::new();
    let read = tokio::time::timeout(READ_WITHIN + PATIENCE, reader.read_to_end(&mut answer)).await;
    trickle.abort();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"code\":\"body_too_slow\""), "{read:?}: {answer}");
    // Whether the end is orderly or not: the connection is gone.
    read.expect("the connection is closed").ok();
    assert!(begun.elapsed() >= READ_WITHIN, "{:?}", begun.elapsed());
}
