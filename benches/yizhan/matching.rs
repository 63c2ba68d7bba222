//! Which words of all subscriptions occur in a notice: one pass, every overlapping hit, beside the automaton alone.
//!
//! Bounded by: memory. 100,000 words are some megabytes, more than the nearest caches hold. What we add: the set of the
//! words' ids.

use std::hint::black_box;
use std::time::Instant;

use daachorse::{CharwiseDoubleArrayAhoCorasick, CharwiseDoubleArrayAhoCorasickBuilder, MatchKind};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use yizhan::services::fanout::words::Words;

use crate::Size;
use crate::table::{Rate, Table};

/// Chinese characters of a text: 4 kB.
const CHARACTERS: usize = 1_365;
/// How many different ones there are.
const ALPHABET: u32 = 2_000;
const TEXTS: u32 = 2_000;
/// 488 MB/s, in texts of 4 kB.
const FLOOR: f64 = 119_000.0;

pub fn measure(size: Size, table: &mut Table) {
    let mut random = StdRng::seed_from_u64(2);
    let count = usize::try_from(size.words).unwrap_or(0);
    let mut words: Vec<String> = (0..count)
        .map(|_| {
            let length = random.random_range(2..=6);
            text(&mut random, length)
        })
        .collect();
    words.sort_unstable();
    words.dedup();
    let text = text(&mut random, CHARACTERS);
    let automaton: CharwiseDoubleArrayAhoCorasick<u32> = CharwiseDoubleArrayAhoCorasickBuilder::new()
        .match_kind(MatchKind::Standard)
        .build(&words)
        .expect("an automaton");
    let ours = Words::build(1, (1..).zip(words).collect()).expect("words");
    let hits = ours.hits(&text).len();
    let bare = timed(|| automaton.find_overlapping_iter(black_box(&text)).count());
    let ours = timed(|| ours.hits(black_box(&text)).len());
    let remark = format!("texts of 4 kB against {} words, {hits} hits: {:.1} µs a text", size.words, 1e6 / ours);
    table.head("the same on every database");
    table.rates("matching words", ours, bare, Some(FLOOR), &remark);
}

fn text(random: &mut StdRng, characters: usize) -> String {
    let first = u32::from('一');
    let draw = |_| char::from_u32(first + random.random_range(0..ALPHABET)).unwrap_or('一');
    (0..characters).map(draw).collect()
}

/// Texts a second.
fn timed(mut work: impl FnMut() -> usize) -> f64 {
    let began = Instant::now();
    for _ in 0..TEXTS {
        black_box(work());
    }
    Rate { times: TEXTS, took: began.elapsed() }.per_second()
}
