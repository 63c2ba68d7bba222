//! Whether the process lives, and whether it can serve.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::problem::ApiResult;
use crate::services::{Deps, health};

/// Registers the routes of this file.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(get_health);
}

/// The process lives.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    status: String,
}

/// Whether the process lives.
#[utoipa::path(tag = "health", operation_id = "get_health", responses((status = 200, body = Health)))]
#[get("/healthz")]
pub async fn get_health(deps: Data<Deps>) -> ApiResult<Json<Health>> {
    health::check(&deps).await?;
    Ok(Json(Health { status: "ok".to_owned() }))
}
