//! Finding notices by words.

mod backfill;
mod find;
mod newest;
mod suggest;

pub use backfill::{backfill, settle};
pub use find::{Hit, Results, Search, Total, search};
pub use newest::Kept;
pub use suggest::{Suggestion, suggest};
