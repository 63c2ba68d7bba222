//! `yizhan serve`, and `yizhan` alone: everything that the configuration asks for, until a signal.

use crate::app::{self, StartError};
use crate::cli::signal;
use crate::config::Config;
use crate::telemetry;

/// Does it.
pub async fn run() -> Result<(), StartError> {
    let config = Config::from_env()?;
    telemetry::log(&config.log.filter, config.log.format);
    let _lock = app::lock(&config)?;
    let asked_to_stop = signal::stop()?;
    let running = app::start(&config).await?;
    tracing::info!(address = %running.address, "listening");
    let url = running.url();
    println!("驿站 Yizhan {url}");
    if config.roles.api {
        println!("  接口文档 API docs  {url}/docs");
    }
    println!("  健康状态 health    {url}/readyz");
    if running.sandbox.is_some() {
        println!("  沙箱     sandbox   {url}/sandbox");
    }
    asked_to_stop.await;
    tracing::info!("stopping");
    running.stop().await
}
