//! The only place where everything meets: builds the parts, starts the door and the workers, stops in order.

use std::net::TcpListener;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;

use crate::config::Config;
use crate::domain::time::Clock;
use crate::http;
use crate::kv::{self, Kv};
use crate::services::catalogue;
use crate::services::publisher;
use crate::services::session::Sessions;
use crate::services::{Deps, Parts};
use crate::storage::Db;

/// Why a process did not start or did not end well.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// A running Yizhan.
pub struct Running {
    /// What its services work with.
    pub deps: Deps,
    /// Where it listens.
    pub address: std::net::SocketAddr,
    server: ServerHandle,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
    /// Takes over a catalogue that another process has loaded.
    follower: tokio::task::JoinHandle<()>,
}

/// Builds what the services work with: connects, brings the schema up to date.
pub async fn build(config: &Config) -> Result<Deps, StartError> {
    if config.storage.is_sqlite() {
        std::fs::create_dir_all(&config.data_dir)?;
    }
    let db = Db::connect(&config.storage).await?;
    db.migrate().await?;
    let clock = Clock::system();
    let sessions = Sessions::open(&db, &config.accounts.issuer, clock.now()).await?;
    let catalogue = catalogue::Current::open(&db, clock.now()).await?;
    let kv = match &config.redis {
        Some(url) => Kv::in_redis(kv::redis::connect(url)?),
        None => Kv::in_memory(),
    };
    let publisher_keys = publisher::Keys::default();
    Ok(Deps::new(Parts { db, catalogue, clock, kv, limits: config.limits.clone(), publisher_keys, sessions }))
}

/// Starts everything that the configuration asks for.
pub async fn start(config: &Config) -> Result<Running, StartError> {
    let deps = build(config).await?;
    let follower = tokio::spawn(catalogue::follow(deps.clone()));
    let listener = TcpListener::bind(config.listen)?;
    let address = listener.local_addr()?;
    let served = deps.clone();
    let server = HttpServer::new(move || http::app(served.clone(), |_| {}))
        .workers(2)
        .shutdown_timeout(5)
        .disable_signals()
        .listen(listener)?
        .run();
    let handle = server.handle();
    let task = tokio::spawn(server);
    Ok(Running { deps, address, server: handle, task, follower })
}

impl Running {
    /// Stops taking requests, finishes those at hand.
    pub async fn stop(self) -> Result<(), StartError> {
        self.follower.abort();
        self.server.stop(true).await;
        self.task.await??;
        Ok(())
    }
}
