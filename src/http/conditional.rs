//! Conditional reading (RFC 9110, 13.1.2): who has the current version is told so and sent nothing.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{self, ContentType};
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::services::answers::Answer;

/// `If-None-Match`: the versions that the caller has.
#[derive(Debug)]
pub struct IfNoneMatch(Option<String>);

impl FromRequest for IfNoneMatch {
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let given = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        ready(Ok(Self(given.map(str::to_owned))))
    }
}

impl IfNoneMatch {
    /// Whether the caller has this version. The comparison is the weak one, as the RFC asks.
    pub fn has(&self, etag: &str) -> bool {
        let plain = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
        self.0.as_deref().is_some_and(|tags| tags.trim() == "*" || tags.split(',').any(|tag| plain(tag) == etag))
    }
}

/// Answers 304 when the caller has this version, else 200 with the body, which is made only then.
pub fn answer<T: Serialize>(known: &IfNoneMatch, etag: &str, body: impl FnOnce() -> T) -> HttpResponse {
    let caching = Caching::Revalidate;
    if known.has(etag) { caching.unchanged(etag) } else { caching.fresh(etag).json(body()) }
}

/// For how long an answer may be kept by whoever is on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// It may be kept, and must be asked for again each time.
    Revalidate,
    /// It is good for a minute: feed readers come at their own pace.
    Minute,
}

impl Caching {
    const fn directive(self) -> &'static str {
        match self {
            Self::Revalidate => "no-cache",
            Self::Minute => "public, max-age=60",
        }
    }

    /// The answer for who has this version.
    pub fn unchanged(self, etag: &str) -> HttpResponse {
        self.mark(HttpResponse::NotModified(), etag).finish()
    }

    /// The beginning of an answer with this version.
    pub fn fresh(self, etag: &str) -> HttpResponseBuilder {
        self.mark(HttpResponse::Ok(), etag)
    }

    fn mark(self, mut response: HttpResponseBuilder, etag: &str) -> HttpResponseBuilder {
        response.insert_header((header::ETAG, format!("\"{etag}\"")));
        response.insert_header((header::CACHE_CONTROL, self.directive()));
        response
    }
}

/// Answers 304 when the caller has this version, else 200 with what was made before. Weak (RFC 9110, 8.8.1): how often
/// notices were read may have changed, which makes no new version.
pub fn kept(known: &IfNoneMatch, Answer { etag, body }: &Answer) -> HttpResponse {
    let mut response = if known.has(etag) { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::ETAG, format!("W/\"{etag}\""))).insert_header((header::CACHE_CONTROL, "no-cache"));
    if known.has(etag) { response.finish() } else { response.content_type(ContentType::json()).body(body.clone()) }
}

/// A version that follows from what the answer is made of.
pub fn etag_of(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_ref());
        hash.update([0]);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
