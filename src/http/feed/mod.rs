//! The change feed, as JSON with a cursor for other sites, and as Atom and JSON Feed for feed readers.

mod atom;
mod handlers;
mod json_feed;
mod pages;
mod query;
mod views;
mod xml;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the routes of this noun.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(handlers::get_feed).service(handlers::get_atom_feed).service(handlers::get_json_feed);
}
