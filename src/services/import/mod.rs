//! Importing: many notices from a file or a stream, in whatever form they come.
//!
//! What comes in is cut into *units*, a line or a whole document; a [`Convert`] turns a unit into bodies of
//! `POST /v1/notices`, which are held against the same schema and rules as single calls.
//!
//! Promise: memory does not grow with the length of the input (but for a form that reads documents, which is bounded),
//! because lines are read as they can be stored. What is wrong with a line is told with its number and hinders no other.
//! An import may be cut off anywhere and begun again from the start: a natural key is stored once. Begun again where its
//! last progress was told ([`Settings::after`]), its figures are those that it would have had if nobody had cut it off,
//! unless somebody else published the same notices meanwhile.
//! Not promised: that an import is stored as a whole. What was told as progress is stored.

mod foreign;
pub mod form;
pub mod forms;
pub mod lines;
pub mod map;
pub mod read;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::task::JoinHandle;

pub use form::{Convert, Converted, Form, Unit};
use lines::{Cutter, Line};
pub use read::Parse;
use read::{Item, Reader};

use crate::domain::fanout::{Announce, Lane};
use crate::domain::id::NoticeId;
use crate::domain::notice::{Existing, HandedIn};
use crate::services::Deps;
use crate::services::idempotency::Call;
use crate::services::notice::{Bulk, Desk, Outcome, Refused, foresee, publish_all};
use crate::services::publisher::Caller;
use crate::services::refusal::{Error, Refusal, Result};
use crate::storage::notice::bulk;
use crate::storage::order;

/// Notices of one transaction: every other publication waits for one at most.
const AT_ONCE: usize = 250;
/// The most bytes of lines that are read at once, but for one long line.
const PART_BYTES: usize = 1024 * 1024;
/// Parts that are read while one is stored.
const AHEAD: usize = 3;
/// How long lines wait for others to be stored with.
const LINGER: Duration = Duration::from_millis(200);
/// The largest document.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024 * 1024;

/// How an import is done.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// As far as anything is announced at most.
    pub announce: Announce,
    /// What is done with what is known and says something else.
    pub existing: Existing,
    /// Nothing is stored: it is only said what would be.
    pub dry_run: bool,
    /// The position that was told with the last progress of the import that this one goes on with.
    pub after: Option<i64>,
}

/// What an import came to so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines that are done, blank ones too; 1 for a document.
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
        /// Its line, from 1.
        line: u64,
        /// Its number within the line or document, from 1, where there are several.
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
        /// The order of commits has come so far.
        position: i64,
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
    let desk = Desk::open(deps, caller);
    let unit = convert.unit();
    let reader = Reader { deps: deps.clone(), desk, convert, parse, announce: settings.announce };
    let mut import = Import { deps, caller, settings, tell, counts: Counts::default(), again: HashSet::new() };
    let ending = match unit {
        Unit::Line => import.lines(&reader, input).await,
        Unit::Document => import.document(reader, input).await,
    };
    let ending = ending.unwrap_or_else(Ending::Failed);
    let Counts { lines, created, unchanged, revised, refused } = import.counts;
    tracing::info!(
        import.lines = lines,
        import.created = created,
        import.unchanged = unchanged,
        import.revised = revised,
        import.refused = refused,
        "an import ended: {ending:?}"
    );
    (import.counts, ending)
}

struct Import<'a, T> {
    deps: &'a Deps,
    caller: &'a Caller,
    settings: Settings,
    tell: T,
    counts: Counts,
    /// Notices that were counted as made by the part of this import that was cut off.
    again: HashSet<NoticeId>,
}

/// A part of what comes in.
enum Part {
    /// Lines, and how many lines there were with them.
    Lines(Vec<Line>, u64),
    /// No more comes.
    BrokenOff(Refusal),
}

/// What is known of a part once it was read.
enum Read {
    Items(Vec<Item>, u64),
    BrokenOff(Refusal),
}

