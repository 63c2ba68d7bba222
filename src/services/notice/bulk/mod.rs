//! Publishing many notices in one transaction.
//!
//! Promise: the record holds what it would hold had the same notices been handed in one after the other, each in its
//! turn, and each is answered as it would have been. One that is refused hinders none beside it. The cost of a notice
//! does not depend on how many come together; what is asked of the record is asked for all of them at once.
//!
//! How: notices that the record does not know yet are gathered in a *run*, which is resolved against the record and
//! against itself and written in a few statements. A notice whose natural key is known, and not settled by what was read
//! of it beforehand, ends the run and goes the way of a single one, in the same transaction.

mod amends;
mod outcome;
mod run;

use std::collections::{HashMap, HashSet};

pub use outcome::{Broken, Outcome, Refused};
use run::Run;

use super::draft::{Desk, Draft, Ready};
use super::publish::{Published, store, untold};
use super::put::put_in;
use super::revise::{Difference, difference};
use crate::domain::fanout::{Announce, Lane};
use crate::domain::id::NoticeId;
use crate::domain::notice::{Existing, NoticeState};
use crate::services::Deps;
use crate::services::idempotency::{Call, once};
use crate::services::publisher::Caller;
use crate::services::refusal::{Error, Fault, Result};
use crate::storage::notice::{Notice, bulk};
use crate::storage::{DbError, Tx, order};

/// How they are published.
#[derive(Debug, Clone, Copy)]
pub struct Bulk {
    /// What is done with what is known.
    pub existing: Existing,
    /// How soon they are announced; each as its type says when this is nothing.
    pub lane: Option<Lane>,
}

/// A draft that may be stored, or why it may not.
#[derive(Debug)]
pub struct Prepared(std::result::Result<Box<Ready>, Refused>);

impl Prepared {
    /// Checks a draft and makes it ready; takes its time, so not on a thread that others wait for.
    pub fn of(desk: &Desk, draft: Draft) -> Result<Self> {
        match desk.ready(draft, "") {
            Ok(ready) => Ok(Self(Ok(Box::new(ready)))),
            Err(error) => Self::refused(error),
        }
    }

    /// What could not be read as a draft.
    pub fn refused(error: Error) -> Result<Self> {
        Refused::of(error).map(|refused| Self(Err(refused)))
    }

    /// Its natural key, when it could be read.
    pub fn key(&self) -> Option<(&str, &str)> {
        self.0.as_ref().ok().map(|ready| (ready.source.as_str(), ready.source_id.as_str()))
    }
}

/// Publishes all of these; an outcome for each, in their order. Once for a call, as a single notice is.
pub async fn publish_all(
    deps: &Deps,
    caller: &Caller,
    call: &Call,
    items: &[Prepared],
    how: Bulk,
) -> Result<Vec<Outcome>> {
    let attempt = async |alone: bool| {
        once(deps, call, async |tx| {
            if alone {
                order::hold(tx).await?;
            }
            store_all(deps, tx, caller, items, how).await
        })
        .await
    };
    let outcomes = match attempt(false).await {
        // Others published the same meanwhile, or stood in the way; now nobody does.
        Err(Error::Fault(Fault::Db(DbError::Conflict(name)))) if name.contains("notices") => attempt(true).await,
        Err(Error::Fault(fault)) if fault.is_passing() => attempt(true).await,
        other => other,
    }?;
    deps.notice_changed();
    Ok(outcomes)
}

/// What [`publish_all`] would come to, as far as can be said without doing it: whatever depends on a notice that is
/// only in these very items is not foreseen. Changes nothing.
pub async fn foresee(deps: &Deps, caller: &Caller, items: &[Prepared], how: Bulk) -> Result<Vec<Outcome>> {
    // Asked in a transaction that is never committed, because that is how these questions are asked.
    let tx = deps.db.begin().await?;
    let known = Known::read(&tx, items, how.existing).await?;
    let mut outcomes = Vec::with_capacity(items.len());
    for (place, Prepared(item)) in items.iter().enumerate() {
        outcomes.push(match item {
            Err(refused) => Outcome::Refused(refused.clone()),
            Ok(ready) => match (known.settled(place, ready, caller), known.notices.get(&place)) {
                (Some(outcome), _) => outcome,
                (None, Some(known)) => {
                    let told = known.content_hash == ready.hash || how.existing == Existing::Revise;
                    let taken = || Refused::of(ready.source_id_taken(caller, known));
                    let seen = Published::of(known, false, Announce::None);
                    if told { Outcome::Published(seen) } else { Outcome::Refused(taken()?) }
                }
                (None, None) => Outcome::Published(run::foreseen(deps, ready)),
            },
        });
    }
    Ok(outcomes)
}

