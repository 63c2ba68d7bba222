//! Dead letters as operators see them, and their replay.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::delivery::DeliveryView;
use crate::domain::channel::Channel;
use crate::domain::delivery::Reason;
use crate::domain::id::{ChunkId, FanOutId, NoticeId};
use crate::domain::page::Page;
use crate::domain::time::Timestamp;
use crate::http::extract::body::Rules;
use crate::services::operator::{DeadFilter, DeadLetter, Replay, Replayed};

/// Which dead letters.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeadLettersQuery {
    /// Of this notice.
    #[param(inline)]
    notice: Option<NoticeId>,
    /// Deliveries on this channel.
    #[param(inline)]
    channel: Option<Channel>,
    /// Deliveries that died for this reason.
    #[param(inline)]
    reason: Option<Reason>,
    /// Dead since this instant or later.
    #[param(inline)]
    from: Option<Timestamp>,
    /// Dead before this instant.
    #[param(inline)]
    to: Option<Timestamp>,
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u16>,
    /// Where to go on: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 400)]
    pub cursor: Option<String>,
}

impl DeadLettersQuery {
    /// What the list is narrowed to.
    pub fn filter(&self) -> DeadFilter {
        let Self { notice, channel, reason, from, to, .. } = self;
        DeadFilter { notice: *notice, channel: *channel, reason: *reason, from: *from, to: *to }
    }
}

/// A chunk that was set aside.
#[derive(Serialize, ToSchema)]
pub struct DeadChunkView {
    /// Its id.
    id: ChunkId,
    /// Whose it is.
    fan_out_id: FanOutId,
    /// What it carries.
    notice_id: NoticeId,
    /// In which revision.
    revision: i64,
    /// How many users it has.
    users: i64,
    /// How often it was begun.
    attempts: i64,
}

/// An entry of the queue that nobody could read.
#[derive(Serialize, ToSchema)]
pub struct DeadEntryView {
    /// Its number.
    id: i64,
    /// What it said.
    payload: String,
    /// Why it was set aside.
    reason: String,
}

/// A dead letter: one of the three.
#[derive(Serialize, ToSchema)]
pub struct DeadLetterView {
    /// `delivery`, `chunk` or `queue_entry`.
    #[schema(example = "delivery")]
    kind: String,
    /// Since when it is dead.
    died_at: Timestamp,
    /// A delivery that was refused, exhausted or lost.
    delivery: Option<DeliveryView>,
    /// A chunk that killed whoever worked it.
    chunk: Option<DeadChunkView>,
    /// An entry of the queue that nobody could read. It cannot be replayed and need not be: the sweep rang for the work.
    queue_entry: Option<DeadEntryView>,
}

impl DeadLetterView {
    /// A dead letter.
    pub fn of(letter: DeadLetter) -> Self {
        let empty = |kind: &str, died_at| Self {
            kind: kind.to_owned(),
            died_at,
            delivery: None,
            chunk: None,
            queue_entry: None,
        };
        match letter {
            DeadLetter::Delivery(one) => {
                let view = empty("delivery", one.delivery.decided_at);
                Self { delivery: Some(DeliveryView::of(one)), ..view }
            }
            DeadLetter::Chunk(dead) => {
                let chunk = DeadChunkView {
                    id: dead.id,
                    fan_out_id: dead.fan_out_id,
                    notice_id: dead.notice_id,
                    revision: dead.revision,
                    users: dead.users,
                    attempts: dead.attempts,
                };
                Self { chunk: Some(chunk), ..empty("chunk", dead.died_at) }
            }
            DeadLetter::Entry(dead) => {
                let entry = DeadEntryView { id: dead.id, payload: dead.payload, reason: dead.reason };
                Self { queue_entry: Some(entry), ..empty("queue_entry", dead.died_at) }
            }
        }
    }
}

/// Some dead letters.
#[derive(Serialize, ToSchema)]
pub struct DeadLettersView {
    /// The newest first.
    items: Vec<DeadLetterView>,
    /// Where to go on; nothing at the end.
    next_cursor: Option<String>,
}

impl DeadLettersView {
    /// A page.
    pub fn of(page: Page<DeadLetter>) -> Self {
        let next_cursor = page.next.as_ref().map(ToString::to_string);
        Self { items: page.items.into_iter().map(DeadLetterView::of).collect(), next_cursor }
    }
}

/// What is to be tried again; what is not there narrows nothing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayBody {
    /// Of this notice.
    notice: Option<NoticeId>,
    /// Deliveries on this channel.
    channel: Option<Channel>,
    /// Deliveries that died for this reason.
    reason: Option<Reason>,
    /// Dead since this instant or later.
    from: Option<Timestamp>,
    /// Dead before this instant.
    to: Option<Timestamp>,
    /// At most so many deliveries, and as many chunks.
    #[schema(minimum = 1, maximum = 10_000, example = 1000)]
    limit: u16,
    /// A new delivery deadline, so many hours from now, where the old one has passed; never past a bid deadline.
    #[schema(minimum = 1, maximum = 168)]
    extend_hours: Option<u16>,
}

impl Rules for ReplayBody {}

impl ReplayBody {
    /// What is asked for.
    pub fn replay(&self) -> Replay {
        let Self { notice, channel, reason, from, to, limit, extend_hours } = self;
        Replay {
            filter: DeadFilter { notice: *notice, channel: *channel, reason: *reason, from: *from, to: *to },
            limit: i64::from(*limit),
            extend: extend_hours.map(|hours| Duration::from_secs(u64::from(hours) * 3600)),
        }
    }
}

/// What a replay came to.
#[derive(Serialize, ToSchema)]
pub struct ReplayedView {
    /// Deliveries that are due now.
    deliveries: u64,
    /// Chunks that are open again.
    chunks: u64,
    /// Fan-outs whose delivery deadline was moved.
    extended: u64,
    /// Deliveries that fit and stay dead, because their delivery deadline has passed.
    overdue: i64,
}

impl ReplayedView {
    /// What it came to.
    pub fn of(replayed: Replayed) -> Self {
        let Replayed { deliveries, chunks, extended, overdue } = replayed;
        Self { deliveries, chunks, extended, overdue }
    }
}
