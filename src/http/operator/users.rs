//! What a user was told, for whoever answers when the user asks.

use actix_web::get;
use actix_web::web::{Data, Json, Path};

use super::fan_outs::OperatorFindProblems;
use crate::domain::id::{NoticeId, UserId};
use crate::http::extract::id::Id;
use crate::http::extract::signed_in::Operator;
use crate::http::inbox::ExplanationView;
use crate::http::problem::ApiResult;
use crate::services::refusal::Refusal;
use crate::services::{Deps, operator};

/// Why a user has a notice, or why not.
#[utoipa::path(
    tag = "operator", operation_id = "explain_user_notice", summary = "Explain why a user has a notice, or why not",
    description = "某用户为什么收到或没有收到某公告：发布时其每个订阅版本逐项是否符合，与用户本人在 `/v1/inbox/{id}/why` 看到的相同。\
                   What the user is told by `/v1/inbox/{id}/why`. What became of the pushes is told by \
                   `/v1/operator/deliveries` with the same user and notice.",
    params(("id" = UserId, Path, description = "The user"), ("notice" = NoticeId, Path, description = "The notice")),
    security(("user" = ["operator"])), responses((status = 200, body = ExplanationView), OperatorFindProblems)
)]
#[get("/operator/users/{id}/notices/{notice}/why")]
pub async fn explain_user_notice(
    deps: Data<Deps>,
    by: Operator,
    id: Id<UserId>,
    path: Path<(String, String)>,
) -> ApiResult<Json<ExplanationView>> {
    let notice = path.into_inner().1.parse().map_err(|_| Refusal::NotFound)?;
    Ok(Json(ExplanationView::of(operator::explain(&deps, &by, id.0, notice).await?)))
}
