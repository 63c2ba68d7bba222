//! Bad input, generated from the document: every field and parameter of every operation, each wrong in every way that
//! its schema forbids. A new field is covered when it is documented, and it cannot be taken without being documented.

use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};
use serde_json::{Value, json};

use super::support::{Answer, Caller, Cast, Contract, Operation, TestApp, kind};

/// The operation that answers for each of many by itself.
const ITEMS: &str = "publish_notices";

/// What a call for the first of many alone would have been answered.
fn first_of(answer: Answer) -> Answer {
    let mut answer = answer.expect(200);
    answer.json = answer.at("/outcomes/0/problem").clone();
    answer.text = answer.json.to_string();
    answer.status = u16::try_from(answer.at("/status").as_u64().expect("a refusal")).expect("a status");
    answer.headers.insert("content-type", "application/problem+json".parse().expect("a media type"));
    answer
}

/// A body that is wrong in one place.
struct Case {
    /// Where.
    place: String,
    /// The rule that must be named; empty where several would do.
    rule: &'static str,
    body: Value,
}

#[tokio::test]
async fn every_wrong_field_is_named_and_nothing_changes() {
    let stage = Stage::new().await;
    let before = stage.rows().await;
    for operation in stage.contract.operations() {
        let Some(schema) = operation.body() else { continue };
        let base = stage.contract.sample(schema);
        let mut cases = Vec::new();
        collect(&stage.contract, schema, "", &base, &mut cases);
        assert!(!cases.is_empty(), "{}: nothing can be wrong with its body?", operation.id);
        for case in cases {
            let answer = stage.send(&operation, "", Some(case.body.to_string())).await;
            if let (ITEMS, Some(place)) = (operation.id.as_str(), case.place.strip_prefix("/notices/0")) {
                names(&first_of(answer), place, case.rule);
                continue;
            }
            // A text that is as long as a body may be is refused before it is read.
            if case.rule == "too_long" && answer.status == 413 {
                answer.problem("body_too_large");
                continue;
            }
            names(&answer, &case.place, case.rule);
        }
    }
    assert_eq!(stage.rows().await, before, "refused requests left something behind");
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
    let stage = Stage::new().await;
    for operation in stage.contract.operations() {
        let Some(schema) = operation.body() else { continue };
        let (shape, _) = stage.contract.resolve(schema);
        let fields = shape["properties"].as_object().expect("an object");
        let wrong: serde_json::Map<_, _> =
            fields.iter().map(|(name, field)| (name.clone(), unlike(stage.contract.resolve(field).0))).collect();
        let mut body = Value::Object(wrong);
        body["unexpected_field"] = json!(1);
        let answer = stage.send(&operation, "", Some(body.to_string())).await;
        names(&answer, "/unexpected_field", "unknown_field");
        for name in fields.keys() {
            names(&answer, &format!("/{name}"), "");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_or_too_large_is_refused() {
    let stage = Stage::new().await;
    let before = stage.rows().await;
    for operation in stage.contract.operations() {
        let Some(schema) = operation.body() else { continue };
        stage.send(&operation, "", Some("{".to_owned())).await.expect(400).problem("malformed_json");
        stage.send(&operation, "", Some("[]".to_owned())).await.expect(422).problem("invalid");
        let body = stage.contract.sample(schema).to_string();
        let (path, caller) = (stage.path(&operation), stage.cast.of(operation.guard));
        let xml = [("content-type", "application/xml")];
        let answer = caller.send(operation.method.clone(), &path, Some(body.clone()), &xml).await;
        answer.expect(415).problem("unsupported_media_type");
        let most = if operation.id == ITEMS { 8 } else { 1 };
        let endless = format!("{body}{}", " ".repeat(most * 1024 * 1024 + 1));
        stage.send(&operation, "", Some(endless)).await.expect(413).problem("body_too_large");
    }
    assert_eq!(stage.rows().await, before, "refused requests left something behind");
}

#[tokio::test]
async fn every_wrong_parameter_is_named_and_nothing_changes() {
    let stage = Stage::new().await;
    let before = stage.rows().await;
    for operation in stage.contract.operations() {
        let body = operation.body().map(|schema| stage.contract.sample(schema).to_string());
        let answer = stage.send(&operation, "unexpected_parameter=1", body.clone()).await;
        names(&answer, "unexpected_parameter", "unknown_parameter");
        for (name, parameter) in operation.parameters("query") {
            let (schema, _) = stage.contract.resolve(&parameter["schema"]);
            for (text, rule) in wrong_texts(schema) {
                let answer = stage.send(&operation, &format!("{name}={text}"), body.clone()).await;
                names(&answer, &name, rule);
            }
            let good = plain(&stage.contract.sample(schema));
            let answer = stage.send(&operation, &format!("{name}={good}&{name}={good}"), body.clone()).await;
            names(&answer, &name, "repeated");
        }
        // A version that nobody knows is no mistake.
        for (name, _) in operation.parameters("header").into_iter().filter(|(name, _)| name != "If-None-Match") {
            let (path, long) = (stage.path(&operation), "x".repeat(300));
            let caller = stage.cast.of(operation.guard);
            let answer = caller.send(operation.method.clone(), &path, body.clone(), &[(&name, &long)]).await;
            names(&answer, &name, "");
        }
    }
    assert_eq!(stage.rows().await, before, "refused requests left something behind");
}

#[tokio::test]
async fn what_is_no_id_is_answered_like_an_id_that_does_not_exist() {
    let stage = Stage::new().await;
    for operation in stage.contract.operations() {
        let body = operation.body().map(|schema| stage.contract.sample(schema).to_string());
        let names = operation.parameters("path");
        for (wrong, _) in &names {
            for text in ["nonsense", "..%2f..%2fetc", "%00", "ntc_8zzzzzzzzzzzzzzzzzzzzzzzzz", &"x".repeat(3_000)] {
                let path =
                    operation.at(|name| if name == wrong { text.to_owned() } else { stage.segment(&operation, name) });
                let caller = stage.cast.of(operation.guard);
                let answer = caller.send(operation.method.clone(), &path, body.clone(), &[]).await;
                // The caller's own names are no ids of ours: they are held against the body.
                match operation.id.as_str() {
                    "put_notice" => answer.expect(422).problem("invalid"),
                    _ => answer.expect(404).problem("not_found"),
                };
            }
        }
    }
}

/// An application, its document and one caller of each kind.
struct Stage {
    app: TestApp,
    contract: Contract,
    cast: Cast,
}

impl Stage {
    async fn new() -> Self {
        // Thousands of requests in a minute are what this is about.
        let app = TestApp::with(|config| config.limits.on = false).await;
        let cast = Cast::assemble(&app).await;
        Self { app, contract: Contract::read(), cast }
    }

    fn segment(&self, operation: &Operation, name: &str) -> String {
        let parameters = operation.parameters("path");
        let (_, parameter) = parameters.iter().find(|(known, _)| known == name).expect("a parameter");
        plain(&self.contract.sample(&parameter["schema"]))
    }

    fn path(&self, operation: &Operation) -> String {
        operation.at(|name| self.segment(operation, name))
    }

    async fn send(&self, operation: &Operation, query: &str, body: Option<String>) -> Answer {
        let path = self.path(operation);
        let path = if query.is_empty() { path } else { format!("{path}?{query}") };
        let caller: &Caller = self.cast.of(operation.guard);
        caller.send(operation.method.clone(), &path, body, &[]).await
    }

    /// How many rows each table has.
    async fn rows(&self) -> Vec<(String, i64)> {
        let connection = self.app.database().connect().await;
        let names = match self.app.database().pair().postgres() {
            None => "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
            Some(_) => "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
        };
        let mut counted = Vec::new();
        for row in select(&connection, names).await {
            let name: String = row.try_get("", "name").expect("a name");
            let count = select(&connection, &format!("SELECT COUNT(*) AS rows FROM \"{name}\"")).await;
            counted.push((name, count[0].try_get("", "rows").expect("a number")));
        }
        counted
    }
}

async fn select(connection: &DatabaseConnection, sql: &str) -> Vec<sea_orm::QueryResult> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    connection.query_all_raw(statement).await.expect("rows")
}

/// Says that a refusal names this place and rule.
#[track_caller]
fn names(answer: &Answer, place: &str, rule: &str) {
    let answer = answer.clone().expect(422).problem("invalid");
    let found = answer.violations();
    let named = found.iter().any(|(at, broken)| at == place && (rule.is_empty() || broken == rule));
    assert!(named, "{}: {place} ({rule}) is not named: {}", answer.asked, answer.text);
}

/// Every way in which a body of this form can be wrong in one place; `base` is right.
fn collect(contract: &Contract, schema: &Value, at: &str, base: &Value, cases: &mut Vec<Case>) {
    let (shape, nullable) = contract.resolve(schema);
    let mut case = |place: &str, rule, body| cases.push(Case { place: place.to_owned(), rule, body });
    let value = base.pointer(at).expect("the base has everything");
    case(at, "", with(base, at, unlike(shape)));
    if !nullable {
        case(at, "", with(base, at, Value::Null));
    }
    match kind(shape) {
        "object" => {
            let name = format!("{at}/unexpected_field");
            case(&name, "unknown_field", with(base, &name, json!(1)));
            let required = shape["required"].as_array().cloned().unwrap_or_default();
            for (name, field) in shape["properties"].as_object().expect("fields") {
                let place = format!("{at}/{name}");
                if required.contains(&json!(name)) {
                    cases.push(Case { place: place.clone(), rule: "required", body: without(base, at, name) });
                }
                collect(contract, field, &place, base, cases);
            }
        }
        "array" => {
            let limit = shape["maxItems"].as_u64().unwrap_or_else(|| panic!("{at} has no end: {shape}"));
            let many = vec![value[0].clone(); usize::try_from(limit).expect("a size") + 1];
            case(at, "too_many_items", with(base, at, json!(many)));
            collect(contract, &shape["items"], &format!("{at}/0"), base, cases);
        }
        "integer" => {
            let bound = |name: &str| shape[name].as_i64().unwrap_or_else(|| panic!("{at} has no {name}: {shape}"));
            case(at, "too_small", with(base, at, json!(bound("minimum") - 1)));
            case(at, "too_large", with(base, at, json!(bound("maximum") + 1)));
        }
        "string" => {
            for (text, rule) in wrong_strings(shape) {
                case(at, rule, with(base, at, json!(text)));
            }
        }
        _ => {}
    }
}

/// Texts that are not of this form.
fn wrong_strings(shape: &Value) -> Vec<(String, &'static str)> {
    if shape["enum"].is_array() {
        return vec![("no_such_word".to_owned(), "not_an_option")];
    }
    if shape["format"] == "date-time" {
        return ["yesterday", "2026-02-30T00:00:00Z", ""].map(|text| (text.to_owned(), "format")).to_vec();
    }
    let mut wrong = Vec::new();
    if let Some(limit) = shape["maxLength"].as_u64() {
        wrong.push(("x".repeat(usize::try_from(limit).expect("a size") + 1), "too_long"));
    } else {
        let pattern = shape["pattern"].as_str().unwrap_or_default();
        assert!(pattern.starts_with('^') && pattern.ends_with('$'), "a text without end: {shape}");
        wrong.push(("x".repeat(2_000), "pattern"));
    }
    if shape["minLength"].as_u64().is_some_and(|least| least > 0) {
        wrong.push((String::new(), "too_short"));
    }
    wrong
}

/// Texts of a query that are not of this form, percent-encoded.
fn wrong_texts(schema: &Value) -> Vec<(String, &'static str)> {
    match kind(schema) {
        "integer" => {
            let bound = |name: &str| schema[name].as_i64().unwrap_or_else(|| panic!("no {name}: {schema}"));
            let (low, high) = ((bound("minimum") - 1).to_string(), (bound("maximum") + 1).to_string());
            vec![("many".to_owned(), "type"), (String::new(), "type"), (low, "too_small"), (high, "too_large")]
        }
        "boolean" => vec![("maybe".to_owned(), "type"), (String::new(), "type")],
        _ => wrong_strings(schema).into_iter().map(|(text, rule)| (text.replace(' ', "%20"), rule)).collect(),
    }
}

/// A value of another type than this form's.
fn unlike(shape: &Value) -> Value {
    if kind(shape) == "string" { json!(7) } else { json!("seven") }
}

/// The same with one value in another's place.
fn with(base: &Value, at: &str, value: Value) -> Value {
    let Some((parent, name)) = at.rsplit_once('/') else { return value };
    let mut body = base.clone();
    match body.pointer_mut(parent).expect("a parent") {
        Value::Array(items) => items[name.parse::<usize>().expect("an index")] = value,
        parent => parent[name] = value,
    }
    body
}

fn without(base: &Value, parent: &str, name: &str) -> Value {
    let mut body = base.clone();
    body.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object").remove(name);
    body
}

/// A value as it stands in a path or a query.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| text.replace(':', "%3A"))
}
