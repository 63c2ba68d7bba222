//! The front door: every route in one list.
//!
//! Promise: what the OpenAPI document says is what the door does, because the same registration makes both. Bodies and
//! parameters are held against the documented schema before anything else looks at them.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, Error};
use utoipa_actix_web::AppExt as _;
use utoipa_actix_web::scope::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::services::Deps;

pub mod account;
pub mod catalogue;
pub mod conditional;
pub mod connection;
pub mod device;
mod directory;
pub mod extract;
pub mod feed;
pub mod health;
pub mod inbox;
pub mod language;
pub mod middleware;
pub mod notice;
pub mod openapi;
pub mod operator;
mod pages;
pub mod problem;
pub mod publisher;
pub mod reach;
pub mod scheduled;
pub mod search;
pub mod session;
pub mod subscription;
pub mod user;
pub mod webhook;

/// Every route of the API.
fn routes(config: &mut ServiceConfig<'_>) {
    config.configure(health::routes).configure(session::well_known).service(
        scope("/v1")
            .configure(catalogue::routes)
            .configure(notice::routes)
            .configure(feed::routes)
            .configure(scheduled::routes)
            .configure(search::routes)
            .configure(publisher::routes)
            .configure(account::routes)
            .configure(session::routes)
            .configure(user::routes)
            .configure(subscription::routes)
            .configure(device::routes)
            .configure(webhook::routes)
            .configure(inbox::routes)
            .configure(operator::routes),
    );
}

/// The document of everything that `routes` registers.
pub fn document() -> utoipa::openapi::OpenApi {
    let (_, document) = App::new().into_utoipa_app().openapi(openapi::head()).configure(routes).split_for_parts();
    openapi::finish(document)
}

/// The application of one worker thread: without the role `api`, what machines watch and nothing else. `mount` adds
/// what is not part of the house: the sandbox.
pub fn app(
    deps: Deps,
    mount: impl FnOnce(&mut web::ServiceConfig),
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let serves_api = deps.copy.api;
    let (app, _) = App::new()
        .app_data(Data::new(deps))
        .into_utoipa_app()
        .openapi(openapi::head())
        .configure(if serves_api { routes } else { health::routes })
        .split_for_parts();
    app.configure(|config| {
        if serves_api {
            pages::routes(config)
        }
    })
    .configure(mount)
    .default_service(web::to(directory::nothing))
    // The last one wrapped is the first one passed.
    .wrap(from_fn(middleware::problems))
    .wrap(from_fn(directory::without_query))
    .wrap(from_fn(middleware::limits::limit))
    .wrap(from_fn(middleware::security_headers))
    .wrap(from_fn(middleware::head))
    .wrap(from_fn(middleware::request_id::trace))
}
