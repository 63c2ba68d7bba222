//! Reading the feed; no sign-in is needed.

use actix_web::web::Data;
use actix_web::{HttpResponse, HttpResponseBuilder, get};

use super::atom;
use super::json_feed::{self, JsonFeedView};
use super::pages::FeedPage;
use super::query::FeedQuery;
use super::views::FeedView;
use crate::http::conditional::{Caching, IfNoneMatch, etag_of};
use crate::http::extract::base::Base;
use crate::http::extract::query::Query;
use crate::http::problem::{ApiResult, problems};
use crate::services::Deps;
use crate::services::notice::feed::{self, Entry, Item, REACH};

problems!(
    /// What reading the feed may be answered.
    pub FeedProblems: CursorExpired
);

/// Changes whenever what is shown of these places does: an edition has its own.
fn version(deps: &Deps, entries: &[Entry], more: impl IntoIterator<Item = String>) -> String {
    let parts = entries.iter().map(|entry| format!("{}.{}", entry.position, entry.stands));
    etag_of(parts.chain([deps.catalogue().digest().to_owned()]).chain(more))
}

/// The newest changes, in the form that is written by `write`; nothing of it where the reader has this page.
async fn newest(
    deps: &Deps,
    (base, path): (&Base, &str),
    query: &FeedQuery,
    known: &IfNoneMatch,
    write: impl FnOnce(HttpResponseBuilder, &FeedPage, Vec<Item>) -> HttpResponse,
) -> ApiResult<HttpResponse> {
    let newest = feed::newest(deps, &query.filter(), query.cursor().as_ref(), query.limit(), REACH).await?;
    let page = FeedPage::of(base, path, query, &newest, &deps.catalogue());
    let etag = version(deps, &newest.page.items, page.links());
    if known.has(&etag) {
        return Ok(Caching::Minute.unchanged(&etag));
    }
    let items = feed::items(deps, &newest.page.items).await?;
    Ok(write(Caching::Minute.fresh(&etag), &page, items))
}

/// The changes since a cursor.
#[utoipa::path(
    tag = "feeds", operation_id = "get_feed", summary = "Follow every change of the notices", params(FeedQuery),
    description = "公告变更流，供其他站点同步：新发布、更正公告、修订、撤回，按提交顺序，不遗漏；不带游标则从头读起。每件公告只出现一次，位于其最新修订处。\
                   Without a cursor it begins at the beginning; keep `next_cursor` and come again. A withdrawn notice has \
                   its reason and no body; `left` says that a revision took a notice out of what is asked for. A cursor \
                   belongs to its filters. After 410 `cursor_expired` read in full. At most 1 MiB of bodies a page. \
                   Filters that seldom meet may give a short or empty page with `has_more`: go on at once.",
    responses((status = 200, body = FeedView), (status = 304, description = "Unchanged"), FeedProblems)
)]
#[get("/feed")]
pub async fn get_feed(deps: Data<Deps>, query: Query<FeedQuery>, known: IfNoneMatch) -> ApiResult<HttpResponse> {
    let changes = feed::changes(&deps, &query.0.filter(), query.0.cursor().as_ref(), query.0.limit(), REACH).await?;
    let etag = version(&deps, &changes.entries, [changes.next.to_string(), changes.more.to_string()]);
    if known.has(&etag) {
        return Ok(Caching::Revalidate.unchanged(&etag));
    }
    let items = feed::items(&deps, &changes.entries).await?;
    let view = FeedView::of(&changes, items, &deps.catalogue());
    Ok(Caching::Revalidate.fresh(&etag).json(view))
}

/// The newest changes as Atom.
#[utoipa::path(
    tag = "feeds", operation_id = "get_atom_feed", summary = "The newest changes as Atom", params(FeedQuery),
    description = "Atom 订阅源（RFC 4287），最新变更在前；较早的内容见 `next` 链接（RFC 5005）。撤回的公告标明已撤回，不含正文。\
                   The newest first; a revised notice comes again under the same id with a later `updated`. For every change \
                   without a gap follow `/v1/feed`. Filters that seldom meet may give a short or empty page with a `next` link.",
    responses(
        (status = 200, body = String, content_type = "application/atom+xml"),
        (status = 304, description = "Unchanged"), FeedProblems
    )
)]
#[get("/feed.atom")]
pub async fn get_atom_feed(
    deps: Data<Deps>,
    base: Base,
    query: Query<FeedQuery>,
    known: IfNoneMatch,
) -> ApiResult<HttpResponse> {
    newest(&deps, (&base, "/v1/feed.atom"), &query.0, &known, |mut answer, page, items| {
        let text = atom::write(page, &items, &deps.catalogue());
        answer.content_type(atom::MEDIA_TYPE).body(text)
    })
    .await
}

/// The newest changes as a JSON Feed.
#[utoipa::path(
    tag = "feeds", operation_id = "get_json_feed", summary = "The newest changes as a JSON Feed", params(FeedQuery),
    description = "JSON Feed 1.1 订阅源，最新变更在前；较早的内容见 `next_url`。撤回的公告标明已撤回，不含正文。The same as the Atom \
                   feed, in JSON.",
    responses(
        (status = 200, body = JsonFeedView, content_type = "application/feed+json"),
        (status = 304, description = "Unchanged"), FeedProblems
    )
)]
#[get("/feed.json")]
pub async fn get_json_feed(
    deps: Data<Deps>,
    base: Base,
    query: Query<FeedQuery>,
    known: IfNoneMatch,
) -> ApiResult<HttpResponse> {
    newest(&deps, (&base, "/v1/feed.json"), &query.0, &known, |mut answer, page, items| {
        let view = JsonFeedView::of(page, items, &deps.catalogue());
        answer.content_type(json_feed::MEDIA_TYPE).json(view)
    })
    .await
}
