//! The providers' side of the wire: a sandbox with a thread and a port of its own. Its work is part of every push that
//! is measured, bare ones too.

use actix_web::{App, HttpServer};
use yizhan::domain::id::NoticeId;
use yizhan::domain::time::Timestamp;
use yizhan::sandbox::{self, LogQuery, SandboxState};

/// A running sandbox.
pub struct Provider {
    state: SandboxState,
    /// Where it is.
    pub url: String,
}

impl Provider {
    pub fn start() -> Self {
        let state = SandboxState::new(sandbox::Settings::default()).expect("a sandbox");
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

    /// When the first message about a notice came.
    pub fn first(&self, notice: NoticeId) -> Option<Timestamp> {
        let query = LogQuery { notice: Some(notice), limit: Some(1), ..LogQuery::default() };
        self.state.log(&query).items.first().map(|entry| entry.received_at)
    }

    /// How many messages it received.
    pub fn received(&self) -> u64 {
        self.state.stats().received
    }
}
