//! Fan-outs as operators see them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::fanout::{Announce, EditionKind, FanOutState};
use crate::domain::id::{ChunkId, FanOutId, NoticeId};
use crate::domain::page::Page;
use crate::domain::time::Timestamp;
use crate::services::operator::{FanOutFilter, OpenChunk, Progress};

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
    pub(super) fn of(progress: Progress) -> Self {
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
    pub(super) fn of(chunk: OpenChunk) -> Self {
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
