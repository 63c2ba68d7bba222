//! The reach report as it is read.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::channel::Channel;
use crate::domain::delivery::{Reason, State};
use crate::domain::fanout::{Announce, EditionKind, FanOutState};
use crate::domain::id::{FanOutId, NoticeId};
use crate::domain::time::Timestamp;
use crate::services::reach::{Check, Relation, Report, Revision};

/// Whom a notice reached.
#[derive(Serialize, ToSchema)]
pub struct ReachView {
    /// The notice.
    notice_id: NoticeId,
    /// Users who have it in their inbox, thrown away or not.
    inbox_items: i64,
    /// Of these, those who have read it as it stands.
    inbox_items_read: i64,
    /// Of these, those who have not.
    inbox_items_unread: i64,
    /// Its announced revisions, in their order. One that was announced to nobody is not among them.
    revisions: Vec<RevisionReachView>,
    /// Whether all of `checks` hold.
    adds_up: bool,
    /// What was compared.
    checks: Vec<CheckView>,
}

/// Whom a revision reached.
#[derive(Serialize, ToSchema)]
pub struct RevisionReachView {
    /// The revision.
    revision: i64,
    /// What kind of edition it is.
    kind: EditionKind,
    /// How far it was announced.
    announce: Announce,
    /// Its fan-out.
    fan_out_id: FanOutId,
    /// How far its fan-out has come.
    state: FanOutState,
    /// When it was announced.
    announced_at: Timestamp,
    /// When it was carried to everyone, but for later tries.
    finished_at: Option<Timestamp>,
    /// Users whom it concerns, as far as its plan has come.
    audience: i64,
    /// Of these, those whose inboxes are filled.
    inboxed: i64,
    /// Of these, those whose inboxes are not filled yet.
    waiting: i64,
    /// Inbox items that stand at this revision now; they move on to the next one.
    inbox_items_here: i64,
    /// Of these, those that are read.
    inbox_items_read_here: i64,
    /// Users with at least one endpoint that has a delivery of this revision; counted when it was carried to everyone.
    users_with_endpoint: Option<i64>,
    /// Deliveries: one for each endpoint.
    deliveries: i64,
    /// Deliveries by how they stand.
    by_state: Vec<StateCountView>,
    /// Deliveries by channel and how they stand.
    by_channel: Vec<ChannelCountView>,
    /// Deliveries that were not wanted any more at the door, by reason.
    skipped: Vec<ReasonCountView>,
    /// Tries that were begun.
    attempts: i64,
    /// Of these, those whose outcome has a record of its own.
    attempts_recorded: i64,
    /// Deliveries that a provider took.
    taken: i64,
    /// Deliveries that a phone may have shown: taken, or sent and left without an answer.
    shown: i64,
    /// When these numbers were held against the rows that they count; they always are once it was carried to everyone.
    checked_at: Option<Timestamp>,
    /// In how many places they differed then.
    differences: Option<i64>,
}

/// How many stand so.
#[derive(Serialize, ToSchema)]
pub struct StateCountView {
    /// How.
    state: State,
    /// How many.
    count: i64,
}

/// How many of a channel stand so.
#[derive(Serialize, ToSchema)]
pub struct ChannelCountView {
    /// The channel.
    channel: Channel,
    /// How.
    state: State,
    /// How many.
    count: i64,
}

/// How many for a reason.
#[derive(Serialize, ToSchema)]
pub struct ReasonCountView {
    /// The reason.
    reason: Reason,
    /// How many.
    count: i64,
}

/// One comparison.
#[derive(Serialize, ToSchema)]
pub struct CheckView {
    /// The revision that it is about; nothing when it is about the notice.
    revision: Option<i64>,
    /// What must hold, in the names of this report.
    #[schema(example = "deliveries = sum of by_state")]
    equation: String,
    /// The left number.
    left: i64,
    /// The right number.
    right: i64,
    /// Whether it holds.
    holds: bool,
}

impl CheckView {
    fn of(check: &Check) -> Self {
        let sign = match check.relation {
            Relation::Equals => "=",
            Relation::AtMost => "<=",
        };
        Self {
            revision: check.revision,
            equation: format!("{} {sign} {}", check.left, check.right),
            left: check.left_count,
            right: check.right_count,
            holds: check.holds(),
        }
    }
}

impl ReachView {
    /// The report.
    pub fn of(report: Report) -> Self {
        Self {
            adds_up: report.adds_up(),
            checks: report.checks.iter().map(CheckView::of).collect(),
            notice_id: report.notice,
            inbox_items: report.items,
            inbox_items_read: report.items_read,
            inbox_items_unread: report.items_unread,
            revisions: report.revisions.into_iter().map(RevisionReachView::of).collect(),
        }
    }
}

impl RevisionReachView {
    fn of(of: Revision) -> Self {
        let mut states: BTreeMap<&str, StateCountView> = BTreeMap::new();
        let mut channels: BTreeMap<(&str, &str), ChannelCountView> = BTreeMap::new();
        let mut reasons: BTreeMap<&str, ReasonCountView> = BTreeMap::new();
        for one in &of.standing {
            let (channel, state) = (one.channel, one.state);
            states.entry(state.as_str()).or_insert(StateCountView { state, count: 0 }).count += one.count;
            let key = (channel.as_str(), state.as_str());
            channels.entry(key).or_insert(ChannelCountView { channel, state, count: 0 }).count += one.count;
            if let Some(reason) = one.reason.filter(|_| state == State::Skipped) {
                reasons.entry(reason.as_str()).or_insert(ReasonCountView { reason, count: 0 }).count += one.count;
            }
        }
        Self {
            audience: of.announced.users,
            waiting: of.waiting(),
            taken: of.taken(),
            revision: of.announced.revision,
            kind: of.announced.kind,
            announce: of.announced.announce,
            fan_out_id: of.announced.id,
            state: of.announced.state,
            announced_at: of.announced.created_at,
            finished_at: of.announced.finished_at,
            inboxed: of.totals.inboxed,
            inbox_items_here: of.totals.items_here,
            inbox_items_read_here: of.totals.items_read,
            users_with_endpoint: of.announced.reach_users,
            deliveries: of.totals.deliveries,
            by_state: states.into_values().collect(),
            by_channel: channels.into_values().collect(),
            skipped: reasons.into_values().collect(),
            attempts: of.totals.attempts,
            attempts_recorded: of.totals.recorded,
            shown: of.totals.shown,
            checked_at: of.announced.reach_checked_at,
            differences: of.announced.reach_differences,
        }
    }
}
