//! One fact about a request a file. What a handler's arguments say is what has been checked.

pub mod base;
pub mod body;
pub mod client;
pub mod credentials;
pub mod id;
pub mod idempotency;
pub mod narrowed;
pub mod page;
pub mod publisher_key;
pub mod query;
pub mod schema;
pub mod signed_in;
pub mod words;
