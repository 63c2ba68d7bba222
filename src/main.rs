//! The command `yizhan`.

use clap::Parser as _;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    // One TLS provider for the whole tree, before anything asks for one.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("a TLS provider was installed already");
    }
    match yizhan::cli::run(yizhan::cli::Cli::parse()).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("yizhan: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
