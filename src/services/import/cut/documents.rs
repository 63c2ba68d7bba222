//! Documents: JSON objects and lists, one after the other, with white space, new lines or nothing between them
//! (RFC 7464 puts U+001E there).
//!
//! Nothing is checked here but where a document ends, which the brackets outside of its texts tell. What is neither an
//! object nor a list ends with its line. A text that is not closed on its line, or a bracket that closes another one, breaks
//! its document off there, and the next one is that which begins a line: so one slip does not swallow all that follows.

use super::{BYTE_ORDER_MARK, Piece};

/// The largest document.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024 * 1024;
/// The most values in a document: a few bytes of text take up to a hundred of memory once they are read.
pub const MAX_DOCUMENT_VALUES: usize = 2_000_000;
/// What separates documents in a JSON text sequence.
const RECORD_SEPARATOR: u8 = 0x1e;

/// Cuts bytes into documents.
#[derive(Debug, Default)]
pub struct Documents {
    /// Documents before the one at hand.
    before: u64,
    at: At,
    /// What there is of the document at hand.
    text: Vec<u8>,
    /// How many brackets are open in it.
    depth: usize,
    /// Which of the innermost are lists, a bit each: no document that can be read is deeper.
    lists: u128,
    /// About how many values it holds.
    values: usize,
    /// Whether it is too large: the rest of it is passed over.
    too_large: bool,
}

/// Where the next byte stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum At {
    /// Before a document.
    #[default]
    Between,
    /// In one, outside of its texts.
    Inside,
    /// In a text.
    Text,
    /// Behind a backslash in a text.
    Escape,
    /// In what is neither an object nor a list.
    Loose,
    /// Behind what broke off.
    Lost,
    /// The same, at the beginning of a line.
    LostAtLine,
}

/// What becomes of a byte.
enum Step {
    Pass,
    Keep,
    /// It is the last of its document.
    End,
    /// It is the last that is kept of its document.
    Lose,
    /// The document before it ends here; it is none of it.
    EndBefore,
}

impl Documents {
    /// Takes bytes in up to the end of a document, and says where that is; all of them when none ends.
    pub fn next(&mut self, bytes: &[u8]) -> Option<(usize, Piece)> {
        let mut from = 0;
        for (place, byte) in bytes.iter().enumerate() {
            let after = place + 1;
            match self.step(*byte) {
                Step::Pass => from = after,
                Step::Keep => {}
                Step::Lose => {
                    self.take(bytes.get(from..after).unwrap_or_default());
                    from = after;
                }
                Step::End => {
                    self.take(bytes.get(from..after).unwrap_or_default());
                    return Some((after, self.cut(true)));
                }
                Step::EndBefore => return Some((place, self.cut(true))),
            }
        }
        self.take(bytes.get(from..).unwrap_or_default());
        None
    }

    /// The last document, when it lacks its end.
    pub fn finish(&mut self) -> Option<Piece> {
        let at = std::mem::take(&mut self.at);
        (at != At::Between).then(|| self.cut(matches!(at, At::Lost | At::LostAtLine)))
    }

    fn step(&mut self, byte: u8) -> Step {
        let (at, step) = match (self.at, byte) {
            (At::Text, b'\\') => (At::Escape, Step::Keep),
            (At::Text, b'"') => (At::Inside, Step::Keep),
            (At::Text | At::Escape, b'\n') => (At::LostAtLine, Step::Lose),
            (At::Text | At::Escape, _) => (At::Text, Step::Keep),
            (At::Inside, b'"') => (At::Text, Step::Keep),
            (At::Inside, b'{' | b'[') => {
                self.open(byte);
                self.count();
                (At::Inside, Step::Keep)
            }
            (At::Inside, b'}' | b']') if (byte == b']') != (self.lists & 1 == 1) => (At::Lost, Step::Lose),
            (At::Inside, b'}' | b']') => {
                (self.depth, self.lists) = (self.depth.saturating_sub(1), self.lists >> 1);
                if self.depth == 0 { (At::Between, Step::End) } else { (At::Inside, Step::Keep) }
            }
            (At::Inside, b',') => {
                self.count();
                (At::Inside, Step::Keep)
            }
            (At::Inside, _) => (At::Inside, Step::Keep),
            (At::Between, b'{' | b'[') => {
                self.open(byte);
                (At::Inside, Step::Keep)
            }
            (At::Between, byte) if byte.is_ascii_whitespace() || byte == RECORD_SEPARATOR => (At::Between, Step::Pass),
            (At::Between, byte) if BYTE_ORDER_MARK.contains(&byte) => (At::Between, Step::Pass),
            (At::Loose, b'\n') => (At::Between, Step::End),
            (At::Between | At::Loose, _) => (At::Loose, Step::Keep),
            (At::LostAtLine, b'{' | b'[') => (At::Between, Step::EndBefore),
            (At::Lost | At::LostAtLine, b'\n') => (At::LostAtLine, Step::Pass),
            (At::Lost | At::LostAtLine, _) => (At::Lost, Step::Pass),
        };
        self.at = at;
        step
    }

