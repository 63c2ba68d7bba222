//! `Idempotency-Key`: the caller's own name for a call, so that it can be repeated safely.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required, Type};

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

/// Method and path as it was routed, however it was written: the key of one route is no key of another.
fn route(request: &HttpRequest) -> String {
    format!("{} {}", request.method(), request.match_info().as_str())
}

/// How the header looks in the document: `params(IdempotencyKey)`.
impl utoipa::IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(MAX_CHARS));
        let description =
            "重复请求的幂等键，24 小时内有效。A name for this call: the repeat is answered alike, for 24 hours.";
        vec![
            ParameterBuilder::new()
                .name("Idempotency-Key")
                .parameter_in(ParameterIn::Header)
                .required(Required::False)
                .description(Some(description))
                .schema(Some(schema))
                .build(),
        ]
    }
}
