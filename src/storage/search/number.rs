//! Numbers of documents: the second of publishing, then a place within it.

use std::collections::BTreeSet;

use sea_orm::FromQueryResult;

use crate::domain::time::Timestamp;
use crate::storage::{DbResult, Tx, all, sql};

/// Places within a second: its milliseconds, and some to spare for those published in the same one. Feeds that know the
/// day alone have hundreds in one millisecond; more than there are places go on into the next second.
const PLACES: i64 = 1_024;

/// The least number of a document published at this instant.
pub fn first_of(at: Timestamp) -> i64 {
    let millis = at.as_millis();
    // No notice is older than what can be counted; the bounds only keep the product within its type.
    millis.div_euclid(1_000).clamp(-1 << 50, 1 << 50) * PLACES + millis.rem_euclid(1_000)
}

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
struct Free {
    number: i64,
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
    let mut numbers = Vec::with_capacity(wanted.len());
    for number in wanted {
        let number = if taken.contains(&number) { next(tx, number, &taken).await? } else { number };
        taken.insert(number);
        numbers.push(number);
    }
    Ok(numbers)
}

/// The next number after the last one that is taken in its second; past its end the first that nobody has.
async fn next(tx: &Tx, number: i64, taken: &BTreeSet<i64>) -> DbResult<i64> {
    let end = end_of_second(number);
    let last = taken.range(number..end).next_back().copied().unwrap_or(number);
    if last + 1 < end {
        return Ok(last + 1);
    }
    let mut from = end;
    loop {
        let text = "SELECT MIN(f.number) AS number FROM (SELECT CAST($1 AS BIGINT) AS number UNION ALL \
                    SELECT d.doc + 1 FROM search_documents d WHERE d.doc >= $1) f \
                    WHERE NOT EXISTS (SELECT 1 FROM search_documents e WHERE e.doc = f.number)";
        let found: Vec<Free> = all(&**tx, text, [from.into()]).await?;
        let free = found.first().map_or(from, |free| free.number);
        let mut mine = free;
        while taken.contains(&mine) {
            mine += 1;
        }
        if mine == free {
            return Ok(mine);
        }
        from = mine;
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
