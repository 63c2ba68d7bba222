//! The inbox: listed, synchronised, read, put away, thrown away.
//!
//! Promise: [`sync`] tells a client every change of its inbox exactly in the order of commits and skips none, whatever
//! transactions are open, because it stops below the oldest of them. What is thrown away is told as a tombstone for as
//! long as a cursor is good for. Not promised: that a change is told the instant it has committed; a transaction that
//! is older and still open holds it back.

use crate::domain::id::{NoticeId, UserId};
use crate::domain::page::{Cursor, Page};
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::live::hint::Hint;
use crate::services::notice::Change;
use crate::services::refusal::{Error, Refusal, Result};
use crate::storage::inbox::{Mark, Place, Selection, UpTo};
use crate::storage::{inbox, order};

pub use crate::storage::inbox::{Item, Selection as ListSelection};
pub(super) use standing::Standing;
pub use standing::is_cursor;
pub use why::{Amended, Explanation, Judged, Reason};

mod standing;
pub mod why;

/// The list of an inbox, in cursors.
const LIST: &str = "inbox";
/// Unread items are counted so far and no further.
pub const COUNTED_UNREAD: i64 = 1_000;

/// An item and why the user has it.
#[derive(Debug)]
pub struct Told {
    /// The item.
    pub item: Item,
    /// What the revision that the user has changed.
    pub changes: Vec<Change>,
    /// Why.
    pub why: Vec<Reason>,
}

impl Told {
    /// Where its last change stands.
    pub(super) fn place(&self) -> Place {
        Place { stamp: self.item.stamp, notice: self.item.notice }
    }
}

/// A user's items, the newest notice first.
pub async fn list(
    deps: &Deps,
    user: UserId,
    selection: &Selection,
    after: Option<&Cursor>,
    limit: u16,
) -> Result<Page<Told>> {
    let before = match after {
        Some(cursor) => {
            Some(cursor.parts::<1>(LIST).ok().and_then(|[id]| id.parse().ok()).ok_or_else(Error::not_a_cursor)?)
        }
        None => None,
    };
    let found = inbox::list(deps.db.reader(), user, selection, before, i64::from(limit) + 1).await?;
    let page = Page::cut(found, limit, |item| Cursor::new(LIST, [item.notice]));
    Ok(Page { items: told(deps, user, page.items).await?, next: page.next })
}

/// One item of a user.
pub async fn get(deps: &Deps, user: UserId, notice: NoticeId) -> Result<Told> {
    let item = inbox::find(deps.db.reader(), user, notice).await?.filter(|item| item.removed_at.is_none());
    let item = item.ok_or(Refusal::NotFound)?;
    told(deps, user, vec![item]).await?.pop().ok_or_else(|| Refusal::NotFound.into())
}

async fn told(deps: &Deps, user: UserId, items: Vec<Item>) -> Result<Vec<Told>> {
    told_to_many(deps, items.into_iter().map(|item| (user, item)).collect()).await
}

/// The items of many users, each with why its user has it; in their order.
pub(super) async fn told_to_many(deps: &Deps, items: Vec<(UserId, Item)>) -> Result<Vec<Told>> {
    let why = why::of_items(deps, &items).await?;
    let tell = |((_, mut item), why): ((UserId, Item), Vec<Reason>)| {
        let mut changes: Vec<Change> = serde_json::from_value(item.changes.take())
            .map_err(|error| Error::broken(format!("the changes of {}: {error}", item.notice)))?;
        changes.retain(|change| change.is_shown(item.state));
        Ok(Told { changes, why, item })
    };
    items.into_iter().zip(why).map(tell).collect()
}

/// Some changes of an inbox.
#[derive(Debug)]
pub struct Changes {
    /// The changed items, in the order of their changes; a removed one is a tombstone.
    pub items: Vec<Told>,
    /// Where to go on, now or later.
    pub next: Cursor,
    /// Whether there is more to be read at once.
    pub more: bool,
}

