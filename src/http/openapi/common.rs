//! The answers that every operation of a kind may give, so that no route has to repeat them.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, RefOr, Required, Response, Type};

use crate::http::extract::body::JSON;
use crate::http::problem;
use crate::services::Refusal;

/// Where requests are counted and the database is asked.
const COUNTED: &str = "/v1/";

/// Adds the common answers of an operation to its own.
pub fn add(path: &str, operation: &mut Operation) {
    let mut refusals = Vec::new();
    let parameters = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(&parameter.parameter_in),
        RefOr::Ref(_) => None,
    });
    let checked = parameters.filter(|at| !matches!(at, ParameterIn::Path)).count() > 0;
    let content = operation.request_body.iter().flat_map(|body| match body {
        RefOr::T(body) => body.content.keys().collect(),
        RefOr::Ref(_) => Vec::new(),
    });
    // What comes in as a stream is told of in the stream that goes out.
    let is_json = content.clone().any(|kind| kind == JSON);
    if is_json {
        refusals.extend([Refusal::MalformedJson, Refusal::BodyTooLarge, Refusal::BodyTooSlow]);
    }
    if content.count() > 0 {
        refusals.push(Refusal::UnsupportedMediaType);
    }
    if is_json || checked {
        refusals.push(Refusal::Invalid);
    }
    if operation.security.as_ref().is_some_and(|ways| !ways.is_empty()) {
        refusals.push(Refusal::Unauthenticated);
    }
    if path.contains('{') {
        refusals.push(Refusal::NotFound);
    }
    if path.starts_with(COUNTED) {
        refusals.extend([Refusal::TooManyRequests, Refusal::Unavailable]);
    }
    let kept = operation.responses.responses.contains_key("304");
    if kept {
        operation.parameters.get_or_insert_default().push(if_none_match());
    }
    let responses = &mut operation.responses.responses;
    for (status, common) in problem::responses(&refusals).into_iter().chain(problem::fault_response()) {
        match (responses.get_mut(&status), common) {
            (Some(RefOr::T(own)), RefOr::T(common)) => join(own, common),
            // What is written elsewhere is written there.
            (Some(_), _) => {}
            (None, common) => {
                responses.insert(status, common);
            }
        }
    }
    for (status, response) in responses {
        let RefOr::T(response) = response else { continue };
        if response.description.is_empty() {
            response.description = said_of(status).to_owned();
        }
        let headers = HEADERS.iter().filter(|(at, name, ..)| at == status && (kept || *name != "ETag"));
        for (_, name, kind, text) in headers {
            let schema = ObjectBuilder::new().schema_type(kind.clone());
            let header = HeaderBuilder::new().schema(Some(schema)).description(Some(*text)).build();
            response.headers.insert((*name).to_owned(), RefOr::T(header));
        }
    }
}

/// What stands in the head of answers of a status, with its type and what it says.
const HEADERS: [(&str, &str, Type, &str); 4] = [
    (
        "200",
        "ETag",
        Type::String,
        "本次回答的版本，用于 `If-None-Match`。The version of this answer, for `If-None-Match`.",
    ),
    ("304", "ETag", Type::String, "仍然有效的版本。The version that still stands."),
    ("429", "Retry-After", Type::Integer, "多少秒之后再试。After how many seconds to come again."),
    (
        "503",
        "Retry-After",
        Type::Integer,
        "多少秒之后再试，未必给出。After how many seconds to come again, where it is known.",
    ),
];

/// The header that asks whether anything has changed.
fn if_none_match() -> RefOr<Parameter> {
    let text = "上次回答的 `ETag`；未变化则回答 304。The `ETag` of the answer that is known: 304 while it stands.";
    let parameter = ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(text))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build();
    RefOr::T(parameter)
}

/// What is said of an answer of which nothing else is: OpenAPI wants a description of each, and so do the generators
/// of clients.
fn said_of(status: &str) -> &'static str {
    match status {
        "201" => "已创建 Created",
        "202" => "已受理 Accepted",
        "204" => "已完成 Done",
        "304" => "未变化 Not modified",
        _ => "成功 OK",
    }
}

/// Adds to an answer what is said of the same status elsewhere.
fn join(own: &mut Response, common: Response) {
    for line in common.description.split("\n\n").filter(|line| !line.is_empty()) {
        if !own.description.contains(line) {
            own.description = format!("{line}\n\n{}", own.description).trim_end().to_owned();
        }
    }
    for (kind, content) in common.content {
        match (own.content.get_mut(&kind), content) {
            (Some(RefOr::T(own)), RefOr::T(content)) => own.examples.extend(content.examples),
            (Some(_), _) => {}
            (None, content) => {
                own.content.insert(kind, content);
            }
        }
    }
}

/// What each problem looks like, for the components that the answers refer to.
pub fn problem_examples() -> BTreeMap<String, RefOr<Example>> {
    let internal = (500, "internal", problem::FAULT_TITLES);
    let refusals = Refusal::ALL.iter().map(|refusal| (refusal.status(), refusal.code(), refusal.titles()));
    let example = |(status, code, (zh, en)): (u16, &str, (&str, &str))| {
        let mut value = json!({
            "type": format!("/problems/{code}"),
            "title": zh,
            "status": status,
            "code": code,
            "request_id": "01936a5d-ac96-774b-bcce-b302099a8057",
        });
        if let (true, Some(value)) = (code == Refusal::Invalid.code(), value.as_object_mut()) {
            let error = json!({ "pointer": "/name", "rule": "required", "detail": "缺少该字段" });
            value.insert("errors".to_owned(), json!([error]));
        }
        let example = ExampleBuilder::new().summary(format!("{zh} {en}")).value(Some(value)).build();
        (code.to_owned(), RefOr::T(example))
    };
    refusals.chain([internal]).map(example).collect()
}
