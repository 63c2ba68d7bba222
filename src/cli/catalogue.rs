//! `yizhan catalogue`: replaces categories, regions, notice types and stages without a release.

use std::path::PathBuf;

use clap::Subcommand;

use crate::app::{self, StartError};
use crate::config::Config;
use crate::services::catalogue;

/// What to do with the catalogue.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Replaces the catalogue by the files of a folder: categories.json, regions.json, notice_types.json, stages.json.
    /// What is not there stays. Running copies go by the new one within five seconds.
    Load {
        /// The folder.
        folder: PathBuf,
    },
}

/// Does it.
pub async fn run(command: Command) -> Result<(), StartError> {
    let Command::Load { folder } = command;
    let config = Config::from_env()?;
    let _lock = app::lock(&config)?;
    let deps = app::build(&config).await?;
    let loaded = catalogue::load(&deps.db, &folder, deps.clock.now()).await?;
    println!(
        "catalogue {}: {} categories, {} regions, {} notice types, {} stages",
        loaded.digest(),
        loaded.categories().len(),
        loaded.regions().len(),
        loaded.notice_types().len(),
        loaded.stages().len()
    );
    Ok(())
}
