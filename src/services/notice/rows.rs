//! How common scopes are, as far as this copy knows: it decides in which order a list asks, never what it shows.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a count is believed.
const BELIEVED: Duration = Duration::from_secs(60);
/// How many scopes are known at a time; beyond them everything is forgotten, which costs a count each.
const MAX_SCOPES: usize = 10_000;

/// What this copy has counted lately.
#[derive(Debug, Default)]
pub struct ScopeRows(Mutex<HashMap<String, (Instant, i64)>>);

impl ScopeRows {
    /// How many notices stand in a scope.
    pub fn known(&self, scope: &str) -> Option<i64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(scope).filter(|(counted_at, _)| counted_at.elapsed() < BELIEVED).map(|(_, rows)| *rows)
    }

    /// Remembers a count, and returns it.
    pub fn learn(&self, scope: &str, rows: i64) -> i64 {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_SCOPES {
            known.clear();
        }
        known.insert(scope.to_owned(), (Instant::now(), rows));
        rows
    }
}
