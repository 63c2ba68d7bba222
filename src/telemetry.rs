//! Logs and metrics.

use std::fs::File;
use std::io::IsTerminal as _;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// What is wrong with a filter, if anything.
pub fn check_filter(filter: &str) -> Result<(), String> {
    EnvFilter::try_new(filter).map(|_| ()).map_err(|error| error.to_string())
}

/// Starts logging to standard error. `filter` is in the form of `RUST_LOG`.
pub fn log(filter: &str, format: LogFormat) {
    start(filter, format, BoxMakeWriter::new(std::io::stderr));
}

/// Starts logging to a file, for commands whose terminal is taken.
pub fn log_to(file: File, filter: &str, format: LogFormat) {
    start(filter, format, BoxMakeWriter::new(Mutex::new(file)));
}

fn start(filter: &str, format: LogFormat, writer: BoxMakeWriter) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let started = match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    if let Err(error) = started {
        // Only tests start it twice.
        tracing::debug!(%error, "logging was started already");
    }
}
