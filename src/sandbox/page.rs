//! The page that shows what arrives.
//!
//! Promise: one answer holds all of it, nothing is loaded from elsewhere, and nothing that a publisher wrote is ever
//! read as markup or script: the page sets text only, and the policy lets no other script run.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, REFERRER_POLICY};
use actix_web::{HttpResponse, get};
use uuid::Uuid;

const HTML: &str = include_str!("page/page.html");
const CSS: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

#[get("")]
pub(super) async fn page() -> HttpResponse {
    render()
}

#[get("/")]
pub(super) async fn page_with_slash() -> HttpResponse {
    render()
}

fn render() -> HttpResponse {
    let nonce = Uuid::new_v4().simple().to_string();
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let html = HTML.replace("{{nonce}}", &nonce).replace("{{css}}", CSS).replace("{{script}}", SCRIPT);
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("x-content-type-options", "nosniff"))
        .body(html)
}
