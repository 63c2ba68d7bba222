//! What is searched, and how often notices were read. What was stored before is indexed step by step by the scheduler,
//! not here: a start must not wait for it.
//!
//! The index itself is the one thing that the engines keep each in its own way: sets of tokens, in FTS5 without a copy
//! of the text on SQLite, in a `tsvector` under GIN on PostgreSQL. What is asked of both is the same.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Tokens are given ready, with a space between them: ASCII letters, digits and these marks, and everything else.
pub(super) const SQLITE_INDEX: &str = "CREATE VIRTUAL TABLE search_index USING fts5(tokens, content='', contentless_delete=1, \
    detail=none, tokenize=\"ascii tokenchars '^@:*._-'\");\n";

/// New entries wait in a list of their own until the scheduler, or whoever finds it full, sorts them in.
pub(super) const POSTGRES_INDEX: &str = "CREATE TABLE search_index (doc BIGINT PRIMARY KEY, tokens TSVECTOR NOT NULL);\n\
    CREATE INDEX search_index_tokens_idx ON search_index USING gin (tokens) WITH (fastupdate = on);\n";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = include_str!("sql/000005_search.up.sql");
        if manager.get_database_backend() == DbBackend::Postgres {
            super::run(manager, text).await?;
            return super::run(manager, POSTGRES_INDEX).await;
        }
        // The document's number is SQLite's own row number: one look-up instead of two.
        super::run(manager, &text.replace("doc BIGINT PRIMARY KEY", "doc INTEGER PRIMARY KEY")).await?;
        super::run(manager, SQLITE_INDEX).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(manager, include_str!("sql/000005_search.down.sql")).await
    }
}
