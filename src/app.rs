//! The only place where everything meets: builds the parts, starts the door and the workers, stops in order.

use std::net::TcpListener;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;

use crate::config::Config;
use crate::domain::time::Clock;
use crate::http;
use crate::kv::{self, Kv};
use crate::providers::code_sender::{self, CodeSenders};
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

/// What a process takes from the world around it; tests bring their own.
#[derive(Clone)]
pub struct World {
    /// What time it is.
    pub clock: Clock,
    /// Where the sandbox shows the letters that would hold codes.
    pub letters: Option<code_sender::sandbox::Show>,
}

impl World {
    /// The machine's clock, and nobody who reads other people's letters.
    pub fn real() -> Self {
        Self { clock: Clock::system(), letters: None }
    }
}

/// Builds what the services work with: connects, brings the schema up to date.
pub async fn build(config: &Config) -> Result<Deps, StartError> {
    build_in(config, World::real()).await
}

/// Builds what the services work with, in a world of the caller's choice.
pub async fn build_in(config: &Config, world: World) -> Result<Deps, StartError> {
    if config.storage.is_sqlite() {
        std::fs::create_dir_all(&config.data_dir)?;
    }
    let db = Db::connect(&config.storage).await?;
    db.migrate().await?;
    let World { clock, letters } = world;
    let letters = letters.filter(|_| config.sandbox);
    let codes = CodeSenders::new(&config.accounts.codes, letters)?;
    let sessions = Sessions::open(&db, &config.accounts.issuer, clock.now()).await?;
    let catalogue = catalogue::Current::open(&db, clock.now()).await?;
    let kv = match &config.redis {
        Some(url) => Kv::in_redis(kv::redis::connect(url)?),
        None => Kv::in_memory(),
    };
    let publisher_keys = publisher::Keys::default();
    let limits = config.limits.clone();
    Ok(Deps::new(Parts { db, catalogue, clock, kv, limits, codes, publisher_keys, sessions }))
}

/// Starts everything that the configuration asks for.
pub async fn start(config: &Config) -> Result<Running, StartError> {
    start_in(config, World::real()).await
}

/// Starts everything, in a world of the caller's choice.
pub async fn start_in(config: &Config, world: World) -> Result<Running, StartError> {
    let deps = build_in(config, world).await?;
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
