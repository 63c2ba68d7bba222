//! Storing what was read, and telling of it.
//!
//! Parts are read on threads of their own while the one before is stored, so many ahead; of a part that holds more notices
//! than are stored at once, one batch ahead.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::task::JoinHandle;

use super::intake::{Intake, Part};
use super::read::{Batch, Item, Reader, Reading};
use super::{Counts, Ending, Event, Place, Settings};
use crate::domain::fanout::Lane;
use crate::domain::id::NoticeId;
use crate::domain::notice::HandedIn;
use crate::services::Deps;
use crate::services::idempotency::Call;
use crate::services::notice::{Bulk, Desk, Outcome, Prepared, foresee, publish_all};
use crate::services::publisher::{Caller, by_key};
use crate::services::refusal::{Error, Refusal, Result};
use crate::storage::notice::bulk;
use crate::storage::order;

/// Notices of one transaction: every other publication waits for one at most.
const AT_ONCE: usize = 250;
/// Parts that are read while one is stored.
const AHEAD: usize = 2;
/// How long a database that is away is waited for, try by try: as long as a restart takes.
const WAIT_SECONDS: [u64; 5] = [1, 2, 4, 8, 15];

/// An import that is under way.
pub(super) struct Import<'a, T> {
    deps: &'a Deps,
    caller: &'a Caller,
    settings: Settings,
    tell: T,
    counts: Counts,
    /// Where the order of commits had come when progress was told last.
    position: i64,
    /// What was made behind this position and is known was made by this import, and nobody heard of it.
    since: Option<i64>,
    /// Notices that were counted as made for that.
    again: HashSet<NoticeId>,
}

impl<'a, T: AsyncFnMut(Event) -> bool> Import<'a, T> {
    /// One that has done nothing yet.
    pub fn new(deps: &'a Deps, caller: &'a Caller, settings: Settings, tell: T) -> Self {
        let since = settings.after.map(|place| place.position);
        Self { deps, caller, settings, tell, counts: Counts::default(), position: 0, since, again: HashSet::new() }
    }

    /// What it came to so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Imports what comes in, to its end.
    pub async fn run(
        &mut self,
        reader: Reader,
        input: impl Stream<Item = std::result::Result<Bytes, Refusal>>,
    ) -> Result<Ending> {
        let (deps, caller) = (self.deps, self.caller);
        self.position = order::position(deps.db.reader()).await?;
        let mut passed = self.settings.after.map_or(0, |place| place.within);
        let intake = Intake::new(input, reader.convert.unit(), AT_ONCE);
        let parts = stream::unfold(intake, |mut intake| async move { Some((intake.part().await?, intake)) });
        let read = parts.map(|part| {
            let begun = match part {
                Part::BrokenOff(refusal) => Err(refusal),
                Part::Pieces(pieces) => {
                    // The catalogue may have been replaced since the part before.
                    let reader = Reader { desk: Desk::open(deps, caller), ..reader.clone() };
                    Ok(begin(Reading::new(reader, pieces, std::mem::take(&mut passed))))
                }
            };
            async move {
                match begun {
                    Err(refusal) => Ok::<_, Error>(Err(refusal)),
                    Ok(reading) => done(reading).await.map(Ok),
                }
            }
        });
        let mut read = std::pin::pin!(read.buffered(AHEAD));
        while let Some(part) = read.next().await {
            match part? {
                Err(refusal) => return Ok(Ending::BrokenOff(refusal)),
                Ok(batch) => {
                    if !self.batches(batch).await? {
                        return Ok(Ending::Unheard);
                    }
                }
            }
        }
        Ok(Ending::Whole)
    }

    /// Stores a batch and what comes after it in its part; `false` when nobody listens.
    async fn batches(&mut self, first: Batch) -> Result<bool> {
        let mut next = Some(first);
        while let Some(Batch { items, pieces, within, rest }) = next {
            let reading = rest.map(begin);
            if !self.store(items, pieces, within).await? {
                return Ok(false);
            }
            next = match reading {
                Some(reading) => Some(done(reading).await?),
                None => None,
            };
        }
        Ok(true)
    }

    /// Stores what a batch holds and tells of it; `false` when nobody listens.
    async fn store(&mut self, items: Vec<Item>, pieces: u64, within: u64) -> Result<bool> {
        let (prepared, places): (Vec<_>, Vec<_>) = items
            .into_iter()
            .map(|Item { line, item, source_id, prepared }| (prepared, (line, item, source_id)))
            .unzip();
        let mut waits = WAIT_SECONDS.into_iter().map(Duration::from_secs);
        let outcomes = loop {
            match (self.attempt(&prepared).await, waits.next()) {
                (Err(Error::Fault(fault)), Some(wait)) if fault.is_passing() => {
                    tracing::warn!(error = %fault, "an import waits for the database");
                    // It may have been stored all the same.
                    self.since.get_or_insert(self.position);
                    tokio::time::sleep(wait).await;
                }
                (outcomes, _) => break outcomes?,
            }
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
        self.counts.lines += pieces;
        self.position = order::position(self.deps.db.reader()).await?;
        let place = Place { position: self.position, within };
        Ok((self.tell)(Event::Progress { counts: self.counts, place }).await)
    }

    async fn attempt(&self, prepared: &[Prepared]) -> Result<Vec<Outcome>> {
        // An import may go on for hours: a key that was ended meanwhile opens nothing any more.
        by_key(self.deps, self.caller.key).await?;
        if prepared.is_empty() {
            return Ok(Vec::new());
        }
        let how = Bulk { existing: self.settings.existing, lane: Some(Lane::Bulk) };
        if self.settings.dry_run {
            return foresee(self.deps, self.caller, prepared, how).await;
        }
        let call = Call { caller: self.caller.publisher.to_string(), key: None, digest: [0; 32] };
        publish_all(self.deps, self.caller, &call, prepared, how).await
    }

    /// The notices among these that the part of this import made which nobody heard of, and in which revision they stand.
    async fn made_before(&mut self, outcomes: &[Outcome]) -> Result<HashMap<NoticeId, i64>> {
        let Some(since) = self.since else { return Ok(HashMap::new()) };
        let known = outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Published(published) if !published.changed => Some(published.id),
            _ => None,
        });
        let mut made = HashMap::new();
        for notice in bulk::by_ids(self.deps.db.reader(), &known.collect::<Vec<_>>()).await? {
            if notice.position > since && self.again.insert(notice.id) {
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

fn begin(reading: Reading) -> JoinHandle<Result<Batch>> {
    tokio::task::spawn_blocking(move || reading.batch(AT_ONCE))
}

async fn done<T>(work: JoinHandle<Result<T>>) -> Result<T> {
    work.await.map_err(|error| Error::broken(error.to_string()))?
}
