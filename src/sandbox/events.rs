//! The live stream of the page: server-sent events.
//!
//! Promise: a watcher costs the senders nothing. Each stream reads the log by itself when its socket takes more, at
//! most four times a second; a slow one gets fewer and larger steps and is told how many entries it did not see, so
//! nothing is ever buffered for it. Streams end when the sandbox closes.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, get};
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::codes::NotedCode;
use super::log::{Entry, LogQuery, Stats};
use super::state::{Pulse, SandboxState};

/// The least time between two events of a stream.
const GAP: Duration = Duration::from_millis(250);
/// After so long without news a comment is sent, so that a closed connection is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The most entries of an event; the newest win.
const ENTRIES_MAX: usize = 40;

/// What has arrived since the event before.
#[derive(Debug, Serialize)]
struct News {
    /// Entries that came and are not in `items`.
    skipped: u64,
    items: Vec<Entry>,
    codes: Vec<NotedCode>,
    stats: Stats,
}

struct Watcher {
    state: Data<SandboxState>,
    pulse: watch::Receiver<Pulse>,
    /// The last entry and code that were sent; `None` before the first event, which always comes.
    seen: Option<(u64, u64)>,
    next_at: Instant,
    _permit: OwnedSemaphorePermit,
}

#[get("/events")]
pub(super) async fn events(state: Data<SandboxState>, request: HttpRequest) -> HttpResponse {
    let Some((pulse, permit)) = state.watch() else {
        return HttpResponse::ServiceUnavailable().json(json!({ "code": "too_many_watchers" }));
    };
    let known = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| {
        let (entry, code) = id.split_once('.')?;
        Some((entry.parse().ok()?, code.parse().ok()?))
    });
    let (entry, code) = (pulse.borrow().entry, pulse.borrow().code);
    // A sandbox that was restarted counts from the start again.
    let seen = known.filter(|&(last_entry, last_code)| last_entry <= entry && last_code <= code);
    let watcher = Watcher { state, pulse, seen, next_at: Instant::now(), _permit: permit };
    let stream = stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((Ok::<_, Infallible>(event), watcher))
    });
    HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        // Or a compressing middleware would hold the events back.
        .insert_header((CONTENT_ENCODING, "identity"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(stream)
}

impl Watcher {
    async fn next(&mut self) -> Option<Bytes> {
        let heartbeat = sleep(HEARTBEAT);
        tokio::pin!(heartbeat);
        loop {
            let pulse = *self.pulse.borrow_and_update();
            if pulse.closed {
                return None;
            }
            if self.seen != Some((pulse.entry, pulse.code)) {
                self.pulse_gap().await;
                return self.news();
            }
            tokio::select! {
                changed = self.pulse.changed() => changed.ok()?,
                () = &mut heartbeat => return Some(Bytes::from_static(b": still here\n\n")),
            }
        }
    }

    /// Waits until the next event is due, or the sandbox closes.
    async fn pulse_gap(&mut self) {
        let (next_at, pulse) = (self.next_at, &mut self.pulse);
        tokio::select! {
            () = sleep_until(next_at) => {}
            _ = pulse.wait_for(|pulse| pulse.closed) => {}
        }
    }

    fn news(&mut self) -> Option<Bytes> {
        self.next_at = Instant::now() + GAP;
        let (after, code) = self.seen.unwrap_or_default();
        let page = self.state.log(&LogQuery { after, limit: Some(ENTRIES_MAX), newest: true, ..LogQuery::default() });
        let mut codes = self.state.codes(None);
        codes.retain(|noted| noted.number > code);
        let shown = u64::try_from(page.items.len()).unwrap_or(u64::MAX);
        let skipped = page.last.saturating_sub(after).saturating_sub(shown);
        let code = codes.first().map_or(code, |noted| noted.number);
        self.seen = Some((page.last, code));
        let news = News { skipped, items: page.items, codes, stats: self.state.stats() };
        let data = serde_json::to_string(&news).ok()?;
        Some(Bytes::from(format!("id: {}.{code}\ndata: {data}\n\n", page.last)))
    }
}
