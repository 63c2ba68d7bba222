//! Publishing what is due.
//!
//! Promise: a scheduled notice is published once, when its time has come by the database's clock, whoever else tries
//! and whatever dies: taking its row, storing the notice and saying so in the row are one commit. What was due while
//! nobody was there is published when somebody is, and says when that was. What cannot be published any more ends with
//! its reason; what could not by a fault of ours is tried again, for as long as it takes.
//! Not promised: the order of notices that are due at the same instant.

use std::time::Duration;

use super::draft::{Draft, ready};
use super::publish::{Published, store};
use super::scheduled::read;
use crate::domain::id::NoticeId;
use crate::domain::scheduled::NotPublished;
use crate::services::fanout::failpoint;
use crate::services::refusal::{Error, Fault, Place, Refusal, Result, Violation};
use crate::services::{Deps, publisher};
use crate::storage::scheduled::{self, End, MAX_WAIT, Scheduled as Row};
use crate::storage::{DbError, transact};
use crate::telemetry::metric;

/// How many are read at a time.
const ROUND: i64 = 50;

/// Publishes what is due; returns how long it is until more is, as far as is known.
pub async fn publish_due(deps: &Deps) -> Result<Option<Duration>> {
    let due = scheduled::due(deps.db.reader(), ROUND).await?;
    for row in &due {
        match publish_one(deps, row).await {
            Err(Error::Fault(fault)) if fault.is_passing() => return Err(fault.into()),
            Err(error) => put_off(deps, row, &error).await?,
            Ok(()) => {}
        }
    }
    if i64::try_from(due.len()).is_ok_and(|count| count == ROUND) {
        return Ok(Some(Duration::ZERO));
    }
    Ok(scheduled::next_in(deps.db.reader()).await?)
}

/// Publishes one, or ends it with the reason why not.
async fn publish_one(deps: &Deps, row: &Row) -> Result<()> {
    let mut tried = attempt(deps, row).await;
    if let Err(Error::Fault(Fault::Db(DbError::Conflict(_)))) = tried {
        // A call with the same natural key was quicker: now its notice is there to compare with.
        tried = attempt(deps, row).await;
    }
    match tried {
        Ok(Some(published)) => {
            failpoint::hit("scheduled_published");
            deps.notice_changed();
            count("published");
            tracing::info!(scheduled.id = %row.id, notice.id = %published.id, "published what was scheduled");
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(Error::Refused { refusal, violations, retry_after, detail }) => match reason(refusal) {
            Some(reason) => refuse(deps, row, reason, detail.or_else(|| places(&violations))).await,
            None => Err(Error::Refused { refusal, violations, retry_after, detail }),
        },
        Err(error) => Err(error),
    }
}

/// One commit: the row is taken, the notice stored, and the row says what it became. Nothing when somebody else has the
/// row, or has ended or replaced it.
async fn attempt(deps: &Deps, row: &Row) -> Result<Option<Published>> {
    let caller = publisher::by_key(deps, row.key_id).await?;
    let kept = scheduled::draft(deps.db.reader(), row.id).await?;
    if kept.is_empty() {
        return Ok(None);
    }
    let draft = Draft { published_at: None, ..read(&kept)? };
    let mut ready = ready(deps, &caller, draft, "/notice").await?;
    // The real time: late when it is late, and never earlier than was asked, whatever this machine's clock says. Set once
    // the draft is checked: a clock that is behind the database's would take it for an instant to come.
    ready.published_at = Some(deps.clock.now().max(row.publish_at));
    let id = NoticeId::new();
    failpoint::hit("scheduled_before");
    Ok(transact!(deps.db, |tx| {
        if !scheduled::take(tx, row.id, row.version).await? {
            return Ok(None);
        }
        let published = store(deps, tx, &caller, &ready, id).await?;
        scheduled::end(tx, row.id, row.version, &End::Published(published.id), deps.clock.now()).await?;
        failpoint::hit("scheduled_stored");
        Ok::<_, Error>(Some(published))
    }))
}

/// Why something is not published, when that is its publisher's to know; nothing when it is our failure.
const fn reason(refusal: Refusal) -> Option<NotPublished> {
    match refusal {
        Refusal::Unauthenticated => Some(NotPublished::KeyEnded),
        Refusal::OutOfScope => Some(NotPublished::OutOfScope),
        Refusal::Invalid => Some(NotPublished::CatalogueChanged),
        Refusal::SourceIdTaken => Some(NotPublished::SourceIdTaken),
        Refusal::AmendedNoticeUnknown => Some(NotPublished::AmendedNoticeUnknown),
        Refusal::TooManyRevisions => Some(NotPublished::TooManyRevisions),
        _ => None,
    }
}

/// What is wrong where, in words that programs know.
fn places(violations: &[Violation]) -> Option<String> {
    let place = |violation: &Violation| match &violation.place {
        Place::Body(at) | Place::Query(at) | Place::Path(at) | Place::Header(at) => format!("{at}: {}", violation.rule),
    };
    let places: Vec<String> = violations.iter().map(place).collect();
    (!places.is_empty()).then(|| places.join("; "))
}

async fn refuse(deps: &Deps, row: &Row, reason: NotPublished, detail: Option<String>) -> Result<()> {
    let end = End::Refused(reason, detail);
    let now = deps.clock.now();
    let ended = transact!(deps.db, |tx| scheduled::end(tx, row.id, row.version, &end, now).await);
    if ended {
        count("refused");
        tracing::warn!(scheduled.id = %row.id, reason = reason.as_str(), "what was scheduled could not be published");
    }
    Ok(())
}

async fn put_off(deps: &Deps, row: &Row, error: &Error) -> Result<()> {
    let doubled = u32::try_from(row.attempts.clamp(0, 10)).unwrap_or(0);
    let wait = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(doubled)).min(MAX_WAIT);
    tracing::warn!(scheduled.id = %row.id, %error, "what was scheduled is tried again in {wait:?}");
    transact!(deps.db, |tx| scheduled::postpone(&**tx, row.id, wait).await);
    Ok(())
}

fn count(state: &'static str) {
    metrics::counter!(metric::SCHEDULED_ENDED, "state" => state).increment(1);
}
