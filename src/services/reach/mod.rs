//! The reach report of a notice: whom it reached, revision by revision.
//!
//! Promise: the numbers are counters that are kept in the transactions that write the rows (`storage::reach_counts`), read
//! in one statement, so that they agree with each other at any instant, and cost the same however many were reached. When
//! a fan-out has ended, the scheduler holds them against the rows ([`check`]). `inbox_items_here` moves on to the next
//! revision with the items, the rest stays.

use crate::domain::channel::Channel;
use crate::domain::delivery::{Reason, State};
use crate::domain::id::NoticeId;
use crate::services::Deps;
use crate::services::publisher::Caller;
use crate::services::refusal::{Error, Refusal, Result};
pub use crate::storage::reach::Announced;
use crate::storage::reach::{self, Owner};
use crate::storage::reach_counts::{self, Count, Totals};
use crate::storage::{reach_check, transact};
pub use check::{check_finished, fold, recount};

mod check;

/// How two numbers of a report relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The left one is the right one.
    Equals,
    /// The left one is no more than the right one.
    AtMost,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The revision that it is about; nothing when it is about the notice.
    pub revision: Option<i64>,
    /// The left side, in the report's words.
    pub left: &'static str,
    /// How they relate.
    pub relation: Relation,
    /// The right side, in the report's words.
    pub right: &'static str,
    /// The left number.
    pub left_count: i64,
    /// The right number.
    pub right_count: i64,
}

impl Check {
    /// Whether it is so.
    pub fn holds(&self) -> bool {
        match self.relation {
            Relation::Equals => self.left_count == self.right_count,
            Relation::AtMost => self.left_count <= self.right_count,
        }
    }
}

/// One revision.
#[derive(Debug, Clone)]
pub struct Revision {
    /// What was announced.
    pub announced: Announced,
    /// Its numbers.
    pub totals: Totals,
    /// Deliveries by channel, state and reason.
    pub standing: Vec<Standing>,
}

/// How many deliveries of a channel stand so, for this reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The channel.
    pub channel: Channel,
    /// How.
    pub state: State,
    /// Why.
    pub reason: Option<Reason>,
    /// How many.
    pub count: i64,
}

impl Revision {
    /// Users of the chunks whose inboxes are not filled.
    pub fn waiting(&self) -> i64 {
        self.announced.users - self.totals.inboxed
    }

    /// How many deliveries stand in one of these states.
    pub fn standing(&self, states: &[State]) -> i64 {
        self.standing.iter().filter(|one| states.contains(&one.state)).map(|one| one.count).sum()
    }

    /// Deliveries that a provider has taken.
    pub fn taken(&self) -> i64 {
        self.standing(&[State::Accepted, State::Delivered])
    }
}

/// The report.
#[derive(Debug, Clone)]
pub struct Report {
    /// The notice.
    pub notice: NoticeId,
    /// Its inbox items, whatever their revision.
    pub items: i64,
    /// Of these, read.
    pub items_read: i64,
    /// Of these, not read.
    pub items_unread: i64,
    /// Its announced revisions.
    pub revisions: Vec<Revision>,
    /// What was compared.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether all comparisons hold.
    pub fn adds_up(&self) -> bool {
        self.checks.iter().all(Check::holds)
    }
}

/// The report, for operators.
pub async fn of(deps: &Deps, notice: NoticeId) -> Result<Report> {
    reach::owner(deps.db.reader(), notice).await?.ok_or(Refusal::NotFound)?;
    count(deps, notice).await
}

/// The report for the notice's own publisher, as far as the key reaches; to others there is no such notice.
pub async fn of_own(deps: &Deps, caller: &Caller, notice: NoticeId) -> Result<Report> {
    let owner = reach::owner(deps.db.reader(), notice).await?.ok_or(Refusal::NotFound)?;
    let Owner { publisher_id, source, category_path, region_path } = owner;
    if publisher_id != caller.publisher || !caller.scope.allows(&source, &category_path, &region_path) {
        return Err(Refusal::NotFound.into());
    }
    count(deps, notice).await
}