impl<T: AsyncFnMut(Event) -> bool> Import<'_, T> {
    async fn lines(
        &mut self,
        reader: &Reader,
        input: impl Stream<Item = std::result::Result<Bytes, Refusal>>,
    ) -> Result<Ending> {
        let (deps, caller) = (self.deps, self.caller);
        let intake =
            Intake { input: Box::pin(input), cutter: Cutter::default(), waiting: VecDeque::new(), ended: None };
        let parts = stream::unfold(intake, |mut intake| async move { Some((intake.part().await?, intake)) });
        let read = parts.map(|part| {
            let begun = match part {
                Part::BrokenOff(refusal) => Err(refusal),
                Part::Lines(lines, count) => {
                    // The catalogue may have been replaced since the part before.
                    let reader = Reader { desk: Desk::open(deps, caller), ..reader.clone() };
                    Ok((tokio::task::spawn_blocking(move || read_lines(&reader, &lines)), count))
                }
            };
            async move {
                match begun {
                    Err(refusal) => Ok::<_, Error>(Read::BrokenOff(refusal)),
                    Ok((reading, count)) => Ok(Read::Items(done(reading).await?, count)),
                }
            }
        });
        let mut read = std::pin::pin!(read.buffered(AHEAD));
        while let Some(part) = read.next().await {
            match part? {
                Read::BrokenOff(refusal) => return Ok(Ending::BrokenOff(refusal)),
                Read::Items(items, lines) => {
                    if !self.store(items, lines).await? {
                        return Ok(Ending::Unheard);
                    }
                }
            }
        }
        Ok(Ending::Whole)
    }

    async fn document(
        &mut self,
        reader: Reader,
        input: impl Stream<Item = std::result::Result<Bytes, Refusal>>,
    ) -> Result<Ending> {
        let mut input = std::pin::pin!(input);
        let mut text = Vec::new();
        while let Some(bytes) = input.next().await {
            match bytes {
                Ok(bytes) if text.len() + bytes.len() <= MAX_DOCUMENT_BYTES => text.extend_from_slice(&bytes),
                Ok(_) => return Ok(Ending::BrokenOff(Refusal::BodyTooLarge)),
                Err(refusal) => return Ok(Ending::BrokenOff(refusal)),
            }
        }
        let opened = move || reader.document(&text).map(|bodies| (reader, bodies));
        let (mut reader, mut bodies) = done(tokio::task::spawn_blocking(opened)).await?;
        let mut before = 0;
        loop {
            let some = move || {
                let mut items = Vec::new();
                for (number, converted) in (before + 1..).zip(bodies.by_ref().take(AT_ONCE)) {
                    items.push(Item { item: Some(number), ..reader.item(1, converted)? });
                }
                Ok((reader, bodies, items))
            };
            let items;
            (reader, bodies, items) = done(tokio::task::spawn_blocking(some)).await?;
            let ended = items.len() < AT_ONCE;
            before += u64::try_from(items.len()).unwrap_or(u64::MAX);
            if !self.store(items, u64::from(ended)).await? {
                return Ok(Ending::Unheard);
            }
            if ended {
                return Ok(Ending::Whole);
            }
        }
    }

    /// Stores what a part held and tells of it; `false` when nobody listens.
    async fn store(&mut self, mut items: Vec<Item>, lines: u64) -> Result<bool> {
        while !items.is_empty() {
            let rest = items.split_off(items.len().min(AT_ONCE));
            let (prepared, places): (Vec<_>, Vec<_>) = items
                .into_iter()
                .map(|Item { line, item, source_id, prepared }| (prepared, (line, item, source_id)))
                .unzip();
            let how = Bulk { existing: self.settings.existing, lane: Some(Lane::Bulk) };
            let outcomes = if self.settings.dry_run {
                foresee(self.deps, self.caller, &prepared, how).await?
            } else {
                let call = Call { caller: self.caller.publisher.to_string(), key: None, digest: [0; 32] };
                publish_all(self.deps, self.caller, &call, &prepared, how).await?
            };
            let again = self.made_before(&outcomes).await?;
            for ((line, item, source_id), outcome) in places.into_iter().zip(outcomes) {
                *self.counts.of(counted_as(&outcome, &again)) += 1;
                if let Outcome::Refused(refused) = outcome
                    && !(self.tell)(Event::Refused { line, item, source_id, refused }).await
                {
                    return Ok(false);
                }
            }
            items = rest;
        }
        self.counts.lines += lines;
        let position = order::position(self.deps.db.reader()).await?;
        Ok((self.tell)(Event::Progress { counts: self.counts, position }).await)
    }

    /// The notices among these that the part of this import made which nobody heard of, and in which revision they stand.
    async fn made_before(&mut self, outcomes: &[Outcome]) -> Result<HashMap<NoticeId, i64>> {
        let Some(after) = self.settings.after else { return Ok(HashMap::new()) };
        let known = outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Published(published) if !published.changed => Some(published.id),
            _ => None,
        });
        let mut made = HashMap::new();
        for notice in bulk::by_ids(self.deps.db.reader(), &known.collect::<Vec<_>>()).await? {
            if notice.position > after && self.again.insert(notice.id) {
                made.insert(notice.id, notice.revision);
            }
        }
        Ok(made)
    }
}

