//! `yizhan reach`: the counters of reach.

use clap::Subcommand;

use crate::app::{self, StartError};
use crate::cli::admin::plain;
use crate::config::Config;
use crate::domain::id::NoticeId;
use crate::services::reach;

/// What to do with the counters.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Counts anew from the rows, and says what was wrong, one JSON object a line. On the embedded default the server must
    /// not run.
    Recount {
        /// Of this notice; without it, of all whose counters differed when they were checked.
        #[arg(long)]
        notice: Option<NoticeId>,
    },
}

/// Does it.
pub async fn run(command: Command) -> Result<(), StartError> {
    let Command::Recount { notice } = command;
    let config = Config::from_env()?;
    let _lock = app::lock(&config)?;
    let deps = app::build(&config).await?;
    for wrong in reach::recount(&deps, notice).await.map_err(plain)? {
        println!("{}", serde_json::to_string(&wrong)?);
    }
    Ok(())
}
