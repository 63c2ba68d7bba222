//! Searching: words in, a page of notices out, with what was found marked.
//!
//! Promise: a page costs one look into the index, one read of its notices, and time for their texts; no more than
//! [`Settings::batches`](super::Settings::batches) candidates are looked into, however many a search has. What lies beyond is found by going on from the
//! cursor, so nothing is lost.

use super::newest::newest;
use crate::domain::id::NoticeId;
use crate::domain::page::{Cursor, MAX_LIMIT, Page};
use crate::domain::search::{Fragment, MAX_WORDS, Query, Sort, Tier, by_time, mark, snippet, streams};
use crate::services::Deps;
use crate::services::notice::html;
use crate::services::notice::{Filter, Summary, search_scopes, summary};
use crate::services::refusal::{Error, Result, Violation};
use crate::storage::notice::list::{self, Shown};
use crate::storage::search::find::{self, Found, Wanted};

/// What is counted of a search's results; a page may hold as many.
const COUNTED: u16 = MAX_LIMIT + 1;

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Search {
    /// The words.
    pub query: Query,
    /// What notices are narrowed to.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
}

/// A notice that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The notice.
    pub summary: Summary,
    /// Its title.
    pub title: Vec<Fragment>,
    /// The part of its text where the words are; empty when it is withdrawn.
    pub text: Vec<Fragment>,
}

/// How many results there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// So many were seen, those of the pages before included.
    pub count: u64,
    /// There are no more.
    pub exact: bool,
}

/// A page of results.
#[derive(Debug, Clone)]
pub struct Results {
    /// The notices.
    pub page: Page<Hit>,
    /// How many there are in all.
    pub total: Total,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy)]
struct Place {
    tier: Tier,
    doc: i64,
    seen: u64,
}

/// The notices with these words.
pub async fn search(deps: &Deps, search: &Search, cursor: Option<&Cursor>, limit: u16) -> Result<Results> {
    let words = search.query.words();
    if words > MAX_WORDS {
        let (zh, en) = (format!("最多 {MAX_WORDS} 个词"), format!("at most {MAX_WORDS} words"));
        return Err(Error::invalid(vec![Violation::query("q", "too_many_words", zh, en)]));
    }
    let place = cursor.map(|cursor| place(cursor, search.sort)).transpose()?;
    let seen = place.map_or(0, |place| place.seen);
    if search.query.is_empty() {
        return Ok(Results { page: Page { items: Vec::new(), next: None }, total: Total { count: seen, exact: true } });
    }
    let (found, rest) = candidates(deps, search, place).await?;
    let shown: Vec<&Found> = found.iter().take(usize::from(limit)).collect();
    let count = |of: usize| seen + u64::try_from(of).unwrap_or(0);
    let next = match (found.len() > shown.len(), shown.last(), rest) {
        (true, Some(last), _) => Some((last.tier, last.doc)),
        (_, _, Some(rest)) => Some(rest),
        _ => None,
    };
    let next = next.map(|(tier, doc)| {
        let parts = [tier.to_string(), doc.to_string(), count(shown.len()).to_string()];
        Cursor::new(list_of(search.sort), parts)
    });
    let ids: Vec<NoticeId> = shown.iter().map(|found| found.notice_id).collect();
    let exact = rest.is_none() && found.len() < usize::from(COUNTED);
    let total = Total { count: count(found.len()), exact };
    Ok(Results { page: Page { items: hits(deps, search, &ids).await?, next }, total })
}

/// What is found after a place, one more than a page can hold; and where to go on, when candidates were left that
/// nobody looked into.
async fn candidates(deps: &Deps, search: &Search, place: Option<Place>) -> Result<(Vec<Found>, Option<(i64, i64)>)> {
    let Search { query, filter, sort } = search;
    let scopes = search_scopes(filter);
    let streams = match sort {
        Sort::Relevance => streams(query, &scopes),
        Sort::Time => vec![by_time(query, &scopes)],
    };
    let mut wanted = Wanted {
        streams: &streams,
        after: place.map(|place| (place.tier, place.doc)),
        containing: query.all.iter().filter(|word| !word.exact).collect(),
        without: query.none.iter().filter(|word| !word.exact).collect(),
        from: filter.from,
        to: filter.to,
        newest: newest(deps).await?,
    };
    let conn = deps.db.reader();
    if !wanted.is_checked() {
        return Ok((find::find(conn, &wanted, i64::from(COUNTED)).await?, None));
    }
    let mut found = Vec::new();
    for batch in deps.search.batches {
        let some = find::find(conn, &wanted, batch).await?;
        let last = some.last().copied();
        let read = i64::try_from(some.len()).unwrap_or(batch);
        found.extend(some.into_iter().filter(|found| found.fits));
        let Some(last) = last.filter(|_| read == batch) else { return Ok((found, None)) };
        if found.len() >= usize::from(COUNTED) {
            found.truncate(usize::from(COUNTED));
            return Ok((found, None));
        }
        let Some(tier) = Tier::of(last.tier) else { return Ok((found, None)) };
        wanted.after = Some((tier, last.doc));
    }
    Ok((found, wanted.after.map(|(tier, doc)| (tier.number(), doc))))
}

/// The notices themselves, in this order.
async fn hits(deps: &Deps, search: &Search, ids: &[NoticeId]) -> Result<Vec<Hit>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut shown = list::shown(deps.db.reader(), ids).await?;
    let words = &search.query.all;
    let mut hits = Vec::with_capacity(shown.len());
    for id in ids {
        // One may have gone since: nothing is ever deleted, but a page must not depend on it.
        let Some(place) = shown.iter().position(|shown| shown.listed.notice.id == *id) else { continue };
        let Shown { listed, body_html } = shown.swap_remove(place);
        let text = body_html.map(|body| snippet(&html::text_of(&body), words)).unwrap_or_default();
        let summary = summary(listed)?;
        hits.push(Hit { title: mark(&summary.content.title, words), summary, text });
    }
    Ok(hits)
}

/// Each order is a list of its own: a cursor of one is none of the other.
const fn list_of(sort: Sort) -> &'static str {
    match sort {
        Sort::Relevance => "search_by_relevance",
        Sort::Time => "search_by_time",
    }
}

fn place(cursor: &Cursor, sort: Sort) -> Result<Place> {
    let parsed = cursor.parts::<3>(list_of(sort)).ok().and_then(|[tier, doc, seen]| {
        let tier = Tier::of(tier.parse().ok()?)?;
        Some(Place { tier, doc: doc.parse().ok()?, seen: seen.parse().ok()? })
    });
    let wrong = || Violation::query("cursor", "cursor", "不是本次搜索的游标", "not a cursor of this search");
    parsed.ok_or_else(|| Error::invalid(vec![wrong()]))
}
