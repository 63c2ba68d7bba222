//! SQL: the record of everything that is owed.
//!
//! Promise: what a transaction of [`Db::write`] returned `Ok` for is on the disk (PostgreSQL with `synchronous_commit`
//! on; SQLite with `synchronous` FULL), and a constraint that was broken is named, so that services can turn it into
//! a refusal. Not promised: that a write needs no repetition; [`DbError::Busy`] says that the same work may succeed
//! when it is tried again.
//!
//! Two engines, one text: statements are written with `$1`, `$2`, … which both understand. The few that differ stand
//! in [`sql`]. On SQLite all writes go through one connection, so there is one writer and nobody waits for a lock in
//! the middle of a transaction.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    FromQueryResult, RuntimeErr, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, Value,
};

pub mod catalogue;
pub mod channel;
pub mod chunk;
pub mod columns;
pub mod counting;
pub mod dead_letter;
pub mod delivery;
pub mod delivery_list;
pub mod depths;
pub mod device;
pub mod due;
pub mod edition_row;
pub mod endpoint;
pub mod facts;
pub mod fanout;
pub mod hint;
pub mod idempotency;
pub mod identity;
pub mod inbox;
pub mod lease;
pub mod lock;
pub mod matching;
pub mod notice;
pub mod order;
pub mod progress;
pub mod publisher;
pub mod queue_entry;
pub mod reach;
pub mod rows;
pub mod scheduled;
pub mod search;
pub mod session;
pub mod settings;
pub mod signing_key;
pub mod sql;
pub mod subscription;
pub mod tally;
pub mod targets;
pub mod term;
pub mod told;
pub mod user;
pub mod views;
pub mod webhook;
pub mod words;

pub use settings::{Settings, Synchronous};

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A uniqueness constraint was broken; holds its name or its columns as the engine calls them.
    #[error("constraint broken: {0}")]
    Conflict(String),
    /// The same work may succeed when it is tried again: a serialisation failure, a deadlock, a lost connection.
    #[error("the database was busy: {0}")]
    Busy(DbErr),
    /// Anything else.
    #[error("the database failed: {0}")]
    Fault(DbErr),
}

impl From<DbErr> for DbError {
    fn from(error: DbErr) -> Self {
        if let Some(sea_orm::SqlErr::UniqueConstraintViolation(name)) = error.sql_err() {
            return Self::Conflict(name);
        }
        if is_passing(&error) { Self::Busy(error) } else { Self::Fault(error) }
    }
}

/// SQLSTATE classes and codes after which a repetition may succeed: connection, serialisation, deadlock, no lock, want of
/// room or of connections, a statement or a transaction that took too long, shutdown.
const PASSING_SQLSTATES: [&str; 10] =
    ["08", "25P03", "40001", "40P01", "53", "55P03", "57014", "57P01", "57P02", "57P03"];
/// SQLite's codes of the kind: busy, locked, full; extended ones keep them in their last byte.
const PASSING_SQLITE: [u32; 3] = [5, 6, 13];

fn is_passing(error: &DbErr) -> bool {
    let (DbErr::Conn(runtime) | DbErr::Exec(runtime) | DbErr::Query(runtime)) = error else {
        return matches!(error, DbErr::ConnectionAcquire(_));
    };
    let RuntimeErr::SqlxError(error) = runtime else { return false };
    match error.as_ref() {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            let sqlite =
                code.len() < 5 && code.parse::<u32>().is_ok_and(|code| PASSING_SQLITE.contains(&(code & 0xff)));
            sqlite || PASSING_SQLSTATES.iter().any(|state| code.starts_with(state))
        }),
        _ => false,
    }
}

/// The result of a query.
pub type DbResult<T> = Result<T, DbError>;

/// Makes a statement for the connection's engine.
pub fn statement(conn: &impl ConnectionTrait, text: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(conn.get_database_backend(), text, values)
}

/// Runs a statement and says how many rows it touched.
pub async fn execute(
    conn: &impl ConnectionTrait,
    text: &str,
    values: impl IntoIterator<Item = Value>,
) -> DbResult<u64> {
    let result: ExecResult = conn.execute_raw(statement(conn, text, values)).await?;
    Ok(result.rows_affected())
}

