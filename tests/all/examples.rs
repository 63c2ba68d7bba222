//! The examples of the document, walked through a running server in the order of the journey.
//!
//! With `YIZHAN_RECORD_EXAMPLES=1` the answers are written into the files: write what is asked by hand, record the rest,
//! read what was recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Map, Value, json};
use yizhan::domain::time::Clock;
use yizhan::http::openapi::examples::{JOURNEY, SAMPLES};

use super::support::{Answer, Caller, Contract, Guard, Operation, Receiver, TestApp, eventually, stream};

/// The media type of streams of lines.
const NDJSON: &str = "application/x-ndjson";

#[test]
fn every_operation_has_an_example_and_every_example_an_operation() {
    let operations: BTreeSet<_> = Contract::read().operations().into_iter().map(|operation| operation.id).collect();
    let listed: BTreeSet<_> = JOURNEY.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(listed.len(), JOURNEY.len(), "an example is listed twice");
    let files = std::fs::read_dir(folder()).expect("openapi/examples");
    let name = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let files: BTreeSet<_> = files.map(|entry| name(entry.expect("an entry").path())).collect();
    let missing: Vec<_> = operations.difference(&listed).collect();
    assert!(missing.is_empty(), "no example in openapi/examples and its list: {missing:?}");
    assert_eq!(listed, operations, "an example without an operation");
    assert_eq!(files, listed, "a file that is not in the list of http/openapi/examples.rs");
}

#[test]
fn every_value_that_a_journey_makes_up_is_shown_by_a_sample() {
    let samples: BTreeSet<_> = SAMPLES.iter().map(|(name, _)| *name).collect();
    for (id, text) in JOURNEY {
        for name in text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()) {
            assert!(samples.contains(name), "{id}: {{{{{name}}}}} has no sample");
        }
        let example: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{id}: {error}"));
        for name in example["capture"].as_object().into_iter().flatten().map(|(name, _)| name) {
            assert!(samples.contains(name.as_str()), "{id}: `{name}` is captured and has no sample");
        }
    }
}

#[tokio::test]
async fn every_example_is_what_the_server_does() {
    let mut journey = Journey::begin().await;
    for (id, text) in JOURNEY {
        journey.prepare(id).await;
        journey.step(id, text).await;
        journey.settle(id).await;
    }
}

/// A walk through the API, and what was learnt on it.
struct Journey {
    app: TestApp,
    contract: Contract,
    operations: BTreeMap<String, Operation>,
    operator: Caller,
    admin: Caller,
    values: BTreeMap<String, String>,
}

impl Journey {
    async fn begin() -> Self {
        let app = super::webhook::app().await;
        let receiver = Receiver::start().await;
        let contract = Contract::read();
        let operations = contract.operations().into_iter().map(|operation| (operation.id.clone(), operation)).collect();
        let (operator, admin) = ((*app.operator().await).clone(), (*app.admin().await).clone());
        let ahead = |days: u64| (Clock::system().now() + Duration::from_secs(days * 24 * 60 * 60)).to_string();
        let url = receiver.url("/in/0123456789abcdef");
        let values = [("tomorrow", ahead(1)), ("in_two_weeks", ahead(14)), ("webhook_url", url)];
        let values = values.map(|(name, value)| (name.to_owned(), value)).into();
        Self { app, contract, operations, operator, admin, values }
    }

    /// What must be so before an operation is called.
    async fn prepare(&mut self, id: &str) {
        match id {
            "create_user" | "confirm_password_reset" => {
                let code = self.app.world().open_letter("+8613800138000").await.expect("a code");
                self.values.insert("code".to_owned(), code);
            }
            "publish_notice" => {
                // Another phone, which refuses what it gets: there shall be dead letters to be looked at.
                let token = "refused-token-0123456789";
                let device = json!({ "platform": "ios", "name": "平板", "channel": "sandbox", "token": token });
                self.caller(Guard::User).post("/v1/devices", device).await.expect(201);
            }
            "delete_session" => {
                let other = self.sign_in().await;
                self.values.insert("other_session_id".to_owned(), other.string("/session_id"));
            }
            "delete_me" => {
                let again = self.sign_in().await;
                self.values.insert("access_token".to_owned(), again.string("/access_token"));
            }
            _ => {}
        }
    }

    /// What an operation sets off is waited for.
    async fn settle(&self, id: &str) {
        let revision = match id {
            "publish_notice" => 1,
            "revise_notice" => 2,
            _ => return,
        };
        let path = format!("/v1/operator/deliveries?notice={}", self.values["notice_id"]);
        let is_over = |delivery: &Value| delivery["state"] == "accepted" || delivery["state"] == "refused";
        let over = async || {
            let deliveries = self.operator.get(&path).await.expect(200);
            (deliveries.items().iter().filter(|delivery| is_over(delivery)).count() == 3 * revision).then_some(())
        };
        eventually("both phones and the webhook have been sent to", over).await;
    }

