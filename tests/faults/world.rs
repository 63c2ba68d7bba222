//! What a fault happens to: real processes on one database, and a witness that outlives them all.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};
use tempfile::TempDir;

pub use super::process::Process;
use super::seed;
pub use super::seed::notice;
use super::witness::Witness;
use crate::all::support::{Caller, Database, prepare};

/// Users of a fan-out in these tests.
pub const USERS: u32 = 20_000;
/// How long a whole fan-out may take on a busy machine, faults and leases included.
const PATIENCE: Duration = Duration::from_secs(180);
/// All roles at once.
pub const ALL: &str = "api,notifier,scheduler";
/// What may run beside the one that answers.
pub const BEHIND: &str = "notifier,scheduler";

/// A database with a publisher and many subscribers, a witness, and what is needed to start processes.
pub struct World {
    /// The database of the run's own server, unless the world has a server of its own.
    pub database: Option<Arc<Database>>,
    pub witness: Witness,
    pub conn: DatabaseConnection,
    pub key: String,
    /// For files of the processes.
    folder: PathBuf,
    url: String,
    /// Where the queue is, when it is in Redis.
    pub redis_url: Option<String>,
    number: AtomicU32,
    _own_folder: Option<TempDir>,
}

impl World {
    /// A world with [`USERS`] subscribers, each with a phone.
    pub async fn new() -> Self {
        Self::of(USERS).await
    }

    /// A world with so many subscribers.
    pub async fn of(users: u32) -> Self {
        Self::with(users, 0, Witness::start()).await
    }

    /// A world with so many subscribers, people with a phone who have not subscribed, and this witness.
    pub async fn with(users: u32, newcomers: u32, witness: Witness) -> Self {
        prepare();
        let database = Arc::new(Database::fresh().await);
        let world = Self {
            conn: database.connect().await,
            url: database.url.clone(),
            redis_url: database.redis_url.clone(),
            folder: database.folder.path().to_owned(),
            database: Some(database),
            witness,
            key: String::new(),
            number: AtomicU32::new(0),
            _own_folder: None,
        };
        world.peopled(users, newcomers).await
    }

