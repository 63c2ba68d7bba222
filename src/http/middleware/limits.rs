//! Rate limits of the whole API: each request is counted for its user when it proves one, else for its network
//! address. Answers say how much is left (`RateLimit-Limit`, `-Remaining`, `-Reset`: draft-ietf-httpapi-ratelimit-headers).
//!
//! A caller is identified here once; the extractors take over what was found.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error as ActixError, HttpMessage as _};

use crate::http::extract::client;
use crate::http::extract::signed_in::bearer;
use crate::http::problem;
use crate::services::limits::{self, Quota};
use crate::services::refusal::{CanFail as _, Error, Result};
use crate::services::{Deps, session};

/// What is limited: the API, not whether the process lives, nor the pages.
const PREFIX: &str = "/v1/";

/// Counts the request and refuses it when it is one too many.
pub async fn limit<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> std::result::Result<ServiceResponse<BoxBody>, ActixError> {
    let deps = request.app_data::<Data<Deps>>().cloned();
    let (Some(deps), true) = (deps, request.path().starts_with(PREFIX)) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    match charge(&deps, &request).await {
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
                tell(&mut response, Quota { limit: deps.limits.address_per_minute, remaining: 0, reset_in });
            }
            Ok(response)
        }
    }
}

async fn charge(deps: &Deps, request: &ServiceRequest) -> Result<Option<Quota>> {
    if !deps.limits.on {
        return Ok(None);
    }
    if let Some(token) = bearer(request.request()) {
        // A token that is not good is the extractor's to refuse; here it only proves nobody.
        let caller = session::verify(deps, token).await.can_fail("it is asked again where a user is needed");
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller);
            return limits::take(deps, limits::of_user(&deps.limits), &caller.user.to_string()).await;
        }
    }
    let from = client::address(request.request(), &deps.limits.trusted_proxies);
    limits::take(deps, limits::of_line(&deps.limits), &limits::line(from)).await
}

fn tell<B>(response: &mut ServiceResponse<B>, quota: Quota) {
    let headers = response.headers_mut();
    let fields = [
        ("ratelimit-limit", quota.limit),
        ("ratelimit-remaining", quota.remaining),
        ("ratelimit-reset", quota.reset_in.as_secs().saturating_add(1)),
    ];
    for (name, number) in fields {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
}
