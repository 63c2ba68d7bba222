//! Blocks: how the index says which documents have which tokens.
//!
//! A *segment* is a stretch of slots, turned round: each of its tokens in order, and behind it the slots that have it,
//! counted from the segment's first. Segments are cut into blocks of some kilobytes, so that a token is found by reading
//! one of them. Nothing in a segment is ever changed; several are made into one by going through them together.
//!
//! Promise: what was put in comes out, and bytes that are none of ours are an error, never a panic nor a loop. Not
//! promised: that an error tells more than that.

use super::tokens::Token;

/// How large a block may become, when it holds more than one token: two fit into a page of PostgreSQL, one into a page of
/// SQLite.
const BLOCK: usize = 3_900;
/// The bits of a token that are zero in pairs.
const LOW: u32 = 21;
/// The most bytes that stand before a token's slots.
const MOST_BEFORE: usize = 16;

/// The bytes are no block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bytes that are no block of the index")]
pub struct Broken;

/// Tokens and their slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The first token.
    pub first: i64,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// Writes blocks.
#[derive(Debug, Default)]
pub struct Writer {
    full: Vec<Block>,
    open: Vec<u8>,
    first: i64,
    last: i64,
    slots: Vec<u8>,
}

impl Writer {
    /// Adds a token, greater than every one before, and its slots, ascending.
    pub fn push(&mut self, token: i64, slots: &[u32]) {
        self.slots.clear();
        let kind = pack(slots, &mut self.slots);
        if !self.open.is_empty() && self.open.len() + self.slots.len() + MOST_BEFORE > BLOCK {
            self.close();
        }
        if self.open.is_empty() {
            (self.first, self.last) = (token, token);
        }
        let step = token.wrapping_sub(self.last).cast_unsigned();
        let (high, low) = (step >> LOW << 1, step & ((1 << LOW) - 1));
        if low == 0 {
            write(&mut self.open, high);
        } else {
            write(&mut self.open, high | 1);
            let [a, b, c, ..] = low.to_le_bytes();
            self.open.extend([a, b, c]);
        }
        write(&mut self.open, kind);
        self.open.extend(&self.slots);
        self.last = token;
    }

    /// How many blocks are full.
    pub fn full(&self) -> usize {
        self.full.len()
    }

    /// The blocks that are full.
    pub fn take(&mut self) -> Vec<Block> {
        std::mem::take(&mut self.full)
    }

    /// The blocks that were not taken.
    pub fn finish(mut self) -> Vec<Block> {
        self.close();
        self.full
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            let bytes = self.open.as_slice().to_vec();
            self.open.clear();
            self.full.push(Block { first: self.first, bytes });
        }
    }
}

/// Turns documents round: which of them, counted from the first, have which tokens.
pub fn invert<'a>(documents: impl Iterator<Item = &'a [Token]>) -> Vec<Block> {
    let mut pairs: Vec<(Token, u32)> = Vec::new();
    for (slot, tokens) in (0..).zip(documents) {
        pairs.extend(tokens.iter().map(|token| (*token, slot)));
    }
    pairs.sort_unstable();
    let (mut writer, mut slots) = (Writer::default(), Vec::new());
    for same in pairs.chunk_by(|(a, _), (b, _)| a == b) {
        slots.clear();
        slots.extend(same.iter().map(|(_, slot)| *slot));
        if let Some((token, _)) = same.first() {
            writer.push(token.number(), &slots);
        }
    }
    writer.finish()
}

