//! Importing: many notices from a file or a stream, in whatever form they come.
//!
//! What comes in is cut into *pieces* ([`cut`]), lines or documents; a [`Convert`] turns a piece into bodies of
//! `POST /v1/notices`, which are held against the same schema and rules as single calls ([`read`]), and stored
//! (`store`).
//!
//! Promise: memory does not grow with the length of the input, because pieces are bounded and read as they can be
//! stored. What is wrong with a piece is told with its number and hinders no other. An import may be cut off anywhere and
//! begun again from the start: a natural key is stored once. Begun again where its last progress was told
//! ([`Settings::after`]), its figures are those that it would have had if nobody had cut it off, unless somebody else
//! published the same notices meanwhile. A key that is ended ends its imports.
//! Not promised: that an import is stored as a whole. What was told as progress is stored.

pub mod cut;
mod foreign;
pub mod form;
pub mod forms;
mod intake;
pub mod map;
pub mod read;
mod store;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;

pub use form::{Convert, Converted, Form, Unit};
pub use read::Parse;

use crate::domain::fanout::Announce;
use crate::domain::notice::Existing;
use crate::services::Deps;
use crate::services::notice::{Desk, Refused};
use crate::services::publisher::Caller;
use crate::services::refusal::{Error, Refusal};
use read::Reader;
use store::Import;

/// How an import is done.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// As far as anything is announced at most.
    pub announce: Announce,
    /// What is done with what is known and says something else.
    pub existing: Existing,
    /// Nothing is stored: it is only said what would be.
    pub dry_run: bool,
    /// What was told with the last progress of the import that this one goes on with.
    pub after: Option<Place>,
}

/// How far an import had come when it told of it, beyond the pieces that were done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The order of commits had come so far.
    pub position: i64,
    /// So many notices of the piece after those that were done are done, too.
    pub within: u64,
}

/// What an import came to so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines that are done, blank ones too; documents, where those are read.
    pub lines: u64,
    /// Notices that are new.
    pub created: u64,
    /// Notices that were known.
    pub unchanged: u64,
    /// Notices that have another revision now.
    pub revised: u64,
    /// Notices, or lines that are none, that were not stored.
    pub refused: u64,
}

/// What is told while an import goes on.
#[derive(Debug)]
pub enum Event {
    /// A notice was refused.
    Refused {
        /// Its line or document, from 1.
        line: u64,
        /// Its number within that, from 1, where there are several.
        item: Option<u64>,
        /// What its source calls it, as far as that could be read.
        source_id: Option<String>,
        /// Why.
        refused: Refused,
    },
    /// So much is done, and stored unless it is a dry run.
    Progress {
        /// So much.
        counts: Counts,
        /// Where an import goes on that is cut off now.
        place: Place,
    },
}

/// How an import ended.
#[derive(Debug)]
pub enum Ending {
    /// All that came in is done.
    Whole,
    /// What came in broke off; what was whole of it is done.
    BrokenOff(Refusal),
    /// Nobody listens any more.
    Unheard,
    /// It could not go on.
    Failed(Error),
}

/// Imports what comes in; tells what happens until `tell` says that nobody listens.
pub async fn run(
    deps: &Deps,
    caller: &Caller,
    (settings, convert, parse): (Settings, Arc<dyn Convert>, Parse),
    input: impl Stream<Item = std::result::Result<Bytes, Refusal>>,
    tell: impl AsyncFnMut(Event) -> bool,
) -> (Counts, Ending) {
    let reader =
        Reader { deps: deps.clone(), desk: Desk::open(deps, caller), convert, parse, announce: settings.announce };
    let mut import = Import::new(deps, caller, settings, tell);
    let ending = import.run(reader, input).await.unwrap_or_else(Ending::Failed);
    let counts = import.counts();
    let Counts { lines, created, unchanged, revised, refused } = counts;
    tracing::info!(
        import.lines = lines,
        import.created = created,
        import.unchanged = unchanged,
        import.revised = revised,
        import.refused = refused,
        "an import ended: {ending:?}"
    );
    (counts, ending)
}
