//! `/problems/{code}`: what `type` of a problem document leads to.

use actix_web::http::header::{self, ContentType};
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;

use crate::http::problem::{ApiResult, FAULT_CODE, FAULT_TITLES};
use crate::services::Refusal;

/// What a code means.
#[derive(Serialize)]
struct Explanation {
    code: &'static str,
    status: u16,
    title_zh: &'static str,
    title_en: &'static str,
}

#[get("/problems/{code}")]
pub async fn problem(request: HttpRequest, code: Path<String>) -> ApiResult<HttpResponse> {
    let explanation = find(&code).ok_or(Refusal::NotFound)?;
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = HttpResponse::Ok();
    response.insert_header((header::VARY, "accept"));
    if accepted.contains("text/html") {
        return Ok(response.content_type(ContentType::html()).body(page(&explanation)));
    }
    Ok(response.json(explanation))
}

fn find(code: &str) -> Option<Explanation> {
    if code == FAULT_CODE {
        let (title_zh, title_en) = FAULT_TITLES;
        return Some(Explanation { code: FAULT_CODE, status: 500, title_zh, title_en });
    }
    let refusal = Refusal::ALL.iter().find(|refusal| refusal.code() == code)?;
    let (title_zh, title_en) = refusal.titles();
    Some(Explanation { code: refusal.code(), status: refusal.status(), title_zh, title_en })
}

/// Nothing of the request gets in here: all of it comes from the table of codes.
fn page(Explanation { code, status, title_zh, title_en }: &Explanation) -> String {
    format!(
        "<!doctype html>\n<html lang=\"zh-CN\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{code}</title>\n\
         <h1><code>{code}</code></h1>\n<p>{title_zh}</p>\n<p lang=\"en\">{title_en}</p>\n\
         <p>HTTP {status} · <a href=\"/docs/\">API</a></p>\n</html>\n"
    )
}
