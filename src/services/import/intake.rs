//! What comes in, in parts that are read at once.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use super::cut::{Cutter, Piece};
use super::form::Unit;
use crate::services::refusal::Refusal;

/// The most bytes of pieces that are read at once, but for one large piece.
const PART_BYTES: usize = 512 * 1024;
/// How long pieces wait for others to be stored with.
const LINGER: Duration = Duration::from_millis(200);

/// A part of what comes in.
pub(super) enum Part {
    /// Pieces.
    Pieces(Vec<Piece>),
    /// No more comes.
    BrokenOff(Refusal),
}

/// Takes in bytes and gives out parts.
pub(super) struct Intake<S> {
    input: Pin<Box<S>>,
    cutter: Cutter,
    waiting: VecDeque<Piece>,
    /// Whether the input has ended, and with what.
    ended: Option<std::result::Result<(), Refusal>>,
    /// The most pieces of a part.
    most: usize,
}

impl<S: Stream<Item = std::result::Result<Bytes, Refusal>>> Intake<S> {
    /// Of an input that is cut into these, so many a part at most.
    pub fn new(input: S, unit: Unit, most: usize) -> Self {
        Self { input: Box::pin(input), cutter: Cutter::into(unit), waiting: VecDeque::new(), ended: None, most }
    }

    /// The next part; nothing after the last.
    pub async fn part(&mut self) -> Option<Part> {
        while self.ended.is_none() && !self.is_full() {
            let next = self.input.next();
            let next = match self.waiting.is_empty() {
                true => next.await,
                // Whoever waits for answers before sending more shall not wait for ever.
                false => match tokio::time::timeout(LINGER, next).await {
                    Ok(next) => next,
                    Err(_) => break,
                },
            };
            match next {
                Some(Ok(bytes)) => self.waiting.extend(self.cutter.feed(&bytes)),
                Some(Err(refusal)) => self.ended = Some(Err(refusal)),
                None => {
                    self.waiting.extend(self.cutter.finish());
                    self.ended = Some(Ok(()));
                }
            }
        }
        if self.waiting.is_empty() {
            // Said once; after it there is nothing.
            return match self.ended.replace(Ok(())) {
                Some(Err(refusal)) => Some(Part::BrokenOff(refusal)),
                _ => None,
            };
        }
        let (mut pieces, mut bytes) = (Vec::new(), 0);
        while pieces.len() < self.most && bytes < PART_BYTES {
            let Some(piece) = self.waiting.pop_front() else { break };
            bytes += piece.len();
            pieces.push(piece);
        }
        Some(Part::Pieces(pieces))
    }

    fn is_full(&self) -> bool {
        let bytes = || self.waiting.iter().map(Piece::len).sum::<usize>();
        self.waiting.len() >= self.most || bytes() >= PART_BYTES
    }
}
