//! Searching: words in, a page of notices out, with what was found marked.
//!
//! Promise: a page costs sets of what this copy keeps of the index, one read of what it does not, one read of its notices,
//! and time for their texts; no more than [`Settings::batches`](super::Settings::batches) candidates are looked into,
//! however many a search has. What lies beyond is found by going on from the cursor, so nothing is lost.

use std::collections::HashSet;

use super::docs::Docs;
use crate::domain::page::{Cursor, MAX_LIMIT, Page};
use crate::domain::search::{Fragment, MAX_WORDS, Query, Sets, Sort, Stream, Tier, by_time, mark, snippet, streams};
use crate::services::Deps;
use crate::services::notice::html;
use crate::services::notice::{Filter, Summary, search_scopes, summary};
use crate::services::refusal::{Error, Result, Violation};
use crate::storage::notice::list::{self, Shown};
use crate::storage::search::find::{self, Conditions};
use crate::storage::search::{OVERFLOW, first_of};

/// What is counted of a search's results; a page may hold as many.
const COUNTED: u16 = MAX_LIMIT + 1;

/// A candidate, and a place in the order of all that is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// Its tier.
    pub tier: Tier,
    /// Its number.
    pub doc: i64,
}

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
    at: Found,
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
        (true, Some(last), _) => Some(**last),
        (_, _, rest) => rest,
    };
    let next = next.map(|Found { tier, doc }| {
        let parts = [tier.number().to_string(), doc.to_string(), count(shown.len()).to_string()];
        Cursor::new(list_of(search.sort), parts)
    });
    let docs: Vec<i64> = shown.iter().map(|found| found.doc).collect();
    let exact = rest.is_none() && found.len() < usize::from(COUNTED);
    let total = Total { count: count(found.len()), exact };
    Ok(Results { page: Page { items: hits(deps, search, &docs).await?, next }, total })
}

/// What is found after a place, one more than a page can hold; and where to go on, when candidates were left that
/// nobody looked into.
async fn candidates(deps: &Deps, search: &Search, place: Option<Place>) -> Result<(Vec<Found>, Option<Found>)> {
    let Search { query, filter, sort } = search;
    let scopes = search_scopes(filter);
    let streams = match sort {
        Sort::Relevance => streams(query, &scopes),
        Sort::Time => vec![by_time(query, &scopes)],
    };
    let conditions = Conditions {
        containing: query.all.iter().filter(|word| !word.exact).collect(),
        without: query.none.iter().filter(|word| !word.exact).collect(),
        from: filter.from,
        to: filter.to,
    };
    let looked = Look::at(deps, &streams).await?;
    let from = filter.from.map_or(i64::MIN, first_of);
    let below = filter.to.map_or(i64::MAX, |to| first_of(to).saturating_add(OVERFLOW));
    let mut after = place.map(|place| place.at);
    if conditions.is_empty() {
        return Ok((looked.first(after, (from, below), usize::from(COUNTED)), None));
    }
    let mut found = Vec::new();
    for batch in deps.search.batches {
        let some = looked.first(after, (from, below), batch);
        let fitting = find::fitting(deps.db.reader(), &conditions, some.iter().map(|found| found.doc)).await?;
        let fitting: HashSet<i64> = fitting.into_iter().collect();
        found.extend(some.iter().filter(|found| fitting.contains(&found.doc)));
        let Some(last) = some.last().filter(|_| some.len() == batch) else { return Ok((found, None)) };
        if found.len() >= usize::from(COUNTED) {
            found.truncate(usize::from(COUNTED));
            return Ok((found, None));
        }
        after = Some(*last);
    }
    Ok((found, after))
}

/// Sets to look at, and what is needed to tell their order.
pub(super) struct Look<'a> {
    streams: &'a [Stream],
    docs: std::sync::Arc<Docs>,
    sets: Sets,
}

impl<'a> Look<'a> {
    /// The index as it is now.
    pub async fn at(deps: &Deps, streams: &'a [Stream]) -> Result<Self> {
        // Which documents there are before what they have: see the head of `index.rs`.
        let docs = deps.index.docs(deps).await?;
        let sets = deps.index.sets(deps, &docs, streams.iter().flat_map(Stream::tokens)).await?;
        Ok(Self { streams, docs, sets })
    }

    /// The first candidates after a place whose numbers lie between these, in order; fewer than `count` only when there are
    /// no more.
    pub fn first(&self, after: Option<Found>, (from, below): (i64, i64), count: usize) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        for stream in self.streams {
            let tier = stream.tier;
            let below = match after {
                Some(after) if tier > after.tier => continue,
                Some(after) if tier == after.tier => below.min(after.doc),
                _ => below,
            };
            let left = count - found.len();
            if left == 0 {
                break;
            }
            let newest = self.docs.newest(&stream.slots(&self.sets), (from, below), left);
            found.extend(newest.into_iter().map(|doc| Found { tier, doc }));
        }
        found
    }
}

/// The notices themselves, in this order.
async fn hits(deps: &Deps, search: &Search, docs: &[i64]) -> Result<Vec<Hit>> {
    if docs.is_empty() {
        return Ok(Vec::new());
    }
    let mut shown = list::found(deps.db.reader(), docs).await?;
    let words = &search.query.all;
    let mut hits = Vec::with_capacity(shown.len());
    for doc in docs {
        // One may have gone since: nothing is ever deleted, but a page must not depend on it.
        let Some(place) = shown.iter().position(|shown| shown.doc == *doc) else { continue };
        let list::Found { shown: Shown { listed, body_html }, .. } = shown.swap_remove(place);
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
        Some(Place { at: Found { tier, doc: doc.parse().ok()? }, seen: seen.parse().ok()? })
    });
    let wrong = || Violation::query("cursor", "cursor", "不是本次搜索的游标", "not a cursor of this search");
    parsed.ok_or_else(|| Error::invalid(vec![wrong()]))
}
