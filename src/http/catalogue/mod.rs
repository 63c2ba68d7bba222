//! The catalogue, for whoever builds a filter or a form.

mod dto;
mod handlers;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the routes of this noun.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(handlers::list_categories)
        .service(handlers::list_regions)
        .service(handlers::get_region)
        .service(handlers::list_notice_types);
}
