//! The schema, one definition for both engines.
//!
//! Each migration is a pair of SQL texts in PostgreSQL's dialect. Three words are translated for SQLite
//! (see `dialect`); nothing else may differ, so both engines hold the same columns, keys and indexes.
//! Instants are `BIGINT` milliseconds since 1970 in UTC: both engines compare and index them alike
//! (`docs/adr/0002-instants-are-milliseconds.md`).

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

mod m20261123_000001_initial;
mod m20261123_000002_fan_out;
mod m20261123_000003_address_hash;
mod m20261124_000005_search;
mod m20261124_000006_scheduled_notices;
mod m20261124_000007_scopes_in_order;
mod m20261124_000008_told_editions;
mod m20261124_000009_webhooks;
mod m20261124_000012_reading;
mod m20261124_000013_told_contents;
mod m20261124_000014_reach_counts;
mod m20261124_000015_channels;
mod m20261124_000017_bulk;
mod m20261124_000018_index_of_words;

pub use sea_orm_migration::MigratorTrait;

/// Runs the migrations of this folder, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_initial::Migration),
            Box::new(m20261123_000002_fan_out::Migration),
            Box::new(m20261123_000003_address_hash::Migration),
            Box::new(m20261124_000005_search::Migration),
            Box::new(m20261124_000006_scheduled_notices::Migration),
            Box::new(m20261124_000007_scopes_in_order::Migration),
            Box::new(m20261124_000008_told_editions::Migration),
            Box::new(m20261124_000009_webhooks::Migration),
            Box::new(m20261124_000012_reading::Migration),
            Box::new(m20261124_000013_told_contents::Migration),
            Box::new(m20261124_000014_reach_counts::Migration),
            Box::new(m20261124_000015_channels::Migration),
            Box::new(m20261124_000017_bulk::Migration),
            Box::new(m20261124_000018_index_of_words::Migration),
        ]
    }
}

/// Translates a text written for PostgreSQL into the engine's own words.
///
/// SQLite stores a UUID as a 16-byte blob, counts rows with `INTEGER PRIMARY KEY`, and compares text by bytes
/// without being told to.
fn dialect(engine: DbBackend, sql: &str) -> String {
    match engine {
        DbBackend::Postgres => sql.to_owned(),
        _ => sql
            .replace("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT")
            .replace(" COLLATE \"C\"", "")
            .replace(" BYTEA", " BLOB")
            .replace(" UUID", " BLOB"),
    }
}

/// Runs each statement of a text in turn; statements end with `;` at the end of a line.
async fn run(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let sql = dialect(manager.get_database_backend(), sql);
    for statement in sql.split(";\n").map(str::trim).filter(|s| !s.is_empty()) {
        connection.execute_unprepared(statement).await?;
    }
    Ok(())
}
