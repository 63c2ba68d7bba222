//! The ground: types and rules, no I/O, no clock.

pub mod fanout;
pub mod id;
pub mod page;
pub mod session;
pub mod time;
pub mod user;
pub mod words;