/// The changes of an inbox after a cursor; without one, the whole inbox, the change longest ago first.
pub async fn sync(deps: &Deps, user: UserId, after: Option<&Cursor>, limit: u16) -> Result<Changes> {
    let conn = deps.db.reader();
    let now = deps.clock.now();
    let epoch = order::epoch(conn).await?;
    let place = match after {
        Some(cursor) => Standing::at(cursor, epoch, now - deps.holdings.inbox_retention)?.place,
        None => None,
    };
    // Taken before the read: what commits in between is below nobody's next cursor.
    let horizon = order::horizon(conn).await?;
    let found = inbox::changes(conn, user, place, horizon, i64::from(limit) + 1).await?;
    let page = Page::cut(found, limit, |item| Cursor::new(LIST, [item.notice]));
    let last = page.items.last().map(|item| Place { stamp: item.stamp, notice: item.notice });
    let next = Standing { epoch, place: last.or(place), at: now }.cursor();
    Ok(Changes { items: told(deps, user, page.items).await?, next, more: page.next.is_some() })
}

/// How many items are unread and not put away; above [`COUNTED_UNREAD`] stands for any number above.
pub async fn count_unread(deps: &Deps, user: UserId) -> Result<i64> {
    Ok(inbox::count_unread(deps.db.reader(), user, COUNTED_UNREAD + 1).await?)
}

/// Marks an item as read or, with `false`, as unread.
pub async fn read(deps: &Deps, user: UserId, notice: NoticeId, read: bool) -> Result<()> {
    mark(deps, user, notice, Mark::Read, read).await
}

/// Puts an item away or, with `false`, back.
pub async fn archive(deps: &Deps, user: UserId, notice: NoticeId, archived: bool) -> Result<()> {
    mark(deps, user, notice, Mark::Archived, archived).await
}

/// Throws an item away. A later revision of the notice that matches brings it back.
pub async fn remove(deps: &Deps, user: UserId, notice: NoticeId) -> Result<()> {
    mark(deps, user, notice, Mark::Removed, true).await
}

/// A mark that is there already changes nothing and is no change to be told.
async fn mark(deps: &Deps, user: UserId, notice: NoticeId, mark: Mark, on: bool) -> Result<()> {
    let stamp = deps
        .db
        .write(async |tx| -> Result<Option<i64>> {
            let has = inbox::has_mark(tx, user, notice, mark).await?.ok_or(Refusal::NotFound)?;
            if has == on {
                return Ok(None);
            }
            let stamp = order::stamp(tx).await?;
            inbox::mark(tx, user, notice, mark, on.then(|| deps.clock.now()), stamp).await?;
            Ok(Some(stamp))
        })
        .await?;
    if let Some(stamp) = stamp {
        deps.live.tell(Hint::Users { users: vec![user], stamp });
    }
    Ok(())
}

/// Up to where everything is read.
#[derive(Debug, Clone)]
pub enum ReadUpTo {
    /// What came until this instant.
    Instant(Timestamp),
    /// What the client knows: a cursor of [`sync`].
    Cursor(Cursor),
}

/// Marks everything unread up to there as read; says how many items that were. A revision that came later stays unread.
pub async fn read_all(deps: &Deps, user: UserId, up_to: &ReadUpTo) -> Result<u64> {
    let now = deps.clock.now();
    let up_to = match up_to {
        ReadUpTo::Instant(instant) => UpTo::Instant(*instant),
        ReadUpTo::Cursor(cursor) => {
            let epoch = order::epoch(deps.db.reader()).await?;
            match Standing::at(cursor, epoch, now - deps.holdings.inbox_retention)?.place {
                Some(place) => UpTo::Place(place),
                None => return Ok(0),
            }
        }
    };
    let (marked, stamp) = deps
        .db
        .write(async |tx| -> Result<(u64, i64)> {
            let stamp = order::stamp(tx).await?;
            Ok((inbox::read_all(tx, user, up_to, now, stamp).await?, stamp))
        })
        .await?;
    if marked > 0 {
        deps.live.tell(Hint::Users { users: vec![user], stamp });
    }
    Ok(marked)
}
