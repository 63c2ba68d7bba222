//! Finding notices by words.

mod backfill;
mod find;
mod newest;
mod suggest;

pub use backfill::{backfill, settle};
pub use find::{Hit, Results, Search, Total, search};
pub use newest::Kept;
pub use suggest::{Suggestion, suggest};

/// How far searches look at a time. Whatever it says, the same is found: only how many pages that takes differs, and what
/// each costs.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How many candidates are looked into at a time, when their tokens do not vouch for them: few suffice where the words
    /// are common, and where they are not there are few.
    pub batches: [i64; 3],
    /// How many of the newest documents PostgreSQL is asked for first.
    pub newest: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { batches: [128, 512, 2_048], newest: 4_000 }
    }
}
