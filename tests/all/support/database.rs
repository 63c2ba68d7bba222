//! A database for each test: the schema and the reference data are laid down once, then copied.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectionTrait as _, Database as Connector, DatabaseConnection};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use yizhan::app;
use yizhan::config::Config;
use yizhan::config::env::Env;

use super::app::prepare;
use super::pair::Pair;

/// A fresh database, and a fresh Redis database where the pair has one. Gone when it is dropped.
#[derive(Debug)]
pub struct Database {
    pair: Pair,
    /// Where PostgreSQL or the file is.
    pub url: String,
    /// Where Redis is, with the number that belongs to this test alone.
    pub redis_url: Option<String>,
    /// For files of the test.
    pub folder: TempDir,
}

static TEMPLATE: OnceCell<Template> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// How many databases `scripts/test` gives to Redis.
const REDIS_DATABASES: u32 = 4096;

/// The database that all others are copied from.
enum Template {
    /// The bytes of a file.
    File(Vec<u8>),
    /// A database of the server.
    Named(String),
}

impl Database {
    /// A copy of the template.
    pub async fn fresh() -> Self {
        prepare();
        let pair = Pair::of_this_run();
        let template = TEMPLATE.get_or_init(|| Template::make(&pair)).await;
        let folder = TempDir::new().expect("a temporary folder");
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let url = match template {
            Template::File(bytes) => {
                let file = folder.path().join("yizhan.db");
                std::fs::write(&file, bytes).expect("a copy of the template");
                sqlite_url(&file)
            }
            Template::Named(origin) => {
                let name = format!("test_{}_{number}", std::process::id());
                let server = pair.postgres().expect("a PostgreSQL pair");
                let maintenance = connect(&format!("{server}/postgres")).await;
                run(&maintenance, &format!("CREATE DATABASE {name} TEMPLATE {origin} STRATEGY FILE_COPY")).await;
                maintenance.close().await.expect("a closed connection");
                format!("{server}/{name}")
            }
        };
        let redis_url = pair.redis().map(|server| format!("{server}/{}", number % REDIS_DATABASES));
        let database = Self { pair, url, redis_url, folder };
        database.empty_redis().await;
        database
    }

    /// Loses everything that Redis holds for this test; does nothing where the queue is a table.
    pub async fn empty_redis(&self) {
        let Some(url) = &self.redis_url else { return };
        let client = redis::Client::open(url.as_str()).expect("an address of Redis");
        let mut connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
        redis::cmd("FLUSHDB").exec_async(&mut connection).await.expect("Redis forgets");
    }

    /// The pair of this run.
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// A connection of the test's own.
    pub async fn connect(&self) -> DatabaseConnection {
        connect(&self.url).await
    }
}

impl Drop for Database {
    /// Removes what outlives the process; the folder removes itself.
    fn drop(&mut self) {
        let (Some(server), Some((_, name))) = (self.pair.postgres(), self.url.rsplit_once('/')) else { return };
        let removal = async {
            let maintenance = connect(&format!("{server}/postgres")).await;
            run(&maintenance, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        };
        // On a thread of its own, because a test's runtime cannot be waited for from within.
        let removed = std::thread::scope(|scope| scope.spawn(|| runtime().block_on(removal)).join());
        assert!(removed.is_ok() || std::thread::panicking(), "the database could not be removed");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

impl Template {
    /// Lets the application itself lay down schema and reference data, then leaves it without connections.
    async fn make(pair: &Pair) -> Self {
        match pair.postgres() {
            None => {
                let folder = TempDir::new().expect("a temporary folder");
                let url = sqlite_url(&folder.path().join("first.db"));
                lay_down(&url, folder.path()).await;
                let connection = connect(&url).await;
                // One file without a journal beside it, so that a plain copy is a whole copy.
                let target = folder.path().join("template.db");
                run(&connection, &format!("VACUUM INTO '{}'", target.display())).await;
                connection.close().await.expect("a closed connection");
                Self::File(std::fs::read(target).expect("the template"))
            }
            Some(server) => {
                let name = format!("template_{}", std::process::id());
                let maintenance = connect(&format!("{server}/postgres")).await;
                run(&maintenance, &format!("CREATE DATABASE {name}")).await;
                let folder = TempDir::new().expect("a temporary folder");
                lay_down(&format!("{server}/{name}"), folder.path()).await;
                run(&maintenance, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
                run(
                    &maintenance,
                    &format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"),
                )
                .await;
                maintenance.close().await.expect("a closed connection");
                Self::Named(name)
            }
        }
    }
}

async fn lay_down(url: &str, folder: &Path) {
    let config = Config::read(Env::of([
        ("DATABASE_URL".to_owned(), url.to_owned()),
        ("YIZHAN_DATA_DIR".to_owned(), folder.display().to_string()),
    ]))
    .expect("a configuration for the template");
    drop(app::build(&config).await.expect("the template is laid down"));
}

fn sqlite_url(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

async fn connect(url: &str) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(url);
    // One: SQLite reads another connection's change of the schema too late to name an index that it has just lost.
    options.max_connections(1).sqlx_logging(false);
    Connector::connect(options).await.unwrap_or_else(|error| panic!("{url} does not answer: {error}"))
}

async fn run(connection: &DatabaseConnection, statement: &str) {
    connection.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("`{statement}` failed: {error}"));
}
