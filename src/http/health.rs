//! Whether the process lives, whether it can serve, and its figures. Outside `/v1`: for machines that watch machines.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::domain::channel::Channel;
use crate::http::problem::{ApiResult, problems};
use crate::services::health::Readiness;
use crate::services::{Deps, health};
use crate::telemetry;

/// The paths of this file. A copy without the role `api` serves these and no others.
pub const PATHS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Registers the routes of this file.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(get_health).service(get_readiness).service(get_metrics);
}

/// The process lives.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    status: String,
}

/// How this copy is.
#[derive(Serialize, ToSchema)]
pub struct ReadinessView {
    /// `ready`, or `unready` with status 503.
    #[schema(example = "ready")]
    status: String,
    /// The record answers.
    database: bool,
    /// The schema is this version's.
    migrations: bool,
    /// The queue answers. Without it everything goes on, only slower.
    queue: bool,
    /// What this copy does: `api`, `notifier`, `scheduler`.
    roles: Vec<String>,
    /// A sandbox stands in for the push providers, this process's own or another's: no push reaches a phone.
    sandbox: bool,
    /// Channels without credentials: what would go there is held.
    unconfigured_channels: Vec<Channel>,
    /// What is not as it should be: `database_away`, `migrations_pending`, `queue_away`, `deliveries_held`,
    /// `sandbox_on`, `sandbox_remote`.
    degraded: Vec<String>,
}

impl ReadinessView {
    fn of(deps: &Deps, readiness: Readiness) -> Self {
        let owned = |words: Vec<&'static str>| words.into_iter().map(str::to_owned).collect();
        Self {
            status: if readiness.is_ready() { "ready" } else { "unready" }.to_owned(),
            database: readiness.database,
            migrations: readiness.migrations,
            queue: readiness.queue,
            roles: owned(deps.copy.roles()),
            sandbox: deps.copy.sandbox.own || deps.copy.sandbox.remote,
            unconfigured_channels: readiness.unconfigured,
            degraded: owned(readiness.degraded),
        }
    }
}

problems!(
    /// What asking whether the process lives may be answered.
    pub HealthProblems: Unavailable
);

/// Whether the process lives.
#[utoipa::path(
    tag = "health", operation_id = "get_health", summary = "Whether the process lives",
    description = "进程存活且数据库可读。For whoever restarts what is dead.",
    responses((status = 200, body = Health), HealthProblems)
)]
#[get("/healthz")]
pub async fn get_health(deps: Data<Deps>) -> ApiResult<Json<Health>> {
    health::check(&deps).await?;
    Ok(Json(Health { status: "ok".to_owned() }))
}

/// Whether this copy should get traffic.
#[utoipa::path(
    tag = "health", operation_id = "get_readiness", summary = "Whether this copy should get traffic",
    description = "是否可接收请求：数据库、表结构、队列、角色、沙箱与未配置的通道。503 without the database or with \
                   migrations pending; a queue that is away only degrades.",
    responses((status = 200, body = ReadinessView), (status = 503, body = ReadinessView, description = "Not ready"))
)]
#[get("/readyz")]
pub async fn get_readiness(deps: Data<Deps>) -> HttpResponse {
    let readiness = health::readiness(&deps).await;
    let mut answer = if readiness.is_ready() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.json(ReadinessView::of(&deps, readiness))
}

/// Figures for Prometheus.
#[utoipa::path(
    tag = "health", operation_id = "get_metrics", summary = "Figures for Prometheus",
    description = "Prometheus 文本格式；各指标见 docs/operations.md。Gauges are counted at the scrape.",
    responses((status = 200, body = String, content_type = "text/plain"))
)]
#[get("/metrics")]
pub async fn get_metrics(deps: Data<Deps>) -> HttpResponse {
    health::measure(&deps).await;
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(telemetry::render_metrics())
}
