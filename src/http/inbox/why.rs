//! Why a user has a notice, or why not, as it is shown.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::id::{NoticeId, SubscriptionId};
use crate::domain::subscription::{Part, Verdict};
use crate::domain::time::Timestamp;
use crate::http::subscription::dto::FilterForm;
use crate::services::inbox::{Explanation, Reason};
use crate::services::subscription::Edition;

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
    /// Whether the user has it.
    in_inbox: bool,
    /// Why; empty when the user has it not.
    why: Vec<ReasonView>,
    /// Every filter of the user that counted when it was published.
    subscriptions: Vec<JudgedView>,
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
    /// Since when it had this filter.
    filter_since: Timestamp,
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
        let Explanation { notice, revision, matcher, reasons, editions } = explanation;
        Self {
            notice_id: notice,
            revision,
            matcher,
            in_inbox: reasons.is_some(),
            why: reasons.into_iter().flatten().map(ReasonView::of).collect(),
            subscriptions: editions.into_iter().map(JudgedView::of).collect(),
        }
    }
}

impl JudgedView {
    fn of((edition, verdicts): (Edition, Vec<Verdict>)) -> Self {
        let part = |Verdict { part, holds, words }: Verdict| PartView { part, holds, words };
        Self {
            subscription_id: edition.subscription,
            name: edition.name,
            filter: FilterForm::of(edition.filter),
            filter_since: edition.started_at,
            matched: verdicts.iter().all(|verdict| verdict.holds),
            parts: verdicts.into_iter().map(part).collect(),
        }
    }
}
