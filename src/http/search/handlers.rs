//! Searching, and being helped with it.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};

use super::dto::{SearchQuery, SuggestionsQuery};
use super::views::{SearchView, SuggestionsView};
use crate::http::conditional::{self, IfNoneMatch, etag_of};
use crate::http::extract::page::{cursor_of, limit_of};
use crate::http::extract::query::Query;
use crate::http::notice::version;
use crate::http::problem::ApiResult;
use crate::services::answers::{self, Answer};
use crate::services::{Deps, search};

/// Searches notices.
#[utoipa::path(
    tag = "search", operation_id = "search_notices", summary = "Search notices", params(SearchQuery),
    description = "按词查找公告，无需登录；词的含义与订阅关键词相同：公告全文含有该词（不分全半角、大小写与括号、横线的写法）。\
                   支持两字词、编号与混排。A notice is found by a word when its text contains it, as a subscription's words \
                   are matched; a withdrawn notice by its title, codes and names alone. A page may hold fewer than `limit` \
                   and still have a `next_cursor`. Weak ETag; 304 while unchanged.",
    responses((status = 200, body = SearchView), (status = 304, description = "Unchanged"))
)]
#[get("/search")]
pub async fn search_notices(
    deps: Data<Deps>,
    query: Query<SearchQuery>,
    known: IfNoneMatch,
) -> ApiResult<HttpResponse> {
    let answer = answers::answer(&deps, format!("search_notices {:?}", query.0), async || {
        let (cursor, limit) = (cursor_of(query.0.cursor.as_deref()), limit_of(query.0.limit));
        let found = search::search(&deps, &query.0.search(), cursor.as_ref(), limit).await?;
        let etag = version(
            &deps,
            found.page.items.iter().map(|hit| &hit.summary),
            &format!("{:?} {:?}", found.total, found.page.next),
        );
        Answer::json(etag, &SearchView::of(found, &deps.catalogue()))
    });
    Ok(conditional::kept(&known, &answer.await?))
}

/// Suggests words.
#[utoipa::path(
    tag = "search", operation_id = "suggest_words", summary = "Suggest how a search may go on", params(SuggestionsQuery),
    description = "搜索框的输入提示：补全公告中真实出现的词、编号与采购人，以及多人订阅的词。What occurs in notices that have the \
                   beginning, and words that many people subscribe to; nothing tells of any one person's subscriptions. \
                   Suggestions are folded: lower case, half width.",
    responses((status = 200, body = SuggestionsView), (status = 304, description = "Unchanged"))
)]
#[get("/search/suggestions")]
pub async fn suggest_words(
    deps: Data<Deps>,
    query: Query<SuggestionsQuery>,
    known: IfNoneMatch,
) -> ApiResult<HttpResponse> {
    let answer = answers::answer(&deps, format!("suggest_words {:?}", query.0), async || {
        let suggestions = search::suggest(&deps, &query.0.q, query.0.limit()).await?;
        let etag = etag_of(suggestions.iter().flat_map(|one| [one.text.as_str(), one.kind.as_str()]));
        Answer::json(etag, &SuggestionsView::of(suggestions))
    });
    Ok(conditional::kept(&known, &answer.await?))
}
