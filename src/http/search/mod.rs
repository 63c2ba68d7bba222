//! Searching; no sign-in is needed.

mod dto;
mod handlers;
mod views;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the routes of this noun.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(handlers::search_notices).service(handlers::suggest_words);
}
