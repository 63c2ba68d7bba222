//! The documentation: Swagger UI, as it is built into the binary, on our own document.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{self, ContentType};
use actix_web::web::Path;
use actix_web::{HttpResponse, get};
use utoipa_swagger_ui::Config;

use crate::http::openapi;
use crate::http::problem::ApiResult;
use crate::services::{Error, Refusal};

/// Scripts and requests of this server only. Swagger UI sets styles on elements, which counts as inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Without the validator: it would send the document's address to somebody else's server.
static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from("/openapi.json").validator_url("none").display_operation_id(true).filter(true);
    Arc::new(config.doc_expansion("none").default_models_expand_depth(0))
});

/// The page's own address ends in a slash, because its files are named from there.
#[get("/docs")]
pub async fn redirect() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish()
}

#[get("/docs/{file:.*}")]
pub async fn file(path: Path<String>) -> ApiResult<HttpResponse> {
    let found = utoipa_swagger_ui::serve(&path, Arc::clone(&CONFIG));
    let file = found.map_err(|error| Error::broken(error.to_string()))?.ok_or(Refusal::NotFound)?;
    let mut response = HttpResponse::Ok();
    if file.gzpipped {
        response.insert_header((header::CONTENT_ENCODING, header::ContentEncoding::Gzip));
    }
    let response = response.content_type(file.content_type).insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
    Ok(response.insert_header((header::CACHE_CONTROL, "no-cache")).body(file.bytes.into_owned()))
}

/// The same bytes as the committed file.
#[get("/openapi.json")]
pub async fn document() -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type(ContentType::json()).insert_header((header::CACHE_CONTROL, "no-cache"));
    response.body(openapi::text())
}
