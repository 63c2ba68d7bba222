//! Finding notices by words.

mod backfill;
mod docs;
mod find;
mod index;
mod said;
mod suggest;

pub use backfill::{backfill, fold};
pub use find::{Hit, Results, Search, Total, search};
pub use index::Index;
pub(in crate::services) use said::saying;
pub use suggest::{Suggestion, suggest};

/// How far searches look at a time, and what they may keep. Whatever it says, the same is found: only how many pages that
/// takes differs, and what each costs.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How many candidates are looked into at a time, when their tokens do not vouch for them: few suffice where the words
    /// are common, and where they are not there are few.
    pub batches: [usize; 3],
    /// How many bytes the sets of what was asked lately may take.
    pub bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { batches: [128, 512, 2_048], bytes: 16 * 1024 * 1024 }
    }
}
