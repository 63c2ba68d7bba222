//! The change feed: what other sites and feed readers follow.
//!
//! Promise: every notice stands in the feed once, where its newest edition was committed. [`changes`] tells them in the
//! order of commits and skips none, whatever transactions are open, because positions are given out under a lock that
//! is held until the commit: what a reader sees is whole up to the last position. A withdrawn notice shows its reason
//! and no body; one that has left what was asked for is told as having left. A cursor is good for ever, on this database
//! and for what it was asked for.
//! Not promised: that a reader who was away is told every edition in between; a notice's revisions are for that.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::read::{self, Filter, Summary};
use crate::domain::fanout::EditionKind;
use crate::domain::id::NoticeId;
use crate::domain::notice::{FeedChange, NoticeState};
use crate::domain::page::{Cursor, Page};
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::refusal::{Error, Refusal, Result};
use crate::storage::notice::feed::{self, Part, Shown};
use crate::storage::order;

pub use crate::storage::notice::feed::Entry;

/// The changes, the oldest first, in cursors.
const CHANGES: &str = "feed";
/// The changes, the newest first, in cursors.
const NEWEST: &str = "feed-newest";
/// How many bytes of bodies a page holds; one notice at least.
const MAX_BODY_BYTES: i64 = 1024 * 1024;

/// How many notices of one filter a page looks at to find those that the other filters match, too.
pub const REACH: i64 = 5_000;

/// Some changes: where they stand, and how to go on.
#[derive(Debug)]
pub struct Changes {
    /// In the order of commits.
    pub entries: Vec<Entry>,
    /// Where to go on, now or later.
    pub next: Cursor,
    /// Whether there is more to be read at once.
    pub more: bool,
}

/// The newest changes: where they stand, and what the feed is.
#[derive(Debug)]
pub struct Newest {
    /// The newest first, and where older ones begin.
    pub page: Page<Entry>,
    /// Names this feed, on this database, for what was asked for.
    pub id: Uuid,
    /// Since when there is this database.
    pub since: Timestamp,
}

/// A notice in the feed.
#[derive(Debug)]
pub struct Item {
    /// What happened.
    pub change: FeedChange,
    /// To which notice.
    pub notice: NoticeId,
    /// As it stands now, and its body; nothing when it has left what was asked for.
    pub shown: Option<(Summary, Option<String>)>,
}

