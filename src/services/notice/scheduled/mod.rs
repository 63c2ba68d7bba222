//! Scheduling: a notice is handed in now and published when its time has come.
//!
//! Promise: what is handed in is held against the catalogue and the key's reach at once, and once more when it is due
//! ([`super::due`]). Until then nobody but its publisher and the operators is shown it: another publisher that schedules
//! under its natural key is told that the key is taken, as by a notice that was published. A natural key has one
//! scheduled notice at a time: handing in the same again answers the first, anything else is refused until the one that
//! waits is replaced or cancelled. Not promised: that the natural key is kept free; whoever publishes under it in the
//! meantime is first, and the scheduled notice says so when it is due.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::draft::{Draft, Ready, ready};
use super::publish::retried;
use crate::domain::id::{NoticeId, PublisherId, ScheduledNoticeId};
use crate::domain::scheduled::{NotPublished, ScheduledState};
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::idempotency::{Call, once};
use crate::services::publisher::Caller;
use crate::services::refusal::{Error, Refusal, Result, Violation};
use crate::storage::notice::find_by_source;
use crate::storage::scheduled::{self, End};
use crate::storage::{Tx, scheduled::Scheduled as Row};

mod list;

pub(super) use list::read;
pub use list::{get, list};

/// How far ahead a notice may be scheduled.
pub const MAX_AHEAD: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// The most notices of one publisher that wait at a time.
pub const MAX_WAITING: i64 = 10_000;

/// A scheduled notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduled {
    /// Its id.
    pub id: ScheduledNoticeId,
    /// Whether this call made it.
    pub created: bool,
    /// Who handed it in.
    pub publisher: PublisherId,
    /// The system it comes from.
    pub source: String,
    /// What that system calls it.
    pub source_id: String,
    /// Its title.
    pub title: String,
    /// When it is to be published.
    pub publish_at: Timestamp,
    /// How it stands.
    pub state: ScheduledState,
    /// Why it was not published.
    pub reason: Option<NotPublished>,
    /// More about the reason.
    pub detail: Option<String>,
    /// The notice that it became.
    pub notice: Option<NoticeId>,
    /// How often publishing it has failed by no fault of its own.
    pub attempts: i64,
    /// When it was handed in.
    pub created_at: Timestamp,
    /// When it was last handed in.
    pub updated_at: Timestamp,
    /// When it was published, refused or cancelled.
    pub ended_at: Option<Timestamp>,
}

impl Scheduled {
    fn of(row: Row, created: bool) -> Self {
        Self {
            id: row.id,
            created,
            publisher: row.publisher_id,
            source: row.source,
            source_id: row.source_id,
            title: row.title,
            publish_at: row.publish_at,
            state: row.state,
            reason: row.reason,
            detail: row.detail,
            notice: row.notice_id,
            attempts: row.attempts,
            created_at: row.created_at,
            updated_at: row.updated_at,
            ended_at: row.ended_at,
        }
    }
}

/// A draft that may be scheduled, as it is kept.
struct Kept {
    ready: Ready,
    draft: String,
    hash: Vec<u8>,
    publish_at: Timestamp,
}

async fn kept(deps: &Deps, caller: &Caller, draft: Draft, publish_at: Timestamp) -> Result<Kept> {
    Error::unless_empty(broken(deps, publish_at, &draft))?;
    let text = serde_json::to_string(&draft).map_err(|error| Error::broken(error.to_string()))?;
    let ready = ready(deps, caller, draft, "/notice").await?;
    Ok(Kept { ready, hash: Sha256::digest(&text).to_vec(), draft: text, publish_at })
}

/// What is wrong with a time and with a draft's own word of it. Whether the time has passed is asked later, so that
/// the repeat of a call is answered like the call.
pub fn check(deps: &Deps, publish_at: Timestamp, published_at: Option<Timestamp>) -> Result<()> {
    let days = MAX_AHEAD.as_secs() / 86_400;
    let far = (publish_at > deps.clock.now() + MAX_AHEAD).then(|| {
        let (zh, en) = (format!("最多晚于当前时间 {days} 天"), format!("at most {days} days from now"));
        Violation::body("/publish_at", "too_far_ahead", zh, en)
    });
    let said = published_at.map(|_| {
        let (zh, en) =
            ("定时发布的公告以实际发布时间为准，不可填写", "a scheduled notice is published when it is published");
        Violation::body("/notice/published_at", "not_with_publish_at", zh, en)
    });
    Error::unless_empty(far.into_iter().chain(said).collect())
}

fn broken(deps: &Deps, publish_at: Timestamp, draft: &Draft) -> Vec<Violation> {
    crate::services::refusal::violations(check(deps, publish_at, draft.published_at))
}

/// Takes a notice that is to be published later. The same natural key with the same draft and time answers the first.
pub async fn schedule(
    deps: &Deps,
    caller: &Caller,
    call: &Call,
    draft: Draft,
    publish_at: Timestamp,
) -> Result<Scheduled> {
    let kept = kept(deps, caller, draft, publish_at).await?;
    let attempt = async || once(deps, call, async |tx| store(deps, tx, caller, &kept).await).await;
    retried(attempt).await
}

