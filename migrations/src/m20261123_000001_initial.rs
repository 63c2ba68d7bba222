//! The first schema: everything from the catalogue to the deliveries.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(manager, include_str!("sql/000001_initial.up.sql")).await?;
        let epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_err(|error| DbErr::Custom(format!("the clock stands before 1970: {error}")))?
            .as_secs();
        let order = format!(
            "INSERT INTO commit_order (id, position, stamp, words_version, epoch) VALUES (1, 0, 0, 0, {epoch})"
        );
        manager.get_connection().execute_unprepared(&order).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(manager, include_str!("sql/000001_initial.down.sql")).await
    }
}
