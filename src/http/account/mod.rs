//! Accounts: opening one, resetting its password, one's own profile.

mod dto;
mod handlers;

use utoipa_actix_web::service_config::ServiceConfig;

pub use dto::{ProfileView, parse as parse_address};

/// Registers the routes of this noun.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(handlers::list_registration_options)
        .service(handlers::start_registration)
        .service(handlers::create_user)
        .service(handlers::start_password_reset)
        .service(handlers::confirm_password_reset)
        .service(handlers::get_me)
        .service(handlers::update_me)
        .service(handlers::change_password)
        .service(handlers::delete_me);
}
