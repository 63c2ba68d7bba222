//! Notices: publishing, revising, withdrawing, reading.
//!
//! Promise: one transaction stores the notice, its edition, the lists it stands in, its fan-out and the outbox line; it
//! takes its position as late as it can, and its cost does not depend on how many people will be told.

mod announce;
mod bulk;
pub mod diff;
mod draft;
mod due;
pub mod feed;
pub mod html;
mod publish;
mod put;
mod read;
mod refused;
mod revise;
mod rows;
pub mod scheduled;

pub use bulk::{Broken, Bulk, Outcome, Prepared, Refused, foresee, publish_all};
pub use diff::Change;
pub use draft::{Desk, Draft, DraftAmount, MAX_EARLY, Named, check};
pub use due::publish_due;
pub use publish::{Published, publish};
pub use put::put;
pub use read::{Edition, EditionEntry, Filter, Full, Summary, edition, editions, get, id_of, list, project, summaries};
pub(in crate::services) use read::{search_scopes, summary};
pub use revise::{MAX_REVISIONS, Revision, revise, withdraw};
pub use rows::ScopeRows;
