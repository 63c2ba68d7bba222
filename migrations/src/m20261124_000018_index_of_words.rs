//! The index of words as blocks of our own, the same on both engines, in the place of FTS5 and of GIN.
//!
//! What was indexed before is indexed anew, step by step, by the scheduler: until it is through, searches find what it has
//! come to. Going back, the scheduler of before does the same with the index of before.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Blocks are packed already: the engine need not try, and two of them fit into a page.
const POSTGRES_BLOCKS: &str = "ALTER TABLE search_index ALTER COLUMN block SET STORAGE EXTERNAL;\n\
    ALTER TABLE search_index SET (toast_tuple_target = 8160);\n";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(manager, include_str!("sql/000018_index_of_words.up.sql")).await?;
        match manager.get_database_backend() {
            DbBackend::Postgres => super::run(manager, POSTGRES_BLOCKS).await,
            _ => Ok(()),
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use super::m20261124_000005_search::{POSTGRES_INDEX, SQLITE_INDEX};
        super::run(manager, include_str!("sql/000018_index_of_words.down.sql")).await?;
        match manager.get_database_backend() {
            DbBackend::Postgres => super::run(manager, POSTGRES_INDEX).await,
            _ => super::run(manager, SQLITE_INDEX).await,
        }
    }
}
