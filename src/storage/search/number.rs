//! Numbers of documents: the second of publishing, then a place within it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use sea_orm::FromQueryResult;

use crate::domain::time::Timestamp;
use crate::storage::{DbResult, Tx, all, sql};

/// Places within a second: its milliseconds, and some to spare for those published in the same one. Feeds that know the
/// day alone have hundreds in one millisecond; more than there are places go on into the next second.
const PLACES: i64 = 1_024;
/// How many numbers a walk reads at once.
const STRIDE: usize = 1_000;

/// The least number of a document published at this instant.
pub fn first_of(at: Timestamp) -> i64 {
    let millis = at.as_millis();
    // No notice is older than what can be counted; the bounds only keep the product within its type.
    millis.div_euclid(1_000).clamp(-1 << 50, 1 << 50) * PLACES + millis.rem_euclid(1_000)
}

/// How far a document may stand behind its instant, in numbers: those published in one second overflow into the next.
pub const OVERFLOW: i64 = 1 << 22;

/// The least number of the second after that of this number.
const fn end_of_second(number: i64) -> i64 {
    (number.div_euclid(PLACES) + 1) * PLACES
}

#[derive(FromQueryResult)]
struct Second {
    wanted: i64,
    is_taken: bool,
    last: Option<i64>,
}

#[derive(FromQueryResult)]
struct Taken {
    doc: i64,
}

/// A number for each document published at these instants, none of them taken. Nobody else may take one at the time.
pub(super) async fn take(tx: &Tx, instants: impl Iterator<Item = Timestamp>) -> DbResult<Vec<i64>> {
    let wanted: Vec<i64> = instants.map(first_of).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let each: BTreeSet<i64> = wanted.iter().copied().collect();
    let text = format!(
        "SELECT w.number AS wanted, EXISTS (SELECT 1 FROM search_documents d WHERE d.doc = w.number) AS is_taken, \
           (SELECT MAX(d.doc) FROM search_documents d WHERE d.doc >= w.number - w.place AND d.doc < w.number - w.place + {PLACES}) AS last \
         FROM (SELECT v.number, ((v.number % {PLACES}) + {PLACES}) % {PLACES} AS place FROM {} v) w",
        sql::integer_rows(&**tx, "$1"),
    );
    let seconds: Vec<Second> = all(&**tx, &text, [sql::integer_set(&**tx, each)]).await?;
    let mut taken: BTreeSet<i64> =
        seconds.iter().filter(|second| second.is_taken).map(|second| second.wanted).collect();
    taken.extend(seconds.iter().filter_map(|second| second.last));
    let mut walks: BTreeMap<i64, Walk> = BTreeMap::new();
    let mut numbers = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        let end = end_of_second(wanted);
        let last = taken.range(wanted..end).next_back().copied().unwrap_or(wanted);
        let number = match () {
            () if !taken.contains(&wanted) => wanted,
            () if last + 1 < end => last + 1,
            () => walks.entry(end).or_insert_with(|| Walk::from(end)).free(tx, &taken).await?,
        };
        taken.insert(number);
        numbers.push(number);
    }
    Ok(numbers)
}

/// A walk over numbers that are taken, from the end of a second that is full: many may be published at one instant, so
/// what was walked over is not walked over again.
struct Walk {
    at: i64,
    taken: VecDeque<i64>,
    is_all: bool,
}

impl Walk {
    fn from(at: i64) -> Self {
        Self { at, taken: VecDeque::new(), is_all: false }
    }

    /// The next number that nobody has, in the record or in `ours`.
    async fn free(&mut self, tx: &Tx, ours: &BTreeSet<i64>) -> DbResult<i64> {
        loop {
            if self.taken.is_empty() && !self.is_all {
                let text = format!("SELECT doc FROM search_documents WHERE doc >= $1 ORDER BY doc LIMIT {STRIDE}");
                let rows: Vec<Taken> = all(&**tx, &text, [self.at.into()]).await?;
                self.is_all = rows.len() < STRIDE;
                self.taken.extend(rows.into_iter().map(|row| row.doc));
            }
            let is_taken = self.taken.front() == Some(&self.at);
            if is_taken {
                self.taken.pop_front();
            }
            let number = self.at;
            self.at += 1;
            if !is_taken && !ours.contains(&number) {
                return Ok(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_in_the_order_of_instants() {
        let number = |millis: i64| first_of(Timestamp::from_millis(millis));
        for pair in [-1_001, -1_000, -1, 0, 1, 999, 1_000, 1_700_000_000_123].windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
        assert_eq!(end_of_second(number(999)), number(1_000));
        assert_eq!(end_of_second(number(-1)), number(0));
    }
}
