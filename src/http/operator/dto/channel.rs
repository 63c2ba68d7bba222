//! Channels as operators see them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::allowance::{Limits, Rate, Standing};
use crate::domain::channel::{Channel, Repeat};
use crate::domain::delivery::State;
use crate::domain::time::Timestamp;
use crate::services::operator::{ChannelStanding, Sender};

/// Messages a second.
#[derive(Serialize, ToSchema)]
pub struct RateView {
    /// Messages a second, from all processes together.
    per_second: u32,
    /// At once after a pause.
    burst: u32,
    /// At once now.
    available: i64,
}

/// Messages a day.
#[derive(Serialize, ToSchema)]
pub struct QuotaView {
    /// Messages a day, from all processes together.
    messages: u32,
    /// Sent since the day began.
    used: i64,
    /// When the next day begins.
    resets_at: Timestamp,
}

/// A process that sends.
#[derive(Serialize, ToSchema)]
pub struct SenderView {
    /// The name under which it leases.
    owner: String,
    /// Sends that it makes at a time, as the provider's answers allow.
    limit: i64,
    /// The most that its settings allow.
    most: i64,
    /// Sends under way.
    in_flight: i64,
    /// Until when it lets the channel rest: after failures, a `Retry-After`, or for a quota that the provider says is spent.
    resting_until: Option<Timestamp>,
    /// When it said so.
    seen_at: Timestamp,
}

impl SenderView {
    fn of(sender: Sender) -> Self {
        let Sender { owner, send_limit, send_most, under_way, resting_until, seen_at, .. } = sender;
        Self { owner, limit: send_limit, most: send_most, in_flight: under_way, resting_until, seen_at }
    }
}

/// A channel and how it stands.
#[derive(Serialize, ToSchema)]
pub struct ChannelView {
    /// The channel.
    channel: Channel,
    /// Whether it has what it needs to send; without, its deliveries are held.
    configured: bool,
    /// What a repeat after a crash is to the receiver.
    repeat: Option<Repeat>,
    /// What it may send a second; nothing where any number may go.
    rate: Option<RateView>,
    /// What it may send a day; nothing where any number may go.
    quota: Option<QuotaView>,
    /// Deliveries that wait for a try, counted to 100,000.
    due: i64,
    /// Deliveries that wait for a reason to end, counted to 100,000.
    held: i64,
    /// Who sends on it.
    senders: Vec<SenderView>,
}

impl ChannelView {
    fn of(standing: ChannelStanding) -> Self {
        let waiting = |state| standing.waiting.get(&state).copied().unwrap_or_default();
        let (limits, left) = standing.allowance.unzip();
        let limits = limits.unwrap_or_default();
        Self {
            channel: standing.channel,
            configured: standing.repeat.is_some(),
            repeat: standing.repeat,
            rate: limits.rate.zip(left).map(|(rate, left)| rate_view(rate, left)),
            quota: quota_view(limits, left, standing.resets_at),
            due: waiting(State::Due),
            held: waiting(State::Held),
            senders: standing.senders.into_iter().map(SenderView::of).collect(),
        }
    }
}

fn rate_view(rate: Rate, left: Standing) -> RateView {
    RateView { per_second: rate.per_second(), burst: rate.burst(), available: left.messages() }
}

fn quota_view(limits: Limits, left: Option<Standing>, resets_at: Option<Timestamp>) -> Option<QuotaView> {
    Some(QuotaView { messages: limits.quota?.messages, used: left?.used, resets_at: resets_at? })
}

/// The channels; all on one page.
#[derive(Serialize, ToSchema)]
pub struct ChannelsView {
    /// In the order of their names in the documentation.
    items: Vec<ChannelView>,
    /// Always nothing.
    next_cursor: Option<String>,
}

impl ChannelsView {
    /// All of them.
    pub fn of(standings: Vec<ChannelStanding>) -> Self {
        Self { items: standings.into_iter().map(ChannelView::of).collect(), next_cursor: None }
    }
}
