//! What every request passes on its way in and out.

pub mod limits;
pub mod request_id;

use actix_web::Error as ActixError;
use actix_web::body::{BodySize, BoxBody, MessageBody, None as NoBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;

use crate::http::problem::{self, Failure};
use crate::services::refusal::{Error, Refusal};

/// Turns errors into problem documents: ours as they are, the framework's as the nearest of ours.
pub async fn problems<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let response = next.call(request).await?.map_into_boxed_body();
    let document = match response.response().error() {
        None => return Ok(response),
        Some(error) => match error.as_error::<Failure>() {
            Some(Failure(error)) => problem::render(response.request(), error),
            None => problem::render(response.request(), &nearest(response.status().as_u16(), error)),
        },
    };
    Ok(response.into_response(document))
}

fn nearest(status: u16, error: &ActixError) -> Error {
    match status {
        404 => Refusal::NotFound.into(),
        405 => Refusal::MethodNotAllowed.into(),
        413 => Refusal::BodyTooLarge.into(),
        415 => Refusal::UnsupportedMediaType.into(),
        400..=499 => Refusal::Invalid.into(),
        _ => Error::broken(error.to_string()),
    }
}

/// Headers that keep a browser from guessing and framing; the docs and sandbox pages set a stricter policy of their own.
const SECURITY_HEADERS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

/// Adds the security headers that a handler has not set itself.
pub async fn security_headers<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, ActixError> {
    let mut response = next.call(request).await?;
    for (name, text) in SECURITY_HEADERS {
        if !response.headers().contains_key(&name) {
            response.headers_mut().insert(name, HeaderValue::from_static(text));
        }
    }
    Ok(response)
}

/// Answers HEAD as GET is answered, without the body (RFC 9110, 9.3.2): the connection knows what was asked and leaves
/// the body out. One without an end would be read all the same, so it is dropped here.
pub async fn head<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    if request.method() != Method::HEAD {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    request.head_mut().method = Method::GET;
    let response = next.call(request).await?.map_into_boxed_body();
    Ok(response.map_body(|_, body| if body.size() == BodySize::Stream { BoxBody::new(NoBody::new()) } else { body }))
}
