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
    description = "发布公告。回答 2xx 即必定送达：订阅命中的用户都会在收件箱中收到。（`source`、`source_id`）为来源编号：以同一编号\
                   再次提交相同内容，回答 200 与原公告；内容不同则 409 `source_id_taken`，`detail` 为原公告的 `id`，更正请用 \
                   `revise_notice` 或 `put_notice`。链接、网址、大小写与版式不算内容。同一内容以另一编号提交，会保存并标明 \
                   `duplicate_of`，不再通知。`announce`（`none` < `inbox` < `push`）超过此前的通知范围时，以下一修订补发通知；回答中的 \
                   `announce` 为本次通知的范围。更正、澄清等类型自动关联原公告：先看 `amends`，再按标段、项目查找，结果见回答的 \
                   `amends`。请求体至多 1 MiB。\n\n\
                   Accepted means delivered: after 2xx every matching subscriber has it in the inbox. \
                   (`source`, `source_id`) is the natural key: a repeat with the same content answers the first notice \
                   with 200, other content is refused with `source_id_taken`, whose detail is the notice's id: correct it \
                   with `revise_notice` or `put_notice`. Links, addresses, case and layout are no content. The same content \
                   under another id is stored with `duplicate_of`. A content is announced once: a call that asks for more \
                   than people were told (`announce`: `none` < `inbox` < `push`) announces it, under the same id as the next \
                   revision; the answer's `announce` says what the call did. Types that amend are linked by `amends`, else \
                   by section, else by project: the answer's `amends` says to what. At most 1 MiB.",
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
    description = "修订公告，须给出全文。此前收到的用户与新命中的用户都会再次看到它：未读，并列出变化；`editorial` 为 true（如改错字）则\
                   已收到的用户不受打扰。链接与版式的更正也算修订；内容不变而扩大 `announce` 的，作为新公告通知。没有变化为 409 \
                   `nothing_changed`。至多 50 次。\n\n\
                   Says all of the notice anew. Its audience is that of the edition before it and its own matches; they see \
                   the same item again, unread, with what changed, unless `editorial` is set. A corrected link or another \
                   layout is a change too, and so is nothing but a wider `announce`: then people are told of the notice as \
                   if it were new. What changes nothing is refused with `nothing_changed`. At most 50 revisions.",
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
    description = "撤回公告：不再推送，已收到的用户会被告知；详情保留原因，不再显示正文与附件。不可恢复，来源编号也不再可用。重复撤回回答 200。\
                   Nothing more is sent, and whoever was told hears of it. It is for good, and its source id stays taken. A \
                   repeat answers 200.",
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
