//! Webhooks of the signed-in user.

mod dto;
mod handlers;
mod log;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the routes of this noun.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(handlers::create_webhook)
        .service(handlers::list_webhooks)
        .service(handlers::get_webhook)
        .service(handlers::change_webhook)
        .service(handlers::rotate_webhook_secret)
        .service(handlers::pause_webhook)
        .service(handlers::resume_webhook)
        .service(handlers::end_webhook)
        .service(log::test_webhook)
        .service(log::list_webhook_deliveries)
        .service(log::resend_webhook_delivery);
}
