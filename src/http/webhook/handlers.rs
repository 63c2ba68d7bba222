//! Registering, changing, pausing and ending webhooks.

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post, put};

use super::dto::{NewWebhookView, WebhookBody, WebhookChangeBody, WebhookView, WebhooksView};
use crate::domain::id::WebhookId;
use crate::http::extract::body::Body;
use crate::http::extract::id::Id;
use crate::http::extract::idempotency::IdempotencyKey;
use crate::http::extract::page::PageQuery;
use crate::http::extract::query::Query;
use crate::http::extract::signed_in::SignedIn;
use crate::http::problem::{ApiResult, problems};
use crate::services::idempotency::Call;
use crate::services::{Deps, webhook};

problems!(
    /// What registering a webhook may be answered.
    pub CreateWebhookProblems: WebhookLimitReached, SecretShownOnce, IdempotencyKeyReused, IdempotencyKeyInUse
);
problems!(
    /// What changing a webhook may be answered.
    pub ChangeWebhookProblems: NotFound, WebhookEnded
);
problems!(
    /// What asking for a new secret may be answered.
    pub RotateWebhookProblems: NotFound, WebhookEnded, WebhookSecretNotOurs, SecretShownOnce, IdempotencyKeyReused,
        IdempotencyKeyInUse
);
problems!(
    /// What asking for one webhook may be answered.
    pub WebhookProblems: NotFound
);

/// Registers a webhook.
#[utoipa::path(
    tag = "webhooks", operation_id = "create_webhook", summary = "Register a webhook",
    description = "登记 webhook：我的订阅命中的公告将推送到该地址，与会话无关。`standard` 按 Standard Webhooks 签名，`secret` 只显示这一次；\
                   其余为群机器人。It is sent the notices of the user's subscriptions like a device. A repeat with the same \
                   Idempotency-Key is refused with the webhook's id, because the answer shows a secret.",
    request_body = WebhookBody, security(("user" = [])), params(IdempotencyKey),
    responses((status = 201, body = NewWebhookView, headers(("Location" = String))), CreateWebhookProblems)
)]
#[post("/webhooks")]
pub async fn create_webhook(
    deps: Data<Deps>,
    me: SignedIn,
    key: IdempotencyKey,
    body: Body<WebhookBody>,
) -> ApiResult<HttpResponse> {
    let call = Call { caller: me.user.to_string(), key: key.0, digest: body.digest };
    let view = NewWebhookView::of(webhook::register(&deps, me.user, &call, &body.value.registration()).await?);
    let location = format!("/v1/webhooks/{}", view.webhook.id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(view))
}

/// The user's webhooks.
#[utoipa::path(
    tag = "webhooks", operation_id = "list_webhooks", summary = "List webhooks",
    description = "我的 webhook，新的在前，含因长期失败而停用的与接收方已声明停用的。\
                   The newest first; also those that are off or ended.", params(PageQuery), security(("user" = [])),
    responses((status = 200, body = WebhooksView))
)]
#[get("/webhooks")]
pub async fn list_webhooks(deps: Data<Deps>, me: SignedIn, query: Query<PageQuery>) -> ApiResult<Json<WebhooksView>> {
    let page = webhook::list(&deps, me.user, query.0.cursor().as_ref(), query.0.limit()).await?;
    Ok(Json(WebhooksView::of(page)))
}

/// A webhook.
#[utoipa::path(
    tag = "webhooks", operation_id = "get_webhook", summary = "Get a webhook", description = "Webhook 详情。",
    params(("id" = WebhookId, Path)), security(("user" = [])),
    responses((status = 200, body = WebhookView), WebhookProblems)
)]
#[get("/webhooks/{id}")]
pub async fn get_webhook(deps: Data<Deps>, me: SignedIn, id: Id<WebhookId>) -> ApiResult<Json<WebhookView>> {
    Ok(Json(WebhookView::of(webhook::get(&deps, me.user, id.0).await?)))
}

