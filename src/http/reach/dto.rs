//! The reach report as it is read.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::channel::Channel;
use crate::domain::delivery::{Reason, State};
use crate::domain::fanout::{Announce, EditionKind, FanOutState};
use crate::domain::id::{FanOutId, NoticeId};
use crate::domain::time::Timestamp;
use crate::services::reach::{Check, OfChannel, OfReason, OfState, Relation, Report, Revision};

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
    /// Users that the plan counted on its way.
    planned_users: i64,
    /// Users whom it concerns.
    audience: i64,
    /// Of these, those whose inboxes are filled.
    inboxed: i64,
    /// Of these, those whose inboxes are not filled yet.
    waiting: i64,
    /// Inbox items that stand at this revision now; they move on to the next one.
    inbox_items_here: i64,
    /// Of these, those whose user has a delivery of this revision.
    inbox_items_with_delivery: i64,
    /// Of these, those whose user has none: nowhere to send to.
    inbox_items_without_delivery: i64,
    /// Users with at least one endpoint that has a delivery of this revision.
    users_with_endpoint: i64,
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
    /// Of these, first tries whose outcome stands in the delivery alone.
    settled_at_once: i64,
    /// Deliveries that a provider took.
    taken: i64,
    /// Deliveries that a phone may have shown: taken, or sent and left without an answer.
    shown: i64,
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
        let state = |one: OfState| StateCountView { state: one.state, count: one.count };
        let channel = |one: OfChannel| ChannelCountView { channel: one.channel, state: one.state, count: one.count };
        let reason = |one: OfReason| ReasonCountView { reason: one.reason, count: one.count };
        Self {
            revision: of.announced.revision,
            kind: of.announced.kind,
            announce: of.announced.announce,
            fan_out_id: of.announced.id,
            state: of.announced.state,
            announced_at: of.announced.created_at,
            finished_at: of.announced.finished_at,
            planned_users: of.announced.users,
            audience: of.audience,
            inboxed: of.inboxed,
            waiting: of.waiting,
            inbox_items_here: of.items_here,
            inbox_items_with_delivery: of.items_with_delivery,
            inbox_items_without_delivery: of.items_without_delivery,
            users_with_endpoint: of.users_with_endpoint,
            deliveries: of.deliveries,
            by_state: of.by_state.into_iter().map(state).collect(),
            by_channel: of.by_channel.into_iter().map(channel).collect(),
            skipped: of.skipped.into_iter().map(reason).collect(),
            attempts: of.attempts,
            attempts_recorded: of.attempts_recorded,
            settled_at_once: of.settled_at_once,
            taken: of.taken,
            shown: of.shown,
        }
    }
}
