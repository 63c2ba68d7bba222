//! Users, for those who look after them: operators find them, admins give them roles.

mod dto;
mod handlers;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the routes of this noun.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(handlers::list_users).service(handlers::set_user_role);
}
