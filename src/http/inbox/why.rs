//! Why a user has a notice, or why not, as it is shown.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::explanation::{Counted, Outcome};
use crate::domain::fanout::Announce;
use crate::domain::id::{NoticeId, SubscriptionId};
use crate::domain::subscription::{Part, SubscriptionEnd, Verdict};
use crate::domain::time::Timestamp;
use crate::http::subscription::dto::FilterForm;
use crate::services::inbox::{Amended, Explanation, Judged, Reason};

/// One reason why a user has a notice.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ReasonView {
    /// A subscription matched.
    Subscription {
        /// Which.
        subscription_id: SubscriptionId,
        /// What the user called it.
        name: String,
        /// The words of it that stand in the notice.
        words: Vec<String>,
    },
    /// It amends a notice that the user has.
    Amendment {
        /// The amended notice.
        notice_id: NoticeId,
    },
    /// The user was given an earlier revision.
    EarlierRevision,
}

impl ReasonView {
    /// A reason.
    pub fn of(reason: Reason) -> Self {
        match reason {
            Reason::Subscription { id, name, words } => Self::Subscription { subscription_id: id, name, words },
            Reason::Amendment { of } => Self::Amendment { notice_id: of },
            Reason::EarlierRevision => Self::EarlierRevision,
        }
    }
}

/// How a notice and each of the user's filters were held together.
#[derive(Serialize, ToSchema)]
pub struct ExplanationView {
    /// The notice.
    notice_id: NoticeId,
    /// The revision whose publishing is explained.
    revision: i64,
    /// The version of the rules that held then.
    matcher: i64,
    /// What became of it, in one word.
    outcome: Outcome,
    /// How far it was announced: what is announced to nobody comes to nobody.
    announce: Announce,
    /// Whether the user has it.
    in_inbox: bool,
    /// When the user threw it away.
    removed_at: Option<Timestamp>,
    /// Why the user has it, or had it; empty when it never came.
    why: Vec<ReasonView>,
    /// The notice that it amends; nothing when it amends none.
    amends: Option<AmendedView>,
    /// The user's filters, those that counted when it was published first; at most the last 200.
    subscriptions: Vec<JudgedView>,
}

/// A notice that another one amends: who had it before gets the other one, too.
#[derive(Serialize, ToSchema)]
pub struct AmendedView {
    /// The notice.
    notice_id: NoticeId,
    /// When it came to the user; nothing when it did not.
    came_at: Option<Timestamp>,
    /// Whether it had come before the amendment was published.
    before: bool,
}

/// A filter and how it fared.
#[derive(Serialize, ToSchema)]
pub struct JudgedView {
    /// The subscription.
    subscription_id: SubscriptionId,
    /// What the user calls it.
    name: String,
    /// The filter as it was then.
    filter: FilterForm,
    /// Whether it counted when the notice was published: by their places in the order of commits, not by clocks.
    counted: Counted,
    /// Since when it had this filter.
    filter_since: Timestamp,
    /// Until when; nothing when it has it still.
    filter_until: Option<Timestamp>,
    /// Why the filter ended.
    ended_reason: Option<SubscriptionEnd>,
    /// Until when nothing is pushed for it, as set now or last; the inbox is filled meanwhile.
    paused_until: Option<Timestamp>,
    /// Whether every part holds.
    matched: bool,
    /// Every part that is not empty.
    parts: Vec<PartView>,
}

/// How one part of a filter fared.
#[derive(Serialize, ToSchema)]
pub struct PartView {
    /// The part.
    part: Part,
    /// Whether it holds.
    holds: bool,
    /// The words of it that stand in the notice.
    words: Vec<String>,
}

impl ExplanationView {
    /// An explanation.
    pub fn of(explanation: Explanation) -> Self {
        let Explanation { notice, revision, matcher, outcome, announce, removed_at, reasons, amended, editions } =
            explanation;
        let amends = |Amended { notice, came_at, before }| AmendedView { notice_id: notice, came_at, before };
        Self {
            notice_id: notice,
            revision,
            matcher,
            outcome,
            announce,
            in_inbox: reasons.is_some() && removed_at.is_none(),
            removed_at,
            why: reasons.into_iter().flatten().map(ReasonView::of).collect(),
            amends: amended.map(amends),
            subscriptions: editions.into_iter().map(JudgedView::of).collect(),
        }
    }
}

impl JudgedView {
    fn of(judged: Judged) -> Self {
        let part = |Verdict { part, holds, words }: Verdict| PartView { part, holds, words };
        let matched = judged.holds();
        let Judged { edition, counted, verdicts } = judged;
        Self {
            subscription_id: edition.subscription,
            name: edition.name,
            filter: FilterForm::of(edition.filter),
            counted,
            filter_since: edition.started_at,
            filter_until: edition.ended_at,
            ended_reason: edition.ended_reason,
            paused_until: edition.paused_until,
            matched,
            parts: verdicts.into_iter().map(part).collect(),
        }
    }
}
