//! The inbox of the signed-in user.

mod dto;
mod handlers;
mod query;
mod stream;
mod why;

use utoipa_actix_web::service_config::ServiceConfig;

pub use stream::{InboxEndView, InboxReadyView};
pub use why::ExplanationView;

/// Registers the routes of this noun; the fixed names before `{id}`, which would take them for ids.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(handlers::list_inbox)
        .service(handlers::sync_inbox)
        .service(stream::stream_inbox)
        .service(handlers::count_unread)
        .service(handlers::read_all)
        .service(handlers::get_inbox_item)
        .service(handlers::explain_inbox_item)
        .service(handlers::mark_read)
        .service(handlers::mark_unread)
        .service(handlers::archive_item)
        .service(handlers::restore_item)
        .service(handlers::remove_item);
}
