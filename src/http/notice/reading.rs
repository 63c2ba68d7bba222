//! Reading notices; no sign-in is needed.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

use super::dto::NoticesQuery;
use super::views::{NoticeView, NoticesView, ProjectView, RevisionView, RevisionsView};
use crate::domain::id::NoticeId;
use crate::http::conditional::{self, IfNoneMatch, etag_of};
use crate::http::extract::id::Id;
use crate::http::extract::page::{PageQuery, cursor_of, limit_of};
use crate::http::extract::query::Query;
use crate::http::problem::{ApiResult, problems};
use crate::services::answers::{self, Answer};
use crate::services::notice::{self, Summary};
use crate::services::{Deps, Refusal};

problems!(
    /// What asking for one notice may be answered.
    pub NoticeProblems: NotFound
);

/// Changes whenever what is shown of these notices does.
pub fn version<'a>(deps: &Deps, notices: impl IntoIterator<Item = &'a Summary>, more: &str) -> String {
    let parts = notices.into_iter().map(|notice| format!("{}.{}.{}", notice.id, notice.revision, notice.state));
    etag_of(parts.chain([deps.catalogue().digest().to_owned(), more.to_owned()]))
}

/// Notices, the newest first.
#[utoipa::path(
    tag = "notices", operation_id = "list_notices", summary = "List notices", params(NoticesQuery),
    description = "公告列表，按发布时间倒序，不含正文，无需登录。\
                   Weak ETag, which does not count `views`; 304 while unchanged.",
    responses((status = 200, body = NoticesView), (status = 304, description = "Unchanged"))
)]
#[get("")]
pub async fn list_notices(deps: Data<Deps>, query: Query<NoticesQuery>, known: IfNoneMatch) -> ApiResult<HttpResponse> {
    let answer = answers::answer(&deps, format!("list_notices {:?}", query.0), async || {
        let (cursor, limit) = (cursor_of(query.0.cursor.as_deref()), limit_of(query.0.limit));
        let page = notice::list(&deps, &query.0.filter(), cursor.as_ref(), limit).await?;
        let etag = version(&deps, &page.items, &format!("{:?}", page.next));
        Answer::json(etag, &NoticesView::of(page, &deps.catalogue()))
    });
    Ok(conditional::kept(&known, &answer.await?))
}

/// A notice.
#[utoipa::path(
    tag = "notices", operation_id = "get_notice", summary = "Get a notice", params(("id" = NoticeId, Path)),
    description = "公告详情，含正文与更正公告。A withdrawn notice shows its state and reason and no body. Each answer, 304 too, counts as a \
                   view. Weak ETag, which does not count `views`.",
    responses((status = 200, body = NoticeView), (status = 304, description = "Unchanged"), NoticeProblems)
)]
#[get("/{id}")]
pub async fn get_notice(deps: Data<Deps>, id: Id<NoticeId>, known: IfNoneMatch) -> ApiResult<HttpResponse> {
    shown(&deps, id.0, &known).await
}

async fn shown(deps: &Deps, id: NoticeId, known: &IfNoneMatch) -> ApiResult<HttpResponse> {
    let answer = answers::answer(deps, format!("get_notice {id}"), async || {
        let full = notice::get(deps, id).await?;
        let etag = version(deps, std::iter::once(&full.summary).chain(&full.amendments), "");
        Answer::json(etag, &NoticeView::of(full, &deps.catalogue()))
    });
    let answer = answer.await?;
    deps.views.count(id);
    Ok(conditional::kept(known, &answer))
}

/// A notice by the name that its source has for it.
#[utoipa::path(
    tag = "notices", operation_id = "get_notice_by_source", summary = "Get a notice by its source id",
    description = "按来源编号查公告，回答与 `get_notice` 相同；`id` 即本系统的编号，修订、撤回与触达报告都用它。没有该来源编号为 404，\
                   定时公告在发布之前也是。The same answer as `get_notice`, for who knows what the source calls it: its `id` is \
                   what revising, withdrawing and the reach report take. Also at the address that `put_notice` writes to.",
    params(
        ("source" = String, Path, description = "来源系统 The system that it comes from", example = "hnsggzy"),
        ("source_id" = String, Path, description = "来源编号，须百分号编码 What that system calls it, percent-encoded",
         example = "gg000004"),
    ),
    responses((status = 200, body = NoticeView), (status = 304, description = "Unchanged"), NoticeProblems)
)]
#[get("/by-source/{source}/{source_id}")]
pub async fn get_notice_by_source(
    deps: Data<Deps>,
    path: Path<(String, String)>,
    known: IfNoneMatch,
) -> ApiResult<HttpResponse> {
    let (source, source_id) = path.into_inner();
    shown(&deps, notice::id_of(&deps, &source, &source_id).await?, &known).await
}

/// A notice's editions.
#[utoipa::path(
    tag = "notices", operation_id = "list_notice_revisions", summary = "List the editions of a notice",
    description = "公告的历次修订及变化，最新在前。\
                   The newest first, each with what changed.", params(("id" = NoticeId, Path), PageQuery),
    responses((status = 200, body = RevisionsView), NoticeProblems)
)]
#[get("/{id}/revisions")]
pub async fn list_notice_revisions(
    deps: Data<Deps>,
    id: Id<NoticeId>,
    query: Query<PageQuery>,
) -> ApiResult<HttpResponse> {
    let page = notice::editions(&deps, id.0, query.0.cursor().as_ref(), query.0.limit()).await?;
    Ok(HttpResponse::Ok().json(RevisionsView::of(page)))
}

/// An edition of a notice.
#[utoipa::path(
    tag = "notices", operation_id = "get_notice_revision", summary = "Get an edition of a notice",
    description = "公告某次修订的内容。\
                   What it said then.", params(("id" = NoticeId, Path), ("revision" = i64, Path, minimum = 1)),
    responses((status = 200, body = RevisionView), NoticeProblems)
)]
#[get("/{id}/revisions/{revision}")]
pub async fn get_notice_revision(
    deps: Data<Deps>,
    id: Id<NoticeId>,
    path: Path<(String, String)>,
) -> ApiResult<HttpResponse> {
    let number = path.into_inner().1.parse().map_err(|_| Refusal::NotFound)?;
    let edition = notice::edition(&deps, id.0, number).await?;
    Ok(HttpResponse::Ok().json(RevisionView::of(edition, &deps.catalogue())))
}

/// A project's notices.
#[utoipa::path(
    tag = "notices", operation_id = "get_project", summary = "Get the timeline of a project",
    description = "项目的全部公告，按时间排列。项目编号比较时不分全半角、横线和括号的写法。",
    params(("code" = String, Path, description = "Percent-encoded", example = "A02-430522-00002")),
    responses((status = 200, body = ProjectView), (status = 304, description = "Unchanged"), NoticeProblems)
)]
#[get("/projects/{code}")]
pub async fn get_project(deps: Data<Deps>, code: Path<String>, known: IfNoneMatch) -> ApiResult<HttpResponse> {
    let answer = answers::answer(&deps, format!("get_project {code}"), async || {
        let notices = notice::project(&deps, &code).await?;
        let etag = version(&deps, &notices, "");
        Answer::json(etag, &ProjectView::of(notices, &deps.catalogue()))
    });
    Ok(conditional::kept(&known, &answer.await?))
}
