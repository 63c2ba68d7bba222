//! Cutting what comes in into pieces: lines, or documents.
//!
//! Promise: memory is bounded by the largest piece that is allowed, whatever comes; pieces are numbered from 1, and of
//! one that is too large only the number is kept. Where the bytes were parted on their way makes no difference.

mod documents;
mod lines;

use bytes::Bytes;

pub use documents::{Documents, MAX_DOCUMENT_BYTES, MAX_DOCUMENT_VALUES};
pub use lines::{Lines, MAX_LINE_BYTES};

use super::form::Unit;

/// What some programs begin a file with.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line or a document, or that it was too large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its number, from 1.
    pub number: u64,
    /// What it holds, without its end; nothing when it is too large.
    pub text: Option<Vec<u8>>,
    /// Whether it has an end: what is cut off ends in a piece without one.
    pub is_ended: bool,
}

impl Piece {
    /// Whether it holds nothing but white space.
    pub fn is_blank(&self) -> bool {
        self.text.as_ref().is_some_and(|text| text.iter().all(u8::is_ascii_whitespace))
    }

    /// How many bytes of it are kept.
    pub fn len(&self) -> usize {
        self.text.as_ref().map_or(0, Vec::len)
    }

    /// Whether nothing of it is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Cuts bytes into pieces.
#[derive(Debug)]
pub enum Cutter {
    /// Into lines.
    Lines(Lines),
    /// Into documents.
    Documents(Documents),
}

impl Cutter {
    /// One that cuts into these.
    pub fn into(unit: Unit) -> Self {
        match unit {
            Unit::Line => Self::Lines(Lines::default()),
            Unit::Document => Self::Documents(Documents::default()),
        }
    }

    /// Takes bytes in and gives the pieces that end in them.
    pub fn feed(&mut self, bytes: &Bytes) -> Vec<Piece> {
        let (mut pieces, mut rest) = (Vec::new(), bytes.as_ref());
        while let Some((end, piece)) = self.next(rest) {
            pieces.push(piece);
            rest = rest.get(end..).unwrap_or_default();
        }
        pieces
    }

    /// Takes bytes in up to the end of a piece, and says where that is; all of them when none ends.
    pub fn next(&mut self, bytes: &[u8]) -> Option<(usize, Piece)> {
        match self {
            Self::Lines(lines) => lines.next(bytes),
            Self::Documents(documents) => documents.next(bytes),
        }
    }

    /// The last piece, when it lacks its end.
    pub fn finish(&mut self) -> Option<Piece> {
        match self {
            Self::Lines(lines) => lines.finish(),
            Self::Documents(documents) => documents.finish(),
        }
    }
}