async fn count(deps: &Deps, notice: NoticeId) -> Result<Report> {
    let conn = deps.db.reader();
    let announced = reach::announced(conn, notice).await?;
    if announced.iter().any(Announced::is_uncounted) {
        transact!(deps.db, |tx| reach_check::count_first(tx, notice).await);
    }
    let counts = reach_counts::of(conn, notice).await?;
    let revisions = announced.into_iter().map(|announced| revision(announced, &counts)).collect::<Result<Vec<_>>>()?;
    let sum = |of: fn(&Totals) -> i64| counts.iter().map(|count| of(&count.totals)).sum::<i64>();
    let (items, items_read) = (sum(|totals| totals.items_here), sum(|totals| totals.items_read));
    let mut report =
        Report { notice, items, items_read, items_unread: items - items_read, revisions, checks: Vec::new() };
    report.checks = report.revisions.iter().flat_map(checks_of).collect();
    Ok(report)
}

fn revision(announced: Announced, counts: &[Count]) -> Result<Revision> {
    let of_it = || counts.iter().filter(|count| count.revision == announced.revision);
    let totals = of_it().find(|count| count.channel.is_empty()).map(|count| count.totals).unwrap_or_default();
    let standing = of_it().filter(|count| !count.channel.is_empty() && count.totals.deliveries != 0);
    let standing = standing.map(Standing::of).collect::<Result<Vec<_>>>()?;
    Ok(Revision { totals, standing, announced })
}

impl Standing {
    fn of(count: &Count) -> Result<Self> {
        let odd = || Error::broken(format!("a counter of {} {} {}", count.channel, count.state, count.reason));
        let reason = match count.reason.as_str() {
            "" => None,
            word => Some(word.parse().map_err(|_| odd())?),
        };
        Ok(Self {
            channel: count.channel.parse().map_err(|_| odd())?,
            state: count.state.parse().map_err(|_| odd())?,
            reason,
            count: count.totals.deliveries,
        })
    }
}

/// What must hold within a revision, whenever it is asked.
fn checks_of(of: &Revision) -> Vec<Check> {
    use Relation::{AtMost, Equals};

    let Totals { deliveries, shown, attempts, recorded, inboxed, items_here, .. } = of.totals;
    let standing: i64 = of.standing.iter().map(|one| one.count).sum();
    let skipped = of.standing(&[State::Skipped]);
    let of_skipped = of.standing.iter().filter(|one| one.state == State::Skipped && one.reason.is_some());
    let reasons: i64 = of_skipped.map(|one| one.count).sum();
    let audience = of.announced.users;
    let mut rows = vec![
        ("inboxed", AtMost, "audience", inboxed, audience),
        ("inbox_items_here", AtMost, "inboxed", items_here, inboxed),
        ("inbox_items_read_here", AtMost, "inbox_items_here", of.totals.items_read, items_here),
        ("deliveries", Equals, "sum of by_channel", deliveries, standing),
        ("skipped in by_state", Equals, "sum of skipped", skipped, reasons),
        ("taken", AtMost, "shown", of.taken(), shown),
        ("shown", AtMost, "deliveries", shown, deliveries),
        ("attempts_recorded", AtMost, "attempts", recorded, attempts),
    ];
    if let Some(users) = of.announced.reach_users {
        rows.push(("users_with_endpoint", AtMost, "audience", users, audience));
        rows.push(("users_with_endpoint", AtMost, "deliveries", users, deliveries));
    }
    if let Some(differences) = of.announced.reach_differences {
        rows.push(("differences", Equals, "0", differences, 0));
    }
    let revision = Some(of.announced.revision);
    let check = |(left, relation, right, left_count, right_count)| Check {
        revision,
        left,
        relation,
        right,
        left_count,
        right_count,
    };
    rows.into_iter().map(check).collect()
}
