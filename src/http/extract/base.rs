//! What the addresses of this server begin with, where an answer must name them whole.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use crate::http::problem::Failure;
use crate::services::{Deps, Error};

/// The configured address; else the host that the request names; else nothing, and addresses begin with their path.
/// Forwarded headers are not asked: anybody can write them, and what is made of them may be kept by a cache.
#[derive(Debug, Clone)]
pub struct Base(pub String);

impl FromRequest for Base {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let deps = request.app_data::<Data<Deps>>();
        let deps = deps.ok_or_else(|| Failure(Error::broken("the services are not mounted")));
        ready(deps.map(|deps| Self(deps.public_url.clone().unwrap_or_else(|| asked(request)))))
    }
}

fn asked(request: &HttpRequest) -> String {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let sane = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if host.is_empty() || host.len() > 255 || !host.bytes().all(sane) {
        String::new()
    } else {
        format!("http://{host}")
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_what_can_be_a_host_is_taken_for_one() {
        let of = |host: &str| asked(&TestRequest::default().insert_header((header::HOST, host)).to_http_request());
        assert_eq!(of("yizhan.example:8080"), "http://yizhan.example:8080");
        assert_eq!(of("[::1]:8080"), "http://[::1]:8080");
        assert_eq!(of("a/b"), "");
        assert_eq!(of("a\"b"), "");
    }
}
