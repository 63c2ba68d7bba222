//! A map that forgets what was not touched for longest, in two generations.
//!
//! Promise: never more than the capacity, every operation in constant time but for one cheap sweep per half capacity,
//! and the last half capacity of touched keys is always there.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

#[derive(Debug)]
pub(super) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
    forgotten: u64,
}

impl<K: Eq + Hash, V: Default> Generations<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (capacity / 2).max(1), forgotten: 0 }
    }

    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// The value of the key, new where there was none, and the last to be forgotten from now on.
    pub(super) fn touch(&mut self, key: K) -> &mut V {
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            let aged = std::mem::take(&mut self.young);
            let dropped = std::mem::replace(&mut self.old, aged);
            self.forgotten = self.forgotten.saturating_add(u64::try_from(dropped.len()).unwrap_or(u64::MAX));
        }
        let before = if self.old.is_empty() { None } else { self.old.remove(&key) };
        match before {
            // It was in the old generation, so it is not in the young one.
            Some(value) => self.young.entry(key).or_insert(value),
            None => self.young.entry(key).or_default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    /// How many were dropped.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_and_the_touched_stay() {
        let mut map = Generations::<u32, u32>::new(10);
        for key in 0..1000 {
            *map.touch(key) = key;
            *map.touch(7) = 7;
            assert!(map.len() <= 10);
        }
        assert_eq!(map.get(&7), Some(&7));
        assert_eq!(map.get(&999), Some(&999));
        assert_eq!(map.get(&3), None);
        assert_eq!(map.forgotten() + u64::try_from(map.len()).unwrap(), 1000);
    }
}
