//! Marks: where in a text the words stand, as its readers see it.
//!
//! Promise: the fragments put together are the text (of a snippet: a part of it, `…` where it goes on), and what they
//! hold is text, never markup. Letters are compared as folding makes them, so a mark lies on `ＣＴ` when `ct` was asked
//! for. Not promised: a mark on a letter that only folding several characters together makes equal.

use serde::Serialize;

use super::query::Word;
use super::tokens::MAX_TEXT_CHARS;
use crate::domain::fold::fold;

/// The longest snippet, in characters, `…` not counted.
pub const MAX_SNIPPET_CHARS: usize = 120;
/// What a snippet shows before its first hit, in characters.
const LEAD: usize = 20;
/// Hits beyond this many are neither marked nor weighed.
const MAX_HITS: usize = 200;

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fragment {
    /// What it says.
    pub text: String,
    /// Whether it is what was asked for.
    pub hit: bool,
}

/// A text folded, and where each folded character comes from.
struct Folded {
    text: String,
    /// For each character of `text`: where it begins there, and which character of the original it comes from.
    places: Vec<(usize, usize)>,
}

impl Folded {
    fn of(letters: &[char]) -> Self {
        let mut folded =
            Self { text: String::with_capacity(letters.len() * 3), places: Vec::with_capacity(letters.len()) };
        for (place, letter) in letters.iter().enumerate() {
            match letter {
                _ if letter.is_whitespace() => {
                    if !folded.text.ends_with(' ') {
                        folded.push(' ', place);
                    }
                }
                'a'..='z' | '0'..='9' | '\u{4e00}'..='\u{9fff}' => folded.push(*letter, place),
                _ => fold(letter.encode_utf8(&mut [0; 4])).chars().for_each(|letter| folded.push(letter, place)),
            }
        }
        folded
    }

    fn push(&mut self, letter: char, place: usize) {
        self.places.push((self.text.len(), place));
        self.text.push(letter);
    }

    /// The character of the original from which the byte here comes.
    fn origin(&self, byte: usize) -> usize {
        let after = self.places.partition_point(|(begins, _)| *begins <= byte);
        self.places.get(after.saturating_sub(1)).map_or(0, |(_, place)| *place)
    }
}

/// A stretch of characters of the original, and which word stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Hit {
    from: usize,
    to: usize,
    word: usize,
}

fn hits(letters: &[char], words: &[Word]) -> Vec<Hit> {
    let folded = Folded::of(letters);
    let mut hits = Vec::new();
    for (word, looked_for) in words.iter().enumerate() {
        for (byte, found) in folded.text.match_indices(&looked_for.folded).take(MAX_HITS) {
            let last = folded.origin((byte + found.len()).saturating_sub(1));
            hits.push(Hit { from: folded.origin(byte), to: last + 1, word });
        }
    }
    hits.sort_unstable();
    hits.truncate(MAX_HITS);
    hits
}

/// The whole of a text with its hits marked.
pub fn mark(text: &str, words: &[Word]) -> Vec<Fragment> {
    let letters: Vec<char> = text.chars().take(MAX_TEXT_CHARS).collect();
    cut(&letters, &hits(&letters, words), 0, letters.len())
}

/// The part of a text that has most of the words, the earliest of such parts; its beginning when it has none.
pub fn snippet(text: &str, words: &[Word]) -> Vec<Fragment> {
    let letters: Vec<char> = text.chars().take(MAX_TEXT_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let hits = hits(&letters, words);
    let within = |from: usize| {
        let here = hits.iter().filter(|hit| hit.from >= from && hit.to <= from + MAX_SNIPPET_CHARS - LEAD);
        let mut words: Vec<usize> = here.map(|hit| hit.word).collect();
        words.sort_unstable();
        words.dedup();
        words.len()
    };
    let best = hits.iter().map(|hit| hit.from).max_by_key(|from| (within(*from), std::cmp::Reverse(*from)));
    let from = best.unwrap_or(0).saturating_sub(LEAD);
    let to = letters.len().min(from + MAX_SNIPPET_CHARS);
    let mut fragments = cut(&letters, &hits, from, to);
    let more = |fragments: &mut Vec<Fragment>, at: usize| {
        fragments.insert(at.min(fragments.len()), Fragment { text: "…".to_owned(), hit: false });
    };
    if from > 0 {
        more(&mut fragments, 0);
    }
    if to < letters.len() {
        more(&mut fragments, usize::MAX);
    }
    fragments
}

/// A stretch of a text in fragments. Hits that overlap or touch become one; of one that reaches beyond the stretch the
/// part within it is marked.
fn cut(letters: &[char], hits: &[Hit], from: usize, to: usize) -> Vec<Fragment> {
    let mut fragments: Vec<Fragment> = Vec::new();
    let mut hits = hits.iter().peekable();
    let mut marked_to = from;
    for (place, letter) in letters.iter().enumerate().take(to).skip(from) {
        while let Some(hit) = hits.next_if(|hit| hit.from <= place) {
            marked_to = marked_to.max(hit.to);
        }
        let hit = place < marked_to;
        match fragments.last_mut() {
            Some(last) if last.hit == hit => last.text.push(*letter),
            _ => fragments.push(Fragment { text: letter.to_string(), hit }),
        }
    }
    fragments
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::query::Query;
    use super::*;

    fn shown(fragments: &[Fragment]) -> String {
        let text = |part: &Fragment| if part.hit { format!("[{}]", part.text) } else { part.text.clone() };
        fragments.iter().map(text).collect()
    }

    fn marked(text: &str, query: &str) -> String {
        shown(&mark(text, &Query::parse(query).all))
    }

    #[test]
    fn marks_lie_on_what_people_read() {
        assert_eq!(marked("长沙市政工程公告", "市政 工程"), "长沙[市政工程]公告");
        assert_eq!(marked("６４排ＣＴ机（二次）", "ct机(二次)"), "６４排[ＣＴ机（二次）]");
        assert_eq!(marked("<b>市政</b>", "市政"), "<b>[市政]</b>");
        assert_eq!(marked("市\u{200b}政", "市政"), "[市\u{200b}政]");
        assert_eq!(marked("Open  Market", "\"open market\""), "[Open  Market]");
        assert_eq!(marked("", "市政"), "");
    }

    #[test]
    fn a_snippet_shows_where_most_of_the_words_stand_together() {
        let far = "甲".repeat(300);
        let text = format!("市政{far}市政绿化{far}");
        let snippet = shown(&snippet(&text, &Query::parse("市政 绿化").all));
        assert!(snippet.starts_with('…') && snippet.ends_with('…') && snippet.contains("[市政绿化]"), "{snippet}");
        let nothing = super::snippet(&text, &Query::parse("丙").all);
        assert!(nothing.first().is_some_and(|part| part.text.starts_with("市政甲") && !part.hit));
    }

    proptest! {
        #[test]
        fn fragments_put_together_are_the_text(text in "\\PC{0,40}|[市政ａＣct ﬀß\u{301}（]{0,20}", query in "[市政ct]{1,2}") {
            let fragments = mark(&text, &Query::parse(&query).all);
            prop_assert_eq!(fragments.iter().map(|part| part.text.as_str()).collect::<String>(), text);
        }

        #[test]
        fn what_a_plain_text_contains_is_marked(text in "[市政绿化 ]{0,20}", query in "[市政绿化]{1,3}") {
            let fragments = mark(&text, &Query::parse(&query).all);
            prop_assert_eq!(fragments.iter().any(|part| part.hit), text.contains(&query));
        }
    }
}
