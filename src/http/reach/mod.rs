//! The reach report of a notice, for operators and for its publisher. `http::operator` and `http::notice` register the
//! two routes, because a scope keeps its prefix.

mod dto;
mod handlers;

pub use handlers::{get_own_reach, get_reach};
