//! Why a user has a notice: recomputed from what is stored, whenever it is asked.
//!
//! Promise: for a page of items, of one user or of many, two queries, one for the facts of the notices and one for the editions of the user's
//! filters that counted then; the answer is the one that matching gave, because both read the same rows by the same
//! rules.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{NoticeId, SubscriptionId, UserId};
use crate::domain::subscription::{Verdict, matches, verdicts};
use crate::services::Deps;
use crate::services::refusal::{Refusal, Result};
use crate::storage::facts::RevisionFacts;
use crate::storage::inbox::Item;
use crate::storage::subscription::Edition;
use crate::storage::{counting, facts, inbox};

/// One reason why a user has a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A subscription of the user matched.
    Subscription {
        /// Which.
        id: SubscriptionId,
        /// What the user called it.
        name: String,
        /// The words of it that stand in the notice.
        words: Vec<String>,
    },
    /// It amends a notice that the user has.
    Amendment {
        /// The amended notice.
        of: NoticeId,
    },
    /// The user was given an earlier revision.
    EarlierRevision,
}

/// Why each of these users has this item; in their order.
pub async fn of_items(deps: &Deps, items: &[(UserId, Item)]) -> Result<Vec<Vec<Reason>>> {
    let conn = deps.db.reader();
    let asked: BTreeSet<_> = items.iter().map(|(_, item)| (item.notice, item.revision)).collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let facts = facts::of_revisions(conn, &asked).await?;
    let positions = || facts.values().map(|facts| facts.position);
    let users: BTreeSet<UserId> = items.iter().map(|(user, _)| *user).collect();
    let mut editions: BTreeMap<UserId, Vec<Edition>> = BTreeMap::new();
    if let (Some(first), Some(last)) = (positions().min(), positions().max()) {
        for (user, edition) in counting::between(conn, users, first, last).await? {
            editions.entry(user).or_default().push(edition);
        }
    }
    let of = |(user, item): &(UserId, Item)| {
        let editions = editions.get(user).map(Vec::as_slice).unwrap_or_default();
        reasons(item, facts.get(&(item.notice, item.revision)), editions)
    };
    Ok(items.iter().map(of).collect())
}

fn reasons(item: &Item, facts: Option<&RevisionFacts>, editions: &[Edition]) -> Vec<Reason> {
    let matched = facts.into_iter().flat_map(|facts| {
        let counting = editions.iter().filter(|edition| edition.counts_at(facts.position));
        counting.filter_map(|edition| {
            let words = matches(&edition.filter, &facts.facts)?.words;
            Some(Reason::Subscription { id: edition.subscription, name: edition.name.clone(), words })
        })
    });
    let matched: Vec<Reason> = matched.collect();
    if !matched.is_empty() {
        return matched;
    }
    let earlier = (item.revision > 1).then_some(Reason::EarlierRevision);
    earlier.into_iter().chain(item.amends.map(|of| Reason::Amendment { of })).collect()
}

/// How a notice and each of a user's filters were held together.
#[derive(Debug)]
pub struct Explanation {
    /// The notice.
    pub notice: NoticeId,
    /// The revision whose publishing is explained.
    pub revision: i64,
    /// The version of the rules that held then.
    pub matcher: i64,
    /// Whether the user has it, and why.
    pub reasons: Option<Vec<Reason>>,
    /// Every edition that counted then, and how each of its parts fared.
    pub editions: Vec<(Edition, Vec<Verdict>)>,
}

/// Explains why a user has a notice, or why not: of the revision that the user has, else of the newest one.
pub async fn explain(deps: &Deps, user: UserId, notice: NoticeId) -> Result<Explanation> {
    let conn = deps.db.reader();
    let item = inbox::find(conn, user, notice).await?.filter(|item| item.removed_at.is_none());
    let facts = facts::of_notice(conn, notice, item.as_ref().map(|item| item.revision)).await?;
    let facts = facts.ok_or(Refusal::NotFound)?;
    let editions = counting::between(conn, [user], facts.position, facts.position).await?;
    let editions: Vec<Edition> = editions.into_iter().map(|(_, edition)| edition).collect();
    let reasons = item.as_ref().map(|item| reasons(item, Some(&facts), &editions));
    let judged = |edition: Edition| {
        let found = verdicts(&edition.filter, &facts.facts).collect();
        (edition, found)
    };
    Ok(Explanation {
        notice,
        revision: facts.revision,
        matcher: facts.matcher,
        reasons,
        editions: editions.into_iter().map(judged).collect(),
    })
}
