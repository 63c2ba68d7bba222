//! Removing what is no longer needed.

use super::idempotency::REMEMBERED;
use super::{Deps, Result};
use crate::storage::idempotency;
use crate::storage::transact;

/// Forgets remembered answers that are too old; returns how many.
pub async fn prune(deps: &Deps) -> Result<u64> {
    let before = deps.clock.now() - REMEMBERED;
    Ok(transact!(deps.db, |tx| idempotency::prune(&**tx, before).await))
}
