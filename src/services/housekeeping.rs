//! Removing what is no longer needed.

use super::idempotency::REMEMBERED;
use super::{Deps, Result, confirmation, keys};
use crate::storage::idempotency;
use crate::storage::transact;

/// Forgets remembered answers, codes and signing keys that are too old to matter; returns how many.
pub async fn prune(deps: &Deps) -> Result<u64> {
    let now = deps.clock.now();
    let before = now - REMEMBERED;
    let answers = transact!(deps.db, |tx| idempotency::prune(&**tx, before).await);
    Ok(answers + confirmation::prune(deps, now).await? + keys::prune(&deps.db, now).await?)
}
