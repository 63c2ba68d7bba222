//! Sets of slots, and what a stream is made of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::plan::Stream;
use super::tokens::Token;

/// The slots that have each of some tokens; one that is not here has none.
pub type Sets = HashMap<Token, Arc<RoaringBitmap>>;

/// The slots that have all of these tokens: all that there are for none.
pub fn every(tokens: &BTreeSet<Token>, sets: &Sets) -> Option<RoaringBitmap> {
    let mut asked = tokens.iter().map(|token| sets.get(token)).collect::<Option<Vec<_>>>()?;
    // The smallest first: nothing is larger than it from then on.
    asked.sort_by_key(|set| set.len());
    let (first, rest) = asked.split_first()?;
    let mut found = RoaringBitmap::clone(first);
    for set in rest {
        if found.is_empty() {
            break;
        }
        found &= set.as_ref();
    }
    Some(found)
}

impl Stream {
    /// Its slots.
    pub fn slots(&self, sets: &Sets) -> RoaringBitmap {
        let mut found = every(&self.needed, sets).unwrap_or_default();
        if !self.alternatives.is_empty() && !found.is_empty() {
            let mut any = RoaringBitmap::new();
            for tokens in &self.alternatives {
                any |= every(tokens, sets).unwrap_or_default();
            }
            found &= any;
        }
        for tokens in &self.excluded {
            if found.is_empty() {
                break;
            }
            found -= every(tokens, sets).unwrap_or_default();
        }
        found
    }
}
