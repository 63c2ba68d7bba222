//! Webhooks that fail for long are switched off, so that nobody is called for ever who does not answer.

use crate::services::Deps;
use crate::services::refusal::Result;
use crate::storage::{transact, webhook};

/// How many are switched off at a time.
const ROUND: i64 = 500;

/// Switches off the webhooks that have failed for as long as they may; returns how many. Their users see it and resume
/// them when they are mended; what they missed is in the inbox.
pub async fn switch_off_failing(deps: &Deps) -> Result<u64> {
    let now = deps.clock.now();
    let failing = webhook::failing(deps.db.reader(), now, deps.webhooks.give_up, ROUND).await?;
    if failing.is_empty() {
        return Ok(0);
    }
    let switched_off = transact!(deps.db, |tx| webhook::switch_off(tx, &failing, now).await);
    tracing::info!(webhooks = switched_off, "switched off: they have failed for {:?}", deps.webhooks.give_up);
    Ok(switched_off)
}
