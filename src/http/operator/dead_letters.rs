//! What is dead, and having it tried again.

use actix_web::web::{Data, Json};
use actix_web::{get, post};

use super::dto::{DeadLettersQuery, DeadLettersView, ReplayBody, ReplayedView};
use super::fan_outs::OperatorProblems;
use crate::http::extract::body::Body;
use crate::http::extract::idempotency::IdempotencyKey;
use crate::http::extract::page::{cursor_of, limit_of};
use crate::http::extract::query::Query;
use crate::http::extract::signed_in::Operator;
use crate::http::problem::{ApiResult, problems};
use crate::services::idempotency::Call;
use crate::services::{Deps, operator};

problems!(
    /// What a replay may be answered.
    pub ReplayProblems:
        Forbidden, NothingToReplay, DeliveryDeadlinePassed, IdempotencyKeyReused, IdempotencyKeyInUse
);

/// Dead letters, the newest first.
#[utoipa::path(
    tag = "operator", operation_id = "list_dead_letters", summary = "List dead letters",
    description = "死信：被拒绝、已耗尽或结果不明的投递，被搁置的块，以及无法读取的队列条目。With `notice`, `channel` or \
                   `reason`, the kinds that have none are left out.",
    params(DeadLettersQuery), security(("user" = ["operator"])),
    responses((status = 200, body = DeadLettersView), OperatorProblems)
)]
#[get("/operator/dead-letters")]
pub async fn list_dead_letters(
    deps: Data<Deps>,
    _: Operator,
    query: Query<DeadLettersQuery>,
) -> ApiResult<Json<DeadLettersView>> {
    let (cursor, limit) = (cursor_of(query.0.cursor.as_deref()), limit_of(query.0.limit));
    let page = operator::list_dead_letters(&deps, &query.0.filter(), cursor.as_ref(), limit).await?;
    Ok(Json(DeadLettersView::of(page)))
}

/// Has dead letters tried again.
#[utoipa::path(
    tag = "operator", operation_id = "replay_dead_letters", summary = "Have dead letters tried again",
    description = "重放死信：投递立即到期，块重新打开；发送前的各项检查照常进行。投递时限已过的不重放，除非给出 \
                   `extend_hours`（不超过投标截止时间）。Whatever is asked before a send is asked again: what is superseded or \
                   not wanted any more is not sent. Repeat the call for more than `limit`.",
    params(IdempotencyKey), request_body = ReplayBody, security(("user" = ["operator"])),
    responses((status = 200, body = ReplayedView), ReplayProblems)
)]
#[post("/operator/dead-letters/replay")]
pub async fn replay_dead_letters(
    deps: Data<Deps>,
    me: Operator,
    key: IdempotencyKey,
    body: Body<ReplayBody>,
) -> ApiResult<Json<ReplayedView>> {
    let call = Call { caller: me.user.to_string(), key: key.0, digest: body.digest };
    let replayed = operator::replay(&deps, &call, &body.value.replay()).await?;
    Ok(Json(ReplayedView::of(replayed)))
}
