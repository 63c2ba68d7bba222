//! Making many small segments into few large ones.
//!
//! Promise: all of it happens in one transaction, so whoever reads meanwhile sees the segments of before or that of after,
//! and a fold that is cut off has changed nothing. One folds at a time. Memory is some megabytes, whatever the size of the
//! segments: they are gone through together, some blocks of each at a time.
//!
//! The newest segments are joined with those before them as long as these are no larger than all behind them together: a
//! document is written anew each time when its segment has doubled, up to [`MAX_SPAN`], and there are few segments of each
//! size.

use std::collections::VecDeque;

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::segments::{self, Segment};
use crate::domain::search::block::{Block, Unpacked, Writer};
use crate::storage::{DbResult, Tx, one, sql};

/// How many segments there must be before they are made into one.
const FEWEST: usize = 4;
/// How many are made into one at most.
const MOST: usize = 32;
/// How many slots a segment spans at most, when it is made of several: some ten megabytes, written in a fraction of a second.
const MAX_SPAN: i64 = 16_384;
/// Blocks of a segment that are read at a time.
const READ: i64 = 16;
/// Blocks that are written at a time.
const WRITTEN: usize = 128;

#[derive(FromQueryResult)]
struct Turn {
    #[expect(dead_code, reason = "that there is one says all")]
    id: i64,
}

/// Whether there are small segments to be made into one.
pub async fn is_due(conn: &impl ConnectionTrait) -> DbResult<bool> {
    Ok(!newest(&segments::list(conn).await?).is_empty())
}

/// Makes the newest small segments into one; says whether there were any, and so may be more.
pub async fn fold(tx: &Tx) -> DbResult<bool> {
    let text = format!("SELECT id FROM search_progress WHERE id = 1 {}", sql::skip_locked(&**tx));
    let turn: Option<Turn> = one(&**tx, &text, []).await?;
    if turn.is_none() {
        return Ok(false);
    }
    let all = segments::list(&**tx).await?;
    let few = newest(&all);
    let (Some(first), Some(last)) = (few.first(), few.last()) else { return Ok(false) };
    let mut inputs = Vec::with_capacity(few.len());
    for segment in few {
        let further = u32::try_from(segment.first_slot - first.first_slot).unwrap_or(u32::MAX);
        inputs.push(Input::open(tx, segment.id, further).await?);
    }
    let into = segments::open(tx, first.first_slot, last.last_slot).await?;
    let (mut writer, mut slots) = (Writer::default(), Vec::new());
    while let Some(token) = inputs.iter().filter_map(|input| input.at.token()).min() {
        slots.clear();
        for input in &mut inputs {
            if input.at.token() == Some(token) {
                input.at.take(input.further, &mut slots);
                input.go_on(tx).await?;
            }
        }
        writer.push(token, &slots);
        if writer.full() >= WRITTEN {
            segments::write(tx, into, writer.take()).await?;
        }
    }
    segments::write(tx, into, writer.finish()).await?;
    segments::remove(tx, few).await?;
    Ok(true)
}

/// Those to be made into one; none when there are too few.
fn newest(all: &[Segment]) -> &[Segment] {
    let mut span = 0;
    let joined = all.iter().rev().take(MOST).take_while(|segment| {
        let joins = span == 0 || segment.span() <= span;
        span += segment.span();
        joins && span <= MAX_SPAN
    });
    let count = joined.count();
    let few = all.get(all.len() - count..).unwrap_or_default();
    if few.len() < FEWEST { &[] } else { few }
}

/// A segment that is gone through.
struct Input {
    segment: i64,
    /// How far its slots stand behind the first of all.
    further: u32,
    blocks: VecDeque<Block>,
    read_to: Option<i64>,
    at: Unpacked,
}

impl Input {
    async fn open(tx: &Tx, segment: i64, further: u32) -> DbResult<Self> {
        let mut input =
            Self { segment, further, blocks: VecDeque::new(), read_to: Some(i64::MIN), at: Unpacked::default() };
        input.go_on(tx).await?;
        Ok(input)
    }

    /// Goes to the next block when the one at hand is at its end.
    async fn go_on(&mut self, tx: &Tx) -> DbResult<()> {
        if self.at.token().is_some() {
            return Ok(());
        }
        if let (true, Some(after)) = (self.blocks.is_empty(), self.read_to) {
            self.blocks = segments::blocks(tx, self.segment, after, READ).await?.into();
            self.read_to = self.blocks.back().map(|block| block.first);
        }
        if let Some(block) = self.blocks.pop_front() {
            self.at.load(&block)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(of: &[i64]) -> Vec<Segment> {
        let mut first_slot = 1;
        let mut segment = |span: i64| {
            let segment = Segment { id: first_slot, first_slot, last_slot: first_slot + span - 1 };
            first_slot += span;
            segment
        };
        of.iter().map(|span| segment(*span)).collect()
    }

    #[test]
    fn equals_are_joined_and_what_is_larger_than_all_behind_it_stays() {
        for (all, joined) in [
            (&[][..], 0),
            (&[1, 1, 1], 0),
            (&[1, 1, 1, 1], 4),
            (&[8, 1, 1, 1, 1], 4),
            (&[4, 1, 1, 1, 1], 5),
            (&[16_000, 250, 250, 250, 250], 4),
            (&[9_000, 9_000, 4_000, 2_000, 1_000, 1_000], 4),
            (&[3, 16_384, 1, 1, 1, 1], 4),
        ] {
            assert_eq!(newest(&spans(all)).len(), joined, "{all:?}");
        }
    }

    #[test]
    fn whatever_comes_there_are_few_segments() {
        let mut all = Vec::new();
        let (mut most, mut written) = (0, 0);
        for slot in 1..=100_000 {
            all.push(Segment { id: slot, first_slot: slot, last_slot: slot });
            let few = newest(&all).len();
            if few > 0 {
                let joined = all.split_off(all.len() - few);
                let (first, last) = (joined[0], joined[few - 1]);
                let segment = Segment { last_slot: last.last_slot, ..first };
                written += segment.span();
                all.push(segment);
            }
            most = most.max(all.len());
        }
        assert!(most <= 30, "{most}");
        assert!(written <= 100_000 * 14, "{written}");
    }
}
