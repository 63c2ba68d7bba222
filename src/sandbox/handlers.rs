//! The routes that senders, tests and developers call.

use std::time::Duration;

use actix_web::http::header::{ContentType, RETRY_AFTER};
use actix_web::web::{Bytes, Data, Json, Path, Query};
use actix_web::{HttpResponse, get, post, put};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;

use super::book::Verdict;
use super::faults::Fault;
use super::log::LogQuery;
use super::outcome::Code;
use super::state::{Reply, SandboxState, now};
use super::wire::{self, BatchOut, ItemOut, RecipientIn};

/// How long a `quota-` token has had its share.
const QUOTA: Duration = Duration::from_secs(60 * 60);
/// The page of a gateway that knows nothing of JSON.
const HTML_502: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

#[post("/v1/messages:batch")]
pub(super) async fn batch(state: Data<SandboxState>, body: Bytes) -> HttpResponse {
    let call = match wire::batch(&body) {
        Ok(call) => call,
        Err(text) => return bad_request(&text),
    };
    match state.receive(call.message, &call.recipients) {
        Reply::Refused { code, retry_after } => refusal(code, retry_after),
        Reply::Taken { verdicts, wait, answered } => {
            pause(&state, wait).await;
            if !answered {
                return cut();
            }
            let pairs = call.recipients.iter().zip(verdicts);
            let results = pairs.map(|(to, verdict)| item(&state, to, verdict)).collect();
            HttpResponse::Ok().json(BatchOut { results })
        }
    }
}

#[post("/v1/messages")]
pub(super) async fn single(state: Data<SandboxState>, body: Bytes) -> HttpResponse {
    let call = match wire::single(&body) {
        Ok(call) => call,
        Err(text) => return bad_request(&text),
    };
    match state.receive(call.message, std::slice::from_ref(&call.recipient)) {
        Reply::Refused { code, retry_after } => refusal(code, retry_after),
        Reply::Taken { verdicts, wait, answered } => {
            pause(&state, wait).await;
            match verdicts.first() {
                Some(&verdict) if answered => one(item(&state, &call.recipient, verdict)),
                _ => cut(),
            }
        }
    }
}

async fn pause(state: &SandboxState, wait: Duration) {
    if !wait.is_zero() {
        state.wait(wait).await;
    }
}

fn item(state: &SandboxState, to: &RecipientIn<'_>, verdict: Verdict) -> ItemOut {
    let mut item = ItemOut::of(verdict.code);
    match verdict.code {
        Code::Ok | Code::Inactive => {
            item.message_id = Some(format!("sbx-{}", verdict.first));
            item.duplicate = verdict.repeat;
        }
        Code::Throttled => item.retry_after = Some(state.retry_after()),
        Code::QuotaExhausted => item.until = Some(now() + QUOTA),
        Code::TokenMoved => item.token = to.token.split_once('-').map(|(_, token)| token.to_owned()),
        _ => {}
    }
    item
}

/// The answer to a call for one: the status says what the item says.
fn one(item: ItemOut) -> HttpResponse {
    let mut answer = match item.code {
        Code::TokenGone => HttpResponse::Gone(),
        Code::Throttled | Code::QuotaExhausted => HttpResponse::TooManyRequests(),
        Code::PayloadRefused => HttpResponse::UnprocessableEntity(),
        _ => HttpResponse::Ok(),
    };
    if let Some(seconds) = item.retry_after {
        answer.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    answer.json(item)
}

fn refusal(code: Code, retry_after: u64) -> HttpResponse {
    match code {
        Code::ChannelThrottled => HttpResponse::TooManyRequests()
            .insert_header((RETRY_AFTER, retry_after.to_string()))
            .json(json!({ "code": code })),
        Code::BadGateway => HttpResponse::BadGateway().content_type(ContentType::html()).body(HTML_502),
        _ => HttpResponse::InternalServerError().json(json!({ "code": code })),
    }
}

fn bad_request(text: &str) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({ "code": "bad_request", "text": text }))
}

/// A body that fails before its first byte: the server drops the connection (or, on HTTP/2, resets the stream).
fn cut() -> HttpResponse {
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    HttpResponse::Ok().streaming(stream::iter([Err::<Bytes, _>(broken)]))
}

#[put("/v1/faults")]
pub(super) async fn set_fault(state: Data<SandboxState>, fault: Json<Fault>) -> Json<Fault> {
    state.set_fault(*fault);
    Json(state.fault())
}

#[get("/v1/faults")]
pub(super) async fn get_fault(state: Data<SandboxState>) -> Json<Fault> {
    Json(state.fault())
}

#[get("/v1/log")]
pub(super) async fn log(state: Data<SandboxState>, query: Query<LogQuery>) -> HttpResponse {
    HttpResponse::Ok().json(state.log(&query))
}

#[get("/v1/stats")]
pub(super) async fn stats(state: Data<SandboxState>) -> HttpResponse {
    HttpResponse::Ok().json(state.stats())
}

#[get("/v1/keys/{key}")]
pub(super) async fn key(state: Data<SandboxState>, key: Path<String>) -> HttpResponse {
    HttpResponse::Ok().json(state.key(&key))
}

#[get("/v1/devices/{token}")]
pub(super) async fn device(state: Data<SandboxState>, token: Path<String>) -> HttpResponse {
    match state.phone(&token) {
        Some(phone) => HttpResponse::Ok().json(phone),
        None => HttpResponse::NotFound().json(json!({ "code": "not_found" })),
    }
}

#[get("/v1/devices")]
pub(super) async fn devices(state: Data<SandboxState>, query: Query<LogQuery>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "items": state.phones(&query) }))
}

/// Whose codes.
#[derive(Debug, Deserialize)]
pub(super) struct CodesQuery {
    address: Option<String>,
}

#[get("/v1/codes")]
pub(super) async fn codes(state: Data<SandboxState>, query: Query<CodesQuery>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "items": state.codes(query.address.as_deref()) }))
}
