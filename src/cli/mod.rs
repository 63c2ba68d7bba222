//! The command line: one file a command.

mod admin;
mod catalogue;
mod keys;
mod migrate;
mod publisher;

use clap::{Parser, Subcommand};

use crate::app::{self, StartError};
use crate::config::Config;
use crate::telemetry::{self, LogFormat};

/// Yizhan (驿站) takes public announcements and sees to it that every subscriber has them.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves (the default).
    Serve,
    /// Prints the OpenAPI document.
    Openapi,
    /// Replaces categories, regions, notice types and stages.
    #[command(subcommand)]
    Catalogue(catalogue::Command),
    /// Makes admins and gives roles.
    #[command(subcommand)]
    Admin(admin::Command),
    /// The keys that access tokens are signed with.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Brings the schema up to date.
    Migrate,
    /// Makes publishers and their keys.
    #[command(subcommand)]
    Publisher(publisher::Command),
}

/// Does what the command line says.
pub async fn run(cli: Cli) -> Result<(), StartError> {
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve().await,
        Command::Catalogue(command) => catalogue::run(command).await,
        Command::Admin(command) => admin::run(command).await,
        Command::Keys(command) => keys::run(command).await,
        Command::Migrate => migrate::run().await,
        Command::Publisher(command) => publisher::run(command).await,
        Command::Openapi => {
            println!("{}", crate::http::document().to_pretty_json()?);
            Ok(())
        }
    }
}

async fn serve() -> Result<(), StartError> {
    let config = Config::from_env()?;
    telemetry::log("info,sqlx=warn", LogFormat::Text);
    let _lock = app::lock(&config)?;
    let running = app::start(&config).await?;
    tracing::info!(address = %running.address, "listening");
    tokio::signal::ctrl_c().await?;
    running.stop().await
}
