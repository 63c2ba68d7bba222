//! `yizhan demo`: Yizhan at work before one's eyes, on a database of its own that is made anew each time.
//!
//! Promise: it touches nothing but its folder (`demo` in `YIZHAN_DATA_DIR`). What it prints at the end is counted three
//! times, by the publisher, in our tables and by the sandbox; with `--exit` its exit code says whether they agree.

use std::fs::{self, File};
use std::path::Path;

use clap::Args;
use tokio::sync::watch;

use crate::app::{self, Running, StartError};
use crate::cli::signal;
use crate::config::{Config, Roles};
use crate::storage::Settings;
use crate::telemetry;
use play::{Calls, Tempo};

pub mod data;
mod people;
mod play;
mod progress;
mod summary;
mod text;

/// The demo's folder within the data folder.
const FOLDER: &str = "demo";
/// Its database.
const DATABASE: &str = "demo.db";
/// Its log.
const LOG: &str = "demo.log";
/// What the log holds: a demo that goes well writes nothing.
const LOG_FILTER: &str = "warn";
/// More calls a minute than a publisher's key is allowed otherwise.
const KEY_PER_MINUTE: u64 = 1_000_000;

/// How the demo is run.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How many notices, revisions and withdrawals are published.
    #[arg(long, default_value_t = 300)]
    count: usize,
    /// How many a second; 0: as fast as one publisher can.
    #[arg(long, default_value_t = 20.0, value_parser = rate)]
    rate: f64,
    /// The whole data set.
    #[arg(long, conflicts_with = "count")]
    all: bool,
    /// Ends after the summary instead of serving on; the exit code says whether the numbers add up.
    #[arg(long)]
    exit: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=10_000.0).contains(&rate) { Ok(rate) } else { Err("between 0 and 10000".to_owned()) }
}

/// Does it.
pub async fn run(options: Options) -> Result<(), StartError> {
    let mut config = Config::from_env()?;
    arrange(&mut config);
    let _lock = app::lock(&config)?;
    if clear(&config.data_dir)? {
        println!("已删除上次演示的数据 Removed what the last demo left in {}", config.data_dir.display());
    }
    telemetry::log_to(File::create(config.data_dir.join(LOG))?, LOG_FILTER, config.log.format);
    let asked_to_stop = signal::stop()?;
    let running = app::start(&config).await?;
    println!("驿站演示 Yizhan demo: {} ({})", running.url(), config.data_dir.join(DATABASE).display());
    tokio::pin!(asked_to_stop);
    let shown = tokio::select! {
        shown = show(&running, &options) => Some(shown),
        () = &mut asked_to_stop => None,
    };
    let fine = match shown {
        Some(Ok(fine)) => fine,
        Some(Err(error)) => {
            running.stop().await?;
            return Err(error);
        }
        // Ended before it was over: nothing is claimed.
        None => return running.stop().await,
    };
    if !options.exit {
        println!("\n按 Ctrl-C 结束 Ctrl-C ends it");
        asked_to_stop.await;
    }
    running.stop().await?;
    if fine { Ok(()) } else { Err("数字对不上 the numbers do not add up; see ✗ above".into()) }
}

/// The embedded default on a file of its own, with everything on, whatever the environment says otherwise.
fn arrange(config: &mut Config) {
    config.data_dir.push(FOLDER);
    let url = format!("sqlite://{}", config.data_dir.join(DATABASE).display());
    config.storage = Settings::new(url, config.storage.pool, config.storage.synchronous);
    config.redis = None;
    config.roles = Roles { api: true, notifier: true, scheduler: true };
    config.sandbox = true;
    config.notifier.sandbox_url = None;
    config.notifier.sandbox.log_file = None;
    config.limits.key_per_minute = KEY_PER_MINUTE;
}

/// Removes what an earlier demo left; says whether there was anything.
fn clear(folder: &Path) -> std::io::Result<bool> {
    let mut found = false;
    for suffix in ["", "-wal", "-shm"] {
        match fs::remove_file(folder.join(format!("{DATABASE}{suffix}"))) {
            Ok(()) => found = true,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Gathers people, publishes, waits until everything is settled, and prints what it came to.
async fn show(running: &Running, options: &Options) -> Result<bool, StartError> {
    let cast = people::gather(&running.deps).await?;
    println!(
        "  用户 users {}，订阅 subscriptions {}，设备 devices {}\n",
        cast.people, cast.subscriptions, cast.devices
    );
    let of = if options.all { data::operations(chrono::Utc::now()).count() } else { options.count };
    let tempo = Tempo { count: of, rate: options.rate };
    let (tell, calls) = watch::channel(Calls::default());
    let publishing = async {
        let tell = tell;
        play::play(running.url(), cast.key(), tempo, &tell).await
    };
    let (played, standing) = tokio::join!(publishing, progress::show(&running.deps, of, calls));
    let fine = summary::print(running, &cast, &played?, &standing?).await?;
    summary::print_addresses(running, &cast);
    Ok(fine)
}
