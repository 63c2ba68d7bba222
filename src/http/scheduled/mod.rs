//! Scheduled notices: what is handed in now and published later.

mod dto;
mod handlers;

use utoipa_actix_web::scope::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::extract::body::BodyLimit;

/// As much as a notice may have, and what stands around it.
const LIMIT: BodyLimit = BodyLimit(1024 * 1024);

/// Registers the routes of this noun.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(handlers::list_all_scheduled_notices).service(
        scope("/scheduled-notices")
            .map(|scope| scope.app_data(LIMIT))
            .service(handlers::schedule_notice)
            .service(handlers::list_scheduled_notices)
            .service(handlers::get_scheduled_notice)
            .service(handlers::replace_scheduled_notice)
            .service(handlers::cancel_scheduled_notice),
    );
}