/// Names what was asked for, so that its cursors are nobody else's.
fn digest(scopes: &[String]) -> String {
    let mut sorted = scopes.to_vec();
    sorted.sort_unstable();
    let hash = Sha256::digest(sorted.join("\n"));
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The changes after a cursor; without one, from the beginning. Where filters seldom meet, what is within `reach` may be
/// less than a page, or nothing, while there is more.
pub async fn changes(deps: &Deps, filter: &Filter, after: Option<&Cursor>, limit: u16, reach: i64) -> Result<Changes> {
    let conn = deps.db.reader();
    let (scopes, epoch) = (read::scopes(filter), order::epoch(conn).await?);
    // Taken before the read: everything up to here has committed, and what commits from here on stands above it.
    let upto = order::position(conn).await?;
    let after = place(CHANGES, after, epoch, upto, &scopes)?.unwrap_or(0);
    let found = feed::entries(conn, &scopes, Part::After(after, upto), i64::from(limit) + 1, reach).await?;
    let (entries, more) = cut(found.entries, limit);
    // Where nothing more was found the reader stands at the end of what was looked at, however long ago the last match
    // was.
    let end = found.until.unwrap_or(upto);
    let at = if more { entries.last().map_or(after, |last| last.position) } else { end };
    Ok(Changes { entries, next: cursor(CHANGES, epoch, at, &scopes), more: more || found.until.is_some() })
}

/// The newest changes before a cursor; without one, the newest of all. Of `reach` the same holds as for [`changes`]: the
/// first page, too, may hold nothing and lead to older changes.
pub async fn newest(deps: &Deps, filter: &Filter, before: Option<&Cursor>, limit: u16, reach: i64) -> Result<Newest> {
    let conn = deps.db.reader();
    let (scopes, epoch) = (read::scopes(filter), order::epoch(conn).await?);
    let upto = order::position(conn).await?;
    let before = place(NEWEST, before, epoch, upto, &scopes)?.unwrap_or(i64::MAX);
    let found = feed::entries(conn, &scopes, Part::Before(before, 0), i64::from(limit) + 1, reach).await?;
    let (entries, more) = cut(found.entries, limit);
    let last = entries.last().filter(|_| more).map(|last| last.position);
    let next = last.or(found.until).map(|at| cursor(NEWEST, epoch, at, &scopes));
    let since = Timestamp::from_millis(epoch.saturating_mul(1_000));
    Ok(Newest { page: Page { items: entries, next }, id: name(epoch, &scopes), since })
}

/// As many as were asked for and as their bodies allow; says whether more were found.
fn cut(mut found: Vec<Entry>, limit: u16) -> (Vec<Entry>, bool) {
    let mut bytes = 0_i64;
    let fits = |entry: &&Entry| {
        bytes = bytes.saturating_add(entry.body_bytes);
        bytes <= MAX_BODY_BYTES
    };
    let kept = found.iter().take_while(fits).count().max(1).min(usize::from(limit));
    let more = found.len() > kept;
    found.truncate(kept);
    (found, more)
}

fn cursor(list: &str, epoch: i64, position: i64, scopes: &[String]) -> Cursor {
    Cursor::new(list, [epoch.to_string(), position.to_string(), digest(scopes)])
}

/// The position at which a cursor stands. One that stands where nothing has been yet is of a database that was put back
/// since: what it knows is not what there is.
fn place(list: &str, cursor: Option<&Cursor>, epoch: i64, upto: i64, scopes: &[String]) -> Result<Option<i64>> {
    let Some(cursor) = cursor else { return Ok(None) };
    let [its_epoch, position, of] = cursor.parts::<3>(list).map_err(|_| Error::not_a_cursor())?;
    let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
    let (Some(its_epoch), Some(position)) = (number(its_epoch), number(position)) else {
        return Err(Error::not_a_cursor());
    };
    if of != digest(scopes) {
        return Err(Error::not_a_cursor());
    }
    let expired = its_epoch != epoch || position > upto;
    if expired { Err(Refusal::CursorExpired.into()) } else { Ok(Some(position)) }
}

fn name(epoch: i64, scopes: &[String]) -> Uuid {
    let hash = Sha256::new().chain_update(b"feed").chain_update(epoch.to_be_bytes()).chain_update(digest(scopes));
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(hash.finalize().iter()) {
        *to = *from;
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// What stands at these places. A notice that has moved on since is left out: it stands further on and is told there.
pub async fn items(deps: &Deps, entries: &[Entry]) -> Result<Vec<Item>> {
    let standing: Vec<NoticeId> = entries.iter().filter(|entry| entry.stands).map(|entry| entry.notice_id).collect();
    let mut shown = std::collections::HashMap::new();
    for found in feed::of_ids(deps.db.reader(), &standing).await? {
        shown.insert(found.listed.notice.id, found);
    }
    let item = |entry: &Entry| {
        if !entry.stands {
            return Some(Ok(Item { change: FeedChange::Left, notice: entry.notice_id, shown: None }));
        }
        let found = shown.remove(&entry.notice_id).filter(|found| found.listed.notice.position == entry.position)?;
        Some(tell(found))
    };
    entries.iter().filter_map(item).collect()
}

fn tell(found: Shown) -> Result<Item> {
    let Shown { listed, kind, body_html } = found;
    let summary = read::summary(listed)?;
    let change = match (summary.state, kind) {
        (NoticeState::Withdrawn, _) | (_, EditionKind::Withdrawal) => FeedChange::Withdrawn,
        (_, EditionKind::Revision | EditionKind::Editorial) => FeedChange::Revised,
        (_, EditionKind::Notice) if summary.amends.is_some() => FeedChange::Amendment,
        (_, EditionKind::Notice) => FeedChange::New,
    };
    let body = (summary.state == NoticeState::Published).then_some(body_html);
    Ok(Item { change, notice: summary.id, shown: Some((summary, body)) })
}
