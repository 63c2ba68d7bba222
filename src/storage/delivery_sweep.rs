//! Held deliveries: released when their channel is configured, ended when their deadline has passed.

use super::sql::{self, Of};
use super::{DbResult, Tx, execute};
use crate::domain::time::Timestamp;

/// Makes due what was held for want of credentials and has its channel now.
pub async fn release_held(tx: &Tx, channels: Vec<String>, now: Timestamp, most: i64) -> DbResult<u64> {
    let text = format!(
        "UPDATE deliveries SET state = 'due', reason = NULL, due_at = $2 \
         WHERE (notice_id, revision, endpoint_id) IN (SELECT notice_id, revision, endpoint_id FROM deliveries \
           WHERE state = 'held' AND reason = 'unconfigured' AND {} ORDER BY decided_at LIMIT $3 {})",
        sql::is_in(&**tx, "channel", "$1", Of::Texts),
        sql::skip_locked(&**tx),
    );
    execute(&**tx, &text, [sql::text_set(&**tx, channels), now.into(), most.into()]).await
}

/// Ends what is held beyond its deadline.
pub async fn expire_held(tx: &Tx, now: Timestamp, most: i64) -> DbResult<u64> {
    let text = format!(
        "UPDATE deliveries SET state = 'expired', reason = 'deadline', decided_at = $1 \
         WHERE (notice_id, revision, endpoint_id) IN (SELECT d.notice_id, d.revision, d.endpoint_id FROM deliveries d \
           JOIN fan_outs f ON f.id = d.fan_out_id WHERE d.state = 'held' AND f.deadline_at <= $1 \
           ORDER BY d.decided_at LIMIT $2 {})",
        if sql::skip_locked(&**tx).is_empty() { "" } else { "FOR UPDATE OF d SKIP LOCKED" },
    );
    execute(&**tx, &text, [now.into(), most.into()]).await
}
