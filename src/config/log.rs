//! What the process says about itself.

use super::env::Env;
use crate::telemetry::{self, LogFormat};

/// How the process logs.
#[derive(Debug, Clone)]
pub struct Log {
    /// What is logged, in the form of `RUST_LOG`.
    pub filter: String,
    /// How lines look.
    pub format: LogFormat,
}

pub(super) fn read(env: &mut Env) -> Log {
    let filter: String = env.parsed("YIZHAN_LOG", "info,sqlx=warn");
    if let Err(error) = telemetry::check_filter(&filter) {
        env.refuse("YIZHAN_LOG", &error);
    }
    let format = env.choice("YIZHAN_LOG_FORMAT", "text", &[("text", LogFormat::Text), ("json", LogFormat::Json)]);
    Log { filter, format }
}
