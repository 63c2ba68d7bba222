//! The ground: types and rules, no I/O, no clock.

pub mod channel;
pub mod delivery;
pub mod catalogue;
pub mod fanout;
pub mod fold;
pub mod id;
pub mod message;
pub mod money;
pub mod notice;
pub mod net;
pub mod page;
pub mod retry;
pub mod session;
pub mod time;
pub mod user;
pub mod words;
