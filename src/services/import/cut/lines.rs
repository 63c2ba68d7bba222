//! Lines: every one has the number that an editor shows for it. LF and CRLF end a line, a byte order mark before the first
//! is no part of it, and the last one may lack its end.

use super::{BYTE_ORDER_MARK, Piece};

/// The longest line that is read: a notice with a body of a megabyte, and what foreign fields may stand beside it.
pub const MAX_LINE_BYTES: usize = 2 * 1024 * 1024;

/// Cuts bytes into lines.
#[derive(Debug, Default)]
pub struct Lines {
    /// Lines that were begun before the one at hand.
    before: u64,
    /// What there is of the line at hand.
    partial: Vec<u8>,
    /// Whether the line at hand is too long: the rest of it is passed over.
    too_long: bool,
    /// Whether anything of the line at hand has come.
    begun: bool,
}

impl Lines {
    /// Takes bytes in up to the end of a line, and says where that is; all of them when none ends.
    pub fn next(&mut self, bytes: &[u8]) -> Option<(usize, Piece)> {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            self.take(bytes);
            return None;
        };
        self.take(bytes.get(..end).unwrap_or_default());
        Some((end + 1, self.cut(true)))
    }

    /// The last line, when it lacks its end.
    pub fn finish(&mut self) -> Option<Piece> {
        self.begun.then(|| self.cut(false))
    }

    fn take(&mut self, bytes: &[u8]) {
        self.begun |= !bytes.is_empty();
        self.too_long |= self.partial.len() + bytes.len() > MAX_LINE_BYTES;
        if self.too_long {
            self.partial = Vec::new();
        } else {
            self.partial.extend_from_slice(bytes);
        }
    }

    fn cut(&mut self, is_ended: bool) -> Piece {
        self.before += 1;
        self.begun = false;
        let mut text = std::mem::take(&mut self.partial);
        if self.before == 1 && text.starts_with(BYTE_ORDER_MARK) {
            text.drain(..BYTE_ORDER_MARK.len());
        }
        if text.last() == Some(&b'\r') {
            text.pop();
        }
        let text = (!std::mem::take(&mut self.too_long)).then_some(text);
        Piece { number: self.before, text, is_ended }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::super::{Cutter, Unit};
    use super::*;

    fn cut(parts: &[&[u8]]) -> Vec<Piece> {
        let mut cutter = Cutter::into(Unit::Line);
        let mut lines: Vec<Piece> = parts.iter().flat_map(|part| cutter.feed(&Bytes::copy_from_slice(part))).collect();
        lines.extend(cutter.finish());
        lines
    }

    fn texts(lines: &[Piece]) -> Vec<Option<&str>> {
        fn text(line: &Piece) -> Option<&str> {
            line.text.as_deref().map(|text| std::str::from_utf8(text).expect("text"))
        }
        lines.iter().map(text).collect()
    }

    #[test]
    fn lines_are_what_an_editor_shows() {
        let lines = cut(&[b"\xef\xbb\xbfa\r\n\n", b"b", b"b\nc"]);
        assert_eq!(texts(&lines), [Some("a"), Some(""), Some("bb"), Some("c")]);
        assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(lines.iter().map(|line| line.is_ended).collect::<Vec<_>>(), [true, true, true, false]);
        assert!(lines[1].is_blank() && !lines[2].is_blank());
        assert_eq!(cut(&[b""]), []);
        assert_eq!(cut(&[b"a\n"]).len(), 1);
    }

    #[test]
    fn the_line_after_one_that_is_too_long_is_whole() {
        let part = vec![b'x'; MAX_LINE_BYTES / 2 + 1];
        let lines = cut(&[&part, &part, &part, b"\nnext"]);
        assert_eq!(texts(&lines), [None, Some("next")]);
        let longest = vec![b'x'; MAX_LINE_BYTES];
        assert!(cut(&[&longest, b"\n"])[0].text.is_some());
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_the_bytes_are_parted(text in "[a\r\n\u{feff}]{0,30}", at in 0_usize..30) {
            let bytes = text.as_bytes();
            let (one, other) = bytes.split_at(at.min(bytes.len()));
            prop_assert_eq!(cut(&[one, other]), cut(&[bytes]));
        }
    }
}
