//! What this copy keeps of the index, so that most searches are answered without it.
//!
//! Promise: a search sees what was published through this copy, and through another one within a quarter of a second, as
//! kept answers do (`services::answers`). The sets of the tokens that were asked lately are kept within a bound of bytes,
//! each with the slot up to which it is good; what lies behind that is read when it is asked for again. Beside them each
//! slot's document is kept, eight bytes for each edition that was ever indexed. The order in which things are read is what
//! makes it whole: first which slots there are, then what they have, so a set that is called good up to a slot is.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use moka::future::Cache;
use roaring::RoaringBitmap;

use super::docs::Docs;
use crate::domain::search::{Sets, Token};
use crate::services::Deps;
use crate::services::refusal::{Error, Result};
use crate::storage::DbError;
use crate::storage::search::segments::{self, Asked};
use crate::storage::search::slots;

/// What a set takes besides its slots, in bytes; measured roughly, for the bound only.
const OVERHEAD: usize = 160;
/// Sets that are read at a time.
const AT_ONCE: usize = 4;
/// Slots that are read at a time.
const SLOTS: i64 = 8_192;

/// A set, and up to which slot it is good.
#[derive(Debug, Clone)]
struct Kept {
    set: Arc<RoaringBitmap>,
    good: i64,
}

/// What this copy keeps of the index.
pub struct Index {
    sets: Cache<Token, Kept>,
    docs: Mutex<Arc<Docs>>,
    /// Held by whoever reads what is new.
    reading: tokio::sync::Mutex<()>,
    /// Held by whoever reads sets: however many ask, a few blocks at a time are in memory.
    filling: tokio::sync::Mutex<()>,
}

impl Index {
    /// Keeps sets in so many bytes at most.
    pub fn new(bytes: u64) -> Self {
        let weight = |_: &Token, kept: &Kept| {
            let bytes = kept.set.serialized_size() + OVERHEAD;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let sets = Cache::builder().max_capacity(bytes).weigher(weight).build();
        Self {
            sets,
            docs: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            filling: tokio::sync::Mutex::default(),
        }
    }

    fn known(&self) -> Arc<Docs> {
        Arc::clone(&self.docs.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Which documents there are.
    pub(super) async fn docs(&self, deps: &Deps) -> Result<Arc<Docs>> {
        let version = deps.answers.version(deps).await?;
        let known = self.known();
        if known.version == Some(version) {
            return Ok(known);
        }
        let _reading = self.reading.lock().await;
        let known = self.known();
        // Somebody else may have read it meanwhile.
        if known.version == Some(version) {
            return Ok(known);
        }
        let mut docs = Docs::clone(&known);
        drop(known);
        loop {
            let some = slots::after(deps.db.reader(), docs.good(), SLOTS).await?;
            let is_all = i64::try_from(some.len()).unwrap_or(0) < SLOTS;
            docs.add(&some);
            if is_all {
                break;
            }
        }
        docs.version = Some(version);
        let docs = Arc::new(docs);
        *self.docs.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&docs);
        Ok(docs)
    }

    /// The slots that have each of these tokens, of those that are known at least.
    pub(super) async fn sets(&self, deps: &Deps, docs: &Docs, tokens: impl Iterator<Item = Token>) -> Result<Sets> {
        let (mut sets, mut missing) = (Sets::new(), Vec::new());
        for token in tokens.collect::<BTreeSet<_>>() {
            match self.sets.get(&token).await {
                Some(kept) if kept.good >= docs.good() => drop(sets.insert(token, kept.set)),
                _ => missing.push(token),
            }
        }
        if missing.is_empty() {
            return Ok(sets);
        }
        let _turn = self.filling.lock().await;
        for some in missing.chunks(AT_ONCE) {
            self.fill(deps, docs, some, &mut sets).await?;
        }
        Ok(sets)
    }

    /// Reads a few sets, but for those that somebody has read meanwhile.
    async fn fill(&self, deps: &Deps, docs: &Docs, tokens: &[Token], sets: &mut Sets) -> Result<()> {
        let mut missing = Vec::with_capacity(tokens.len());
        for token in tokens {
            match self.sets.get(token).await {
                Some(kept) if kept.good >= docs.good() => drop(sets.insert(*token, kept.set)),
                kept => missing.push((*token, kept)),
            }
        }
        let asked = |(token, kept): &(Token, Option<Kept>)| Asked {
            range: token.range(),
            known: kept.as_ref().map_or(0, |kept| kept.good),
        };
        let asked: Vec<Asked> = missing.iter().map(asked).collect();
        let mut found = read(deps, &asked).await?;
        for (place, (token, kept)) in (0..).zip(missing) {
            let new = found.remove(&place);
            let set = match (kept, new) {
                (Some(kept), None) => kept.set,
                (Some(kept), Some(new)) => Arc::new(kept.set.as_ref() | new),
                (None, new) => Arc::new(new.unwrap_or_default()),
            };
            self.sets.insert(token, Kept { set: Arc::clone(&set), good: docs.good() }).await;
            sets.insert(token, set);
        }
        Ok(())
    }
}

/// The slots of what is asked, by its place.
async fn read(deps: &Deps, asked: &[Asked]) -> Result<HashMap<i64, RoaringBitmap>> {
    let mut answers = segments::find(deps.db.reader(), asked).await?;
    answers.sort_unstable_by_key(|answer| answer.first_slot);
    let (mut found, mut slots) = (HashMap::<i64, RoaringBitmap>::new(), Vec::new());
    for answer in answers {
        let range = usize::try_from(answer.asked).ok().and_then(|place| asked.get(place)).map(|asked| asked.range);
        let range = range.ok_or_else(|| Error::broken("an answer to nobody"))?;
        let first = u32::try_from(answer.first_slot).map_err(|error| Error::broken(error.to_string()))?;
        slots.clear();
        answer.block.slots_of(range, |slot| slots.push(first.saturating_add(slot))).map_err(DbError::from)?;
        if !slots.is_empty() {
            found.entry(answer.asked).or_default().extend(slots.iter().copied());
        }
    }
    Ok(found)
}