/// Changes a webhook.
#[utoipa::path(
    tag = "webhooks", operation_id = "change_webhook", summary = "Change a webhook",
    description = "修改地址、名称或机器人的密钥；待投递的消息随之改投新地址。What is due goes to the new address.",
    request_body = WebhookChangeBody, params(("id" = WebhookId, Path)), security(("user" = [])),
    responses((status = 200, body = WebhookView), ChangeWebhookProblems)
)]
#[patch("/webhooks/{id}")]
pub async fn change_webhook(
    deps: Data<Deps>,
    me: SignedIn,
    id: Id<WebhookId>,
    body: Body<WebhookChangeBody>,
) -> ApiResult<Json<WebhookView>> {
    Ok(Json(WebhookView::of(webhook::change(&deps, me.user, id.0, &body.value.change()).await?)))
}

/// Makes a new secret.
#[utoipa::path(
    tag = "webhooks", operation_id = "rotate_webhook_secret", summary = "Make a new secret for a webhook",
    description = "更换 `standard` 的签名密钥，新密钥只显示这一次；旧密钥在 24 小时内继续同时签名。For a day both the new and the old \
                   secret sign, so that a receiver can be given the new one in peace.",
    params(("id" = WebhookId, Path), IdempotencyKey), security(("user" = [])),
    responses((status = 200, body = NewWebhookView), RotateWebhookProblems)
)]
#[post("/webhooks/{id}/secret")]
pub async fn rotate_webhook_secret(
    deps: Data<Deps>,
    me: SignedIn,
    id: Id<WebhookId>,
    key: IdempotencyKey,
) -> ApiResult<Json<NewWebhookView>> {
    // Without a body there is nothing in which a repeat could differ.
    let call = Call { caller: me.user.to_string(), key: key.0, digest: [0; 32] };
    Ok(Json(NewWebhookView::of(webhook::rotate(&deps, me.user, id.0, &call).await?)))
}

/// Pauses a webhook.
#[utoipa::path(
    tag = "webhooks", operation_id = "pause_webhook", summary = "Pause a webhook",
    description = "暂停推送到该地址，直至恢复；公告仍进入收件箱。\
                   What comes meanwhile is skipped, and can be resent one by one.",
    params(("id" = WebhookId, Path)), security(("user" = [])),
    responses((status = 200, body = WebhookView), ChangeWebhookProblems)
)]
#[put("/webhooks/{id}/pause")]
pub async fn pause_webhook(deps: Data<Deps>, me: SignedIn, id: Id<WebhookId>) -> ApiResult<Json<WebhookView>> {
    Ok(Json(WebhookView::of(webhook::pause(&deps, me.user, id.0).await?)))
}

/// Resumes a webhook.
#[utoipa::path(
    tag = "webhooks", operation_id = "resume_webhook", summary = "Resume a webhook",
    description = "恢复推送，也用于重新启用因长期失败而停用的 webhook。\
                   Also for one that was switched off because it failed for long.",
    params(("id" = WebhookId, Path)), security(("user" = [])),
    responses((status = 200, body = WebhookView), ChangeWebhookProblems)
)]
#[delete("/webhooks/{id}/pause")]
pub async fn resume_webhook(deps: Data<Deps>, me: SignedIn, id: Id<WebhookId>) -> ApiResult<Json<WebhookView>> {
    Ok(Json(WebhookView::of(webhook::resume(&deps, me.user, id.0).await?)))
}

/// Ends a webhook.
#[utoipa::path(
    tag = "webhooks", operation_id = "end_webhook", summary = "End a webhook",
    description = "删除 webhook，不再向其推送，地址与密钥随即清除。\
                   Nothing more is sent; address and secrets are forgotten.",
    params(("id" = WebhookId, Path)), security(("user" = [])),
    responses((status = 204, description = "Ended"), WebhookProblems)
)]
#[delete("/webhooks/{id}")]
pub async fn end_webhook(deps: Data<Deps>, me: SignedIn, id: Id<WebhookId>) -> ApiResult<HttpResponse> {
    webhook::end(&deps, me.user, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
