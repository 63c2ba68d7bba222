//! Trying a filter before it is saved: what a subscription made a month ago would have brought.
//!
//! Promise: what is counted is what a real subscription would have had in the inbox: the same matcher over the same
//! stored facts of what was announced, and the amendments that follow what it brought. Either everything was looked at
//! ([`Preview::exact`]), or the answer says down to which instant: counts are those of the time after it, and bounds from
//! below for the whole. Time is bounded by [`BUDGET`] for the filter itself and [`BUDGET_OF_ADVICE`] for what could be
//! changed; memory by the ids of what matched. Not promised: holidays; a working day is Monday to Friday in China's time.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::id::{NoticeId, UserId};
use crate::domain::subscription::{Filter, matches};
use crate::domain::time::Timestamp;
use crate::services::notice::{self, Summary};
use crate::services::refusal::{Error, Refusal, Result};
use crate::services::{Deps, limits};
use crate::storage::facts;
use crate::storage::told::{self, Strictness, Told};

pub use advice::Advice;
pub use rate::Rate;

mod advice;
mod rate;
mod scan;
pub mod templates;

/// How far back it is looked.
pub const WINDOW: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How many notices are shown.
pub const LATEST: usize = 20;
/// How long the filter is tried.
pub const BUDGET: Duration = Duration::from_secs(2);
/// How long it is looked for what could be changed about it.
const BUDGET_OF_ADVICE: Duration = Duration::from_millis(1_500);
/// The most editions that amend another notice, of a window.
const AMENDING_MOST: i64 = 50_000;

/// What a filter would have brought.
#[derive(Debug)]
pub struct Preview {
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Whether everything in between was looked at.
    pub exact: bool,
    /// Everything from here on was looked at.
    pub counted_from: Timestamp,
    /// Notices that match.
    pub matched: usize,
    /// Notices that come because they amend one that came.
    pub followed: usize,
    /// How many a day, all of them.
    pub rate: Rate,
    /// By stage, all of them.
    pub by_stage: Vec<(String, Rate)>,
    /// The newest ones.
    pub latest: Vec<Hit>,
    /// What could be changed about the filter.
    pub advice: Vec<Advice>,
}

/// A notice that the filter would have brought.
#[derive(Debug)]
pub struct Hit {
    /// The notice as it stands.
    pub notice: Summary,
    /// The edition that came.
    pub revision: i64,
    /// The words of the filter that stand in it.
    pub words: Vec<String>,
    /// The notice for whose sake it comes, when it does not match itself.
    pub follows: Option<NoticeId>,
}

/// A notice that came: its first edition that did.
#[derive(Debug, Clone)]
struct Came {
    revision: i64,
    position: i64,
    at: Timestamp,
    stage: String,
    follows: Option<NoticeId>,
}

/// The time that is looked at.
#[derive(Debug, Clone, Copy)]
struct Window {
    from: Timestamp,
    to: Timestamp,
}

/// Tries a filter for somebody: one that could be subscribed to, and not too often.
pub async fn preview(deps: &Deps, user: UserId, filter: &Filter) -> Result<Preview> {
    crate::services::subscription::check(deps, None, Some(filter))?;
    if filter.is_empty() {
        return Err(crate::services::subscription::filter_empty());
    }
    limits::take(deps, limits::PREVIEWS, &user.to_string()).await?;
    of(deps, filter, BUDGET).await
}

