//! What people read: the documentation, the document itself, and what each code of a problem means.
//!
//! Promise: nothing is loaded from elsewhere, so all of it works with no network. These pages are no part of the API:
//! they stand in no document and are not counted by the rate limits.

mod docs;
mod problems;

use actix_web::web::ServiceConfig;

/// The paths of these pages; all of them are only read.
pub const PATHS: [&str; 4] = ["/docs", "/docs/{file}", "/openapi.json", "/problems/{code}"];

/// Registers the pages.
pub fn routes(config: &mut ServiceConfig) {
    config.service(docs::redirect).service(docs::file).service(docs::document).service(problems::problem);
}
