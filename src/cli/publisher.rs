//! `yizhan publisher`: the first key, before there is an admin who could make one over HTTP.

use clap::{Args, Subcommand};

use crate::app::{self, StartError};
use crate::cli::admin::plain;
use crate::config::Config;
use crate::domain::publisher::Scope;
use crate::services::idempotency::Call;
use crate::services::publisher;

/// What to do with publishers.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes a publisher (or takes the one of this name), makes a key for it, and prints the key.
    Create(Create),
}

/// Which publisher, and how far its key reaches.
#[derive(Debug, Args)]
pub struct Create {
    /// The publisher's name.
    #[arg(long)]
    name: String,
    /// A source that the key may publish from; may be repeated. None: any.
    #[arg(long = "source")]
    sources: Vec<String>,
    /// A category that the key may publish in; may be repeated. None: any.
    #[arg(long = "category")]
    categories: Vec<String>,
    /// A region that the key may publish for; may be repeated. None: any.
    #[arg(long = "region")]
    regions: Vec<String>,
}

/// Does it.
pub async fn run(command: Command) -> Result<(), StartError> {
    let Command::Create(Create { name, sources, categories, regions }) = command;
    let config = Config::from_env()?;
    let _lock = app::lock(&config)?;
    let deps = app::build(&config).await?;
    let call = Call { caller: "command line".to_owned(), key: None, digest: [0; 32] };
    let owner = match publisher::find_by_name(&deps, name.trim()).await? {
        Some(known) => known.id,
        None => publisher::create(&deps, &call, &name).await.map_err(plain)?,
    };
    let scope = Scope { sources, categories, regions };
    let new = publisher::create_key(&deps, &call, owner, "command line", &scope).await.map_err(plain)?;
    println!("{}", new.secret);
    Ok(())
}
