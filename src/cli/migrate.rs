//! `yizhan migrate`: brings the schema up to date, apart from starting a server.

use crate::app::{self, StartError};
use crate::config::Config;
use crate::storage::Db;

/// Does it.
pub async fn run() -> Result<(), StartError> {
    let config = Config::from_env()?;
    let _lock = app::lock(&config)?;
    let db = Db::connect(&config.storage).await?;
    let pending = db.pending_migrations().await?;
    db.migrate().await?;
    println!("{pending} migrations were run; the schema is up to date");
    Ok(())
}
