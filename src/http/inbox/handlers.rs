//! Listing, synchronising and marking inbox items.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post, put};

use super::dto::{InboxChangesView, InboxItemView, InboxView, MarkedView, ReadAllBody, UnreadView};
use super::query::InboxQuery;
use super::why::ExplanationView;
use crate::domain::id::NoticeId;
use crate::http::extract::body::Body;
use crate::http::extract::id::Id;
use crate::http::extract::page::PageQuery;
use crate::http::extract::query::Query;
use crate::http::extract::signed_in::SignedIn;
use crate::http::problem::{ApiResult, problems};
use crate::services::{Deps, inbox};

problems!(
    /// What asking for one item may be answered.
    pub InboxItemProblems: NotFound
);
problems!(
    /// What synchronising may be answered.
    pub SyncProblems: CursorExpired
);

/// Which item: a user has a notice once, so it is named by its notice.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "stands in the document only; what is read is an `Id`")]
pub struct ItemId {
    /// 公告的编号，即条目中的 `notice.id`。The id of its notice: `notice.id` of the item.
    #[param(inline)]
    id: NoticeId,
}

/// The inbox.
#[utoipa::path(
    tag = "inbox", operation_id = "list_inbox", summary = "List the inbox",
    description = "收件箱，新公告在前；修订不改变公告的位置，但会使其变为未读。A revision keeps its notice's place and makes \
                   it unread again; `/v1/inbox/sync` tells what changed.",
    params(InboxQuery), security(("user" = [])), responses((status = 200, body = InboxView))
)]
#[get("/inbox")]
pub async fn list_inbox(deps: Data<Deps>, me: SignedIn, query: Query<InboxQuery>) -> ApiResult<Json<InboxView>> {
    let (selection, cursor) = (query.0.selection(), query.0.cursor());
    let page = inbox::list(&deps, me.user, &selection, cursor.as_ref(), query.0.limit()).await?;
    Ok(Json(InboxView::of(page, &deps.catalogue())))
}

/// What changed in the inbox.
#[utoipa::path(
    tag = "inbox", operation_id = "sync_inbox", summary = "Synchronise the inbox",
    description = "收件箱的变更，按提交顺序，不遗漏；不带游标则从头读起。被删除的条目以墓碑表示。游标过期（410）时须重新完整读取。\
                   Every change, none skipped. Without a cursor it begins at the beginning; after 410 `cursor_expired` \
                   forget everything and do so again.",
    params(PageQuery), security(("user" = [])), responses((status = 200, body = InboxChangesView), SyncProblems)
)]
#[get("/inbox/sync")]
pub async fn sync_inbox(deps: Data<Deps>, me: SignedIn, query: Query<PageQuery>) -> ApiResult<Json<InboxChangesView>> {
    let changes = inbox::sync(&deps, me.user, query.0.cursor().as_ref(), query.0.limit()).await?;
    Ok(Json(InboxChangesView::of(changes, &deps.catalogue())))
}

/// How many items are unread.
#[utoipa::path(
    tag = "inbox", operation_id = "count_unread", summary = "Count unread items",
    description = "未读数，不含已归档，最多计到 1000。\
                   Archived items are not counted; counting ends at 1,000 (`and_more`).", security(("user" = [])),
    responses((status = 200, body = UnreadView))
)]
#[get("/inbox/unread-count")]
pub async fn count_unread(deps: Data<Deps>, me: SignedIn) -> ApiResult<Json<UnreadView>> {
    Ok(Json(UnreadView::of(inbox::count_unread(&deps, me.user).await?)))
}

/// Marks everything as read.
#[utoipa::path(
    tag = "inbox", operation_id = "read_all", summary = "Mark everything as read",
    description = "将截至某时刻或某游标的全部条目标为已读；之后到达的不受影响。\
                   Up to an instant or a cursor of `/v1/inbox/sync`; what came later stays unread.",
    request_body = ReadAllBody, security(("user" = [])), responses((status = 200, body = MarkedView), SyncProblems)
)]
#[post("/inbox/read-all")]
pub async fn read_all(deps: Data<Deps>, me: SignedIn, body: Body<ReadAllBody>) -> ApiResult<Json<MarkedView>> {
    let marked = inbox::read_all(&deps, me.user, &body.value.up_to()?).await?;
    Ok(Json(MarkedView { marked }))
}

