//! Handing notices in, correcting them, taking them back.

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post, put};

use super::dto::{NoticeBody, RevisionBody, WithdrawalBody};
use super::views::PublishedView;
use crate::domain::id::NoticeId;
use crate::http::extract::body::Body;
use crate::http::extract::id::Id;
use crate::http::extract::idempotency::IdempotencyKey;
use crate::http::extract::publisher_key::PublisherCaller;
use crate::http::problem::{ApiResult, problems};
use crate::services::Deps;
use crate::services::idempotency::Call;
use crate::services::notice::{self, Published};

problems!(
    /// What publishing may be answered.
    pub PublishProblems: OutOfScope, SourceIdTaken, AmendedNoticeUnknown, TooManyRevisions, IdempotencyKeyReused,
        IdempotencyKeyInUse
);
problems!(
    /// What revising may be answered.
    pub ReviseProblems: NotFound, OutOfScope, NothingChanged, NoticeWithdrawn, RevisionConflict, TooManyRevisions,
        AmendedNoticeUnknown, IdempotencyKeyReused, IdempotencyKeyInUse
);
problems!(
    /// What publishing or correcting by source id may be answered.
    pub PutProblems: OutOfScope, SourceIdTaken, AmendedNoticeUnknown, NoticeWithdrawn, TooManyRevisions
);
problems!(
    /// What withdrawing may be answered.
    pub WithdrawProblems: NotFound, OutOfScope, IdempotencyKeyReused, IdempotencyKeyInUse
);

fn answer(published: Published) -> HttpResponse {
    let mut response = if published.created { HttpResponse::Created() } else { HttpResponse::Ok() };
    let location = format!("/v1/notices/{}", published.id);
    response.insert_header((LOCATION, location)).json(PublishedView::from(published))
}

/// Publishes a notice.
#[utoipa::path(
    tag = "publishing", operation_id = "publish_notice", summary = "Publish a notice",
    description = "发布公告。Accepted means delivered: after 2xx every matching subscriber has it in the inbox. \
                   (`source`, `source_id`) is the natural key: a repeat with the same content answers the first notice \
                   with 200, other content is refused with `source_id_taken`, whose detail is the notice's id. Links, \
                   addresses, case and layout are no content: send a revision to correct them. The same content under \
                   another id is stored with `duplicate_of`. A content is announced once: a call that asks for more than \
                   people were told (`announce`: `none` < `inbox` < `push`) announces it, under the same id as the next \
                   revision; the answer's `announce` says what the call did.",
    request_body = NoticeBody, security(("publisher" = [])),
    params(IdempotencyKey),
    responses(
        (status = 201, body = PublishedView, headers(("Location" = String))),
        (status = 200, body = PublishedView, description = "The same notice was published before"),
        PublishProblems
    )
)]
#[post("")]
pub async fn publish_notice(
    deps: Data<Deps>,
    caller: PublisherCaller,
    key: IdempotencyKey,
    body: Body<NoticeBody>,
) -> ApiResult<HttpResponse> {
    let call = Call { caller: caller.publisher.to_string(), key: key.0, digest: body.digest };
    Ok(answer(notice::publish(&deps, &caller, &call, body.value.draft()).await?))
}

/// Publishes a notice, or corrects it.
#[utoipa::path(
    tag = "publishing", operation_id = "put_notice", summary = "Publish or correct a notice by its source id",
    description = "按来源编号写入公告：没有则发布，有则修订，内容相同则不变；可反复调用，无需记住本系统的编号。What the source says \
                   now: published when there is no such notice, else its next revision, else nothing. What says the same \
                   with another link, layout or spelling becomes an editorial revision. To give a reason, or to call a \
                   change editorial, post a revision.",
    request_body = NoticeBody, security(("publisher" = [])),
    params(
        ("source" = String, Path, description = "As in the body", example = "hnsggzy"),
        ("source_id" = String, Path, description = "As in the body; percent-encoded", example = "gg000004"),
    ),
    responses(
        (status = 201, body = PublishedView, headers(("Location" = String))),
        (status = 200, body = PublishedView, description = "The notice was known; `revision` says whether it changed"),
        PutProblems
    )
)]
#[put("/by-source/{source}/{source_id}")]
pub async fn put_notice(
    deps: Data<Deps>,
    caller: PublisherCaller,
    path: Path<(String, String)>,
    body: Body<NoticeBody>,
) -> ApiResult<HttpResponse> {
    body.value.check_key(&path)?;
    Ok(answer(notice::put(&deps, &caller, body.value.draft()).await?))
}

/// Corrects a notice.
#[utoipa::path(
    tag = "publishing", operation_id = "revise_notice", summary = "Publish a corrected edition of a notice",
    description = "修订公告。Its audience is that of the edition before it and its own matches; they see the same item \
                   again, unread, with what changed, unless `editorial` is set. A corrected link or another layout is a \
                   change too, and so is nothing but a wider `announce`: then people are told of the notice as if it were \
                   new. At most 50 revisions.",
    request_body = RevisionBody, security(("publisher" = [])),
    params(("id" = NoticeId, Path), IdempotencyKey),
    responses((status = 201, body = PublishedView, headers(("Location" = String))), ReviseProblems)
)]
#[post("/{id}/revisions")]
pub async fn revise_notice(
    deps: Data<Deps>,
    caller: PublisherCaller,
    id: Id<NoticeId>,
    key: IdempotencyKey,
    body: Body<RevisionBody>,
) -> ApiResult<HttpResponse> {
    let call = Call { caller: caller.publisher.to_string(), key: key.0, digest: body.digest };
    Ok(answer(notice::revise(&deps, &caller, &call, id.0, body.value.revision()).await?))
}

/// Takes a notice back.
#[utoipa::path(
    tag = "publishing", operation_id = "withdraw_notice", summary = "Withdraw a notice",
    description = "撤回公告：不再推送，已收到的用户会被告知；详情保留原因，不再显示正文。A repeat answers 200.",
    request_body = WithdrawalBody, security(("publisher" = [])),
    params(("id" = NoticeId, Path), IdempotencyKey),
    responses(
        (status = 201, body = PublishedView, headers(("Location" = String))),
        (status = 200, body = PublishedView, description = "It was withdrawn before"),
        WithdrawProblems
    )
)]
#[post("/{id}/withdrawal")]
pub async fn withdraw_notice(
    deps: Data<Deps>,
    caller: PublisherCaller,
    id: Id<NoticeId>,
    key: IdempotencyKey,
    body: Body<WithdrawalBody>,
) -> ApiResult<HttpResponse> {
    let call = Call { caller: caller.publisher.to_string(), key: key.0, digest: body.digest };
    Ok(answer(notice::withdraw(&deps, &caller, &call, id.0, body.value.reason.trim()).await?))
}
