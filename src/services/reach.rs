//! The reach report of a notice: whom it reached, revision by revision.
//!
//! Promise: every number is counted from rows by a query of its own (`storage::reach`), and [`Report::checks`] compares
//! them. While a fan-out is on its way the numbers are read one after another and may disagree for an instant; when it
//! is finished they do not. `inbox_items_here` moves on to the next revision with the items, the rest stays.

use crate::domain::id::NoticeId;
use crate::services::Deps;
use crate::services::publisher::Caller;
use crate::services::refusal::{Refusal, Result};
use crate::storage::reach::{self, Owner};
pub use crate::storage::reach::{Announced, OfChannel, OfReason, OfState};

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
    /// Users of all its chunks.
    pub audience: i64,
    /// Users of the chunks whose inboxes are filled.
    pub inboxed: i64,
    /// Users of the chunks whose inboxes are not filled.
    pub waiting: i64,
    /// Inbox items that stand at this revision now.
    pub items_here: i64,
    /// Of these, those whose user has a delivery of it.
    pub items_with_delivery: i64,
    /// Of these, those whose user has none.
    pub items_without_delivery: i64,
    /// Users with an endpoint that has a delivery of it.
    pub users_with_endpoint: i64,
    /// Deliveries.
    pub deliveries: i64,
    /// Deliveries by state.
    pub by_state: Vec<OfState>,
    /// Deliveries by channel and state.
    pub by_channel: Vec<OfChannel>,
    /// Skipped deliveries by reason.
    pub skipped: Vec<OfReason>,
    /// Tries that were begun.
    pub attempts: i64,
    /// Tries whose outcome has a row of its own.
    pub attempts_recorded: i64,
    /// First tries that stand in their delivery's row alone.
    pub settled_at_once: i64,
    /// Deliveries that a provider has taken.
    pub taken: i64,
    /// Deliveries that a phone may have shown.
    pub shown: i64,
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
    let mut revisions = Vec::new();
    for announced in reach::announced(conn, notice).await? {
        revisions.push(count_revision(deps, notice, announced).await?);
    }
    let mut report = Report {
        notice,
        items: reach::items(conn, notice).await?,
        items_read: reach::items_read(conn, notice).await?,
        items_unread: reach::items_unread(conn, notice).await?,
        revisions,
        checks: Vec::new(),
    };
    report.checks = checks(&report);
    Ok(report)
}

async fn count_revision(deps: &Deps, notice: NoticeId, announced: Announced) -> Result<Revision> {
    let (conn, fan_out, revision) = (deps.db.reader(), announced.id, announced.revision);
    Ok(Revision {
        audience: reach::audience(conn, fan_out).await?,
        inboxed: reach::inboxed(conn, fan_out).await?,
        waiting: reach::waiting(conn, fan_out).await?,
        items_here: reach::items_at(conn, notice, revision).await?,
        items_with_delivery: reach::items_at_with_delivery(conn, notice, revision).await?,
        items_without_delivery: reach::items_at_without_delivery(conn, notice, revision).await?,
        users_with_endpoint: reach::users_with_endpoint(conn, notice, revision).await?,
        deliveries: reach::deliveries(conn, notice, revision).await?,
        by_state: reach::by_state(conn, notice, revision).await?,
        by_channel: reach::by_channel(conn, notice, revision).await?,
        skipped: reach::skipped(conn, notice, revision).await?,
        attempts: reach::attempts(conn, notice, revision).await?,
        attempts_recorded: reach::attempts_recorded(conn, notice, revision).await?,
        settled_at_once: reach::settled_at_once(conn, notice, revision).await?,
        taken: reach::taken(conn, notice, revision).await?,
        shown: reach::shown(conn, notice, revision).await?,
        announced,
    })
}

fn checks(report: &Report) -> Vec<Check> {
    let of_notice = |left, relation, right, left_count, right_count| Check {
        revision: None,
        left,
        relation,
        right,
        left_count,
        right_count,
    };
    let here = report.revisions.iter().map(|revision| revision.items_here).sum();
    let mut checks = vec![
        of_notice("inbox_items", Relation::Equals, "sum of inbox_items_here", report.items, here),
        of_notice(
            "inbox_items",
            Relation::Equals,
            "inbox_items_read + inbox_items_unread",
            report.items,
            report.items_read + report.items_unread,
        ),
    ];
    for revision in &report.revisions {
        checks.extend(checks_of(revision));
    }
    checks
}

/// What must hold within a revision.
fn checks_of(of: &Revision) -> Vec<Check> {
    use crate::domain::delivery::State;
    use Relation::{AtMost, Equals};

    let states: i64 = of.by_state.iter().map(|one| one.count).sum();
    let channels: i64 = of.by_channel.iter().map(|one| one.count).sum();
    let skipped: i64 = of.by_state.iter().filter(|one| one.state == State::Skipped).map(|one| one.count).sum();
    let reasons: i64 = of.skipped.iter().map(|one| one.count).sum();
    let rows = [
        ("planned_users", Equals, "audience", of.announced.users, of.audience),
        ("audience", Equals, "inboxed + waiting", of.audience, of.inboxed + of.waiting),
        ("inbox_items_here", AtMost, "inboxed", of.items_here, of.inboxed),
        (
            "inbox_items_here",
            Equals,
            "inbox_items_with_delivery + inbox_items_without_delivery",
            of.items_here,
            of.items_with_delivery + of.items_without_delivery,
        ),
        ("inbox_items_with_delivery", AtMost, "users_with_endpoint", of.items_with_delivery, of.users_with_endpoint),
        ("users_with_endpoint", AtMost, "audience", of.users_with_endpoint, of.audience),
        ("users_with_endpoint", AtMost, "deliveries", of.users_with_endpoint, of.deliveries),
        ("deliveries", Equals, "sum of by_state", of.deliveries, states),
        ("deliveries", Equals, "sum of by_channel", of.deliveries, channels),
        ("skipped in by_state", Equals, "sum of skipped", skipped, reasons),
        ("taken", AtMost, "shown", of.taken, of.shown),
        ("shown", AtMost, "deliveries", of.shown, of.deliveries),
        (
            "attempts_recorded + settled_at_once",
            AtMost,
            "attempts",
            of.attempts_recorded + of.settled_at_once,
            of.attempts,
        ),
    ];
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
