//! Why a user has a notice: recomputed from what is stored, whenever it is asked.
//!
//! Promise: for a page of items, of one user or of many, two queries, one for the facts of the notices and one for the editions of the user's
//! filters that counted then; the answer is the one that matching gave, because both read the same rows by the same
//! rules.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::explanation::{Counted, Outcome};
use crate::domain::fanout::Announce;
use crate::domain::id::{NoticeId, SubscriptionId, UserId};
use crate::domain::subscription::{Verdict, matches, verdicts};
use crate::domain::time::Timestamp;
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
    /// What became of it.
    pub outcome: Outcome,
    /// How far it was announced.
    pub announce: Announce,
    /// When the user threw it away.
    pub removed_at: Option<Timestamp>,
    /// Why the user has it, or had it; nothing when it never came.
    pub reasons: Option<Vec<Reason>>,
    /// The notice that it amends, and whether the user had that one.
    pub amended: Option<Amended>,
    /// The editions of the user's filters, those that counted first.
    pub editions: Vec<Judged>,
}

/// A notice that another one amends, and whether the user had it before: then that one follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amended {
    /// The notice.
    pub notice: NoticeId,
    /// When it came to the user; nothing when it did not.
    pub came_at: Option<Timestamp>,
    /// Whether it had come before the amendment was published.
    pub before: bool,
}

/// An edition of a filter, whether it counted, and how each of its parts fares.
#[derive(Debug)]
pub struct Judged {
    /// The edition.
    pub edition: Edition,
    /// Whether it counted when the notice was published.
    pub counted: Counted,
    /// Each part that is not empty.
    pub verdicts: Vec<Verdict>,
}

impl Judged {
    fn of(edition: Edition, facts: &RevisionFacts) -> Self {
        let counted = match () {
            () if edition.counts_at(facts.position) => Counted::Yes,
            () if edition.started_position >= facts.position => Counted::NotYet,
            () => Counted::NoLonger,
        };
        let verdicts = verdicts(&edition.filter, &facts.facts).collect();
        Self { edition, counted, verdicts }
    }

    /// Whether every part holds.
    pub fn holds(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.holds)
    }
}

/// The most editions that are looked at: those that began last.
const EDITIONS_MOST: i64 = 200;

/// Explains why a user has a notice, or why not: of the revision that the user has, else of the newest one.
pub async fn explain(deps: &Deps, user: UserId, notice: NoticeId) -> Result<Explanation> {
    let conn = deps.db.reader();
    let item = inbox::find(conn, user, notice).await?;
    let facts = facts::of_notice(conn, notice, item.as_ref().map(|item| item.revision)).await?;
    let facts = facts.ok_or(Refusal::NotFound)?;
    let amended = match facts.amends {
        Some(amends) => Some(amended(deps, user, amends, facts.position).await?),
        None => None,
    };
    let mut editions: BTreeMap<_, Edition> = BTreeMap::new();
    let counting = counting::between(conn, [user], facts.position, facts.position).await?;
    let counting: Vec<Edition> = counting.into_iter().map(|(_, edition)| edition).collect();
    let reasons = item.as_ref().map(|item| explained(item, &facts, &counting, amended));
    for edition in counting::all_of(conn, user, EDITIONS_MOST).await?.into_iter().chain(counting) {
        editions.insert(edition.row, edition);
    }
    let mut editions: Vec<Judged> = editions.into_values().map(|edition| Judged::of(edition, &facts)).collect();
    editions.sort_by_key(|judged| (judged.counted, judged.edition.subscription, judged.edition.started_position));
    Ok(Explanation {
        notice,
        revision: facts.revision,
        matcher: facts.matcher,
        outcome: outcome(item.as_ref(), &facts, amended, &editions),
        announce: facts.announce,
        removed_at: item.and_then(|item| item.removed_at),
        reasons,
        amended,
        editions,
    })
}

async fn amended(deps: &Deps, user: UserId, notice: NoticeId, position: i64) -> Result<Amended> {
    let held = inbox::held(deps.db.reader(), user, notice).await?;
    let before = held.is_some_and(|held| held.position < position);
    Ok(Amended { notice, came_at: held.map(|held| held.created_at), before })
}

/// The reasons of an item; that it follows an amended notice only when the user had that one.
fn explained(item: &Item, facts: &RevisionFacts, counting: &[Edition], amended: Option<Amended>) -> Vec<Reason> {
    let mut reasons = reasons(item, Some(facts), counting);
    let follows = |of: NoticeId| amended.is_none_or(|amended| amended.notice != of || amended.before);
    if reasons.len() > 1 {
        reasons.retain(|reason| !matches!(reason, Reason::Amendment { of } if !follows(*of)));
    }
    reasons
}

fn outcome(item: Option<&Item>, facts: &RevisionFacts, amended: Option<Amended>, editions: &[Judged]) -> Outcome {
    if let Some(item) = item {
        return if item.removed_at.is_some() { Outcome::Removed } else { Outcome::Received };
    }
    let matched = |counted: Counted| editions.iter().any(|judged| judged.counted == counted && judged.holds());
    match () {
        () if facts.announce == Announce::None => Outcome::NotAnnounced,
        () if matched(Counted::Yes) || amended.is_some_and(|amended| amended.before) => Outcome::UnderWay,
        () if matched(Counted::NotYet) => Outcome::TooLate,
        () if matched(Counted::NoLonger) => Outcome::Ended,
        () if editions.iter().any(|judged| judged.counted == Counted::Yes) => Outcome::NoMatch,
        () => Outcome::NoSubscription,
    }
}
