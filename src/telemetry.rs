//! Logs and metrics.
//!
//! Promise: every metric that this process keeps has its name in [`metric`] and a line in `docs/operations.md`; a test
//! compares. Names end in `_total` for counters and in their unit.

use std::fs::File;
use std::io::IsTerminal as _;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// What is wrong with a filter, if anything.
pub fn check_filter(filter: &str) -> Result<(), String> {
    EnvFilter::try_new(filter).map(|_| ()).map_err(|error| error.to_string())
}

/// Starts logging to standard error. `filter` is in the form of `RUST_LOG`.
pub fn log(filter: &str, format: LogFormat) {
    start(filter, format, BoxMakeWriter::new(std::io::stderr));
}

/// Starts logging to a file, for commands whose terminal is taken.
pub fn log_to(file: File, filter: &str, format: LogFormat) {
    start(filter, format, BoxMakeWriter::new(Mutex::new(file)));
}

fn start(filter: &str, format: LogFormat, writer: BoxMakeWriter) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let started = match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    if let Err(error) = started {
        // Only tests start it twice.
        tracing::debug!(%error, "logging was started already");
    }
}

macro_rules! metrics_table {
    ($($name:ident = $text:literal, $kind:ident, $help:literal;)+) => {
        /// The names of all metrics.
        pub mod metric {
            $(#[doc = $help] pub const $name: &str = $text;)+

            /// Every one of them.
            pub const ALL: &[&str] = &[$($name),+];
        }

        fn describe() {
            $(metrics_table!(@$kind metric::$name, $help);)+
        }
    };
    (@counter $name:expr, $help:literal) => { metrics::describe_counter!($name, $help) };
    (@gauge $name:expr, $help:literal) => { metrics::describe_gauge!($name, $help) };
    (@histogram $name:expr, $help:literal) => { metrics::describe_histogram!($name, $help) };
}

metrics_table! {
    FAN_OUTS_FINISHED = "yizhan_fan_outs_finished_total", counter, "Fan-outs whose chunks are all closed.";
    INBOX_ITEMS = "yizhan_inbox_items_total", counter, "Inbox items made or changed.";
    DELIVERIES = "yizhan_deliveries_total", counter, "First outcomes of deliveries, by channel and state.";
    RETRIES = "yizhan_retries_total", counter, "Outcomes of later tries, by channel and state.";
    SWEEP_RUNG = "yizhan_sweep_rung_total", counter, "Bells that the sweep rang again; in peace none.";
    SCHEDULED_ENDED = "yizhan_scheduled_ended_total", counter, "Scheduled notices whose time came, by what became of them.";
    QUEUE_UNREADABLE = "yizhan_queue_unreadable_total", counter, "Entries of the queue that nobody could read.";
    JOBS_FAILED = "yizhan_jobs_failed_total", counter, "Jobs that ended with an error; their leases end and they are rung again.";
    CODES_FAILED = "yizhan_codes_failed_total", counter, "Confirmation codes that could not be sent, by kind of address.";
    RATE_LIMITED = "yizhan_rate_limited_total", counter, "Requests that were refused as one too many, by rule.";
    KV_FAILURES = "yizhan_kv_failures_total", counter, "Calls of the shared key-value store that failed; limits then let pass.";
    HTTP_REQUESTS = "yizhan_http_requests_total", counter, "Requests, by route and status.";
    HTTP_REQUEST_SECONDS = "yizhan_http_request_seconds", histogram, "How long requests took, by route and method.";
    SCRAPES_INCOMPLETE = "yizhan_scrapes_incomplete_total", counter, "Scrapes at which the record did not answer: its gauges are old.";
    STREAMS = "yizhan_streams", gauge, "Inbox streams that are open in this copy.";
    STREAMS_ENDED = "yizhan_streams_ended_total", counter, "Inbox streams that this copy has ended, by reason.";
    STREAM_CHANGES = "yizhan_stream_changes_total", counter, "Changes that were told to inbox streams.";
    HINTS_LOST = "yizhan_hints_lost_total", counter, "Hints that could not be told to other copies; their streams look by themselves.";
    QUEUE_DEPTH = "yizhan_queue_depth", gauge, "Entries that wait in the queue, by lane.";
    OUTBOX_LINES = "yizhan_outbox_lines", gauge, "Lines of the outbox that were not rung yet.";
    FAN_OUTS_UNFINISHED = "yizhan_fan_outs_unfinished", gauge, "Fan-outs that are not finished.";
    FAN_OUT_OLDEST_SECONDS = "yizhan_fan_out_oldest_seconds", gauge, "Age of the oldest unfinished fan-out.";
    SCHEDULED_LATE_SECONDS = "yizhan_scheduled_late_seconds", gauge, "How long the scheduled notice that is most overdue has waited; 0 when none is.";
    DELIVERIES_DUE = "yizhan_deliveries_due", gauge, "Deliveries that wait for their next try.";
    DELIVERIES_HELD = "yizhan_deliveries_held", gauge, "Deliveries that are held, mostly for want of a channel's credentials.";
    CHANNEL_LIMIT = "yizhan_channel_limit", gauge, "Sends of a channel that this copy makes at a time, as its answers allow.";
    CHANNEL_RESTS = "yizhan_channel_rests", gauge, "1 while a channel rests after failures, a spent quota or a Retry-After.";
    CHANNEL_SENDING = "yizhan_channel_sending", gauge, "Sends of a channel that this copy has under way.";
    CHANNEL_POSTPONED = "yizhan_channel_postponed_total", counter, "Messages that had no place in their channel's allowance and wait for one, by what was scarce: rate, quota.";
    CHANNEL_QUOTA = "yizhan_channel_quota", gauge, "Messages a day that a channel may send, where its provider sets a quota.";
    CHANNEL_QUOTA_USED = "yizhan_channel_quota_used", gauge, "Messages of today that a channel has sent, where its provider sets a quota.";
    REACH_DIFFERS = "yizhan_reach_differs", gauge, "Finished fan-outs whose counters of reach were not what the rows say.";
    DEAD_LETTERS = "yizhan_dead_letters", gauge, "Dead letters, by kind: delivery, chunk, queue_entry.";
}

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to keep metrics, once a process; what was counted before is lost.
pub fn keep_metrics() {
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        if let Err(error) = metrics::set_global_recorder(recorder) {
            tracing::warn!(%error, "somebody else keeps the metrics");
        }
        describe();
        // A rule that looks for an increase must find where it began.
        for from_zero in [metric::SWEEP_RUNG, metric::JOBS_FAILED, metric::QUEUE_UNREADABLE, metric::SCRAPES_INCOMPLETE]
        {
            metrics::counter!(from_zero).increment(0);
        }
        handle
    });
}

/// The metrics in Prometheus' text format; empty before [`keep_metrics`].
pub fn render_metrics() -> String {
    RECORDER.get().map(PrometheusHandle::render).unwrap_or_default()
}

/// How often samples are folded into what is kept of them.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Folds samples into their distributions until it is told to stop. A scrape does so too; without this, every request
/// would leave a sample behind for ever where nobody scrapes.
pub async fn upkeep(stop: CancellationToken) {
    repeat(UPKEEP_EVERY, stop, || RECORDER.get().into_iter().for_each(PrometheusHandle::run_upkeep)).await;
}

async fn repeat(every: Duration, stop: CancellationToken, work: impl Fn()) {
    let mut ticks = tokio::time::interval(every);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        work();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn upkeep_is_done_again_and_again_until_it_is_stopped() {
        let (stop, done) = (CancellationToken::new(), Arc::new(Semaphore::new(0)));
        let counted = Arc::clone(&done);
        let work = move || counted.add_permits(1);
        let running = tokio::spawn(repeat(Duration::from_millis(1), stop.clone(), work));
        done.acquire_many(3).await.expect("three times").forget();
        stop.cancel();
        running.await.expect("it ends");
    }
}
