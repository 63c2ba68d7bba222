//! What waits, what became of it, and what was handed in.

use super::{Scheduled, within_reach};
use crate::domain::id::ScheduledNoticeId;
use crate::domain::page::{Cursor, Page};
use crate::domain::scheduled::ScheduledState;
use crate::services::Deps;
use crate::services::notice::draft::Draft;
use crate::services::publisher::Caller;
use crate::services::refusal::{Error, Refusal, Result};
use crate::storage::scheduled::{self, Narrowed};

/// The list of scheduled notices, in cursors.
const LIST: &str = "scheduled_notices";

/// Scheduled notices, the one that was handed in last first: a publisher's own within the key's reach, or everybody's
/// for operators.
pub async fn list(
    deps: &Deps,
    caller: Option<&Caller>,
    state: Option<ScheduledState>,
    cursor: Option<&Cursor>,
    limit: u16,
) -> Result<Page<Scheduled>> {
    let before = match cursor {
        Some(cursor) => {
            Some(cursor.parts::<1>(LIST).ok().and_then(|[id]| id.parse().ok()).ok_or_else(Error::not_a_cursor)?)
        }
        None => None,
    };
    let (publisher, within) = (caller.map(|caller| caller.publisher), caller.map(|caller| &caller.scope));
    let wanted = Narrowed { publisher, within, state, before };
    let found = scheduled::list(deps.db.reader(), &wanted, i64::from(limit) + 1).await?;
    let page = Page::cut(found, limit, |row| Cursor::new(LIST, [row.id]));
    Ok(page.map(|row| Scheduled::of(row, false)))
}

/// A publisher's scheduled notice within the key's reach, and what was handed in while it may still be of use.
pub async fn get(deps: &Deps, caller: &Caller, id: ScheduledNoticeId) -> Result<(Scheduled, Option<Draft>)> {
    let conn = deps.db.reader();
    let row = scheduled::find(conn, caller.publisher, id).await?.ok_or(Refusal::NotFound)?;
    within_reach(caller, &row)?;
    let text = scheduled::draft(conn, id).await?;
    let draft = if text.is_empty() { None } else { Some(read(&text)?) };
    Ok((Scheduled::of(row, false), draft))
}

/// What was handed in, as it is kept.
pub(in crate::services::notice) fn read(text: &str) -> Result<Draft> {
    serde_json::from_str(text).map_err(|error| Error::broken(format!("a stored draft: {error}")))
}
