//! Fan-outs, deliveries and dead letters as operators see them. Addresses are secrets: their last characters tell them
//! apart. Longer than most: three nouns of one desk.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::channel::Channel;
use crate::domain::delivery::{Reason, State};
use crate::domain::fanout::{Announce, EditionKind, FanOutState};
use crate::domain::id::{ChunkId, DeliveryId, EndpointId, FanOutId, NoticeId, UserId};
use crate::domain::page::Page;
use crate::domain::time::Timestamp;
use crate::services::operator::{
    DeadFilter, DeadLetter, DeliveryFilter, Explained, FanOutFilter, OpenChunk, Progress, Replay, Replayed, Try,
};

/// Which fan-outs.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FanOutsQuery {
    /// How far they have come.
    #[param(inline)]
    state: Option<FanOutState>,
    /// What they carry.
    #[param(inline)]
    notice: Option<NoticeId>,
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u16>,
    /// Where to go on: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 400)]
    pub cursor: Option<String>,
}

impl FanOutsQuery {
    /// What the list is narrowed to.
    pub fn filter(&self) -> FanOutFilter {
        FanOutFilter { state: self.state, notice: self.notice, ..FanOutFilter::default() }
    }
}

/// A fan-out.
#[derive(Serialize, ToSchema)]
pub struct FanOutView {
    /// Its id.
    id: FanOutId,
    /// What it carries.
    notice_id: NoticeId,
    /// The notice's title now.
    title: String,
    /// In which revision.
    revision: i64,
    /// What kind of edition that is.
    kind: EditionKind,
    /// How far it is announced.
    announce: Announce,
    /// How soon its turn comes: `urgent`, `normal`, `bulk`.
    lane: String,
    /// How far it has come.
    state: FanOutState,
    /// Users found so far.
    users: i64,
    /// Users of the chunks whose inboxes are filled.
    inboxed_users: i64,
    /// Chunks made so far.
    chunks: i64,
    /// Of these, closed.
    chunks_done: i64,
    /// Of these, set aside: see the dead letters.
    chunks_dead: i64,
    /// How often its planning was begun.
    plan_attempts: i64,
    /// When somebody last took or renewed a lease on what is unfinished: later than a few seconds ago, it is at work.
    leased_at: Option<Timestamp>,
    /// When nothing more is sent.
    deadline_at: Timestamp,
    /// When it was announced.
    created_at: Timestamp,
    /// When its audience was known in full.
    planned_at: Option<Timestamp>,
    /// When it was carried to everyone, but for later tries.
    finished_at: Option<Timestamp>,
}

impl FanOutView {
    fn of(progress: Progress) -> Self {
        let Progress { fan_out, chunks } = progress;
        let lease_of_chunks = chunks.and_then(|chunks| chunks.leased_at());
        Self {
            lane: fan_out.lane().as_str().to_owned(),
            leased_at: fan_out.leased_at().max(lease_of_chunks),
            id: fan_out.id,
            notice_id: fan_out.notice_id,
            title: fan_out.title,
            revision: fan_out.revision,
            kind: fan_out.kind,
            announce: fan_out.announce,
            state: fan_out.state,
            users: fan_out.users,
            inboxed_users: chunks.map_or(0, |chunks| chunks.inboxed_users),
            chunks: chunks.map_or(0, |chunks| chunks.chunks),
            chunks_done: chunks.map_or(0, |chunks| chunks.done),
            chunks_dead: chunks.map_or(0, |chunks| chunks.dead),
            plan_attempts: fan_out.attempts,
            deadline_at: fan_out.deadline_at,
            created_at: fan_out.created_at,
            planned_at: fan_out.planned_at,
            finished_at: fan_out.finished_at,
        }
    }
}

/// Some fan-outs.
#[derive(Serialize, ToSchema)]
pub struct FanOutsView {
    /// The newest first.
    items: Vec<FanOutView>,
    /// Where to go on; nothing at the end.
    next_cursor: Option<String>,
}

impl FanOutsView {
    /// A page.
    pub fn of(page: Page<Progress>) -> Self {
        let next_cursor = page.next.as_ref().map(ToString::to_string);
        Self { items: page.items.into_iter().map(FanOutView::of).collect(), next_cursor }
    }
}

/// A chunk that is not closed.
#[derive(Serialize, ToSchema)]
pub struct OpenChunkView {
    /// Its id.
    id: ChunkId,
    /// Its place in the fan-out, from 0.
    number: i64,
    /// `open`, or `dead`: set aside.
    state: String,
    /// How many users it has.
    users: i64,
    /// How often it was begun.
    attempts: i64,
    /// When its inboxes were filled.
    inboxed_at: Option<Timestamp>,
    /// When its lease was last taken or renewed.
    leased_at: Option<Timestamp>,
    /// The process that leases it, or did last.
    lease_owner: Option<String>,
}

impl OpenChunkView {
    fn of(chunk: OpenChunk) -> Self {
        let leased_at = chunk.leased_at();
        let OpenChunk { id, number, state, users, attempts, inboxed_at, lease_owner, .. } = chunk;
        Self { id, number, state, users, attempts, inboxed_at, leased_at, lease_owner }
    }
}

/// A fan-out with what is unfinished of it.
#[derive(Serialize, ToSchema)]
pub struct FanOutDetailView {
    /// The fan-out.
    fan_out: FanOutView,
    /// Its first chunks that are not closed, at most 100.
    unfinished_chunks: Vec<OpenChunkView>,
}

impl FanOutDetailView {
    /// A fan-out.
    pub fn of(progress: Progress, unfinished: Vec<OpenChunk>) -> Self {
        let unfinished_chunks = unfinished.into_iter().map(OpenChunkView::of).collect();
        Self { fan_out: FanOutView::of(progress), unfinished_chunks }
    }
}

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
        DeliveryFilter { notice: *notice, user: *user, state: *state, channel: *channel, after: None }
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
    /// When it began.
    began_at: Option<Timestamp>,
    /// When its outcome was known.
    ended_at: Option<Timestamp>,
}

impl AttemptView {
    fn of(one: Try) -> Self {
        let Try { number, outcome, detail, began_at, ended_at } = one;
        Self { number, outcome, detail, began_at, ended_at }
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
    /// The last four characters of the endpoint's address; empty for a short or forgotten one.
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
    fn of(explained: Explained) -> Self {
        let Explained { delivery, tries } = explained;
        let revision = i32::try_from(delivery.revision).unwrap_or(i32::MAX);
        Self {
            id: DeliveryId::of(delivery.notice_id, revision, delivery.endpoint_id),
            notice_id: delivery.notice_id,
            revision: delivery.revision,
            endpoint_id: delivery.endpoint_id,
            endpoint_hint: hint(&delivery.address),
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
    fn of(letter: DeadLetter) -> Self {
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