async fn store(deps: &Deps, tx: &Tx, caller: &Caller, kept: &Kept) -> Result<Scheduled> {
    let (source, source_id) = (&kept.ready.source, &kept.ready.source_id);
    if let Some(last) = scheduled::find_by_source(&**tx, source, source_id).await? {
        let same = last.draft_hash == kept.hash && last.publish_at == kept.publish_at;
        match last.state {
            ScheduledState::Scheduled | ScheduledState::Published if same && last.publisher_id == caller.publisher => {
                return Ok(Scheduled::of(last, false));
            }
            ScheduledState::Scheduled => return Err(waits(caller, &kept.ready, &last)),
            _ => {}
        }
    }
    // The same content of one's own may be scheduled again: when it is due, publishing answers its notice, or
    // announces it further.
    let known = find_by_source(&**tx, source, source_id).await?;
    if let Some(known) = known
        && (known.publisher_id != caller.publisher || known.content_hash != kept.ready.hash)
    {
        return Err(kept.ready.source_id_taken(caller, &known));
    }
    let now = deps.clock.now();
    in_time(now, kept.publish_at)?;
    if scheduled::count_waiting(&**tx, caller.publisher, MAX_WAITING).await? >= MAX_WAITING {
        return Err(Error::refused(Refusal::ScheduledLimitReached, MAX_WAITING.to_string()));
    }
    let row = kept.row(caller, ScheduledNoticeId::new(), 1, now, now);
    scheduled::insert(tx, &row, &kept.draft).await?;
    Ok(Scheduled::of(row, true))
}

impl Kept {
    fn row(
        &self,
        caller: &Caller,
        id: ScheduledNoticeId,
        version: i64,
        created_at: Timestamp,
        updated_at: Timestamp,
    ) -> Row {
        Row {
            id,
            publisher_id: caller.publisher,
            key_id: caller.key,
            source: self.ready.source.clone(),
            source_id: self.ready.source_id.clone(),
            title: self.ready.content.title.clone(),
            category_path: self.ready.category_path.clone(),
            region_path: self.ready.region_path.clone(),
            draft_hash: self.hash.clone(),
            version,
            publish_at: self.publish_at,
            attempts: 0,
            state: ScheduledState::Scheduled,
            reason: None,
            detail: None,
            notice_id: None,
            created_at,
            updated_at,
            ended_at: None,
        }
    }
}

fn waits(caller: &Caller, ready: &Ready, other: &Row) -> Error {
    // That it waits, and whose it is, is nobody else's business: they learn that the source id is taken.
    match other.publisher_id == caller.publisher {
        true => Error::refused(Refusal::AlreadyScheduled, other.id.to_string()),
        false => ready.key_of_another(),
    }
}

fn in_time(now: Timestamp, publish_at: Timestamp) -> Result<()> {
    let (zh, en) = (
        "发布时间须晚于当前时间；立即发布请直接提交公告",
        "must be later than now; to publish at once, publish the notice",
    );
    let passed = || Violation::body("/publish_at", "in_the_past", zh, en);
    if publish_at > now { Ok(()) } else { Err(Error::invalid(vec![passed()])) }
}

/// Puts another draft, or another time, in the place of what waits. From then on it is this key's.
pub async fn reschedule(
    deps: &Deps,
    caller: &Caller,
    id: ScheduledNoticeId,
    draft: Draft,
    publish_at: Timestamp,
) -> Result<Scheduled> {
    let kept = kept(deps, caller, draft, publish_at).await?;
    deps.db
        .write(async |tx| {
            let old = own(tx, caller, id).await?;
            let ready = &kept.ready;
            if (ready.source.as_str(), ready.source_id.as_str()) != (old.source.as_str(), old.source_id.as_str()) {
                return Err(Error::invalid(vec![other_key(&old)]));
            }
            let same = old.draft_hash == kept.hash && old.publish_at == kept.publish_at && old.key_id == caller.key;
            if same && old.state != ScheduledState::Cancelled {
                return Ok(Scheduled::of(old, false));
            }
            waiting(&old)?;
            let now = deps.clock.now();
            in_time(now, publish_at)?;
            let row = kept.row(caller, id, old.version + 1, old.created_at, now);
            scheduled::replace(tx, &row, &kept.draft).await?;
            Ok(Scheduled::of(row, false))
        })
        .await
}

fn other_key(old: &Row) -> Violation {
    let (source, source_id) = (&old.source, &old.source_id);
    let zh = format!("替换不能改变来源编号，应为 {source} / {source_id}");
    Violation::body("/notice/source_id", "other_notice", zh, format!("it keeps its key: {source} / {source_id}"))
}

/// Takes back what waits. A second time changes nothing.
pub async fn cancel(deps: &Deps, caller: &Caller, id: ScheduledNoticeId) -> Result<()> {
    deps.db
        .write(async |tx| {
            let old = own(tx, caller, id).await?;
            if old.state == ScheduledState::Cancelled {
                return Ok(());
            }
            waiting(&old)?;
            scheduled::end(tx, id, old.version, &End::Cancelled, deps.clock.now()).await?;
            Ok(())
        })
        .await
}

/// The caller's, held until the transaction ends, within the key's reach; another publisher's does not exist for it.
async fn own(tx: &Tx, caller: &Caller, id: ScheduledNoticeId) -> Result<Row> {
    let found = scheduled::find_for_update(tx, caller.publisher, id).await?.ok_or(Refusal::NotFound)?;
    within_reach(caller, &found)?;
    Ok(found)
}

/// What one key of a publisher handed in is not for another key whose reach is elsewhere.
fn within_reach(caller: &Caller, row: &Row) -> Result<()> {
    let within = caller.scope.allows(&row.source, &row.category_path, &row.region_path);
    if within { Ok(()) } else { Err(Refusal::OutOfScope.into()) }
}

/// What has ended cannot be changed; says what became of it.
fn waiting(row: &Row) -> Result<()> {
    let became = || row.notice_id.map_or_else(|| row.state.to_string(), |notice| notice.to_string());
    match row.state {
        ScheduledState::Scheduled => Ok(()),
        _ => Err(Error::refused(Refusal::NoLongerScheduled, became())),
    }
}
