//! Removing what is no longer needed.

use std::time::Duration;

use super::idempotency::REMEMBERED;
use super::{Deps, Result, confirmation, keys};
use crate::storage::{idempotency, inbox, scheduled, transact};

/// Tombstones outlive the cursors that wait for them by this much.
const TOMBSTONE_MARGIN: Duration = Duration::from_secs(60 * 60);
/// How many tombstones are removed at a time, so that nobody waits for it.
const TOMBSTONES: i64 = 5_000;
/// How long it is kept what became of a scheduled notice.
pub const SCHEDULED_KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How many of them are removed at a time: what was refused may be long.
const SCHEDULED: i64 = 500;

/// Forgets remembered answers, codes, tombstones, ended scheduled notices and signing keys that are too old to matter; returns how many.
pub async fn prune(deps: &Deps) -> Result<u64> {
    let now = deps.clock.now();
    let before = now - REMEMBERED;
    let answers = transact!(deps.db, |tx| idempotency::prune(&**tx, before).await);
    let before = now - deps.holdings.inbox_retention - TOMBSTONE_MARGIN;
    let tombstones = transact!(deps.db, |tx| inbox::forget_removed(tx, before, TOMBSTONES).await);
    let before = now - SCHEDULED_KEPT;
    let scheduled = transact!(deps.db, |tx| scheduled::forget_ended(&**tx, before, SCHEDULED).await);
    Ok(answers + tombstones + scheduled + confirmation::prune(deps, now).await? + keys::prune(&deps.db, now).await?)
}
