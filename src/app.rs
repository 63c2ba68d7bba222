//! The only place where everything meets: builds the parts, starts the door and the workers, stops in order.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use secrecy::ExposeSecret as _;

use crate::config::Config;
use crate::domain::time::Clock;
use crate::http;
use crate::kv::bus::Bus;
use crate::kv::{self, Kv};
use crate::providers::code_sender::{self, CodeSenders};
use crate::providers::{self, Registry};
use crate::queue::Queue;
use crate::queue::redis::RedisQueue;
use crate::queue::table::TableQueue;
use crate::sandbox::{self, SandboxState};
use crate::services::answers;
use crate::services::catalogue;
use crate::services::fanout::{self, Engine};
use crate::services::health;
use crate::services::live;
use crate::services::preview;
use crate::services::publisher;
use crate::services::session::Sessions;
use crate::services::startup;
use crate::services::views;
use crate::services::{Deps, Parts};
use crate::storage::Db;
use crate::storage::lock::{self, FolderLock};
use crate::telemetry;
use crate::workers::Workers;

/// Why a process did not start or did not end well.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// A running Yizhan.
pub struct Running {
    /// What its services work with.
    pub deps: Deps,
    /// Where it listens.
    pub address: SocketAddr,
    /// The sandbox, when it is on.
    pub sandbox: Option<SandboxState>,
    workers: Workers,
    grace: Duration,
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
    /// Who knows the addresses of webhooks' names.
    pub names: providers::webhook::Lookup,
}

impl World {
    /// The machine's clock, and nobody who reads other people's letters.
    pub fn real() -> Self {
        Self { clock: Clock::system(), letters: None, names: providers::webhook::system_lookup() }
    }
}

/// Takes the folder of the embedded default for this process: a server while it runs, a command while it writes.
/// Elsewhere there is nothing to take.
pub fn lock(config: &Config) -> Result<Option<FolderLock>, StartError> {
    Ok(if config.storage.is_sqlite() { Some(lock::take(&config.data_dir)?) } else { None })
}

/// Builds what the services work with: connects, brings the schema up to date.
///
/// For commands that serve nothing: nothing is sent from them.
pub async fn build(config: &Config) -> Result<Deps, StartError> {
    build_in(config, config.listen, World::real()).await
}

/// Builds what the services work with, in a world of the caller's choice.
///
/// `own_address` is where this process answers: the sandbox is there unless the configuration says otherwise.
pub async fn build_in(config: &Config, own_address: SocketAddr, world: World) -> Result<Deps, StartError> {
    if config.storage.is_sqlite() {
        std::fs::create_dir_all(&config.data_dir)?;
    }
    let db = Db::connect(&config.storage).await?;
    db.migrate().await?;
    let World { clock, letters, names } = world;
    let letters = letters.filter(|_| config.sandbox);
    let codes = CodeSenders::new(&config.accounts.codes, letters)?;
    let sessions = Sessions::open(&db, &config.accounts.issuer, clock.now()).await?;
    let catalogue = catalogue::Current::open(&db, clock.now()).await?;
    let webhook_channel = providers::webhook::Settings {
        reach: config.webhooks.settings.reach.clone(),
        // Before the engine stops waiting, so that what went wrong is told.
        timeout: config.notifier.send_budget.mul_f64(0.9),
        in_flight: config.webhooks.in_flight,
        clock: clock.clone(),
        lookup: names,
        ..providers::webhook::Settings::default()
    };
    let fan_out = engine(config, &db, own_address, webhook_channel)?;
    let kv = match &config.redis {
        Some(url) => {
            let prefix = &config.notifier.redis_prefix;
            Kv::in_redis(kv::redis::connect(url)?, prefix).with_bus(Bus::new(url, prefix)?)
        }
        None => Kv::in_memory(),
    };
    let publisher_keys = publisher::Keys::default();
    let (holdings, limits) = (config.holdings, config.limits.clone());
    let roles = config.roles;
    let sandbox = health::Sandbox { own: config.sandbox, remote: config.notifier.sandbox_url.is_some() };
    let copy = health::Identity::new(roles.api, roles.notifier, roles.scheduler, sandbox);
    let live = live::Hub::new(config.live, !config.storage.is_sqlite());
    let webhooks = config.webhooks.settings.clone();
    let answers = answers::Answers::new(config.answers_bytes);
    let (scope_rows, views) = Default::default();
    Ok(Deps::new(Parts {
        public_url: config.public_url.clone(),
        answers,
        copy,
        db,
        fan_out,
        catalogue,
        clock,
        holdings,
        kv,
        index: crate::services::search::Index::new(config.search.bytes),
        scope_rows,
        search: config.search,
        limits,
        live,
        previews: tokio::sync::Semaphore::new(preview::AT_ONCE),
        codes,
        publisher_keys,
        sessions,
        webhooks,
        views,
    }))
}

