//! Making, changing, pausing and ending subscriptions.

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post, put};

use super::dto::{
    PauseBody, SubscriptionBody, SubscriptionChangeBody, SubscriptionEditionsView, SubscriptionView, SubscriptionsView,
};
use crate::domain::id::SubscriptionId;
use crate::http::extract::body::Body;
use crate::http::extract::id::Id;
use crate::http::extract::idempotency::IdempotencyKey;
use crate::http::extract::page::PageQuery;
use crate::http::extract::query::Query;
use crate::http::extract::signed_in::SignedIn;
use crate::http::problem::{ApiResult, problems};
use crate::services::idempotency::Call;
use crate::services::{Deps, subscription};

problems!(
    /// What making a subscription may be answered.
    pub CreateSubscriptionProblems:
        FilterEmpty, FrequencyNotOffered, SubscriptionLimitReached, WordLimitReached, IdempotencyKeyReused, IdempotencyKeyInUse
);
problems!(
    /// What changing a subscription may be answered.
    pub ChangeSubscriptionProblems: NotFound, FilterEmpty, FrequencyNotOffered, WordLimitReached
);
problems!(
    /// What asking for one subscription may be answered.
    pub SubscriptionProblems: NotFound
);

/// Makes a subscription.
#[utoipa::path(
    tag = "subscriptions", operation_id = "create_subscription", summary = "Subscribe",
    description = "新建订阅。此调用返回之后开始发布的公告，凡符合条件者必定送达。Every notice whose publishing begins \
                   after this call was answered counts; the filter's parts must all hold.",
    request_body = SubscriptionBody, security(("user" = [])),
    params(IdempotencyKey),
    responses(
        (status = 201, body = SubscriptionView, headers(("Location" = String))), CreateSubscriptionProblems
    )
)]
#[post("/subscriptions")]
pub async fn create_subscription(
    deps: Data<Deps>,
    me: SignedIn,
    key: IdempotencyKey,
    body: Body<SubscriptionBody>,
) -> ApiResult<HttpResponse> {
    let call = Call { caller: me.user.to_string(), key: key.0, digest: body.digest };
    let view = SubscriptionView::of(subscription::subscribe(&deps, me.user, &call, &body.value.wish()).await?);
    let location = format!("/v1/subscriptions/{}", view.id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(view))
}

/// The user's subscriptions.
#[utoipa::path(
    tag = "subscriptions", operation_id = "list_subscriptions", summary = "List subscriptions",
    description = "我的订阅，新的在前。The newest first.", params(PageQuery), security(("user" = [])),
    responses((status = 200, body = SubscriptionsView))
)]
#[get("/subscriptions")]
pub async fn list_subscriptions(
    deps: Data<Deps>,
    me: SignedIn,
    query: Query<PageQuery>,
) -> ApiResult<Json<SubscriptionsView>> {
    let page = subscription::list(&deps, me.user, query.0.cursor().as_ref(), query.0.limit()).await?;
    Ok(Json(SubscriptionsView::of(page)))
}

/// A subscription.
#[utoipa::path(
    tag = "subscriptions", operation_id = "get_subscription", summary = "Get a subscription",
    description = "订阅详情。As it stands now.", params(("id" = SubscriptionId, Path)), security(("user" = [])),
    responses((status = 200, body = SubscriptionView), SubscriptionProblems)
)]
#[get("/subscriptions/{id}")]
pub async fn get_subscription(
    deps: Data<Deps>,
    me: SignedIn,
    id: Id<SubscriptionId>,
) -> ApiResult<Json<SubscriptionView>> {
    Ok(Json(SubscriptionView::of(subscription::get(&deps, me.user, id.0).await?)))
}

