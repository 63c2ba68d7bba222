//! How far fan-outs are.

use actix_web::get;
use actix_web::web::{Data, Json};

use super::dto::{FanOutDetailView, FanOutsQuery, FanOutsView};
use crate::domain::id::FanOutId;
use crate::http::extract::id::Id;
use crate::http::extract::page::{cursor_of, limit_of};
use crate::http::extract::query::Query;
use crate::http::extract::signed_in::Operator;
use crate::http::problem::{ApiResult, problems};
use crate::services::{Deps, operator};

problems!(
    /// What asking for a list may be answered.
    pub OperatorProblems: Forbidden
);
problems!(
    /// What asking for one thing may be answered.
    pub OperatorFindProblems: Forbidden, NotFound
);

/// Fan-outs, the newest first.
#[utoipa::path(
    tag = "operator", operation_id = "list_fan_outs", summary = "List fan-outs and how far they are",
    description = "分发列表，新的在前：块数、用户数、已入收件箱的用户数、租约。Counted from the chunks as they stand.",
    params(FanOutsQuery), security(("user" = ["operator"])), responses((status = 200, body = FanOutsView), OperatorProblems)
)]
#[get("/operator/fan-outs")]
pub async fn list_fan_outs(deps: Data<Deps>, _: Operator, query: Query<FanOutsQuery>) -> ApiResult<Json<FanOutsView>> {
    let (cursor, limit) = (cursor_of(query.0.cursor.as_deref()), limit_of(query.0.limit));
    let page = operator::list_fan_outs(&deps, &query.0.filter(), cursor.as_ref(), limit).await?;
    Ok(Json(FanOutsView::of(page)))
}

/// A fan-out with what is unfinished of it.
#[utoipa::path(
    tag = "operator", operation_id = "get_fan_out", summary = "Get a fan-out",
    description = "分发详情，含最多 100 个未完成的块。", params(("id" = FanOutId, Path)), security(("user" = ["operator"])),
    responses((status = 200, body = FanOutDetailView), OperatorFindProblems)
)]
#[get("/operator/fan-outs/{id}")]
pub async fn get_fan_out(deps: Data<Deps>, _: Operator, id: Id<FanOutId>) -> ApiResult<Json<FanOutDetailView>> {
    let (progress, unfinished) = operator::get_fan_out(&deps, id.0).await?;
    Ok(Json(FanOutDetailView::of(progress, unfinished)))
}
