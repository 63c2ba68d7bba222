//! Subscriptions of the signed-in user.

pub mod dto;
mod handlers;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the routes of this noun.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(handlers::create_subscription)
        .service(handlers::list_subscriptions)
        .service(handlers::get_subscription)
        .service(handlers::change_subscription)
        .service(handlers::end_subscription)
        .service(handlers::list_subscription_editions)
        .service(handlers::pause_subscription)
        .service(handlers::resume_subscription);
}