/// The editions of a subscription.
#[utoipa::path(
    tag = "subscriptions", operation_id = "list_subscription_editions", summary = "List a subscription's editions",
    description = "订阅条件的历次版本，新的在前；已结束的订阅也可查。A filter is never edited in place: changing it \
                   ends one edition and begins the next.",
    params(("id" = SubscriptionId, Path), PageQuery), security(("user" = [])),
    responses((status = 200, body = SubscriptionEditionsView), SubscriptionProblems)
)]
#[get("/subscriptions/{id}/editions")]
pub async fn list_subscription_editions(
    deps: Data<Deps>,
    me: SignedIn,
    id: Id<SubscriptionId>,
    query: Query<PageQuery>,
) -> ApiResult<Json<SubscriptionEditionsView>> {
    let page = subscription::history(&deps, me.user, id.0, query.0.cursor().as_ref(), query.0.limit()).await?;
    Ok(Json(SubscriptionEditionsView::of(page)))
}

/// Changes a subscription.
#[utoipa::path(
    tag = "subscriptions", operation_id = "change_subscription", summary = "Change a subscription",
    description = "修改订阅。修改条件会结束当前版本并开始新版本；只改名称则不会。\
                   Another filter ends this edition and begins the next; another name does not.",
    request_body = SubscriptionChangeBody, params(("id" = SubscriptionId, Path)), security(("user" = [])),
    responses((status = 200, body = SubscriptionView), ChangeSubscriptionProblems)
)]
#[patch("/subscriptions/{id}")]
pub async fn change_subscription(
    deps: Data<Deps>,
    me: SignedIn,
    id: Id<SubscriptionId>,
    body: Body<SubscriptionChangeBody>,
) -> ApiResult<Json<SubscriptionView>> {
    let changed = subscription::change(&deps, me.user, id.0, &body.value.change()).await?;
    Ok(Json(SubscriptionView::of(changed)))
}

/// Ends a subscription.
#[utoipa::path(
    tag = "subscriptions", operation_id = "end_subscription", summary = "Unsubscribe",
    description = "退订。已送达的公告仍保留在收件箱。\
                   What came stays in the inbox.", params(("id" = SubscriptionId, Path)), security(("user" = [])),
    responses((status = 204, description = "Ended"), SubscriptionProblems)
)]
#[delete("/subscriptions/{id}")]
pub async fn end_subscription(deps: Data<Deps>, me: SignedIn, id: Id<SubscriptionId>) -> ApiResult<HttpResponse> {
    subscription::unsubscribe(&deps, me.user, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Pauses a subscription.
#[utoipa::path(
    tag = "subscriptions", operation_id = "pause_subscription", summary = "Pause a subscription",
    description = "暂停推送至指定时间；公告仍进入收件箱。\
                   Nothing is sent until then; notices go on coming to the inbox.",
    request_body = PauseBody, params(("id" = SubscriptionId, Path)), security(("user" = [])),
    responses((status = 200, body = SubscriptionView), SubscriptionProblems)
)]
#[put("/subscriptions/{id}/pause")]
pub async fn pause_subscription(
    deps: Data<Deps>,
    me: SignedIn,
    id: Id<SubscriptionId>,
    body: Body<PauseBody>,
) -> ApiResult<Json<SubscriptionView>> {
    let paused = subscription::pause(&deps, me.user, id.0, Some(body.value.until)).await?;
    Ok(Json(SubscriptionView::of(paused)))
}

/// Resumes a subscription.
#[utoipa::path(
    tag = "subscriptions", operation_id = "resume_subscription", summary = "Resume a subscription",
    description = "恢复推送。Sends again at once.", params(("id" = SubscriptionId, Path)), security(("user" = [])),
    responses((status = 200, body = SubscriptionView), SubscriptionProblems)
)]
#[delete("/subscriptions/{id}/pause")]
pub async fn resume_subscription(
    deps: Data<Deps>,
    me: SignedIn,
    id: Id<SubscriptionId>,
) -> ApiResult<Json<SubscriptionView>> {
    Ok(Json(SubscriptionView::of(subscription::pause(&deps, me.user, id.0, None).await?)))
}
