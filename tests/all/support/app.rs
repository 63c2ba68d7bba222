//! The application as a test holds it: the real one, started as `yizhan serve` starts it, on a thread of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Once};
use std::thread::JoinHandle;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use yizhan::app::{self, World};
use yizhan::config::Config;
use yizhan::config::env::Env;
use yizhan::sandbox::SandboxState;
use yizhan::services::Deps;
use yizhan::storage;
use yizhan::telemetry::{self, LogFormat};

use super::database::Database;
use super::eventually;
use super::world::TestWorld;

/// A running application and what it runs on. Dropping it stops it in order and removes its database.
pub struct TestApp {
    server: Server,
    config: Config,
    database: Arc<Database>,
    world: TestWorld,
}

impl TestApp {
    /// An application as it is out of the box, with a fresh database.
    pub async fn spawn() -> Self {
        Self::with(|_| {}).await
    }

    /// An application whose configuration has been changed.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        prepare();
        let database = Arc::new(Database::fresh().await);
        let mut config = configuration(&database);
        change(&mut config);
        let world = TestWorld::default();
        Self { server: Server::start(&config, &world).await, config, database, world }
    }

    /// A second process' worth of application on the same database and queue.
    pub async fn second_copy(&self) -> Self {
        self.another(|_| {}).await
    }

    /// A second copy whose configuration has been changed.
    pub async fn another(&self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = self.config.clone();
        // A folder has one holder; the database is told to the second one by its address.
        config.data_dir = config.data_dir.join("copy");
        change(&mut config);
        let (database, world) = (Arc::clone(&self.database), self.world.clone());
        Self { server: Server::start(&config, &world).await, config, database, world }
    }

    /// Stops it in order and starts it again on what it left behind.
    pub async fn restart(&mut self) {
        self.server.stop();
        self.server = Server::start(&self.config, &self.world).await;
    }

    /// Where it listens.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address)
    }

    /// What it runs on.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// What it takes for the world: its clock and its letters, shared by all copies.
    pub fn world(&self) -> &TestWorld {
        &self.world
    }

    /// What its phones were sent: the sandbox's own log.
    ///
    /// # Panics
    /// When the sandbox is off.
    pub fn sandbox(&self) -> &SandboxState {
        self.server.sandbox.as_ref().expect("the sandbox is on")
    }

    /// The configuration it was started with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Does what no caller can ask for, with the application's own services and on its own runtime.
    pub async fn inside<T: Send + 'static>(&self, work: impl AsyncFnOnce(Deps) -> T + Send + 'static) -> T {
        let (runtime, deps) = (self.server.runtime.clone(), self.server.deps.clone());
        let done = tokio::task::spawn_blocking(move || runtime.block_on(work(deps)));
        done.await.expect("what is done inside does not panic")
    }

    /// Waits until somebody waits for a lock that a transaction holds; on PostgreSQL, which tells.
    pub async fn somebody_waits_for_a_lock(&self) {
        let text = "SELECT COUNT(*) AS value FROM pg_stat_activity \
                    WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("somebody waits for a lock", async || {
            let waiting = self.inside(async move |deps| storage::value::<i64>(deps.db.reader(), text, []).await).await;
            (waiting.expect("a count") > 0).then_some(())
        })
        .await;
    }
}

/// What a test's process needs once. Every test that makes a client or a server calls it first.
pub fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        rustls::crypto::aws_lc_rs::default_provider().install_default().expect("the first TLS provider");
        if let Ok(filter) = std::env::var("YIZHAN_TEST_LOG") {
            telemetry::log(&filter, LogFormat::Text);
        }
    });
}

fn configuration(database: &Database) -> Config {
    let mut variables = vec![
        ("YIZHAN_LISTEN", "127.0.0.1:0".to_owned()),
        ("YIZHAN_DATA_DIR", database.folder.path().display().to_string()),
        // A power cut is not what these tests are about.
        ("YIZHAN_SQLITE_SYNCHRONOUS", "normal".to_owned()),
        ("YIZHAN_DATABASE_POOL", "6".to_owned()),
        ("YIZHAN_SANDBOX", "on".to_owned()),
        ("DATABASE_URL", database.url.clone()),
    ];
    variables.extend(database.redis_url.clone().map(|url| ("REDIS_URL", url)));
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value));
    Config::read(Env::of(variables)).expect("the configuration of tests")
}

/// The thread on which the application runs, apart from the test's own runtime: the test may block while it stops.
struct Server {
    address: SocketAddr,
    deps: Deps,
    sandbox: Option<SandboxState>,
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Server {
    async fn start(config: &Config, world: &TestWorld) -> Self {
        let (started, starts) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let (config, world) = (config.clone(), world.world());
        let thread = std::thread::spawn(move || serve(&config, world, started, stopped));
        let Started { address, deps, sandbox, runtime } =
            starts.await.expect("the server's thread lives").expect("the application starts");
        Self { address, deps, sandbox, runtime, stop: Some(stop), thread: Some(thread) }
    }

    /// Stops in order; fails when the order is not kept.
    fn stop(&mut self) {
        let (Some(stop), Some(thread)) = (self.stop.take(), self.thread.take()) else { return };
        let asked = stop.send(());
        let ended = thread.join();
        if std::thread::panicking() {
            return;
        }
        asked.expect("the application runs until it is stopped");
        ended.expect("the application does not panic").expect("the application stops in order");
    }
}

/// What a server that runs tells.
struct Started {
    address: SocketAddr,
    deps: Deps,
    sandbox: Option<SandboxState>,
    runtime: Handle,
}

fn serve(
    config: &Config,
    world: World,
    starts: oneshot::Sender<Result<Started, String>>,
    stopped: oneshot::Receiver<()>,
) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let running = match app::start_in(config, world).await {
            Ok(running) => running,
            Err(error) => return starts.send(Err(error.to_string())).map_err(|_| error.to_string()),
        };
        let started = Started {
            address: running.address,
            deps: running.deps.clone(),
            sandbox: running.sandbox.clone(),
            runtime: Handle::current(),
        };
        if starts.send(Ok(started)).is_ok() {
            stopped.await.map_err(|error| error.to_string())?;
        }
        running.stop().await.map_err(|error| error.to_string())
    })
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.server.stop();
    }
}
