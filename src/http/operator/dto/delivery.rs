//! Deliveries as operators see them. Addresses are secrets: their last characters tell them apart.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::channel::Channel;
use crate::domain::delivery::{Reason, State};
use crate::domain::id::{DeliveryId, EndpointId, FanOutId, NoticeId, UserId};
use crate::domain::page::Page;
use crate::domain::time::Timestamp;
use crate::domain::webhook::Target;
use crate::services::operator::{DeliveryFilter, Explained, Try};

/// Which deliveries. At least one of `notice` and `user` is needed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveriesQuery {
    /// Of this notice.
    #[param(inline)]
    notice: Option<NoticeId>,
    /// For this user.
    #[param(inline)]
    user: Option<UserId>,
    /// Standing so.
    #[param(inline)]
    state: Option<State>,
    /// On this channel.
    #[param(inline)]
    channel: Option<Channel>,
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u16>,
    /// Where to go on: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 400)]
    pub cursor: Option<String>,
}

impl DeliveriesQuery {
    /// What the list is narrowed to.
    pub fn filter(&self) -> DeliveryFilter {
        let Self { notice, user, state, channel, .. } = self;
        let all = DeliveryFilter::default();
        DeliveryFilter { notice: *notice, user: *user, state: *state, channel: *channel, ..all }
    }
}

/// One try.
#[derive(Serialize, ToSchema)]
pub struct AttemptView {
    /// 1 for the first.
    number: i64,
    /// What it ended with: a reason or a state; nothing when whoever tried did not live to write it down.
    outcome: Option<String>,
    /// The provider's own words.
    detail: Option<String>,
    /// The HTTP status of the recipient's own answer, on channels where there is one.
    status: Option<i64>,
    /// When it began.
    began_at: Option<Timestamp>,
    /// When its outcome was known.
    ended_at: Option<Timestamp>,
}

impl AttemptView {
    pub(super) fn of(one: Try) -> Self {
        let Try { number, outcome, detail, status, began_at, ended_at } = one;
        Self { number, outcome, detail, status, began_at, ended_at }
    }
}

/// A delivery: one notice revision to one endpoint.
#[derive(Serialize, ToSchema)]
pub struct DeliveryView {
    /// Its id; also the provider's idempotency key.
    id: DeliveryId,
    /// What it carries.
    notice_id: NoticeId,
    /// In which revision.
    revision: i64,
    /// Where to.
    endpoint_id: EndpointId,
    /// The last four characters of the endpoint's address, a webhook's host; empty for a short or forgotten one.
    endpoint_hint: String,
    /// For whom.
    user_id: UserId,
    /// In which fan-out.
    fan_out_id: FanOutId,
    /// On which channel.
    channel: String,
    /// How it stands.
    state: State,
    /// Why, where it needs saying.
    reason: Option<Reason>,
    /// Whether the phone may have shown it.
    shown: bool,
    /// Every try, in order.
    attempts: Vec<AttemptView>,
    /// The provider's id of the message.
    provider_ref: Option<String>,
    /// When the first try began, or it was decided not to try.
    began_at: Timestamp,
    /// When the newest outcome was known.
    decided_at: Timestamp,
    /// When the next try is due.
    due_at: Option<Timestamp>,
}

/// Shorter addresses would be given away by their end.
const HINTED_CHARS: usize = 8;
const HINT_CHARS: usize = 4;

fn hint(address: &str) -> String {
    let chars = address.chars().count();
    if chars < HINTED_CHARS { String::new() } else { address.chars().skip(chars - HINT_CHARS).collect() }
}

impl DeliveryView {
    pub(super) fn of(explained: Explained) -> Self {
        let Explained { delivery, tries } = explained;
        let revision = i32::try_from(delivery.revision).unwrap_or(i32::MAX);
        Self {
            id: DeliveryId::of(delivery.notice_id, revision, delivery.endpoint_id),
            notice_id: delivery.notice_id,
            revision: delivery.revision,
            endpoint_id: delivery.endpoint_id,
            endpoint_hint: match delivery.channel == Channel::Webhook.as_str() {
                true => Target::host(&delivery.address),
                false => hint(&delivery.address),
            },
            user_id: delivery.user_id,
            fan_out_id: delivery.fan_out_id,
            channel: delivery.channel,
            state: delivery.state,
            reason: delivery.reason,
            shown: delivery.shown,
            attempts: tries.into_iter().map(AttemptView::of).collect(),
            provider_ref: delivery.provider_ref,
            began_at: delivery.began_at,
            decided_at: delivery.decided_at,
            due_at: delivery.due_at,
        }
    }
}

/// Some deliveries.
#[derive(Serialize, ToSchema)]
pub struct DeliveriesView {
    /// Those of the newest notice and revision first.
    items: Vec<DeliveryView>,
    /// Where to go on; nothing at the end.
    next_cursor: Option<String>,
}

impl DeliveriesView {
    /// A page.
    pub fn of(page: Page<Explained>) -> Self {
        let next_cursor = page.next.as_ref().map(ToString::to_string);
        Self { items: page.items.into_iter().map(DeliveryView::of).collect(), next_cursor }
    }
}
