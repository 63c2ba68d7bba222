//! Whom a notice reached.

use actix_web::get;
use actix_web::web::{Data, Json};

use super::dto::ReachView;
use crate::domain::id::NoticeId;
use crate::http::extract::id::Id;
use crate::http::extract::publisher_key::PublisherCaller;
use crate::http::extract::signed_in::Operator;
use crate::http::problem::{ApiResult, problems};
use crate::services::{Deps, reach};

problems!(
    /// What asking for a report may be answered.
    pub ReachProblems: Forbidden, NotFound
);
problems!(
    /// What a publisher may be answered.
    pub OwnReachProblems: NotFound
);

/// Whom a notice reached.
#[utoipa::path(
    tag = "operator", operation_id = "get_reach", summary = "Get the reach report of a notice",
    description = "公告的触达报告，逐修订统计；数字与记录在同一事务中累计，扇出结束后与记录逐项核对。The numbers are kept in the \
                   transactions that write what they count, and held against it when the revision was carried to everyone.",
    params(("id" = NoticeId, Path)), security(("user" = ["operator"])), responses((status = 200, body = ReachView), ReachProblems)
)]
#[get("/operator/notices/{id}/reach")]
pub async fn get_reach(deps: Data<Deps>, _: Operator, id: Id<NoticeId>) -> ApiResult<Json<ReachView>> {
    Ok(Json(ReachView::of(reach::of(&deps, id.0).await?)))
}

/// Whom a notice of the publisher's own reached.
#[utoipa::path(
    tag = "notices", operation_id = "get_own_reach", summary = "Get the reach report of a notice of one's own",
    description = "本发布方公告的触达报告，限于密钥的授权范围；其他公告一律视为不存在。The publisher's proof of reach: the same \
                   numbers as operators see.",
    params(("id" = NoticeId, Path)), security(("publisher" = [])),
    responses((status = 200, body = ReachView), OwnReachProblems)
)]
#[get("/{id}/reach")]
pub async fn get_own_reach(deps: Data<Deps>, caller: PublisherCaller, id: Id<NoticeId>) -> ApiResult<Json<ReachView>> {
    Ok(Json(ReachView::of(reach::of_own(&deps, &caller, id.0).await?)))
}
