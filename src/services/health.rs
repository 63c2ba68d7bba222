//! Whether this copy can serve, and how much waits.
//!
//! Ready means: the record answers and its schema is this version's. A queue that is away makes a copy slow and not
//! unready, because what is accepted meanwhile is safe in the record and the sweep rings for it later.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::domain::channel::Channel;
use crate::domain::fanout::Lane;
use crate::services::fanout::channels;
use crate::services::refusal::CanFail as _;
use crate::services::{Deps, Result};
use crate::storage::{depths, order, reach_check, scheduled};
use crate::telemetry::metric;

/// How long a part is waited for before it counts as away.
const PATIENCE: Duration = Duration::from_secs(2);

/// Which sandboxes stand in for providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sandbox {
    /// This process's: it shows codes, and takes pushes unless there is a remote one.
    pub own: bool,
    /// Another process's: it takes pushes.
    pub remote: bool,
}

/// What this copy is; it does not change while it runs.
#[derive(Debug, Default)]
pub struct Identity {
    /// Answers HTTP for callers.
    pub api: bool,
    /// Plans and delivers.
    pub notifier: bool,
    /// Sweeps and tidies.
    pub scheduler: bool,
    /// Which sandboxes stand in for providers.
    pub sandbox: Sandbox,
    /// The schema was seen complete: nothing takes that back while this process runs.
    migrated: AtomicBool,
}

impl Identity {
    /// A copy with these roles.
    pub fn new(api: bool, notifier: bool, scheduler: bool, sandbox: Sandbox) -> Self {
        Self { api, notifier, scheduler, sandbox, migrated: AtomicBool::new(false) }
    }

    /// The names of its roles.
    pub fn roles(&self) -> Vec<&'static str> {
        let named = [("api", self.api), ("notifier", self.notifier), ("scheduler", self.scheduler)];
        named.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect()
    }
}

/// How this copy is.
#[derive(Debug, Clone)]
pub struct Readiness {
    /// The record answers.
    pub database: bool,
    /// The schema is this version's.
    pub migrations: bool,
    /// The queue answers.
    pub queue: bool,
    /// Channels without credentials: what would go there is held.
    pub unconfigured: Vec<Channel>,
    /// What is not as it should be, as words.
    pub degraded: Vec<&'static str>,
}

impl Readiness {
    /// Whether this copy should get traffic.
    pub fn is_ready(&self) -> bool {
        self.database && self.migrations
    }
}

/// Reads one row; fails when the database does not answer.
pub async fn check(deps: &Deps) -> Result<()> {
    order::position(deps.db.reader()).await?;
    Ok(())
}

/// Looks at everything that this copy stands on.
pub async fn readiness(deps: &Deps) -> Readiness {
    let database = matches!(tokio::time::timeout(PATIENCE, check(deps)).await, Ok(Ok(())));
    let migrations = database && migrated(deps).await;
    let queue = tokio::time::timeout(PATIENCE, deps.fan_out.queue.depth(Lane::Normal)).await;
    let queue = matches!(queue, Ok(Ok(_)));
    let configured = |channel: &&Channel| deps.fan_out.providers.configured(**channel);
    let unconfigured = Channel::ALL.iter().filter(|channel| !configured(channel)).copied().collect();
    let held =
        database && depths::held(deps.db.reader()).await.can_fail("it is only shown").is_some_and(|held| held > 0);
    let words = [
        (!database, "database_away"),
        (database && !migrations, "migrations_pending"),
        (!queue, "queue_away"),
        (held, "deliveries_held"),
        (deps.copy.sandbox.own, "sandbox_on"),
        (deps.copy.sandbox.remote, "sandbox_remote"),
    ];
    let degraded = words.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect();
    Readiness { database, migrations, queue, unconfigured, degraded }
}

async fn migrated(deps: &Deps) -> bool {
    if deps.copy.migrated.load(Ordering::Relaxed) {
        return true;
    }
    let pending = tokio::time::timeout(PATIENCE, deps.db.pending_migrations()).await;
    let complete = matches!(pending, Ok(Ok(0)));
    deps.copy.migrated.store(complete, Ordering::Relaxed);
    complete
}

/// Sets the gauges to what is in the record and the queue now. What cannot be read keeps its last value, and the
/// scrape goes on: a scrape during an outage must not fail.
pub async fn measure(deps: &Deps) {
    if measure_record(deps).await.can_fail("the gauges keep their last values").is_none() {
        metrics::counter!(metric::SCRAPES_INCOMPLETE).increment(1);
    }
    if tokio::time::timeout(PATIENCE, channels::measure(deps)).await.is_err() {
        metrics::counter!(metric::SCRAPES_INCOMPLETE).increment(1);
    }
    for lane in Lane::ALL {
        let depth = tokio::time::timeout(PATIENCE, deps.fan_out.queue.depth(lane)).await;
        if let Ok(Ok(depth)) = depth {
            gauge(i64::try_from(depth).unwrap_or(i64::MAX), |value| {
                metrics::gauge!(metric::QUEUE_DEPTH, "lane" => lane.as_str()).set(value);
            });
        }
    }
}

async fn measure_record(deps: &Deps) -> Result<()> {
    let conn = deps.db.reader();
    let plain = [
        (metric::OUTBOX_LINES, depths::outbox(conn).await?),
        (metric::FAN_OUTS_UNFINISHED, depths::unfinished_fan_outs(conn).await?),
        (metric::DELIVERIES_DUE, depths::due(conn).await?),
        (metric::DELIVERIES_HELD, depths::held(conn).await?),
        (metric::REACH_DIFFERS, reach_check::count_differing(conn).await?),
    ];
    for (name, count) in plain {
        gauge(count, |value| metrics::gauge!(name).set(value));
    }
    let dead = [
        ("delivery", depths::dead_deliveries(conn).await?),
        ("chunk", depths::dead_chunks(conn).await?),
        ("queue_entry", depths::dead_entries(conn).await?),
    ];
    for (kind, count) in dead {
        gauge(count, |value| metrics::gauge!(metric::DEAD_LETTERS, "kind" => kind).set(value));
    }
    let oldest = depths::oldest_unfinished(conn).await?;
    let age = oldest.map_or(Duration::ZERO, |at| deps.clock.now().since(at));
    let scheduled = scheduled::oldest_waiting(conn).await?;
    let late = scheduled.map_or(Duration::ZERO, |at| deps.clock.now().since(at));
    metrics::gauge!(metric::SCHEDULED_LATE_SECONDS).set(late.as_secs_f64());
    metrics::gauge!(metric::FAN_OUT_OLDEST_SECONDS).set(age.as_secs_f64());
    Ok(())
}

/// Counts fit a float exactly as far as they are counted.
fn gauge(count: i64, set: impl FnOnce(f64)) {
    set(f64::from(u32::try_from(count.max(0)).unwrap_or(u32::MAX)));
}
