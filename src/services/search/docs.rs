//! Which document each slot belongs to, and the newest of a set.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use roaring::RoaringBitmap;

use crate::storage::search::slots::Slot;

/// Belongs to a slot that no document has any more.
const NOBODY: i64 = i64::MIN;
/// Slots that are looked at or passed over together.
const PART: usize = 512;

/// The documents that are known.
#[derive(Debug, Clone, Default)]
pub(super) struct Docs {
    /// Which change of notices they were read after.
    pub version: Option<i64>,
    /// The document's number of each slot from 1 on.
    doc_of: Vec<i64>,
    /// The parts: the greatest number, the least one, and which part it is; the greatest first.
    parts: Vec<(i64, i64, usize)>,
}

impl Docs {
    /// All slots up to this one are known.
    pub fn good(&self) -> i64 {
        i64::try_from(self.doc_of.len()).unwrap_or(i64::MAX)
    }

    /// Adds the next slots, in their order.
    pub fn add(&mut self, slots: &[Slot]) {
        if slots.is_empty() {
            return;
        }
        let again: HashSet<i64> = slots.iter().filter(|slot| slot.revision > 1).map(|slot| slot.doc).collect();
        if !again.is_empty() {
            for doc in &mut self.doc_of {
                if again.contains(doc) {
                    *doc = NOBODY;
                }
            }
        }
        for Slot { slot, doc, .. } in slots {
            let place = usize::try_from(slot - 1).unwrap_or(0);
            if place >= self.doc_of.len() {
                self.doc_of.resize(place, NOBODY);
                self.doc_of.push(*doc);
            }
        }
        let bounds = |(number, docs): (usize, &[i64])| {
            let docs = || docs.iter().copied().filter(|doc| *doc != NOBODY);
            docs().max().zip(docs().min()).map(|(most, least)| (most, least, number))
        };
        self.parts = self.doc_of.chunks(PART).enumerate().filter_map(bounds).collect();
        self.parts.sort_unstable_by_key(|part| Reverse(*part));
    }

    /// The documents of a set whose numbers lie between these, the newest first; so many at most.
    pub fn newest(&self, set: &RoaringBitmap, (from, below): (i64, i64), count: usize) -> Vec<i64> {
        let mut newest: BinaryHeap<Reverse<i64>> = BinaryHeap::with_capacity(count + 1);
        for (most, least, part) in &self.parts {
            let is_full = newest.len() >= count && newest.peek().is_none_or(|Reverse(doc)| doc > most);
            if is_full || *most < from {
                break;
            }
            if *least >= below {
                continue;
            }
            let begins = part * PART;
            let slot = |place: usize| u32::try_from(place + 1).unwrap_or(u32::MAX);
            for slot in set.range(slot(begins)..slot(begins + PART)) {
                let place = usize::try_from(slot).unwrap_or(0).wrapping_sub(1);
                let Some(doc) = self.doc_of.get(place).copied().filter(|doc| *doc != NOBODY) else { continue };
                if doc >= from && doc < below {
                    newest.push(Reverse(doc));
                    if newest.len() > count {
                        newest.pop();
                    }
                }
            }
        }
        newest.into_sorted_vec().into_iter().map(|Reverse(doc)| doc).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_newest_of_a_set_are_those_that_a_scan_finds(
            order in Just((0..1_500_i64).collect::<Vec<_>>()).prop_shuffle(),
            revised in proptest::collection::vec(0..1_400_i64, 0..40),
            members in proptest::collection::btree_set(1u32..1_540, 0..900),
            (from, below) in (-1i64..1_600, -1i64..1_600), count in 0usize..120, cut in 1usize..1_500
        ) {
            let mut slots: Vec<Slot> =
                (1..).zip(&order).map(|(slot, doc)| Slot { slot, doc: *doc, revision: 1 }).collect();
            for (slot, doc) in (1_501..).zip(&revised) {
                slots.push(Slot { slot, doc: *doc, revision: 2 });
            }
            let mut docs = Docs::default();
            docs.add(&slots[..cut]);
            docs.add(&slots[cut..1_500]);
            for slot in &slots[1_500..] {
                docs.add(std::slice::from_ref(slot));
            }
            let set: RoaringBitmap = members.iter().copied().collect();
            let mut wanted: Vec<i64> = slots
                .iter()
                .filter(|slot| members.contains(&u32::try_from(slot.slot).expect("small")))
                .filter(|slot| slots.iter().rfind(|other| other.doc == slot.doc).expect("itself").slot == slot.slot)
                .map(|slot| slot.doc)
                .filter(|doc| *doc >= from && *doc < below)
                .collect();
            wanted.sort_by_key(|doc| Reverse(*doc));
            wanted.truncate(count);
            prop_assert_eq!(docs.newest(&set, (from, below), count), wanted);
        }
    }
}
