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
    let address = running.address;
    tracing::info!(%address, "listening");
    println!("驿站 Yizhan http://{address}");
    println!("  接口文档 API docs  http://{address}/docs");
    println!("  健康状态 health    http://{address}/readyz");
    if running.sandbox.is_some() {
        println!("  沙箱     sandbox   http://{address}/sandbox");
    }
    asked_to_stop.await;
    tracing::info!("stopping");
    running.stop().await
}
