//! What storing many notices at a time costs, on PostgreSQL; on SQLite nothing changes.
//!
//! New entries of the index wait in a list that the scheduler sorts in, and whoever finds it full must do it on the spot: at
//! its usual 4 MB that is each import, every some hundred notices. And the lines of the lists were held against their
//! notices one by one, though they are written by the statement after the notices themselves, and with nothing else.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        match manager.get_database_backend() {
            DbBackend::Postgres => super::run(manager, include_str!("sql/000017_bulk.up.sql")).await,
            _ => Ok(()),
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        match manager.get_database_backend() {
            DbBackend::Postgres => super::run(manager, include_str!("sql/000017_bulk.down.sql")).await,
            _ => Ok(()),
        }
    }
}
