//! Subscriptions of the signed-in user.

pub mod dto;
mod handlers;
mod preview;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the routes of this noun; the fixed names before `{id}`, which would take them for ids.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(handlers::create_subscription)
        .service(handlers::list_subscriptions)
        .service(preview::preview_subscription)
        .service(preview::list_subscription_templates)
        .service(handlers::get_subscription)
        .service(handlers::change_subscription)
        .service(handlers::end_subscription)
        .service(handlers::list_subscription_editions)
        .service(handlers::pause_subscription)
        .service(handlers::resume_subscription);
}
