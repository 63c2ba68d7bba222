//! Handing in what is to be published later, replacing it, taking it back.

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post, put};

use super::dto::{
    ScheduledNoticeBody, ScheduledNoticeDetailView, ScheduledNoticeView, ScheduledNoticesQuery, ScheduledNoticesView,
};
use crate::domain::id::ScheduledNoticeId;
use crate::http::extract::body::Body;
use crate::http::extract::id::Id;
use crate::http::extract::idempotency::IdempotencyKey;
use crate::http::extract::publisher_key::PublisherCaller;
use crate::http::extract::query::Query;
use crate::http::extract::signed_in::Operator;
use crate::http::problem::{ApiResult, problems};
use crate::services::Deps;
use crate::services::idempotency::Call;
use crate::services::notice::scheduled;

problems!(
    /// What scheduling may be answered.
    pub ScheduleProblems: OutOfScope, SourceIdTaken, AlreadyScheduled, ScheduledLimitReached, IdempotencyKeyReused,
        IdempotencyKeyInUse
);
problems!(
    /// What replacing or cancelling may be answered.
    pub RescheduleProblems: NotFound, OutOfScope, NoLongerScheduled
);
problems!(
    /// What asking for one may be answered.
    pub ScheduledProblems: NotFound, OutOfScope
);
problems!(
    /// What asking for everybody's may be answered.
    pub AllScheduledProblems: Forbidden
);

/// Takes a notice that is to be published later.
#[utoipa::path(
    tag = "publishing", operation_id = "schedule_notice", summary = "Schedule a notice",
    description = "定时发布公告：现在提交，到 `publish_at` 时自动发布；此前对公众和订阅均不可见。提交时与发布时都会核对密钥、分类与行政区划。\
                   Published within about a second of `publish_at`, or when the server is back after an outage; what cannot \
                   be published then is `refused` with its reason. The same natural key with the same content and time \
                   answers the first with 200, anything else 409 `already_scheduled`: replace or cancel what waits.",
    request_body = ScheduledNoticeBody, security(("publisher" = [])), params(IdempotencyKey),
    responses(
        (status = 201, body = ScheduledNoticeView, headers(("Location" = String))),
        (status = 200, body = ScheduledNoticeView, description = "The same was scheduled before"),
        ScheduleProblems
    )
)]
#[post("")]
pub async fn schedule_notice(
    deps: Data<Deps>,
    caller: PublisherCaller,
    key: IdempotencyKey,
    body: Body<ScheduledNoticeBody>,
) -> ApiResult<HttpResponse> {
    let call = Call { caller: caller.publisher.to_string(), key: key.0, digest: body.digest };
    let at = body.value.publish_at;
    let scheduled = scheduled::schedule(&deps, &caller, &call, body.value.draft(), at).await?;
    let mut response = if scheduled.created { HttpResponse::Created() } else { HttpResponse::Ok() };
    let location = format!("/v1/scheduled-notices/{}", scheduled.id);
    Ok(response.insert_header((LOCATION, location)).json(ScheduledNoticeView::of(scheduled)))
}

/// A publisher's scheduled notices.
#[utoipa::path(
    tag = "publishing", operation_id = "list_scheduled_notices", summary = "List one's scheduled notices",
    description = "本发布方在密钥范围内的定时公告及其结果，最近提交的在前。\
                   Those within the key's scope. What became of them is kept for 90 days.",
    params(ScheduledNoticesQuery), security(("publisher" = [])), responses((status = 200, body = ScheduledNoticesView))
)]
#[get("")]
pub async fn list_scheduled_notices(
    deps: Data<Deps>,
    caller: PublisherCaller,
    query: Query<ScheduledNoticesQuery>,
) -> ApiResult<Json<ScheduledNoticesView>> {
    let cursor = query.0.cursor();
    let page = scheduled::list(&deps, Some(&caller), query.0.state, cursor.as_ref(), query.0.limit()).await?;
    Ok(Json(ScheduledNoticesView::of(page)))
}

/// A scheduled notice.
#[utoipa::path(
    tag = "publishing", operation_id = "get_scheduled_notice", summary = "Get a scheduled notice",
    description = "定时公告及所提交的内容。\
                   With the notice as it was handed in.",
    params(("id" = ScheduledNoticeId, Path)), security(("publisher" = [])),
    responses((status = 200, body = ScheduledNoticeDetailView), ScheduledProblems)
)]
#[get("/{id}")]
pub async fn get_scheduled_notice(
    deps: Data<Deps>,
    caller: PublisherCaller,
    id: Id<ScheduledNoticeId>,
) -> ApiResult<Json<ScheduledNoticeDetailView>> {
    Ok(Json(ScheduledNoticeDetailView::of(scheduled::get(&deps, &caller, id.0).await?)))
}

/// Puts another content or time in the place of what waits.
#[utoipa::path(
    tag = "publishing", operation_id = "replace_scheduled_notice", summary = "Replace a scheduled notice",
    description = "在发布前替换定时公告的内容或时间；来源编号不变。此后由本次所用的密钥负责。From then on it is published by the key of \
                   this call: so a key can be exchanged without handing everything in anew.",
    request_body = ScheduledNoticeBody, security(("publisher" = [])), params(("id" = ScheduledNoticeId, Path)),
    responses((status = 200, body = ScheduledNoticeView), RescheduleProblems)
)]
#[put("/{id}")]
pub async fn replace_scheduled_notice(
    deps: Data<Deps>,
    caller: PublisherCaller,
    id: Id<ScheduledNoticeId>,
    body: Body<ScheduledNoticeBody>,
) -> ApiResult<Json<ScheduledNoticeView>> {
    let at = body.value.publish_at;
    let scheduled = scheduled::reschedule(&deps, &caller, id.0, body.value.draft(), at).await?;
    Ok(Json(ScheduledNoticeView::of(scheduled)))
}

/// Takes back what waits.
#[utoipa::path(
    tag = "publishing", operation_id = "cancel_scheduled_notice", summary = "Cancel a scheduled notice",
    description = "在发布前取消定时公告；重复取消结果相同。已发布的用撤回。What was published is withdrawn instead.",
    params(("id" = ScheduledNoticeId, Path)), security(("publisher" = [])),
    responses((status = 204, description = "Cancelled"), RescheduleProblems)
)]
#[delete("/{id}")]
pub async fn cancel_scheduled_notice(
    deps: Data<Deps>,
    caller: PublisherCaller,
    id: Id<ScheduledNoticeId>,
) -> ApiResult<HttpResponse> {
    scheduled::cancel(&deps, &caller, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Everybody's scheduled notices.
#[utoipa::path(
    tag = "operator", operation_id = "list_all_scheduled_notices", summary = "List the scheduled notices of all publishers",
    description = "全部发布方的定时公告及其结果，最近提交的在前；`state=refused` 为未能发布者。",
    params(ScheduledNoticesQuery), security(("user" = ["operator"])),
    responses((status = 200, body = ScheduledNoticesView), AllScheduledProblems)
)]
#[get("/operator/scheduled-notices")]
pub async fn list_all_scheduled_notices(
    deps: Data<Deps>,
    _: Operator,
    query: Query<ScheduledNoticesQuery>,
) -> ApiResult<Json<ScheduledNoticesView>> {
    let cursor = query.0.cursor();
    let page = scheduled::list(&deps, None, query.0.state, cursor.as_ref(), query.0.limit()).await?;
    Ok(Json(ScheduledNoticesView::of(page)))
}
