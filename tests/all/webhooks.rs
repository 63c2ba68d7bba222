//! What the document says that we send, against what is sent: a call is caught on its way out.
//!
//! With `YIZHAN_RECORD_EXAMPLES=1` the caught call becomes the example.

use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use actix_web::web::{Data, Json, post};
use actix_web::{App, HttpServer};
use serde_json::{Value, json};

use super::support::{Contract, Receiver, Reply, TestApp, eventually};

const CONTENT: &str = "/webhooks/notice.message/post/requestBody/content/application~1json";

const TOKENS: [&str; 2] = ["sandbox-token-0123456789", "sandbox-token-9876543210"];
const KEYS: [&str; 2] = ["dlv_01h455vb4pex5vsknk084sn02q", "dlv_01h455vb4pex5vsknk084sn02r"];

type Caught = Arc<Mutex<Vec<Value>>>;

/// Takes what is meant for another process' sandbox; says where it listens.
fn catcher(caught: &Caught) -> String {
    async fn take(caught: Data<Caught>, call: Json<Value>) -> Json<Value> {
        let taken = call["recipients"].as_array().map(|recipients| vec![json!({"code": "ok"}); recipients.len()]);
        caught.lock().expect("the calls").push(call.into_inner());
        Json(json!({ "results": taken }))
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let caught = Data::new(Arc::clone(caught));
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = move || App::new().app_data(caught.clone()).route("/sandbox/v1/messages:batch", post().to(take));
            HttpServer::new(app).workers(1).disable_signals().listen_auto_h2c(listener).expect("a server").run().await
        })
    });
    base
}

/// A call with the samples of the document in place of what differs each time.
fn settled(call: &Value) -> Value {
    let message = &call["message"];
    let sample = |text: String, value: &Value, sample: &str| text.replace(value.as_str().expect("a text"), sample);
    let text = sample(call.to_string(), &message["notice"], "ntc_01h455vb4pex5vsknk084sn02q");
    let text = sample(text, &message["expires_at"], "2026-11-24T01:30:00.000Z");
    let mut call: Value = serde_json::from_str(&text.replace("2036-", "2026-")).expect("JSON");
    let recipients = call["recipients"].as_array_mut().expect("recipients");
    recipients.sort_by_key(|recipient| recipient["token"].to_string());
    for (recipient, key) in recipients.iter_mut().zip(KEYS) {
        recipient["idempotency_key"] = json!(key);
    }
    call
}