/// The rows that a query finds.
pub async fn all<T: FromQueryResult>(
    conn: &impl ConnectionTrait,
    text: &str,
    values: impl IntoIterator<Item = Value>,
) -> DbResult<Vec<T>> {
    let rows = conn.query_all_raw(statement(conn, text, values)).await?;
    rows.iter().map(|row| T::from_query_result(row, "").map_err(DbError::from)).collect()
}

/// The first row that a query finds.
pub async fn one<T: FromQueryResult>(
    conn: &impl ConnectionTrait,
    text: &str,
    values: impl IntoIterator<Item = Value>,
) -> DbResult<Option<T>> {
    let row = conn.query_one_raw(statement(conn, text, values)).await?;
    row.map(|row| T::from_query_result(&row, "")).transpose().map_err(DbError::from)
}

/// The first column of the first row, named `value`; an error when there is no row.
pub async fn value<T: sea_orm::TryGetable>(
    conn: &impl ConnectionTrait,
    text: &str,
    values: impl IntoIterator<Item = Value>,
) -> DbResult<T> {
    let row = conn.query_one_raw(statement(conn, text, values)).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("a value was asked for and there was no row".to_owned()))?;
    row.try_get("", "value").map_err(DbError::from)
}

/// The database: a pool to read from and a way to write.
#[derive(Debug, Clone)]
pub struct Db {
    read: DatabaseConnection,
    write: DatabaseConnection,
    url: String,
}

/// How long a connection is waited for before the caller is told that the database is busy.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a transaction may wait for its own process before PostgreSQL ends it. A process that is stopped, or cut off
/// without a word, would else keep what it has locked from everybody else.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(5);

/// Pages that SQLite's writing connection keeps, in KiB.
const WRITER_CACHE_KIB: u32 = 4 * 1024;
/// Pages that each of SQLite's reading connections keeps, in KiB: there are many, and the system keeps them, too.
const READER_CACHE_KIB: u32 = 512;

/// What copies that migrate at once wait for on PostgreSQL; any number that nothing else in the database uses.
const MIGRATION_LOCK: i64 = 0x7969_7a68_616e;

impl Db {
    /// Connects; for SQLite it makes the file, and one connection that writes beside several that read.
    pub async fn connect(settings: &Settings) -> DbResult<Self> {
        if settings.is_sqlite() {
            let write = Database::connect(sqlite_options(settings, 1, WRITER_CACHE_KIB)).await?;
            let read = Database::connect(sqlite_options(settings, settings.pool, READER_CACHE_KIB)).await?;
            Ok(Self { read, write, url: settings.url().to_owned() })
        } else {
            let mut options = ConnectOptions::new(settings.url());
            options.max_connections(settings.pool).acquire_timeout(ACQUIRE_TIMEOUT).sqlx_logging(false);
            options.set_schema_search_path("public");
            let idle = IDLE_IN_TRANSACTION.as_millis().to_string();
            options.map_sqlx_postgres_opts(move |options| {
                options.options([("idle_in_transaction_session_timeout", idle.as_str())])
            });
            let pool = Database::connect(options).await?;
            Ok(Self { read: pool.clone(), write: pool, url: settings.url().to_owned() })
        }
    }

    /// Brings the schema up to date. Copies that start at once take turns; on SQLite there is one copy.
    pub async fn migrate(&self) -> DbResult<()> {
        use migrations::MigratorTrait as _;
        let turn = match self.engine() {
            DbBackend::Postgres => Some(self.begin().await?),
            _ => None,
        };
        if let Some(turn) = &turn {
            // Held until its transaction ends, also when this process dies; it waits for as long as the migrations take.
            execute(&**turn, "SET LOCAL idle_in_transaction_session_timeout = 0", []).await?;
            execute(&**turn, "SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK.into()]).await?;
        }
        migrations::Migrator::up(&self.write, None).await?;
        if let Some(turn) = turn {
            turn.commit().await?;
        }
        Ok(())
    }

    /// How many migrations have not been run.
    pub async fn pending_migrations(&self) -> DbResult<usize> {
        use migrations::MigratorTrait as _;
        Ok(migrations::Migrator::get_pending_migrations(&self.write).await?.len())
    }

    /// A connection for reading outside transactions.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.read
    }

