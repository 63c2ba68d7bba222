//! What the database is told.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// How sure SQLite makes that a commit is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// Survives a power cut.
    Full,
    /// Survives `kill -9`; a power cut may take the last commits.
    Normal,
}

/// Where the database is and how it is used.
#[derive(Clone)]
pub struct Settings {
    url: SecretString,
    /// The most connections (PostgreSQL), or reading connections (SQLite).
    pub pool: u32,
    /// SQLite only.
    pub synchronous: Synchronous,
}

impl Settings {
    /// Settings for the database at this address.
    pub fn new(url: impl Into<String>, pool: u32, synchronous: Synchronous) -> Self {
        Self { url: SecretString::from(url.into()), pool, synchronous }
    }

    /// The address, password and all.
    pub fn url(&self) -> &str {
        self.url.expose_secret()
    }

    /// Whether this is the embedded default.
    pub fn is_sqlite(&self) -> bool {
        self.url().starts_with("sqlite:")
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = if self.is_sqlite() { "sqlite" } else { "postgres" };
        f.debug_struct("Settings").field("engine", &engine).field("pool", &self.pool).finish_non_exhaustive()
    }
}
