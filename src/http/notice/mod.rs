//! Notices: handing in, correcting, taking back; reading without sign-in.

mod batch;
mod dto;
mod handlers;
pub mod import;
mod parts;
mod reading;
mod views;

use utoipa_actix_web::scope::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::extract::body::BodyLimit;

pub use dto::{NoticeBody, read_notice};
pub use parts::AttachmentPart;
pub use reading::version;
pub use views::{ChangeView, ContentView, NoticeItemView, ProjectView};

/// A notice's body is somebody else's HTML and may be long.
const LIMIT: BodyLimit = BodyLimit(1024 * 1024);

/// Registers the routes of this noun. Whatever stands under `/notices` is registered here: a scope keeps its prefix.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(reading::get_project).service(
        scope("/notices")
            .map(|scope| scope.app_data(LIMIT))
            .service(handlers::publish_notice)
            .service(batch::publish_notices)
            .service(import::import_notices)
            .service(handlers::put_notice)
            .service(handlers::revise_notice)
            .service(handlers::withdraw_notice)
            .service(reading::list_notices)
            .service(reading::get_notice_by_source)
            .service(reading::list_notice_revisions)
            .service(reading::get_notice_revision)
            .service(crate::http::reach::get_own_reach)
            .service(reading::get_notice),
    );
}