impl Counts {
    fn of(&mut self, status: HandedIn) -> &mut u64 {
        match status {
            HandedIn::Created => &mut self.created,
            HandedIn::Unchanged => &mut self.unchanged,
            HandedIn::Revised => &mut self.revised,
            HandedIn::Refused => &mut self.refused,
        }
    }
}

/// What an outcome is counted as: what was made by the part that nobody heard of counts as made.
fn counted_as(outcome: &Outcome, again: &HashMap<NoticeId, i64>) -> HandedIn {
    match outcome {
        Outcome::Published(published) if !published.changed => match again.get(&published.id) {
            Some(1) => HandedIn::Created,
            Some(_) => HandedIn::Revised,
            None => HandedIn::Unchanged,
        },
        other => other.status(),
    }
}

fn read_lines(reader: &Reader, lines: &[Line]) -> Result<Vec<Item>> {
    let mut items = Vec::with_capacity(lines.len());
    for line in lines {
        items.extend(reader.line(line)?);
    }
    Ok(items)
}

async fn done<T>(work: JoinHandle<Result<T>>) -> Result<T> {
    work.await.map_err(|error| Error::broken(error.to_string()))?
}

/// Takes in bytes and gives out parts.
struct Intake<S> {
    input: std::pin::Pin<Box<S>>,
    cutter: Cutter,
    waiting: VecDeque<Line>,
    /// Whether the input has ended, and with what.
    ended: Option<std::result::Result<(), Refusal>>,
}

impl<S: Stream<Item = std::result::Result<Bytes, Refusal>>> Intake<S> {
    /// The next part; nothing after the last.
    async fn part(&mut self) -> Option<Part> {
        while self.ended.is_none() && !self.is_full() {
            let next = self.input.next();
            let next = match self.waiting.is_empty() {
                true => next.await,
                // Whoever waits for answers before sending more shall not wait for ever.
                false => match tokio::time::timeout(LINGER, next).await {
                    Ok(next) => next,
                    Err(_) => break,
                },
            };
            match next {
                Some(Ok(bytes)) => self.waiting.extend(self.cutter.feed(&bytes)),
                Some(Err(refusal)) => self.ended = Some(Err(refusal)),
                None => {
                    self.waiting.extend(self.cutter.finish());
                    self.ended = Some(Ok(()));
                }
            }
        }
        if self.waiting.is_empty() {
            // Said once; after it there is nothing.
            return match self.ended.replace(Ok(())) {
                Some(Err(refusal)) => Some(Part::BrokenOff(refusal)),
                _ => None,
            };
        }
        let (mut lines, mut bytes) = (Vec::new(), 0);
        while lines.len() < AT_ONCE && bytes < PART_BYTES {
            let Some(line) = self.waiting.pop_front() else { break };
            bytes += line.text.as_ref().map_or(0, Vec::len);
            lines.push(line);
        }
        let count = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        Some(Part::Lines(lines, count))
    }

    fn is_full(&self) -> bool {
        let bytes = || self.waiting.iter().map(|line| line.text.as_ref().map_or(0, Vec::len)).sum::<usize>();
        self.waiting.len() >= AT_ONCE || bytes() >= PART_BYTES
    }
}