    /// The engine.
    pub fn engine(&self) -> DbBackend {
        self.read.get_database_backend()
    }

    /// Where the database is, for a listener of its own. Holds the password: never print it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection for a write of one statement, which is a transaction by itself.
    pub fn writer(&self) -> &DatabaseConnection {
        &self.write
    }

    /// Begins a transaction that may write. It is rolled back when it is dropped without [`Tx::commit`].
    ///
    /// May be dropped at any instant: it begins on a task of its own, because a `BEGIN` whose answer nobody waits for
    /// would leave a pooled connection inside a transaction.
    pub async fn begin(&self) -> DbResult<Tx> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let write = self.write.clone();
        let begun = tokio::spawn(async move { write.begin_with_options(options).await });
        let lost = |error: tokio::task::JoinError| DbError::Fault(DbErr::Custom(format!("a begin was lost: {error}")));
        begun.await.map_err(lost)?.map(Tx).map_err(DbError::from)
    }

    /// Runs `work` in a transaction: commits when it returns `Ok`, rolls back when it returns `Err`.
    pub async fn write<T, E: From<DbError>>(&self, work: impl AsyncFnOnce(&Tx) -> Result<T, E>) -> Result<T, E> {
        let tx = self.begin().await?;
        match work(&tx).await {
            Ok(done) => {
                tx.commit().await?;
                Ok(done)
            }
            Err(error) => {
                // The error at hand says more than a failed rollback would; the connection is closed either way.
                if let Err(rollback) = tx.0.rollback().await {
                    tracing::debug!(error = %rollback, "a rollback failed");
                }
                Err(error)
            }
        }
    }
}

/// Does work in a transaction that commits when the work is `Ok`; `?` and `return` in the work roll back.
///
/// The same as [`Db::write`] for code that runs in spawned tasks: the compiler cannot yet see that the future of an
/// async closure is `Send`.
macro_rules! transact {
    ($db:expr, |$tx:ident| $work:expr) => {{
        let transaction = $db.begin().await?;
        let $tx = &transaction;
        let done = $work?;
        transaction.commit().await?;
        done
    }};
}
pub(crate) use transact;

/// A transaction that may write.
#[derive(Debug)]
pub struct Tx(DatabaseTransaction);

impl Tx {
    /// Makes it last.
    pub async fn commit(self) -> DbResult<()> {
        self.0.commit().await.map_err(DbError::from)
    }
}

impl std::ops::Deref for Tx {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.0
    }
}

fn sqlite_options(settings: &Settings, connections: u32, cache_kib: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(settings.url());
    let synchronous = settings.synchronous;
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .sqlx_logging(false)
        .map_sqlx_sqlite_pool_opts(|pool| pool.after_release(|connection, _| Box::pin(is_whole(connection))))
        .map_sqlx_sqlite_opts(move |options| {
            options
                .create_if_missing(true)
                .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                .synchronous(match synchronous {
                    Synchronous::Full => sqlx::sqlite::SqliteSynchronous::Full,
                    Synchronous::Normal => sqlx::sqlite::SqliteSynchronous::Normal,
                })
                .busy_timeout(ACQUIRE_TIMEOUT)
                .foreign_keys(true)
                .pragma("cache_size", format!("-{cache_kib}"))
                // Statements are cached by text, and the engine's own are few.
                .statement_cache_capacity(200)
        });
    options
}

/// Whether a connection that is given back may be used again. When the disk is full SQLite rolls back by itself, and the
/// driver, whose own rollback then fails, takes the connection to be in a transaction for ever: nothing that is written
/// in it would last.
async fn is_whole(connection: &mut sqlx::SqliteConnection) -> Result<bool, sqlx::Error> {
    use sqlx::Connection as _;
    // Behind a rollback that was begun and is not waited for.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}
