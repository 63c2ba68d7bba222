//! Finding notices by words.

mod backfill;

pub use backfill::{backfill, settle};
