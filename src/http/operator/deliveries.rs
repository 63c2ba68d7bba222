//! What became of deliveries.

use actix_web::get;
use actix_web::web::{Data, Json};

use super::dto::{DeliveriesQuery, DeliveriesView};
use super::fan_outs::OperatorProblems;
use crate::http::extract::page::{cursor_of, limit_of};
use crate::http::extract::query::Query;
use crate::http::extract::signed_in::Operator;
use crate::http::problem::ApiResult;
use crate::services::{Deps, operator};

/// Deliveries of a notice or for a user.
#[utoipa::path(
    tag = "operator", operation_id = "list_deliveries", summary = "List deliveries with every attempt",
    description = "按公告或用户查询投递，含每次尝试；`notice` 与 `user` 至少给出一个。Those of the newest notice and \
                   revision first. At least one of `notice` and `user` is needed.",
    params(DeliveriesQuery), security(("user" = ["operator"])), responses((status = 200, body = DeliveriesView), OperatorProblems)
)]
#[get("/operator/deliveries")]
pub async fn list_deliveries(
    deps: Data<Deps>,
    _: Operator,
    query: Query<DeliveriesQuery>,
) -> ApiResult<Json<DeliveriesView>> {
    let (cursor, limit) = (cursor_of(query.0.cursor.as_deref()), limit_of(query.0.limit));
    let page = operator::list_deliveries(&deps, &query.0.filter(), cursor.as_ref(), limit).await?;
    Ok(Json(DeliveriesView::of(page)))
}
