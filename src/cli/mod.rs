//! The command line: one file a command.

mod admin;
mod catalogue;
pub mod demo;
mod import;
mod keys;
mod migrate;
mod probe;
mod publisher;
mod queue;
mod reach;
mod serve;
mod signal;

use clap::{Parser, Subcommand};

use crate::app::StartError;

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
    /// Shows Yizhan at work: people, a stream of notices, their deliveries, and whether the numbers add up.
    Demo(demo::Options),
    /// Imports notices from a file; the key comes from YIZHAN_PUBLISHER_KEY.
    Import(Box<import::Options>),
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
    /// Proves from outside that what is published arrives, and raises an alarm when it does not.
    Probe(Box<probe::Options>),
    /// Makes publishers and their keys.
    #[command(subcommand)]
    Publisher(publisher::Command),
    /// Shows what waits and who works, waits for it, and has what failed tried again.
    Queue(queue::Options),
    /// Counts anew whom notices have reached.
    #[command(subcommand)]
    Reach(reach::Command),
}

/// Does what the command line says.
pub async fn run(cli: Cli) -> Result<(), StartError> {
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run().await,
        Command::Demo(options) => demo::run(options).await,
        Command::Import(options) => import::run(*options).await,
        Command::Catalogue(command) => catalogue::run(command).await,
        Command::Admin(command) => admin::run(command).await,
        Command::Keys(command) => keys::run(command).await,
        Command::Migrate => migrate::run().await,
        Command::Probe(options) => probe::run(*options).await,
        Command::Publisher(command) => publisher::run(command).await,
        Command::Queue(options) => queue::run(options).await,
        Command::Reach(command) => reach::run(command).await,
        Command::Openapi => {
            print!("{}", crate::http::openapi::text());
            Ok(())
        }
    }
}
