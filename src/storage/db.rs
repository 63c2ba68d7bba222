//! Connections and transactions on either engine.
//!
//! Promise: a transaction that is dropped is rolled back, also when it is dropped at its beginning; a connection that
//! may still be inside a transaction is never handed on. On PostgreSQL a transaction whose process stands still is ended
//! by the server. Not promised: that reading sees on SQLite what another connection has not committed.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait as _,
};

use super::{DbError, DbResult, Settings, Synchronous, execute};

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
