//! A JSON body: bounded in size and time, read, held against its documented schema, parsed.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use utoipa::{PartialSchema, ToSchema};

use crate::http::extract::schema;
use crate::http::problem::Failure;
use crate::services::refusal::{Error, Refusal, Violation};

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

impl<T: DeserializeOwned + ToSchema + PartialSchema + 'static> FromRequest for Body<T> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let BodyLimit(limit) = request.app_data::<BodyLimit>().copied().unwrap_or(DEFAULT_LIMIT);
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_json = content_type.is_some_and(|kind| {
            kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        });
        let payload = payload.take();
        Box::pin(async move {
            if !is_json {
                return Err(Refusal::UnsupportedMediaType.into());
            }
            let bytes = tokio::time::timeout(READ_WITHIN, read(payload, limit)).await;
            let bytes = bytes.map_err(|_| Error::from(Refusal::BodyTooSlow))??;
            let value = parse(&bytes)?;
            Ok(Self { value, digest: Sha256::digest(&bytes).into() })
        })
    }
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

/// Holds JSON against the schema of `T` and parses it.
pub fn parse<T: DeserializeOwned + ToSchema + PartialSchema + 'static>(bytes: &[u8]) -> Result<T, Error> {
    let value: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| Error::refused(Refusal::MalformedJson, error.to_string()))?;
    let validator = schema::validator::<T>().map_err(Error::broken)?;
    let violations = schema::violations(&validator, &value);
    if !violations.is_empty() {
        return Err(Error::invalid(violations));
    }
    // What the schema cannot say, a type's own parser does; it stops at the first error.
    serde_json::from_value(value)
        .map_err(|error| Error::invalid(vec![Violation::body("", "value", error.to_string(), error.to_string())]))
}
