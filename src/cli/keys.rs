//! `yizhan keys`: the keys that access tokens are signed with.

use clap::Subcommand;

use crate::app::{self, StartError};
use crate::config::Config;
use crate::services::keys;

/// What to do with the keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes a new key that signs from now on. Tokens signed before stay valid until they expire; running copies sign
    /// with the new key within half a minute.
    Rotate,
}

/// Does it.
pub async fn run(command: Command) -> Result<(), StartError> {
    let Command::Rotate = command;
    let config = Config::from_env()?;
    let _lock = app::lock(&config)?;
    let deps = app::build(&config).await?;
    println!("{}", keys::rotate(&deps.db, deps.clock.now()).await?);
    Ok(())
}
