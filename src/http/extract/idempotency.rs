//! `Idempotency-Key`: the caller's own name for a call, so that it can be repeated safely.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::http::problem::Failure;
use crate::services::idempotency::Key;
use crate::services::refusal::{Error, Place, Violation};

/// The header's name.
pub const HEADER: &str = "idempotency-key";
const MAX_CHARS: usize = 255;

/// The key of this call, when it has one.
#[derive(Debug)]
pub struct IdempotencyKey(pub Option<Key>);

impl FromRequest for IdempotencyKey {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(given) = request.headers().get(HEADER) else { return ready(Ok(Self(None))) };
        let sane =
            |text: &&str| (1..=MAX_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        let key = given.to_str().ok().filter(sane).map(|text| Key::new(text, route(request)));
        ready(key.map(|key| Self(Some(key))).ok_or_else(|| {
            let violation = Violation {
                place: Place::Header("Idempotency-Key".to_owned()),
                rule: "pattern",
                zh: format!("1 至 {MAX_CHARS} 个可见 ASCII 字符"),
                en: format!("1 to {MAX_CHARS} visible ASCII characters"),
            };
            Error::invalid(vec![violation]).into()
        }))
    }
}

/// Method and pattern: the key of one route is no key of another.
fn route(request: &HttpRequest) -> String {
    format!("{} {}", request.method(), request.path())
}