    async fn sign_in(&self) -> Answer {
        let (_, text) = JOURNEY.iter().find(|(id, _)| *id == "create_session").expect("an example of signing in");
        let example: Value = serde_json::from_str(&self.fill(text)).expect("JSON");
        self.app.anonymous().post("/v1/sessions", example["request"].clone()).await.expect(201)
    }

    fn caller(&self, guard: Guard) -> Caller {
        let bearing = |name: &str| self.app.anonymous().bearing(self.values[name].clone());
        match guard {
            Guard::Open => self.app.anonymous(),
            Guard::User => bearing("access_token"),
            Guard::Operator => self.operator.clone(),
            Guard::Admin => self.admin.clone(),
            Guard::Publisher => bearing("publisher_secret"),
        }
    }

    fn fill(&self, text: &str) -> String {
        self.values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
    }

    async fn step(&mut self, id: &str, text: &str) {
        let operation = self.operations.get(id).unwrap_or_else(|| panic!("{id} is no operation")).clone();
        let example: Value = serde_json::from_str(&self.fill(text)).unwrap_or_else(|error| panic!("{id}: {error}"));
        if id == "stream_inbox" {
            self.can_be_told(&example).await;
        }
        if id == "get_reach" || id == "get_own_reach" {
            self.is_checked().await;
        }
        let mut answer = self.ask(&operation, &example).await;
        if answer.header("content-type") == NDJSON {
            let line = |line: &str| serde_json::from_str::<Value>(line).expect("a line of JSON");
            answer.json = answer.text.lines().map(line).collect();
        }
        let (status, body) = (&example["response"]["status"], &example["response"]["body"]);
        assert_eq!(json!(answer.status), *status, "{id}: {}", answer.text);
        self.check_form(&operation, &answer);
        for (name, pointer) in example["capture"].as_object().into_iter().flatten() {
            self.values.insert(name.clone(), answer.string(pointer.as_str().expect("a pointer")));
        }
        if std::env::var("YIZHAN_RECORD_EXAMPLES").is_ok() {
            return self.record(id, text, &answer);
        }
        if stream::is_stream(&answer.headers) {
            let names = |text: &str| stream::events(text).into_iter().map(|event| event.name).collect::<Vec<_>>();
            let shown = body.as_str().unwrap_or_default();
            assert_eq!(names(shown), names(&answer.text), "{id}: {}", answer.text);
            return;
        }
        same_keys(body, &answer.json).unwrap_or_else(|place| panic!("{id} differs at {place}: {}", answer.text));
    }

    /// Waits until the changes after an example's cursor can be told: on PostgreSQL anybody's older transaction that is
    /// still open holds them back.
    async fn can_be_told(&self, example: &Value) {
        let cursor = example["query"]["cursor"].as_str().expect("a cursor");
        let (me, path) = (self.caller(Guard::User), format!("/v1/inbox/sync?cursor={cursor}"));
        let told = async || (!me.get(&path).await.expect(200).items().is_empty()).then_some(());
        eventually("the change can be told", told).await;
    }

    /// Waits until the counters of the notice were held against the rows: until then the report says so.
    async fn is_checked(&self) {
        let path = format!("/v1/operator/notices/{}/reach", self.values["notice_id"]);
        let checked = async || {
            let report = self.operator.get(&path).await.expect(200);
            let revisions = report.at("/revisions").as_array().expect("revisions").clone();
            revisions.iter().all(|revision| !revision["checked_at"].is_null()).then_some(())
        };
        eventually("the counters are checked", checked).await;
    }

