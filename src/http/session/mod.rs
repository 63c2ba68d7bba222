//! Sessions and the keys that their tokens are signed with.

mod dto;
mod handlers;

use utoipa_actix_web::service_config::ServiceConfig;

pub use dto::TokensView;

/// Registers the routes of this noun under `/v1`.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(handlers::create_session)
        .service(handlers::refresh_session)
        .service(handlers::list_sessions)
        // Before the route with the id: `current` is none.
        .service(handlers::delete_current_session)
        .service(handlers::delete_session);
}

/// Registers what stands outside `/v1`.
pub fn well_known(config: &mut ServiceConfig<'_>) {
    config.service(handlers::get_jwks);
}
