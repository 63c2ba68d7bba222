//! A JSON body: bounded in size and time, read, held against its documented schema and its rules, parsed.
//!
//! Promise: what is wrong with its form is told all at once. What its rules say is told with it as far as the body can be
//! read in spite of that: where a field is missing or of another type, they are asked the next time.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use utoipa::{PartialSchema, ToSchema};

use crate::http::extract::schema;
use crate::http::problem::Failure;
use crate::services::Deps;
use crate::services::refusal::{Error, MAX_VIOLATIONS, Refusal, Violation};

/// The most bytes that a body of this scope may have; put into a scope's `app_data`.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

/// What a body may have where nothing else is said.
const DEFAULT_LIMIT: BodyLimit = BodyLimit(64 * 1024);

/// How long a body may take to come in: who sends a byte now and then holds a connection for no longer.
pub const READ_WITHIN: Duration = Duration::from_secs(15);

/// A JSON body.
#[derive(Debug)]
pub struct Body<T> {
    /// What it says.
    pub value: T,
    /// SHA-256 of its bytes, by which a repeated call is recognised.
    pub digest: [u8; 32],
}

/// What the schema of a body cannot say of it. The services say it again, because not everybody comes through this door;
/// here it is asked so that the caller hears of it together with what the schema says.
pub trait Rules {
    /// All that is wrong.
    fn broken(&self, _deps: &Deps) -> Vec<Violation> {
        Vec::new()
    }
}

impl<T: Rules + DeserializeOwned + ToSchema + PartialSchema + 'static> FromRequest for Body<T> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let BodyLimit(limit) = request.app_data::<BodyLimit>().copied().unwrap_or(DEFAULT_LIMIT);
        let is_json = is_of_type(request, JSON);
        let (payload, deps) = (payload.take(), request.app_data::<Data<Deps>>().cloned());
        Box::pin(async move {
            let bytes = read_json(is_json, payload, limit).await?;
            let deps = deps.ok_or_else(|| Error::broken("the services are not mounted"))?;
            let value = parse(&bytes, &deps)?;
            Ok(Self { value, digest: Sha256::digest(&bytes).into() })
        })
    }
}

/// The media type of JSON.
pub const JSON: &str = "application/json";

/// Whether a request says that its body is of this media type.
pub fn is_of_type(request: &HttpRequest, wanted: &str) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = content_type.and_then(|kind| kind.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
}

/// The bytes of a body that is JSON, bounded in size and time.
pub async fn read_json(is_json: bool, payload: Payload, limit: usize) -> Result<Vec<u8>, Error> {
    if !is_json {
        return Err(Error::refused(Refusal::UnsupportedMediaType, JSON));
    }
    let bytes = tokio::time::timeout(READ_WITHIN, read(payload, limit)).await;
    bytes.map_err(|_| Error::from(Refusal::BodyTooSlow))?
}

/// Reads at most `limit` bytes; one more is a refusal, whatever the length that was announced.
pub async fn read(mut payload: Payload, limit: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while let Some(part) = payload.next().await {
        let part = part.map_err(|_| Error::from(Refusal::MalformedJson))?;
        if bytes.len() + part.len() > limit {
            return Err(Error::refused(Refusal::BodyTooLarge, format!("{limit} bytes")));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

/// Reads JSON, holds it against the schema and the rules of `T`, and parses it.
fn parse<T: Rules + DeserializeOwned + ToSchema + PartialSchema + 'static>(
    bytes: &[u8],
    deps: &Deps,
) -> Result<T, Error> {
    check(value(bytes)?, deps)
}

/// Reads JSON.
pub fn value(bytes: &[u8]) -> Result<serde_json::Value, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::refused(Refusal::MalformedJson, error.to_string()))
}

/// Holds a value against the schema and the rules of `T` and parses it.
pub fn check<T: Rules + DeserializeOwned + ToSchema + PartialSchema + 'static>(
    mut value: serde_json::Value,
    deps: &Deps,
) -> Result<T, Error> {
    let validator = schema::validator::<T>().map_err(Error::broken)?;
    let mut found = schema::violations(&validator, &value);
    if found.len() >= MAX_VIOLATIONS {
        return Err(Error::invalid(found));
    }
    schema::leave_out_unknown(&mut value, &found);
    match serde_path_to_error::deserialize::<_, T>(value) {
        Ok(body) => {
            let more = body.broken(deps);
            if found.is_empty() && more.is_empty() {
                return Ok(body);
            }
            // One place, one word: what breaks the schema there often breaks the rule, too.
            let untold = |rule: &Violation| !found.iter().any(|told| told.place == rule.place);
            let more: Vec<_> = more.into_iter().filter(untold).collect();
            found.extend(more);
        }
        // What the schema cannot say, a type's own parser does; it stops at the first error.
        Err(error) if found.is_empty() => {
            let (at, why) = (schema::pointer(error.path()), error.inner().to_string());
            found.push(Violation::body(at, "value", format!("无法识别该值：{why}"), why));
        }
        Err(_) => {}
    }
    found.sort_by(|a, b| a.place.cmp(&b.place));
    Err(Error::invalid(found))
}
