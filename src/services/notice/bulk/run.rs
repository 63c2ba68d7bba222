//! A run: new notices that are written together.

use std::collections::HashMap;

use super::amends::{Amends, Candidates, Earlier, within};
use super::number;
use super::outcome::{Outcome, Refused};
use crate::domain::fanout::{Announce, EditionKind, Lane};
use crate::domain::id::NoticeId;
use crate::domain::notice::NoticeState;
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::notice::Published;
use crate::services::notice::announce::{fan_out, know, told_elsewhere};
use crate::services::notice::draft::{Placed, Ready};
use crate::services::notice::publish::{announced, untold};
use crate::services::publisher::Caller;
use crate::services::refusal::{Error, Result};
use crate::storage::notice::bulk;
use crate::storage::notice::revision::Revision;
use crate::storage::{Tx, fanout, order, search};

/// New notices and their places among all that were handed in. No two have the same natural key, and the record has none
/// of theirs.
#[derive(Debug, Default)]
pub(super) struct Run<'a>(Vec<(usize, &'a Ready)>);

/// One of a run that was accepted.
struct Accepted<'a> {
    place: usize,
    ready: &'a Ready,
    id: NoticeId,
    published_at: Timestamp,
    amends: Option<NoticeId>,
}

/// What is known of a content while a run is resolved.
#[derive(Debug, Clone, Copy)]
struct Said {
    /// The first notice that says it.
    first: NoticeId,
    /// How far it was announced.
    told: Announce,
}

impl<'a> Run<'a> {
    /// Adds one.
    pub fn add(&mut self, place: usize, ready: &'a Ready) {
        self.0.push((place, ready));
    }

    /// Stores all of it and says what became of each.
    pub async fn store(
        self,
        deps: &Deps,
        tx: &Tx,
        caller: &Caller,
        lane: Option<Lane>,
        outcomes: &mut HashMap<usize, Outcome>,
    ) -> Result<()> {
        let now = deps.clock.now();
        let said_at = |ready: &Ready| ready.published_at.unwrap_or(now);
        let mut left: Vec<_> = self.0.into_iter().map(|(place, ready)| (place, ready, said_at(ready))).collect();
        while !left.is_empty() {
            let accepted = accept(tx, caller, &mut left, outcomes).await?;
            write(tx, caller, (&accepted, lane, now), outcomes).await?;
        }
        Ok(())
    }
}

/// Stores what was accepted.
async fn write(
    tx: &Tx,
    caller: &Caller,
    (accepted, lane, now): (&[Accepted<'_>], Option<Lane>, Timestamp),
    outcomes: &mut HashMap<usize, Outcome>,
) -> Result<()> {
    if accepted.is_empty() {
        return Ok(());
    }
    know(tx, accepted.iter().map(|one| one.ready)).await?;
    // From here on every other publication waits for this commit: so it sees these, and these saw the one before.
    let first = order::take_positions(tx, number(accepted.len())?).await?;
    let mut said = stored_contents(tx, accepted).await?;
    let (mut new, mut fan_outs) = (Vec::with_capacity(accepted.len()), Vec::new());
    let mut documents = Vec::with_capacity(accepted.len());
    for (n, one) in accepted.iter().enumerate() {
        let Accepted { ready, id, published_at, amends, .. } = *one;
        let before = said.get(&ready.hash).copied();
        let announce = untold(ready.announce, before.map_or(Announce::None, |said| said.told));
        let (duplicate_of, position) = (before.map(|said| said.first), first + number(n)?);
        let told = before.map_or(announce, |said| said.told.max(announce));
        said.insert(ready.hash, Said { first: duplicate_of.unwrap_or(id), told });
        let publisher = caller.publisher;
        let placed =
            Placed { id, publisher, revision: 1, position, amends, duplicate_of, published_at, received_at: now, now };
        let notice = ready.notice(&placed);
        let kind = EditionKind::Notice.as_str().to_owned();
        let edition = Revision { kind, ..ready.edition(&placed, announce)? };
        let opened = fan_out(ready, &placed, EditionKind::Notice, announce, published_at)?;
        fan_outs.extend(opened.map(|new| fanout::NewFanOut { lane: lane.unwrap_or(new.lane), ..new }));
        outcomes.insert(one.place, Outcome::Published(Published::of(&notice, true, announce)));
        documents.push(ready.document(&notice));
        new.push(bulk::New { notice, edition, sections: ready.content.section_keys() });
    }
    bulk::insert(tx, &new).await?;
    search::index_many(tx, &documents).await?;
    Ok(fanout::open_all(tx, &fan_outs).await?)
}

/// Takes from the front what can be written together, in order: up to what amends one of those before it. Refuses what
/// amends what is not there.
async fn accept<'a>(
    tx: &Tx,
    caller: &Caller,
    left: &mut Vec<(usize, &'a Ready, Timestamp)>,
    outcomes: &mut HashMap<usize, Outcome>,
) -> Result<Vec<Accepted<'a>>> {
    let candidates = Candidates::read(tx, caller, left).await?;
    let (mut accepted, mut earlier) = (Vec::with_capacity(left.len()), Earlier::default());
    let mut taken = 0;
    for &(place, ready, published_at) in left.iter() {
        let id = NoticeId::new();
        let amends = match candidates.choose(caller, (place, ready, published_at), &earlier) {
            Ok(Amends::Nothing) => None,
            Ok(Amends::Stored(found)) => Some(announced(tx, found.clone(), id, |other| within(caller, other)).await?),
            Ok(Amends::Earlier) => break,
            Err(error) => {
                outcomes.insert(place, Outcome::Refused(Refused::of(error)?));
                taken += 1;
                continue;
            }
        };
        taken += 1;
        earlier.add(ready, published_at);
        accepted.push(Accepted { place, ready, id, published_at, amends });
    }
    left.drain(..taken);
    Ok(accepted)
}

/// What the record has of these contents. To be asked once the positions are taken.
async fn stored_contents(tx: &Tx, accepted: &[Accepted<'_>]) -> Result<HashMap<[u8; 32], Said>> {
    let mut asked: HashMap<[u8; 32], usize> = HashMap::new();
    for (n, one) in accepted.iter().enumerate() {
        asked.entry(one.ready.hash).or_insert(n);
    }
    let numbers = asked.values().map(|n| number(*n)).collect::<Result<Vec<_>>>()?;
    let hashes = asked.keys().map(|hash| hash.to_vec()).collect();
    let mut said = HashMap::new();
    for found in bulk::by_contents(tx, numbers, hashes).await? {
        let one = accepted.get(super::place(found.n)?).ok_or_else(|| Error::broken("an answer to nobody"))?;
        let first = found.notice.duplicate_of.unwrap_or(found.notice.id);
        // Whether people were told of it matters only to what shall be told, and is asked for what has a twin: few.
        let announced =
            accepted.iter().any(|other| other.ready.hash == one.ready.hash && other.ready.announce != Announce::None);
        let told = if announced { told_elsewhere(tx, one.ready, one.id).await? } else { Announce::None };
        said.insert(one.ready.hash, Said { first, told });
    }
    Ok(said)
}

/// What storing it would come to if nothing else of its content and project were there.
pub(super) fn foreseen(deps: &Deps, ready: &Ready) -> Published {
    Published {
        id: NoticeId::new(),
        revision: 1,
        created: true,
        changed: true,
        amends: None,
        duplicate_of: None,
        state: NoticeState::Published,
        announce: ready.announce,
        published_at: ready.published_at.unwrap_or(deps.clock.now()),
    }
}