/// The slots of a token, as they stand in a block.
#[derive(Debug, Clone, Copy)]
enum Packed<'a> {
    One(u32),
    /// Steps from one to the next.
    Steps(&'a [u8]),
    /// A bit for each slot.
    Bits(&'a [u8]),
}

/// Writes slots and says what stands before them: their kind in two bits, and how many bytes there are, or the only slot.
fn pack(slots: &[u32], bytes: &mut Vec<u8>) -> u64 {
    if let [only] = slots {
        return u64::from(*only) << 2;
    }
    let mut next = 0;
    for slot in slots {
        write(bytes, u64::from(slot.wrapping_sub(next)));
        next = slot.wrapping_add(1);
    }
    let bits = usize::try_from(next.div_ceil(8)).unwrap_or(usize::MAX);
    let kind = if bits < bytes.len() {
        bytes.clear();
        bytes.resize(bits, 0);
        for slot in slots {
            if let Some(byte) = usize::try_from(slot / 8).ok().and_then(|place| bytes.get_mut(place)) {
                *byte |= 1 << (slot % 8);
            }
        }
        2
    } else {
        1
    };
    u64::try_from(bytes.len()).unwrap_or(0) << 2 | kind
}

impl Packed<'_> {
    /// Hands out each slot.
    fn each(self, mut slot: impl FnMut(u32)) -> Result<(), Broken> {
        match self {
            Self::One(only) => slot(only),
            Self::Steps(mut bytes) => {
                let mut next = 0_u32;
                while !bytes.is_empty() {
                    let step = u32::try_from(read(&mut bytes)?).map_err(|_| Broken)?;
                    let at = next.checked_add(step).ok_or(Broken)?;
                    slot(at);
                    next = at.checked_add(1).ok_or(Broken)?;
                }
            }
            Self::Bits(bytes) => {
                for (byte, first) in bytes.iter().zip((0_u32..).step_by(8)) {
                    let mut left = *byte;
                    while left != 0 {
                        slot(first.checked_add(left.trailing_zeros()).ok_or(Broken)?);
                        left &= left - 1;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Walks through a block.
#[derive(Debug)]
struct Entries<'a> {
    token: i64,
    rest: &'a [u8],
}

impl<'a> Entries<'a> {
    fn next(&mut self) -> Result<Option<(i64, Packed<'a>)>, Broken> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let high = read(&mut self.rest)?;
        let low = if high & 1 == 0 {
            0
        } else {
            let ([a, b, c], rest) = self.rest.split_first_chunk::<3>().ok_or(Broken)?;
            self.rest = rest;
            u64::from(u32::from_le_bytes([*a, *b, *c, 0]))
        };
        self.token = self.token.wrapping_add((high >> 1 << LOW | low).cast_signed());
        let kind = read(&mut self.rest)?;
        if kind & 3 == 0 {
            let only = u32::try_from(kind >> 2).map_err(|_| Broken)?;
            return Ok(Some((self.token, Packed::One(only))));
        }
        let length = usize::try_from(kind >> 2).map_err(|_| Broken)?;
        let (slots, rest) = self.rest.split_at_checked(length).ok_or(Broken)?;
        self.rest = rest;
        let slots = if kind & 3 == 1 { Packed::Steps(slots) } else { Packed::Bits(slots) };
        Ok(Some((self.token, slots)))
    }
}

impl Block {
    /// Hands out the slots of every token of a range, both ends included; a slot comes once for each token.
    pub fn slots_of(&self, (first, last): (i64, i64), mut slot: impl FnMut(u32)) -> Result<(), Broken> {
        let mut entries = Entries { token: self.first, rest: &self.bytes };
        while let Some((token, slots)) = entries.next()? {
            if token > last {
                break;
            }
            if token >= first {
                slots.each(&mut slot)?;
            }
        }
        Ok(())
    }
}

/// One block unpacked: the tokens and where the slots of each end.
#[derive(Debug, Default)]
pub struct Unpacked {
    tokens: Vec<(i64, usize)>,
    slots: Vec<u32>,
    at: usize,
    from: usize,
}

impl Unpacked {
    /// Unpacks a block in the place of the one before.
    pub fn load(&mut self, block: &Block) -> Result<(), Broken> {
        self.tokens.clear();
        self.slots.clear();
        (self.at, self.from) = (0, 0);
        let mut entries = Entries { token: block.first, rest: &block.bytes };
        while let Some((token, slots)) = entries.next()? {
            slots.each(|slot| self.slots.push(slot))?;
            self.tokens.push((token, self.slots.len()));
        }
        Ok(())
    }

    /// The token at hand; nothing at the end.
    pub fn token(&self) -> Option<i64> {
        self.tokens.get(self.at).map(|(token, _)| *token)
    }

    /// Adds the slots of the token at hand, so many further on, and goes to the next one.
    pub fn take(&mut self, further: u32, into: &mut Vec<u32>) {
        if let Some((_, to)) = self.tokens.get(self.at).copied() {
            let slots = self.slots.get(self.from..to).unwrap_or_default();
            into.extend(slots.iter().map(|slot| slot.saturating_add(further)));
            (self.at, self.from) = (self.at + 1, to);
        }
    }
}

/// Seven bits a byte, the lowest first.
fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or(0));
}

fn read(bytes: &mut &[u8]) -> Result<u64, Broken> {
    let (mut number, mut shift) = (0_u64, 0);
    loop {
        let (byte, rest) = bytes.split_first().ok_or(Broken)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift).ok_or(Broken)?;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    type Postings = BTreeMap<i64, BTreeSet<u32>>;

    fn written(postings: &Postings) -> Vec<Block> {
        let mut writer = Writer::default();
        for (token, slots) in postings {
            writer.push(*token, &slots.iter().copied().collect::<Vec<_>>());
        }
        writer.finish()
    }

    fn unpacked(blocks: &[Block]) -> Postings {
        let (mut postings, mut one) = (Postings::new(), Unpacked::default());
        for block in blocks {
            one.load(block).expect("a block");
            while let Some(token) = one.token() {
                let mut slots = Vec::new();
                one.take(0, &mut slots);
                assert_eq!(postings.insert(token, slots.into_iter().collect()), None);
            }
        }
        postings
    }

    fn slots() -> impl Strategy<Value = BTreeSet<u32>> {
        let dense = (0u32..60, 1u32..400).prop_map(|(from, count)| (from..from + count).collect());
        prop_oneof![proptest::collection::btree_set(0u32..16_384, 1..6), dense]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            postings in proptest::collection::btree_map(prop_oneof![any::<i64>(), (0i64..900).prop_map(|n| n << 21)], slots(), 0..400)
        ) {
            let blocks = written(&postings);
            prop_assert!(blocks.is_sorted_by(|a, b| a.first < b.first));
            prop_assert_eq!(unpacked(&blocks), postings.clone());
            for (token, slots) in &postings {
                let block = blocks.iter().rfind(|block| block.first <= *token).expect("a block");
                let mut found = BTreeSet::new();
                block.slots_of((*token, *token), |slot| found.extend([slot])).expect("a block");
                prop_assert_eq!(&found, slots);
            }
        }

        #[test]
        fn whatever_the_bytes_are_reading_ends(bytes in proptest::collection::vec(any::<u8>(), 0..200), first in any::<i64>()) {
            let block = Block { first, bytes };
            let mut read = 0;
            let whole = block.slots_of((i64::MIN, i64::MAX), |_| read += 1).is_ok();
            prop_assert!(read <= 8 * 200);
            prop_assert!(Unpacked::default().load(&block).is_ok() || !whole || read > 0);
        }
    }
}
