//! Every word that a subscription names, in one automaton: a single pass over a notice finds them all.
//!
//! Promise: every overlapping hit is found (with leftmost-longest 市政工程 would hide 市政). Not promised: that it knows
//! words interned after it was loaded; whoever plans a position loads anew when the version has moved.

use std::collections::BTreeSet;
use std::sync::Arc;

use daachorse::{CharwiseDoubleArrayAhoCorasick, CharwiseDoubleArrayAhoCorasickBuilder, MatchKind};

use super::Engine;
use crate::services::refusal::{Error, Result};
use crate::storage::{Db, words as term};

/// The words of all subscriptions, at one version.
#[derive(Default)]
pub struct Words {
    version: i64,
    automaton: Option<CharwiseDoubleArrayAhoCorasick<u32>>,
    ids: Vec<i64>,
}

impl Words {
    /// The words and their ids, compiled.
    pub fn build(version: i64, words: Vec<(i64, String)>) -> Result<Self> {
        let (ids, texts): (Vec<i64>, Vec<String>) = words.into_iter().unzip();
        if texts.is_empty() {
            return Ok(Self { version, automaton: None, ids });
        }
        let automaton = CharwiseDoubleArrayAhoCorasickBuilder::new()
            .match_kind(MatchKind::Standard)
            .build(&texts)
            .map_err(|error| Error::broken(format!("the words cannot be compiled: {error}")))?;
        Ok(Self { version, automaton: Some(automaton), ids })
    }

    /// The ids of the words that occur in a folded text.
    pub fn hits(&self, folded: &str) -> BTreeSet<i64> {
        let Some(automaton) = &self.automaton else { return BTreeSet::new() };
        automaton
            .find_overlapping_iter(folded)
            .filter_map(|hit| usize::try_from(hit.value()).ok().and_then(|index| self.ids.get(index)).copied())
            .collect()
    }
}

impl Engine {
    /// The words as of now, loaded anew when a subscription has brought new ones.
    pub(super) async fn words(&self, db: &Db) -> Result<Arc<Words>> {
        let version = term::version(db.reader()).await?;
        let known = Arc::clone(&*self.words.read().await);
        if known.version == version {
            return Ok(known);
        }
        let mut held = self.words.write().await;
        if held.version < version {
            // The version first and the words after it: they are at least as new.
            *held = Arc::new(Words::build(version, term::words(db.reader()).await?)?);
        }
        Ok(Arc::clone(&*held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_word_does_not_hide_a_shorter_one() {
        let words = vec![(7, "市政工程".to_owned()), (8, "市政".to_owned()), (9, "道路".to_owned())];
        let words = Words::build(1, words).expect("words");
        assert_eq!(words.hits("长沙市政工程施工"), BTreeSet::from([7, 8]));
        assert_eq!(words.hits("水利"), BTreeSet::new());
    }
}
