//! Removing what is no longer needed.

use std::time::Duration;

use super::idempotency::REMEMBERED;
use super::{Deps, Result, confirmation, keys};
use crate::storage::{idempotency, inbox, transact};

/// Tombstones outlive the cursors that wait for them by this much.
const TOMBSTONE_MARGIN: Duration = Duration::from_secs(60 * 60);
/// How many tombstones are removed at a time, so that nobody waits for it.
const TOMBSTONES: i64 = 5_000;

/// Forgets remembered answers, codes, tombstones and signing keys that are too old to matter; returns how many.
pub async fn prune(deps: &Deps) -> Result<u64> {
    let now = deps.clock.now();
    let before = now - REMEMBERED;
    let answers = transact!(deps.db, |tx| idempotency::prune(&**tx, before).await);
    let before = now - deps.holdings.inbox_retention - TOMBSTONE_MARGIN;
    let tombstones = transact!(deps.db, |tx| inbox::forget_removed(&**tx, before, TOMBSTONES).await);
    Ok(answers + tombstones + confirmation::prune(deps, now).await? + keys::prune(&deps.db, now).await?)
}
