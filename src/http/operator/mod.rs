//! What operators see and do. Admins are operators.

mod channels;
mod dead_letters;
mod deliveries;
pub mod dto;
mod fan_outs;
mod users;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the routes of operators.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(fan_outs::list_fan_outs)
        .service(fan_outs::get_fan_out)
        .service(users::explain_user_notice)
        .service(channels::list_channels)
        .service(deliveries::list_deliveries)
        .service(dead_letters::list_dead_letters)
        .service(dead_letters::replay_dead_letters)
        .service(crate::http::reach::get_reach);
}
