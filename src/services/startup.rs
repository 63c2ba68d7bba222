//! What a server refuses to stand on: settings of the database and of the queue that would break promises quietly.
//!
//! Promise: a server does not start on a queue that evicts what it holds, or beside a database whose clock is another
//! than its own. Not promised: that they stay as they are, or that a queue which is away at the start is looked at
//! later; publishing must not depend on it.

use std::time::Duration;

use crate::domain::time::{Clock, Timestamp};
use crate::services::Deps;
use crate::services::refusal::{CanFail as _, Result};
use crate::storage::{sql, value};

/// How far the database's clock may be from this machine's: leases are judged by the one, sessions and deadlines by the
/// other.
pub const MOST_APART: Duration = Duration::from_secs(5);
/// How long the queue is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Says what is wrong, for whoever starts the server; nothing when nothing is.
pub async fn endangered(deps: &Deps) -> Result<Option<String>> {
    // The machine's own clock, whatever this server takes for the time.
    let before = Clock::system().now();
    let conn = deps.db.reader();
    let database: i64 = value(conn, &format!("SELECT {} AS value", sql::now(conn)), []).await?;
    let apart = apart(before, Timestamp::from_millis(database), Clock::system().now());
    if apart > MOST_APART {
        return Ok(Some(format!(
            "数据库时钟与本机相差 {} 秒，最多允许 {} 秒，请先校时 (the clocks of the database and of this machine are {} s \
             apart, and at most {} s are allowed: set them right first)",
            apart.as_secs(),
            MOST_APART.as_secs(),
            apart.as_secs(),
            MOST_APART.as_secs(),
        )));
    }
    let policy = tokio::time::timeout(PATIENCE, deps.fan_out.queue.evicts()).await.ok();
    let policy = policy.and_then(|policy| policy.can_fail("publishing does not depend on the queue")).flatten();
    Ok(policy.map(|policy| {
        format!(
            "Redis 的 maxmemory-policy 为 {policy}，会丢弃队列内容，应为 noeviction (maxmemory-policy is {policy}, which \
             throws away what the queue holds; it must be noeviction)"
        )
    }))
}

/// How far the database's clock is from ours at the least: it was read between two looks at ours.
fn apart(before: Timestamp, database: Timestamp, after: Timestamp) -> Duration {
    let millis = |from: Timestamp, to: Timestamp| u64::try_from(to.as_millis() - from.as_millis()).unwrap_or(0);
    Duration::from_millis(millis(after, database).max(millis(database, before)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_by_what_is_certain() {
        let at = Timestamp::from_millis;
        assert_eq!(apart(at(1_000), at(1_500), at(2_000)), Duration::ZERO, "between the looks it may be right");
        assert_eq!(apart(at(1_000), at(9_000), at(2_000)), Duration::from_secs(7), "ahead of the later one");
        assert_eq!(apart(at(9_000), at(1_000), at(9_500)), Duration::from_secs(8), "behind the earlier one");
    }
}
