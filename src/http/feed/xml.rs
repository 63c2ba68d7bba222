//! Writing XML 1.0: a tree of elements, every text escaped, nothing in it that the standard forbids.
//!
//! Promise: what was begun is ended, and whatever the texts hold, the result is well-formed: characters that XML cannot
//! hold (most control characters, U+FFFE and U+FFFF) are left out.

/// A document that grows.
#[derive(Debug)]
pub struct Writer(String);

impl Writer {
    /// An empty document in UTF-8.
    pub fn new() -> Self {
        Self("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n".to_owned())
    }

    /// An element with what `inner` writes into it.
    pub fn element(&mut self, name: &str, attributes: &[(&str, &str)], inner: impl FnOnce(&mut Self)) {
        self.open(name, attributes);
        self.0.push('>');
        inner(self);
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push_str(">\n");
    }

    /// An element that holds a text.
    pub fn text(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.element(name, attributes, |writer| writer.push(text));
    }

    /// An element that holds nothing.
    pub fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.open(name, attributes);
        self.0.push_str("/>\n");
    }

    /// The whole document.
    pub fn finish(self) -> String {
        self.0
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.0.push('<');
        self.0.push_str(name);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            self.push(value);
            self.0.push('"');
        }
    }

    fn push(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                // A parser would make a line feed of one, and blanks of any of them in an attribute.
                '\r' => self.0.push_str("&#13;"),
                '\n' => self.0.push_str("&#10;"),
                '\t' => self.0.push_str("&#9;"),
                // XML 1.0, production 2: of what a Rust string can hold these are missing.
                '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
                other => self.0.push(other),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What XML 1.0 can hold of a text.
    fn legal(text: &str) -> String {
        let legal =
            |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        text.chars().filter(legal).collect()
    }

    proptest! {
        #[test]
        fn whatever_a_text_holds_a_parser_reads_the_same(text in any::<String>(), value in any::<String>()) {
            let mut writer = Writer::new();
            writer.text("a", &[("b", &value)], &text);
            let written = writer.finish();
            let document = roxmltree::Document::parse(&written).expect("well-formed");
            let (root, value) = (document.root_element(), legal(&value));
            prop_assert_eq!(root.text().unwrap_or_default(), legal(&text));
            prop_assert_eq!(root.attribute("b"), Some(value.as_str()));
        }
    }

    #[test]
    fn what_xml_cannot_hold_is_left_out() {
        let mut writer = Writer::new();
        writer.text("a", &[], "1\u{0}\u{8}\u{b}\u{1f}2\u{fffe}\u{ffff}3 ]]> <b>&amp;</b>");
        let written = writer.finish();
        let document = roxmltree::Document::parse(&written).expect("well-formed");
        assert_eq!(document.root_element().text(), Some("123 ]]> <b>&amp;</b>"));
    }
}
