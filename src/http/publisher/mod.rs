//! Publishers and their keys, for admins.

mod dto;
mod handlers;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the routes of this noun.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(handlers::create_publisher)
        .service(handlers::list_publishers)
        .service(handlers::get_publisher)
        .service(handlers::end_publisher)
        .service(handlers::create_publisher_key)
        .service(handlers::list_publisher_keys)
        .service(handlers::end_publisher_key);
}