/// What a filter would have brought, as far as that can be counted in so long.
pub async fn of(deps: &Deps, filter: &Filter, budget: Duration) -> Result<Preview> {
    // A few at a time: each keeps a core busy.
    let turn = tokio::time::timeout(BUDGET, deps.previews.acquire()).await;
    let _turn =
        turn.ok().and_then(std::result::Result::ok).ok_or_else(|| Error::later(Refusal::Unavailable, BUDGET))?;
    let conn = deps.db.reader();
    let to = deps.clock.now();
    let first = told::first(conn).await?.unwrap_or(to);
    let window = Window { from: (to - WINDOW).max(first.min(to)), to };

    let mut came: HashMap<NoticeId, Came> = HashMap::new();
    let mut facets = advice::Facets::default();
    let look = |told: Told| {
        if matches(filter, &told.facts).is_some() {
            facets.count(&told);
            keep(&mut came, told);
        }
    };
    let saying = scan::saying(deps, filter).await?;
    let counted = match &saying {
        Some(saying) => scan::among(deps, window, (filter, Strictness::All), saying, budget, look).await?,
        None => scan::all(deps, window, (filter, Strictness::All), budget, look).await?,
    };
    let (counted_from, exact) = counted;
    // Of what was looked at in part nothing is said.
    came.retain(|_, one| one.at >= counted_from);
    let matched = came.len();
    follow(deps, counted_from, &mut came).await?;
    let dates: Vec<(Timestamp, &str)> = came.values().map(|one| (one.at, one.stage.as_str())).collect();
    let days = rate::Days::of(counted_from, window.to);
    let (rate, by_stage) = (days.rate(dates.iter().map(|(at, _)| *at)), days.by_stage(&dates));
    let advice = match came.is_empty() {
        true if exact => advice::loosen(deps, window, (filter, saying.as_ref()), &days).await?,
        true => Vec::new(),
        false => facets.narrow(&deps.catalogue(), filter, &rate, &days, exact),
    };
    Ok(Preview {
        from: window.from,
        to,
        exact,
        // Of a time that was cut off at its first edition nothing is counted.
        counted_from: counted_from.min(to),
        matched,
        followed: came.len() - matched,
        rate,
        by_stage,
        latest: latest(deps, filter, came).await?,
        advice,
    })
}

/// The edition by which a notice comes is the first of those that do.
fn keep(came: &mut HashMap<NoticeId, Came>, told: Told) {
    let Told { notice, revision, position, at, facts } = told;
    let new = Came { revision, position, at, stage: facts.stage, follows: None };
    let known = came.entry(notice).or_insert_with(|| new.clone());
    if new.position < known.position {
        *known = new;
    }
}

/// Adds what follows: an edition that amends a notice goes to everyone who had that notice before.
async fn follow(deps: &Deps, from: Timestamp, came: &mut HashMap<NoticeId, Came>) -> Result<()> {
    if came.is_empty() {
        return Ok(());
    }
    for one in told::amending(deps.db.reader(), from, AMENDING_MOST).await? {
        let held = came.get(&one.amends).is_some_and(|amended| amended.position < one.position);
        if held {
            let told::Amending { notice_id, revision, position, created_at: at, stage, amends } = one;
            came.entry(notice_id).or_insert(Came { revision, position, at, stage, follows: Some(amends) });
        }
    }
    Ok(())
}

async fn latest(deps: &Deps, filter: &Filter, came: HashMap<NoticeId, Came>) -> Result<Vec<Hit>> {
    let mut came: Vec<(NoticeId, Came)> = came.into_iter().collect();
    came.sort_unstable_by_key(|(_, one)| std::cmp::Reverse(one.position));
    came.truncate(LATEST);
    let asked = came.iter().map(|(notice, one)| (*notice, one.revision)).collect();
    let facts =
        if came.is_empty() { Default::default() } else { facts::of_revisions(deps.db.reader(), &asked).await? };
    let ids: Vec<NoticeId> = came.iter().map(|(notice, _)| *notice).collect();
    let summaries = notice::summaries(deps, &ids).await?;
    let mut summaries: HashMap<NoticeId, Summary> =
        summaries.into_iter().map(|summary| (summary.id, summary)).collect();
    let hit = |(notice, one): (NoticeId, Came)| {
        let facts = facts.get(&(notice, one.revision)).map(|found| &found.facts);
        let words = facts.and_then(|facts| matches(filter, facts)).map(|why| why.words).unwrap_or_default();
        let notice = summaries.remove(&notice)?;
        Some(Hit { notice, revision: one.revision, words, follows: one.follows })
    };
    Ok(came.into_iter().filter_map(hit).collect())
}

/// How many filters one process tries at a time.
pub const AT_ONCE: usize = 2;