    /// A world on a database of its own, which is empty; the queue is where the run's own is.
    pub async fn on(url: &str, users: u32) -> Self {
        prepare();
        let folder = TempDir::new().expect("a folder");
        let run = Database::fresh().await;
        let world = Self {
            conn: DatabaseConnection::default(),
            url: url.to_owned(),
            redis_url: run.redis_url.clone(),
            folder: folder.path().to_owned(),
            database: None,
            witness: Witness::start(),
            key: String::new(),
            number: AtomicU32::new(0),
            _own_folder: Some(folder),
        };
        let made = world.command("api").arg("migrate").output().expect("the command runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let conn = connect(url).await;
        Self { conn, ..world }.peopled(users, 0).await
    }

    async fn peopled(self, users: u32, newcomers: u32) -> Self {
        seed::readers(&self.conn, users, newcomers).await;
        let made = self.command("api").args(["publisher", "create", "--name", "faults"]).output();
        let made = String::from_utf8(made.expect("the command runs").stdout).expect("a key");
        let key = made.split_whitespace().find(|word| word.starts_with("yzk_")).expect("a key").to_owned();
        Self { key, ..self }
    }

    /// Whether several processes can share the database.
    pub fn shared(&self) -> bool {
        self.url.starts_with("postgres")
    }

    /// Where the database is.
    pub fn database_url(&self) -> &str {
        &self.url
    }

    /// A folder for files of the test.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A command of the program, in an environment that holds what a process here needs and nothing else.
    pub fn command(&self, roles: &str) -> Command {
        // One process at a time holds the embedded database; the lock stands beside it.
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let folder = if self.shared() { self.folder.join(format!("p{number}")) } else { self.folder.clone() };
        let mut command = Command::new(env!("CARGO_BIN_EXE_yizhan"));
        command
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("DATABASE_URL", &self.url)
            .env("YIZHAN_DATA_DIR", folder)
            .env("YIZHAN_LISTEN", "127.0.0.1:0")
            .env("YIZHAN_ROLES", roles)
            .env("YIZHAN_RATE_LIMITS", "off")
            .env("YIZHAN_DATABASE_POOL", "8")
            .env("YIZHAN_SQLITE_SYNCHRONOUS", "normal")
            .env("YIZHAN_SANDBOX_URL", &self.witness.url)
            .stdin(Stdio::null());
        if let Some(redis) = &self.redis_url {
            command.env("REDIS_URL", redis);
        }
        command
    }

    /// Starts a process and waits until it listens.
    pub fn start(&self, roles: &str, environment: &[(&str, &str)]) -> Process {
        let mut command = self.command(roles);
        command.envs(environment.iter().copied());
        Process::start(command)
    }

    /// Starts another process where processes can share the database.
    pub fn second(&self, roles: &str, environment: &[(&str, &str)]) -> Option<Process> {
        self.shared().then(|| self.start(roles, environment))
    }

    /// Starts a process that refuses to serve, and says what it said.
    pub fn refused_start(&self, roles: &str, environment: &[(&str, &str)]) -> String {
        let ended = self.command(roles).envs(environment.iter().copied()).output().expect("the process runs");
        assert!(!ended.status.success(), "it must not serve");
        String::from_utf8_lossy(&ended.stderr).into_owned()
    }

    /// A publisher that calls this process.
    pub fn publisher(&self, at: &Process) -> Caller {
        Caller::new(at.url.clone()).bearing(self.key.clone())
    }

    /// Publishes a notice that all want, and says its id.
    pub async fn publish(&self, at: &Process, source_id: &str) -> String {
        self.publisher(at).post("/v1/notices", notice(source_id)).await.expect(201).string("/id")
    }

    /// The ids of all notices, as callers write them.
    pub async fn notices(&self) -> Vec<String> {
        let statement = Statement::from_string(self.conn.get_database_backend(), "SELECT id FROM notices");
        let rows = self.conn.query_all_raw(statement).await.expect("a query");
        rows.iter()
            .map(|row| row.try_get::<yizhan::domain::id::NoticeId>("", "id").expect("an id").to_string())
            .collect()
    }

    /// The number that a query counts, as `n`.
    pub async fn count(&self, sql: &str) -> i64 {
        let statement = Statement::from_string(self.conn.get_database_backend(), sql);
        let row = self.conn.query_one_raw(statement).await.expect("a query").expect("a row");
        row.try_get("", "n").expect("a number")
    }

    /// Does something to the database.
    pub async fn run(&self, sql: &str) {
        self.conn.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("`{sql}` failed: {error}"));
    }

    /// How many inboxes have something.
    pub async fn inboxes(&self) -> i64 {
        self.count("SELECT count(*) AS n FROM inbox_items").await
    }

    /// The database's own clock, by which leases are judged.
    pub async fn database_now(&self) -> i64 {
        self.count(&format!("SELECT {} AS n", yizhan::storage::sql::now(&self.conn))).await
    }

    /// Waits until so many fan-outs are finished, all there are, and nothing is due.
    pub async fn settled(&self, fan_outs: i64) {
        wait("all is delivered", async || {
            self.count("SELECT count(*) AS n FROM fan_outs WHERE finished_at IS NOT NULL").await == fan_outs
                && self.count("SELECT count(*) AS n FROM deliveries WHERE state IN ('due', 'sending')").await == 0
        })
        .await;
    }

    /// Waits until the witness has received so many messages.
    pub async fn received(&self, messages: u64) {
        self.witness.received(messages).await;
    }
}

/// Connects to a database of the test's own server.
pub async fn connect(url: &str) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.unwrap_or_else(|error| panic!("{url} does not answer: {error}"))
}

/// Waits for something that gives no signal of its own.
pub async fn wait(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !done().await {
        assert!(tokio::time::Instant::now() < deadline, "waited {PATIENCE:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
