//! Rate limits of the whole API: each request is counted for its user or its publisher's key when it proves one, else
//! for its network address. Answers say how much is left (`RateLimit-Limit`, `-Remaining`, `-Reset`: draft-ietf-httpapi-ratelimit-headers).
//!
//! Who calls is asked here, limits or none, and remembered for the extractors.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error as ActixError, HttpRequest};

use crate::http::extract::client;
use crate::http::extract::credentials::{self, Shown};
use crate::http::problem;
use crate::services::Deps;
use crate::services::limits::{self, Quota, Rule};
use crate::services::refusal::{CanFail as _, Error};

/// What is not limited: whether the process lives, what machines and browsers read of it, and the sandbox. All else is,
/// so that no other way to write an address leads past the count.
const EXEMPT: [&str; 8] =
    ["/healthz", "/readyz", "/metrics", "/.well-known/", "/docs", "/openapi.json", "/problems/", "/sandbox"];

/// Counts the request and refuses it when it is one too many.
pub async fn limit<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let deps = request.app_data::<Data<Deps>>().cloned();
    let exempt = EXEMPT.iter().any(|prefix| request.path().starts_with(prefix));
    let (Some(deps), false) = (deps, exempt) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let (rule, whom) = subject(&deps, request.request()).await;
    match limits::take(&deps, rule, &whom).await {
        Ok(quota) => {
            let mut response = next.call(request).await?.map_into_boxed_body();
            if let Some(quota) = quota {
                tell(&mut response, quota);
            }
            Ok(response)
        }
        Err(error) => {
            let document = problem::render(request.request(), &error);
            let mut response = request.into_response(document);
            if let Error::Refused { retry_after: Some(reset_in), .. } = error {
                tell(&mut response, Quota { limit: rule.limit, remaining: 0, reset_in });
            }
            Ok(response)
        }
    }
}

/// Whom the request is counted for. Credentials that are not good are the extractors' to refuse; here they only prove
/// nobody.
async fn subject(deps: &Deps, request: &HttpRequest) -> (Rule, String) {
    match credentials::shown(request).await.can_fail("it is asked again where a caller is needed") {
        Some(Shown::User(caller)) => (limits::of_user(&deps.limits), caller.user.to_string()),
        Some(Shown::Publisher(caller)) => (limits::of_key(&deps.limits), caller.key.to_string()),
        Some(Shown::Nobody) | None => {
            let from = client::address(request, &deps.limits.trusted_proxies);
            (limits::of_line(&deps.limits), limits::line(from))
        }
    }
}

fn tell<B>(response: &mut ServiceResponse<B>, quota: Quota) {
    let headers = response.headers_mut();
    let fields = [
        ("ratelimit-limit", quota.limit),
        ("ratelimit-remaining", quota.remaining),
        ("ratelimit-reset", u64::try_from(quota.reset_in.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX)),
    ];
    for (name, number) in fields {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
}
