//! The streams of inboxes.

use crate::config::env::Env;
use crate::services::live::Settings;

/// Reads the variables of streams.
pub fn read(env: &mut Env) -> Settings {
    let default = Settings::default();
    Settings {
        streams: env.within("YIZHAN_STREAMS", default.streams, 0..=1_000_000),
        per_user: env.within("YIZHAN_STREAMS_PER_USER", default.per_user, 1..=1_000),
        ..default
    }
}