/// The queue, the providers, and how the engine is run.
fn engine(
    config: &Config,
    db: &Db,
    own_address: SocketAddr,
    webhook_channel: providers::webhook::Settings,
) -> Result<Engine, StartError> {
    let queue: Arc<dyn Queue> = match &config.redis {
        Some(url) => Arc::new(RedisQueue::new(url.expose_secret(), &config.notifier.redis_prefix)?),
        None => Arc::new(TableQueue::new(db.clone())),
    };
    let elsewhere = config.notifier.sandbox_url.clone().map(providers::sandbox::Settings::at);
    let own = || config.sandbox.then(|| providers::sandbox::Settings::own(own_url(own_address)));
    let sandbox_channel = elsewhere.or_else(own).map(|settings| providers::sandbox::Settings {
        repeat: config.notifier.sandbox_repeat,
        batch_size: config.notifier.sandbox_batch,
        in_flight: config.notifier.sandbox_in_flight,
        http2: config.notifier.sandbox_http2,
        limits: config.notifier.sandbox_limits,
        ..settings
    });
    let providers = Registry::new(&providers::Settings { sandbox: sandbox_channel, webhook: Some(webhook_channel) })?;
    // A plan reads its audience over one connection and writes chunks over another: more at a time than half of those
    // that there are would wait for each other. On the embedded default the writer is one by itself.
    let pairs = usize::try_from(config.storage.pool / 2).unwrap_or(usize::MAX).max(1);
    let most = if config.storage.is_sqlite() { usize::MAX } else { pairs };
    let settings = fanout::Settings {
        concurrency: config.notifier.concurrency.min(most),
        send_budget: config.notifier.send_budget,
        ..fanout::Settings::default()
    };
    Ok(Engine::new(queue, providers, settings))
}

/// Under which address this process finds itself: whoever listens everywhere is called on the loopback.
fn own_url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    format!("http://{address}")
}

/// Starts everything that the configuration asks for.
pub async fn start(config: &Config) -> Result<Running, StartError> {
    start_in(config, World::real()).await
}

/// Starts everything, in a world of the caller's choice.
pub async fn start_in(config: &Config, world: World) -> Result<Running, StartError> {
    telemetry::keep_metrics();
    let listener = listen(config.listen)?;
    let address = listener.local_addr()?;
    let sandbox = config.sandbox.then(|| SandboxState::new(config.notifier.sandbox.clone())).transpose()?;
    let letters = world.letters.or_else(|| sandbox.clone().map(show_codes));
    let deps = build_in(config, address, World { letters, ..world }).await?;
    if let Some(reason) = startup::endangered(&deps).await? {
        return Err(reason.into());
    }
    let follower = tokio::spawn(catalogue::follow(deps.clone()));
    let served = deps.clone();
    let mounted = sandbox.clone();
    let server = HttpServer::new(move || {
        let sandbox = mounted.clone();
        http::app(served.clone(), move |app| {
            if let Some(sandbox) = sandbox {
                app.service(sandbox::scope(sandbox));
            }
        })
    })
    .workers(2)
    .on_connect(|connection, _| http::connection::tend(connection))
    .shutdown_timeout(5)
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    let task = tokio::spawn(server);
    let workers = Workers::new();
    workers.spawn(telemetry::upkeep);
    workers.start_live(&deps, config.roles.api);
    if config.roles.api {
        let deps = deps.clone();
        workers.spawn(|stop| views::keep(deps, stop));
    }
    if config.roles.notifier {
        workers.start_notifier(&deps);
    }
    if config.roles.scheduler {
        workers.start_scheduler(&deps);
    }
    Ok(Running { deps, address, sandbox, workers, grace: config.notifier.grace, server: handle, task, follower })
}

/// Taken ports are the commonest reason why nothing starts: say what to do.
fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "{address} 已被占用，请用 YIZHAN_LISTEN 指定其他地址 \
             (another program listens there; choose another address, such as YIZHAN_LISTEN=127.0.0.1:8081)"
        )
        .into(),
        _ => format!("cannot listen on {address} (YIZHAN_LISTEN): {error}").into(),
    })
}

/// The sandbox's page shows the codes that would have gone out by mail or text message.
fn show_codes(sandbox: SandboxState) -> code_sender::sandbox::Show {
    Arc::new(move |to, letter| {
        if let code_sender::Letter::Code { code, .. } = letter {
            sandbox.note_code(to.kind().as_str(), to.as_str(), code.expose_secret());
        }
    })
}

impl Running {
    /// Where whoever is on this machine finds it.
    pub fn url(&self) -> String {
        own_url(self.address)
    }

    /// Takes no new work, lets what is at hand end, then stops answering.
    pub async fn stop(self) -> Result<(), StartError> {
        self.follower.abort();
        // Whoever watches goes to another copy at once, and does not keep the server waiting.
        self.deps.live.close();
        // The workers first: what they have at hand may be on its way to the sandbox of this very server.
        self.workers.stop(self.grace).await;
        if let Some(sandbox) = &self.sandbox {
            // Its streams would keep the server waiting.
            sandbox.close();
        }
        self.server.stop(true).await;
        self.task.await??;
        // What was read while the last requests were answered.
        views::flush(&self.deps).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_listens_everywhere_is_called_on_the_loopback() {
        let url = |address: &str| own_url(address.parse().expect("an address"));
        assert_eq!(url("0.0.0.0:8080"), "http://127.0.0.1:8080");
        assert_eq!(url("[::]:8080"), "http://[::1]:8080");
        assert_eq!(url("192.0.2.7:8080"), "http://192.0.2.7:8080");
    }
}
