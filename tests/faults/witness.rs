//! The providers' side of the wire, in the test's own process: its log is the witness that outlives them all.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{App, HttpServer};
use yizhan::sandbox::{self, Entry, LogQuery, SandboxState, Settings};

use super::world::wait;

/// A sandbox of the test's own.
pub struct Witness {
    /// What it has seen, and how it misbehaves.
    pub state: SandboxState,
    /// Where it is.
    pub url: String,
}

/// What the witness says of one revision of a notice.
#[derive(Debug, Default)]
pub struct Seen {
    /// The idempotency keys under which each phone was tried.
    pub keys: BTreeMap<String, BTreeSet<String>>,
    /// The phones for which it was taken.
    pub taken: BTreeSet<String>,
}

impl Witness {
    /// One that remembers all, and shows a repeat once.
    pub fn start() -> Self {
        Self::with(Settings::default())
    }

    /// One as it is told to be.
    pub fn with(settings: Settings) -> Self {
        let state = SandboxState::new(Settings { log_capacity: 1_000_000, ..settings }).expect("a sandbox");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mounted = state.clone();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                HttpServer::new(move || App::new().service(sandbox::scope(mounted.clone())))
                    .workers(1)
                    .disable_signals()
                    .listen(listener)
                    .expect("the port is ours")
                    .run()
                    .await
            })
        });
        Self { state, url }
    }

    /// Waits until it has received so many messages.
    pub async fn received(&self, messages: u64) {
        wait("the witness has received them", async || self.state.stats().received >= messages).await;
    }

    /// Everything it received, in the order of arrival.
    pub fn log(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = entries.last().map_or(0, |entry| entry.number);
            let page = self.state.log(&LogQuery { after, limit: Some(10_000), ..LogQuery::default() });
            if page.items.is_empty() {
                return entries;
            }
            entries.extend(page.items);
        }
    }

    /// The recount: what it says of every revision of every notice, by the notice's id and the revision.
    pub fn recount(&self) -> BTreeMap<(String, i64), Seen> {
        let mut counted: BTreeMap<(String, i64), Seen> = BTreeMap::new();
        for entry in self.log() {
            let seen = counted.entry((entry.about.notice.to_string(), i64::from(entry.about.revision))).or_default();
            let token = entry.token.to_string();
            if entry.outcome == sandbox::Code::Ok {
                seen.taken.insert(token.clone());
            }
            seen.keys.entry(token).or_default().insert(entry.idempotency_key.to_string());
        }
        counted
    }
}