    async fn ask(&self, operation: &Operation, example: &Value) -> Answer {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        let path = operation.at(|name| text(&example["path"][name]));
        let query: Vec<_> = example["query"].as_object().into_iter().flatten().collect();
        let query: Vec<_> = query.into_iter().map(|(name, value)| (name, text(value))).collect();
        let query = serde_urlencoded::to_string(query).expect("a query");
        let path = if query.is_empty() { path } else { format!("{path}?{query}") };
        let headers: Vec<_> = example["headers"].as_object().into_iter().flatten().collect();
        let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.as_str(), text(value))).collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let is_stream = operation.node["requestBody"]["content"][NDJSON].is_object();
        let mut body = example.get("request").map(Value::to_string);
        assert_eq!(body.is_some(), operation.body().is_some() || is_stream, "{}: body or none?", operation.id);
        let mut headers = headers;
        if is_stream {
            let lines = example["request"].as_array().expect("lines").iter();
            body = Some(lines.map(|line| format!("{line}\n")).collect());
            headers.push(("content-type", NDJSON));
        }
        self.caller(operation.guard).send(operation.method.clone(), &path, body, &headers).await
    }

    /// The answer is of the form that the document gives for its status, and has the headers that belong to it.
    fn check_form(&self, operation: &Operation, answer: &Answer) {
        let (id, status) = (&operation.id, answer.status);
        let documented = operation.node.pointer(&format!("/responses/{status}"));
        let documented = documented.unwrap_or_else(|| panic!("{id}: {status} is not documented"));
        match documented.pointer("/content/application~1json/schema") {
            None if documented["content"]["text/event-stream"].is_object() => {
                let known = ["InboxReadyView", "InboxEndView", "InboxChangeView"];
                for event in stream::events(&answer.text) {
                    let form = |name: &&str| {
                        let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
                        self.contract.validator(&schema).is_valid(&event.data)
                    };
                    assert!(known.iter().any(form), "{id}: an event of no documented form: {event:?}");
                }
            }
            None if documented["content"][NDJSON].is_object() => {
                let validator = self.contract.validator(&documented["content"][NDJSON]["schema"]);
                let lines = answer.json.as_array().expect("lines");
                assert!(lines.iter().all(|line| validator.is_valid(line)), "{id}: {}", answer.text);
            }
            None if documented["content"].is_object() => {
                let kind = answer.header("content-type").split(';').next().unwrap_or_default().to_owned();
                let shown = &documented["content"][&kind];
                assert!(shown.is_object(), "{id}: {kind} is not documented");
                if kind.ends_with("json") {
                    let validator = self.contract.validator(&shown["schema"]);
                    assert!(validator.is_valid(&answer.json), "{id} answers another form: {}", answer.text);
                }
            }
            None => assert_eq!(answer.text, "", "{id}: no body is documented"),
            Some(schema) => {
                let validator = self.contract.validator(schema);
                let wrong: Vec<_> = validator
                    .iter_errors(&answer.json)
                    .map(|error| format!("{} {error}", error.instance_path()))
                    .collect();
                assert!(wrong.is_empty(), "{id} answers another form: {wrong:?}\n{}", answer.text);
            }
        }
        if status == 201 && operation.method == Method::POST {
            assert_ne!(answer.header("location"), "", "{id}: made, and not said where");
        }
    }

    fn record(&self, id: &str, text: &str, answer: &Answer) {
        let mut example: Map<String, Value> = serde_json::from_str(text).expect("JSON");
        let mut response = json!({ "status": answer.status });
        if stream::is_stream(&answer.headers) {
            let shown: String = stream::events(&answer.text).iter().map(|event| self.written(event)).collect();
            response["body"] = json!(format!("retry: 3000\n\n{shown}"));
        } else if !answer.json.is_null() {
            response["body"] = serde_json::from_str(&self.named(&shorten(&answer.json))).expect("JSON");
        }
        example.insert("response".to_owned(), response);
        let text = serde_json::to_string_pretty(&example).expect("JSON") + "\n";
        std::fs::write(folder().join(format!("{id}.json")), text).expect("a written example");
    }
}

impl Journey {
    /// A value as text, with the names of what the journey made up.
    fn named(&self, value: &Value) -> String {
        let named = |text: String, (name, value): (&String, &String)| text.replace(value, &format!("{{{{{name}}}}}"));
        self.values.iter().fold(value.to_string(), named)
    }

    /// An event of a stream as it is shown.
    fn written(&self, event: &stream::Event) -> String {
        let id = event.id.iter().map(|_| "id: {{cursor}}\n").collect::<String>();
        let mut data = shorten(&event.data);
        if data["cursor"].is_string() {
            data["cursor"] = json!("{{cursor}}");
        }
        format!("{id}event: {}\ndata: {}\n\n", event.name, self.named(&data))
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/examples")
}

/// Lists of two at most, and one instant for all: so that recording again changes little.
fn shorten(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().take(2).map(shorten).collect(),
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), shorten(field))).collect(),
        Value::String(text) if is_instant(text) => json!("2026-11-23T01:30:00.000Z"),
        other => other.clone(),
    }
}

fn is_instant(text: &str) -> bool {
    text.len() == 24 && text.ends_with('Z') && text.as_bytes().get(10) == Some(&b'T')
}

/// Whether the second has the fields of the first and no others; lists are compared by their first items. Says where not.
fn same_keys(example: &Value, answer: &Value) -> Result<(), String> {
    match (example, answer) {
        (Value::Object(shown), Value::Object(got)) => {
            let names = |fields: &Map<String, Value>| fields.keys().cloned().collect::<BTreeSet<_>>();
            if names(shown) != names(got) {
                return Err(format!("{:?} and {:?}", names(shown), names(got)));
            }
            let mut all = shown.iter();
            all.try_for_each(|(name, value)| same_keys(value, &got[name]).map_err(|at| format!("{name}: {at}")))
        }
        (Value::Array(shown), Value::Array(got)) => match (shown.first(), got.first()) {
            (Some(shown), Some(got)) => same_keys(shown, got),
            (None, None) => Ok(()),
            _ => Err("one list is empty".to_owned()),
        },
        (shown, got) if shown.is_null() == got.is_null() => Ok(()),
        _ => Err(format!("{example} and {answer}")),
    }
}
