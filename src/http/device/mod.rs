//! Devices of the signed-in user.

mod dto;
mod handlers;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the routes of this noun.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(handlers::register_device)
        .service(handlers::list_devices)
        .service(handlers::get_device)
        .service(handlers::change_device)
        .service(handlers::remove_device);
}