#[tokio::test]
async fn what_is_pushed_is_what_the_document_shows() {
    let caught = Caught::default();
    let base = catcher(&caught);
    let app = TestApp::with(|config| {
        config.sandbox = false;
        config.notifier.sandbox_url = Some(base);
    })
    .await;
    let (reader, publisher) = (app.user().await, app.publisher().await);
    // Two, for a call to many: a call to one has its own form at the sandbox.
    for token in TOKENS {
        let device = json!({"platform": "ios", "name": "手机", "channel": "sandbox", "token": token});
        reader.post("/v1/devices", device).await.expect(201);
    }
    let wish = json!({"name": "工程", "filter": {"categories": ["construction"]}, "frequency": "immediate"});
    reader.post("/v1/subscriptions", wish).await.expect(201);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi");
    let text = std::fs::read_to_string(root.join("examples/publish_notice.json")).expect("an example");
    // Far enough away not to have passed; the example shows ten years earlier.
    let text = text.replace("{{in_two_weeks}}", "2036-12-07T01:30:00.000Z");
    let example: Value = serde_json::from_str(&text).expect("JSON");
    publisher.post("/v1/notices", example["request"].clone()).await.expect(201);
    let call = eventually("a call was caught", async || caught.lock().expect("the calls").first().cloned()).await;

    let contract = Contract::read();
    let shown = contract.json().pointer(CONTENT).expect("the webhook");
    let validator = contract.validator(&shown["schema"]);
    let wrong: Vec<_> =
        validator.iter_errors(&call).map(|error| format!("{} {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "another form is documented: {wrong:?}\n{call}");
    if std::env::var("YIZHAN_RECORD_EXAMPLES").is_ok() {
        let text = serde_json::to_string_pretty(&settled(&call)).expect("JSON") + "\n";
        return std::fs::write(root.join("webhooks/notice_message.json"), text).expect("a written example");
    }
    assert_eq!(shown["example"], settled(&call), "record it anew: the head of this file says how");
    // Where it says that the notice is to be read, it is.
    app.anonymous().get(call["message"]["url"].as_str().expect("a path")).await.expect(200);
}

/// Each preset, under which name the document tells of it, and the file of its example.
const PRESETS: [(&str, &str, &str); 4] = [
    ("standard", "notice.published", "notice_event"),
    ("wecom", "bot.wecom", "wecom"),
    ("dingtalk", "bot.dingtalk", "dingtalk"),
    ("feishu", "bot.feishu", "feishu"),
];

/// A webhook's call with the samples of the document in place of what differs each time.
fn settled_for_webhook(call: &Value, webhook: &str) -> Value {
    let mut call = call.clone();
    let instant = |text: &str| if text.starts_with("20") { "2026-11-23T01:30:00.000Z" } else { "1795397400" };
    if let Some(at) = call["timestamp"].as_str().map(instant) {
        call["timestamp"] = json!(at);
    }
    if call["sign"].is_string() {
        call["sign"] = json!("bDFOMGdBY0Jqc2R3QnZHbTF4TWpPRjBYU3lhTFJwUjc=");
    }
    let mut text = call.to_string().replace("2036-", "2026-").replace(webhook, "whk_01h455vb4pex5vsknk084sn02q");
    if let Some(id) = call["data"]["notice"]["id"].as_str() {
        text = text.replace(id, "ntc_01h455vb4pex5vsknk084sn02q");
    }
    serde_json::from_str(&text).expect("JSON")
}

/// Says that a call is of the documented form and is the example, or makes it the example.
fn as_documented(call: &Value, name: &str, file: &str) {
    let contract = Contract::read();
    let at = format!("/webhooks/{name}/post/requestBody/content/application~1json");
    let shown = contract.json().pointer(&at).unwrap_or_else(|| panic!("{name} is not documented"));
    let validator = contract.validator(&shown["schema"]);
    let wrong: Vec<_> = validator.iter_errors(call).map(|error| format!("{} {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{name}: another form is documented: {wrong:?}\n{call}");
    if std::env::var("YIZHAN_RECORD_EXAMPLES").is_ok() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("openapi/webhooks/{file}.json"));
        let text = serde_json::to_string_pretty(call).expect("JSON") + "\n";
        return std::fs::write(path, text).expect("a written example");
    }
    assert_eq!(shown["example"], *call, "record {name} anew: the head of this file says how");
}

#[tokio::test]
async fn what_each_preset_is_sent_is_what_the_document_shows() {
    let app = super::webhook::app().await;
    let (me, publisher) = (app.user().await, app.publisher().await);
    let wish = json!({"name": "工程", "filter": {"categories": ["construction"]}, "frequency": "immediate"});
    me.post("/v1/subscriptions", wish).await.expect(201);
    let mut receivers = Vec::new();
    for (preset, ..) in PRESETS {
        let receiver = Receiver::start().await;
        receiver.always(Reply::said(r#"{"errcode":0,"code":0}"#));
        let mut body = json!({"preset": preset, "url": receiver.url("/"), "label": "示例"});
        if matches!(preset, "dingtalk" | "feishu") {
            body["secret"] = json!("SEC0123456789");
        }
        let made = me.post("/v1/webhooks", body).await.expect(201).string("/webhook/id");
        receivers.push((receiver, made));
    }
    let (standard, webhook) = &receivers[0];
    me.post(&format!("/v1/webhooks/{webhook}/test"), json!({})).await.expect(200);
    as_documented(&settled_for_webhook(&standard.received(1).await[0].json(), webhook), "webhook.test", "webhook_test");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi");
    let text = std::fs::read_to_string(root.join("examples/publish_notice.json")).expect("an example");
    let text = text.replace("{{in_two_weeks}}", "2036-12-07T01:30:00.000Z");
    let example: Value = serde_json::from_str(&text).expect("JSON");
    publisher.post("/v1/notices", example["request"].clone()).await.expect(201);
    for ((receiver, webhook), (_, name, file)) in receivers.iter().zip(PRESETS) {
        let calls = if file == "notice_event" { 2 } else { 1 };
        let call = receiver.received(calls).await.pop().expect("a call");
        as_documented(&settled_for_webhook(&call.json(), webhook), name, file);
    }
}