/// One item.
#[utoipa::path(
    tag = "inbox", operation_id = "get_inbox_item", summary = "Get an inbox item",
    description = "收件箱中的一条公告。As the list shows it.", params(ItemId), security(("user" = [])),
    responses((status = 200, body = InboxItemView), InboxItemProblems)
)]
#[get("/inbox/{id}")]
pub async fn get_inbox_item(deps: Data<Deps>, me: SignedIn, id: Id<NoticeId>) -> ApiResult<Json<InboxItemView>> {
    let told = inbox::get(&deps, me.user, id.0).await?;
    Ok(Json(InboxItemView::of(told, &deps.catalogue())))
}

/// Why the user has a notice, or why not.
#[utoipa::path(
    tag = "inbox", operation_id = "explain_inbox_item", summary = "Explain why, or why not",
    description = "为什么收到或没有收到某公告：`outcome` 一词概括；逐项列出我的每个订阅版本是否符合、发布时是否生效（尚未订阅、\
                   已结束或已修改）、命中的词，以及是否持有被更正的公告。Works for any notice, in the inbox or not, for as \
                   long as what was matched is kept; recomputed from what is stored.",
    params(ItemId), security(("user" = [])),
    responses((status = 200, body = ExplanationView), InboxItemProblems)
)]
#[get("/inbox/{id}/why")]
pub async fn explain_inbox_item(deps: Data<Deps>, me: SignedIn, id: Id<NoticeId>) -> ApiResult<Json<ExplanationView>> {
    Ok(Json(ExplanationView::of(inbox::why::explain(&deps, me.user, id.0).await?)))
}

/// Marks an item as read.
#[utoipa::path(
    tag = "inbox", operation_id = "mark_read", summary = "Mark an item as read", description = "标为已读。",
    params(ItemId), security(("user" = [])),
    responses((status = 204, description = "Read"), InboxItemProblems)
)]
#[put("/inbox/{id}/read")]
pub async fn mark_read(deps: Data<Deps>, me: SignedIn, id: Id<NoticeId>) -> ApiResult<HttpResponse> {
    inbox::read(&deps, me.user, id.0, true).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Marks an item as unread.
#[utoipa::path(
    tag = "inbox", operation_id = "mark_unread", summary = "Mark an item as unread", description = "标为未读。",
    params(ItemId), security(("user" = [])),
    responses((status = 204, description = "Unread"), InboxItemProblems)
)]
#[delete("/inbox/{id}/read")]
pub async fn mark_unread(deps: Data<Deps>, me: SignedIn, id: Id<NoticeId>) -> ApiResult<HttpResponse> {
    inbox::read(&deps, me.user, id.0, false).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Puts an item away.
#[utoipa::path(
    tag = "inbox", operation_id = "archive_item", summary = "Archive an item", description = "归档。",
    params(ItemId), security(("user" = [])),
    responses((status = 204, description = "Archived"), InboxItemProblems)
)]
#[put("/inbox/{id}/archive")]
pub async fn archive_item(deps: Data<Deps>, me: SignedIn, id: Id<NoticeId>) -> ApiResult<HttpResponse> {
    inbox::archive(&deps, me.user, id.0, true).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Puts an item back.
#[utoipa::path(
    tag = "inbox", operation_id = "restore_item", summary = "Restore an archived item", description = "取消归档。",
    params(ItemId), security(("user" = [])),
    responses((status = 204, description = "Restored"), InboxItemProblems)
)]
#[delete("/inbox/{id}/archive")]
pub async fn restore_item(deps: Data<Deps>, me: SignedIn, id: Id<NoticeId>) -> ApiResult<HttpResponse> {
    inbox::archive(&deps, me.user, id.0, false).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Throws an item away.
#[utoipa::path(
    tag = "inbox", operation_id = "remove_item", summary = "Remove an item",
    description = "从收件箱删除；该公告若有符合条件的新修订，会再次出现。\
                   It comes again with a revision that matches.", params(ItemId),
    security(("user" = [])), responses((status = 204, description = "Removed"), InboxItemProblems)
)]
#[delete("/inbox/{id}")]
pub async fn remove_item(deps: Data<Deps>, me: SignedIn, id: Id<NoticeId>) -> ApiResult<HttpResponse> {
    inbox::remove(&deps, me.user, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