pub(super) async fn store_all(
    deps: &Deps,
    tx: &Tx,
    caller: &Caller,
    items: &[Prepared],
    how: Bulk,
) -> Result<Vec<Outcome>> {
    let known = Known::read(tx, items, how.existing).await?;
    let mut outcomes: HashMap<usize, Outcome> = HashMap::with_capacity(items.len());
    let mut seen = HashSet::new();
    let mut run = Run::default();
    for (place, Prepared(item)) in items.iter().enumerate() {
        let ready = match item {
            Ok(ready) => ready,
            Err(refused) => {
                outcomes.insert(place, Outcome::Refused(refused.clone()));
                continue;
            }
        };
        let first = seen.insert((ready.source.as_str(), ready.source_id.as_str()));
        if let Some(outcome) = known.settled(place, ready, caller).filter(|_| first) {
            outcomes.insert(place, outcome);
        } else if first && !known.notices.contains_key(&place) {
            run.add(place, ready);
        } else {
            std::mem::take(&mut run).store(deps, tx, caller, how.lane, &mut outcomes).await?;
            let answer = match how.existing {
                Existing::Refuse => store(deps, tx, caller, ready, NoticeId::new()).await,
                Existing::Revise => put_in(deps, tx, caller, ready, NoticeId::new()).await,
            };
            outcomes.insert(place, Outcome::of(answer)?);
        }
    }
    run.store(deps, tx, caller, how.lane, &mut outcomes).await?;
    let in_order = (0..items.len()).map(|place| outcomes.remove(&place));
    in_order.map(|outcome| outcome.ok_or_else(|| Error::broken("an item without an outcome"))).collect()
}

/// What the record knew of items before any of them was stored.
struct Known {
    /// The notice that has an item's natural key, by the item's place.
    notices: HashMap<usize, Notice>,
    /// How far those were announced.
    told: HashMap<usize, Announce>,
    /// The items that say what stands, to the letter where letters count.
    same: HashSet<usize>,
}

impl Known {
    /// Reads it, and holds the rows that will be written: rows are always held before the order of commits is.
    async fn read(tx: &Tx, items: &[Prepared], existing: Existing) -> Result<Self> {
        let ready = |place: usize| items.get(place).and_then(|item| item.0.as_deref().ok());
        let all = || (0..items.len()).filter_map(|place| Some((place, ready(place)?)));
        // How far they were told before how they stand: then who stands was seen by whoever told of it. What is to be
        // announced nowhere needs no asking.
        let told = bulk::announced(tx, keys(all().filter(|(_, ready)| ready.announce != Announce::None))?).await?;
        let mut known = Self { notices: HashMap::new(), told: HashMap::new(), same: HashSet::new() };
        for row in told {
            let announce = row.announce.parse().unwrap_or(Announce::None);
            let widest = known.told.entry(place(row.asked)?).or_insert(Announce::None);
            *widest = announce.max(*widest);
        }
        for found in bulk::by_sources(tx, keys(all())?).await? {
            known.notices.insert(place(found.n)?, found.notice);
        }
        let both = || all().filter_map(|(place, ready)| Some((place, ready, known.notices.get(&place)?)));
        let says_it = |(_, ready, notice): &(usize, &Ready, &Notice)| {
            notice.content_hash == ready.hash && notice.state() == NoticeState::Published
        };
        let mut same: HashSet<usize> = both().filter(says_it).map(|(place, ..)| place).collect();
        if existing == Existing::Revise {
            // Here letters count, too: a link that was corrected is a revision.
            let editions = bulk::newest(tx, &both().map(|(_, _, notice)| notice.id).collect::<Vec<_>>()).await?;
            let editions: HashMap<NoticeId, _> = editions.into_iter().map(|row| (row.notice_id, row)).collect();
            for (place, ready, notice) in both() {
                let edition = editions.get(&notice.id).map(|edition| difference(edition, ready)).transpose()?;
                if edition != Some(Difference::None) {
                    same.remove(&place);
                }
            }
        }
        let written = both().filter(|(place, ready, _)| {
            known.is_untold(*place, ready) || (existing == Existing::Revise && !same.contains(place))
        });
        bulk::hold(tx, &written.map(|(_, _, notice)| notice.id).collect::<Vec<_>>()).await?;
        Ok(Self { same, ..known })
    }

    fn is_untold(&self, place: usize, ready: &Ready) -> bool {
        untold(ready.announce, self.told.get(&place).copied().unwrap_or(Announce::None)) != Announce::None
    }

    /// What an item comes to that changes nothing; nothing when more must be asked or written.
    fn settled(&self, place: usize, ready: &Ready, caller: &Caller) -> Option<Outcome> {
        let known = self.notices.get(&place)?;
        if known.publisher_id != caller.publisher {
            return Refused::of(ready.source_id_taken(caller, known)).ok().map(Outcome::Refused);
        }
        let stays = self.same.contains(&place) && !self.is_untold(place, ready);
        stays.then(|| Outcome::Published(Published::unchanged(known)))
    }
}

fn keys<'a>(items: impl Iterator<Item = (usize, &'a Ready)>) -> Result<bulk::Asked> {
    let mut asked = bulk::Asked::default();
    for (place, ready) in items {
        asked.n.push(number(place)?);
        asked.key.push(ready.source.clone());
        asked.id.push(ready.source_id.clone());
    }
    Ok(asked)
}

fn number(place: usize) -> Result<i64> {
    i64::try_from(place).map_err(|error| Error::broken(error.to_string()))
}

fn place(number: i64) -> Result<usize> {
    usize::try_from(number).map_err(|error| Error::broken(error.to_string()))
}