    fn open(&mut self, bracket: u8) {
        self.depth += 1;
        self.lists = self.lists << 1 | u128::from(bracket == b'[');
    }

    fn count(&mut self) {
        self.values += 1;
        self.too_large |= self.values > MAX_DOCUMENT_VALUES;
    }

    fn take(&mut self, bytes: &[u8]) {
        self.too_large |= self.text.len() + bytes.len() > MAX_DOCUMENT_BYTES;
        if self.too_large {
            self.text = Vec::new();
        } else {
            self.text.extend_from_slice(bytes);
        }
    }

    fn cut(&mut self, is_ended: bool) -> Piece {
        self.before += 1;
        (self.depth, self.lists, self.values) = (0, 0, 0);
        let text = std::mem::take(&mut self.text);
        Piece { number: self.before, text: (!std::mem::take(&mut self.too_large)).then_some(text), is_ended }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::{Cutter, Unit};
    use super::*;

    fn cut(parts: &[&[u8]]) -> Vec<Piece> {
        let mut cutter = Cutter::into(Unit::Document);
        let mut pieces: Vec<Piece> = parts.iter().flat_map(|part| cutter.feed(&Bytes::copy_from_slice(part))).collect();
        pieces.extend(cutter.finish());
        pieces
    }

    fn texts(text: &str) -> Vec<String> {
        let text_of = |piece: Piece| String::from_utf8(piece.text.expect("a text")).expect("text");
        cut(&[text.as_bytes()]).into_iter().map(text_of).collect()
    }

    #[test]
    fn documents_end_where_their_brackets_close() {
        let all = "\u{feff}{\"a\": \"}\\\"{\"}[1, {}]\r\n\u{1e}{}\n\n {\n \"b\": []\n}\n";
        assert_eq!(texts(all), ["{\"a\": \"}\\\"{\"}", "[1, {}]", "{}", "{\n \"b\": []\n}"]);
        assert!(texts(" \n").is_empty());
        let pieces = cut(&[b"{} [1, "]);
        assert_eq!(
            pieces.iter().map(|piece| (piece.number, piece.is_ended)).collect::<Vec<_>>(),
            [(1, true), (2, false)]
        );
    }

    #[test]
    fn one_slip_does_not_swallow_what_follows() {
        assert_eq!(texts("<html>\n{}\nnull\n{}"), ["<html>\n", "{}", "null\n", "{}"]);
        assert_eq!(texts("{\"a\": \"b}\n  \"c\": 1\n}\n{}"), ["{\"a\": \"b}\n", "{}"]);
        assert_eq!(texts("}\n{}"), ["}\n", "{}"]);
        assert_eq!(texts("{\"a\": [}, 1\n]\n{}"), ["{\"a\": [}", "{}"]);
    }

    #[test]
    fn of_what_is_too_large_only_its_number_is_kept() {
        let many = format!("[{}1]", "1,".repeat(MAX_DOCUMENT_VALUES + 1));
        let part = vec![b'x'; MAX_DOCUMENT_BYTES / 2];
        let pieces = cut(&[many.as_bytes(), b"{\"a\": \"", &part, &part, b"\"} {}"]);
        assert_eq!(pieces.iter().map(|piece| piece.text.is_some()).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(pieces.iter().map(|piece| piece.number).collect::<Vec<_>>(), [1, 2, 3]);
    }

    fn any_document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![any::<i32>().prop_map(Value::from), "[\"\\\\{}\\[\\],\n市]{0,6}".prop_map(Value::from)];
        let value = leaf.prop_recursive(3, 12, 3, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from);
            let fields = prop::collection::btree_map("[a\"{]{0,2}", inner, 0..3);
            prop_oneof![list, fields.prop_map(|fields| Value::Object(fields.into_iter().collect()))]
        });
        prop::collection::vec(value, 0..3).prop_map(Value::from)
    }

    proptest! {
        #[test]
        fn documents_are_found_as_they_were_written(
            documents in prop::collection::vec(any_document(), 0..4), between in "[ \n]{0,2}", pretty: bool, at in 0_usize..60
        ) {
            let write = |value: &Value| if pretty { format!("{value:#}") } else { value.to_string() };
            let text = documents.iter().map(write).collect::<Vec<_>>().join(&between);
            let read: Vec<Value> =
                texts(&text).iter().map(|text| serde_json::from_str(text).expect("a document")).collect();
            prop_assert_eq!(read, documents);
            let (one, other) = text.as_bytes().split_at(at.min(text.len()));
            prop_assert_eq!(cut(&[one, other]), cut(&[text.as_bytes()]));
        }

        #[test]
        fn it_does_not_matter_where_any_bytes_are_parted(text in "[{}\\[\\]\"\\\\,a\n\u{feff}]{0,30}", at in 0_usize..30) {
            let bytes = text.as_bytes();
            let (one, other) = bytes.split_at(at.min(bytes.len()));
            prop_assert_eq!(cut(&[one, other]), cut(&[bytes]));
        }
    }
}
