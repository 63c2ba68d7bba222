//! Which engines this run is about. `scripts/test` runs the suite once for each pair.

/// A supported pair of database and queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pair {
    /// The embedded default: needs nothing installed.
    SqliteTable,
    /// PostgreSQL, the queue in the same database; holds the server's address.
    PostgresTable(String),
    /// PostgreSQL and Redis; holds both addresses.
    PostgresRedis(String, String),
}

impl Pair {
    /// The pair that `YIZHAN_TEST_PAIR` names.
    ///
    /// # Panics
    /// When the name is unknown or the servers' addresses are missing.
    pub fn of_this_run() -> Self {
        let name = std::env::var("YIZHAN_TEST_PAIR").unwrap_or_else(|_| "sqlite-table".to_owned());
        let address = |variable: &str| {
            std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is missing; scripts/test sets it"))
        };
        match name.as_str() {
            "sqlite-table" => Self::SqliteTable,
            "postgres-table" => Self::PostgresTable(address("YIZHAN_TEST_POSTGRES")),
            "postgres-redis" => Self::PostgresRedis(address("YIZHAN_TEST_POSTGRES"), address("YIZHAN_TEST_REDIS")),
            other => panic!("YIZHAN_TEST_PAIR: `{other}` is none of sqlite-table, postgres-table, postgres-redis"),
        }
    }

    /// Where PostgreSQL listens, without a database's name.
    pub fn postgres(&self) -> Option<&str> {
        match self {
            Self::SqliteTable => None,
            Self::PostgresTable(postgres) | Self::PostgresRedis(postgres, _) => Some(postgres),
        }
    }

    /// Where Redis listens, without a database's number.
    pub fn redis(&self) -> Option<&str> {
        match self {
            Self::PostgresRedis(_, redis) => Some(redis),
            _ => None,
        }
    }
}
