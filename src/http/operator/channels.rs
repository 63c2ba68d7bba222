//! How channels stand.

use actix_web::get;
use actix_web::web::{Data, Json};

use super::dto::ChannelsView;
use super::fan_outs::OperatorProblems;
use crate::http::extract::signed_in::Operator;
use crate::http::problem::ApiResult;
use crate::services::{Deps, operator};

/// How channels stand.
#[utoipa::path(
    tag = "operator", operation_id = "list_channels", summary = "List channels and how they stand",
    description = "通道列表：速率与每日配额的余量、等待中的投递、各发送进程的并发上限与休眠。Channels that are configured, or that \
                   something waits for. `senders` is what each process that sends said of itself within the last seconds.",
    security(("user" = ["operator"])), responses((status = 200, body = ChannelsView), OperatorProblems)
)]
#[get("/operator/channels")]
pub async fn list_channels(deps: Data<Deps>, _: Operator) -> ApiResult<Json<ChannelsView>> {
    Ok(Json(ChannelsView::of(operator::channels(&deps).await?)))
}
