//! What a webhook answered: a test, its deliveries, one of them once more.

use actix_web::web::{Data, Json, Path};
use actix_web::{get, post};

use super::dto::{WebhookAnswerView, WebhookDeliveriesView};
use super::handlers::WebhookProblems;
use crate::domain::id::{NoticeId, WebhookId};
use crate::http::extract::id::Id;
use crate::http::extract::page::PageQuery;
use crate::http::extract::query::Query;
use crate::http::extract::signed_in::SignedIn;
use crate::http::problem::{ApiResult, problems};
use crate::services::{Deps, Refusal, webhook};

problems!(
    /// What sending a test may be answered.
    pub TestWebhookProblems: NotFound, WebhookEnded, TooManyRequests, Unavailable
);
problems!(
    /// What asking for a delivery once more may be answered.
    pub ResendProblems: NotFound, WebhookEnded, DeliveryOvertaken, TooManyRequests, Unavailable
);

/// Sends a test.
#[utoipa::path(
    tag = "webhooks", operation_id = "test_webhook", summary = "Send a test to a webhook",
    description = "立即发送一条测试消息（`webhook.test`），并返回对方的回答；暂停时也可测试。It is answered with what the receiver \
                   answered, whatever that was; nothing of it is kept.",
    params(("id" = WebhookId, Path)), security(("user" = [])),
    responses((status = 200, body = WebhookAnswerView), TestWebhookProblems)
)]
#[post("/webhooks/{id}/test")]
pub async fn test_webhook(deps: Data<Deps>, me: SignedIn, id: Id<WebhookId>) -> ApiResult<Json<WebhookAnswerView>> {
    Ok(Json(WebhookAnswerView::of(webhook::test(&deps, me.user, id.0).await?)))
}

/// The deliveries of a webhook.
#[utoipa::path(
    tag = "webhooks", operation_id = "list_webhook_deliveries", summary = "List a webhook's deliveries with every try",
    description = "投递记录：每次尝试的状态码、用时与对方回答的开头。Those of the newest notice first.",
    params(("id" = WebhookId, Path), PageQuery), security(("user" = [])),
    responses((status = 200, body = WebhookDeliveriesView), WebhookProblems)
)]
#[get("/webhooks/{id}/deliveries")]
pub async fn list_webhook_deliveries(
    deps: Data<Deps>,
    me: SignedIn,
    id: Id<WebhookId>,
    query: Query<PageQuery>,
) -> ApiResult<Json<WebhookDeliveriesView>> {
    let page = webhook::deliveries(&deps, me.user, id.0, query.0.cursor().as_ref(), query.0.limit()).await?;
    Ok(Json(WebhookDeliveriesView::of(page)))
}

/// Sends a delivery once more.
#[utoipa::path(
    tag = "webhooks", operation_id = "resend_webhook_delivery", summary = "Resend a notice's delivery to a webhook",
    description = "立即重新投递该公告的最新版本，并返回对方的回答；`webhook-id` 与该版本各次投递相同。The newest edition is sent, also \
                   where it is a quiet correction or a withdrawal that was not sent there before; while that is still on \
                   its way, the answer is 409: ask again later. The try stands in the log; one that is accepted settles \
                   the delivery, also after its deadline.",
    params(("id" = WebhookId, Path), ("notice" = NoticeId, Path)), security(("user" = [])),
    responses((status = 200, body = WebhookAnswerView), ResendProblems)
)]
#[post("/webhooks/{id}/deliveries/{notice}/resend")]
pub async fn resend_webhook_delivery(
    deps: Data<Deps>,
    me: SignedIn,
    id: Id<WebhookId>,
    path: Path<(String, String)>,
) -> ApiResult<Json<WebhookAnswerView>> {
    let notice = path.into_inner().1.parse().map_err(|_| Refusal::NotFound)?;
    Ok(Json(WebhookAnswerView::of(webhook::resend(&deps, me.user, id.0, notice).await?)))
}
