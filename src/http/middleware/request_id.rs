//! Every request has an id: the caller's own when it is sane, else a new one. It stands in the answer, in problem
//! documents and in every log line of the request.

use std::fmt;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _};
use tracing::Instrument as _;

use crate::telemetry::metric;

/// The header that carries it, both ways.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const MAX_CHARS: usize = 64;

/// The id of the request at hand.
#[derive(Clone)]
pub struct RequestId(String);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RequestId {
    fn of(request: &ServiceRequest) -> Self {
        let given = request.headers().get(&HEADER).and_then(|value| value.to_str().ok());
        let sane = |text: &&str| {
            (8..=MAX_CHARS).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        Self(given.filter(sane).map_or_else(|| uuid::Uuid::now_v7().simple().to_string(), str::to_owned))
    }
}

/// Gives the request its id, a span, a line in the log and its place in the metrics.
pub async fn trace<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let id = RequestId::of(&request);
    request.extensions_mut().insert(id.clone());
    let method = known(request.method());
    let span = tracing::info_span!("request", request.id = %id, http.method = method);
    async move {
        let begun = Instant::now();
        let mut response = next.call(request).await?;
        // The pattern and not the path: paths hold ids, and metrics must not grow with them.
        let route = response.request().match_pattern().unwrap_or_else(|| "unmatched".to_owned());
        let status = response.status().as_u16();
        let took = begun.elapsed();
        metrics::histogram!(metric::HTTP_REQUEST_SECONDS, "route" => route.clone(), "method" => method)
            .record(took.as_secs_f64());
        metrics::counter!(metric::HTTP_REQUESTS, "route" => route.clone(), "status" => status.to_string()).increment(1);
        tracing::info!(http.route = route, http.status = status, took_ms = took.as_secs_f64() * 1e3, "answered");
        if let Ok(value) = HeaderValue::from_str(&id.0) {
            response.headers_mut().insert(HEADER, value);
        }
        Ok(response)
    }
    .instrument(span)
    .await
}

/// A method may be any word that a caller makes up, and each word would be kept for ever as a series of its own.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
