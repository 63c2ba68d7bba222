//! The ground: types and rules, no I/O, no clock.

#![warn(missing_docs)]

pub mod catalogue;
pub mod channel;
pub mod delivery;
pub mod fanout;
pub mod fold;
pub mod id;
pub mod identity;
pub mod lookup;
pub mod message;
pub mod money;
pub mod net;
pub mod notice;
pub mod page;
pub mod publisher;
pub mod retry;
pub mod session;
pub mod subscription;
pub mod time;
pub mod user;
pub mod words;
