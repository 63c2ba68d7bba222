//! Endpoints are found by the SHA-256 of their address: an index over the address itself cannot hold a long one on
//! PostgreSQL (a third of a page), and a push token may have 4,096 bytes.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, Statement};
use sha2::{Digest as _, Sha256};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(manager, "ALTER TABLE endpoints ADD COLUMN address_hash BYTEA;\n").await?;
        fill(manager).await?;
        super::run(manager, include_str!("sql/000003_address_hash.up.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(manager, include_str!("sql/000003_address_hash.down.sql")).await
    }
}

/// The hashes of the living: nobody looks for an address that has ended.
async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    if manager.get_database_backend() == DbBackend::Postgres {
        let text = "UPDATE endpoints SET address_hash = sha256(convert_to(address, 'UTF8')) WHERE ended_at IS NULL";
        return connection.execute_unprepared(text).await.map(|_| ());
    }
    // SQLite cannot hash, and is in this process: a row at a time costs no more than a set.
    let statement = |text: &str, values: Vec<Value>| Statement::from_sql_and_values(DbBackend::Sqlite, text, values);
    let next = "SELECT id, address FROM endpoints WHERE ended_at IS NULL AND address_hash IS NULL LIMIT 1000";
    loop {
        let rows = connection.query_all_raw(statement(next, Vec::new())).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            let (id, address): (Vec<u8>, String) = (row.try_get("", "id")?, row.try_get("", "address")?);
            let hash = Sha256::digest(address.as_bytes()).to_vec();
            let text = "UPDATE endpoints SET address_hash = $1 WHERE id = $2";
            connection.execute_raw(statement(text, vec![hash.into(), id.into()])).await?;
        }
    }
}
