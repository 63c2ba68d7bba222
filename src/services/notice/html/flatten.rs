//! From any HTML to a well-nested, bounded text of allowed tags. What it writes is right by construction, whatever it
//! makes of what it reads: every tag comes from the list, every attribute from two patterns, all else is text.

use super::{INLINE, TAGS};

/// Deeper tags are left out, their text is kept. Real bodies have tables in tables, some ten deep.
const MAX_DEPTH: usize = 64;
/// More tags, or signs that look like the start of one, than this are left out; their text is kept. The longest real bodies have some thousand.
const MAX_TAGS: usize = 30_000;
/// Table, body, row, cell.
const TABLE_DEPTH: usize = 4;
/// The longest link that is kept.
const MAX_HREF_BYTES: usize = 2_000;
const VOID: [&str; 2] = ["br", "hr"];
/// What these hold is not for people.
const DROPPED_WITH_CONTENT: [&str; 12] = [
    "script", "style", "title", "template", "noscript", "iframe", "object", "textarea", "select", "xmp", "noembed",
    "noframes",
];
const TABLE_PARTS: [&str; 8] = ["table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th"];

/// Copies text and allowed tags; what comes out is well nested and at most [`MAX_DEPTH`] deep.
pub(super) fn flatten(html: &str) -> String {
    let mut out = Nested { html: String::with_capacity(html.len()), open: Vec::new(), tags: 0 };
    let mut rest = html;
    while let Some((text, after)) = rest.split_once('<') {
        out.text(text);
        rest = match after.chars().next() {
            Some('!') if after.starts_with("!--") => after.split_once("-->").map_or("", |(_, after)| after),
            Some('!' | '?') => after.split_once('>').map_or("", |(_, after)| after),
            Some('/') => {
                let (name, after) = tag_name(after.trim_start_matches('/'));
                out.close(&name);
                after.split_once('>').map_or("", |(_, after)| after)
            }
            Some(letter) if letter.is_ascii_alphabetic() => {
                let (name, after) = tag_name(after);
                let (attributes, after) = attributes(&name, after);
                out.open(&name, &attributes);
                if DROPPED_WITH_CONTENT.contains(&name.as_str()) { after_end_of(&name, after) } else { after }
            }
            _ => {
                out.tags += 1;
                out.text(if out.tags > MAX_TAGS { " " } else { "<" });
                after
            }
        };
    }
    out.text(rest);
    while let Some(name) = out.open.pop() {
        out.html.push_str(&format!("</{name}>"));
    }
    out.html
}

fn tag_name(text: &str) -> (String, &str) {
    let end = text.find(|letter: char| letter.is_whitespace() || letter == '/' || letter == '>').unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (name.to_ascii_lowercase(), rest)
}

/// Reads to the end of a tag; returns the attributes worth keeping, written out, and what follows.
fn attributes<'a>(tag: &str, text: &'a str) -> (String, &'a str) {
    let mut kept = String::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return (kept, after);
        }
        if rest.is_empty() {
            return (kept, rest);
        }
        // The first letter of a name may be anything, `=` too.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let ends = |letter: char| letter.is_whitespace() || matches!(letter, '/' | '>' | '=');
        let end = rest.get(first..).and_then(|tail| tail.find(ends)).map_or(rest.len(), |end| first + end);
        let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let spaced = after.trim_start();
        let Some(value) = spaced.strip_prefix('=') else {
            rest = after;
            continue;
        };
        let value = value.trim_start();
        let (value, after) = match value.chars().next() {
            Some('"') => value.get(1..).and_then(|value| value.split_once('"')).unwrap_or((value, "")),
            Some('\'') => value.get(1..).and_then(|value| value.split_once('\'')).unwrap_or((value, "")),
            _ => {
                let end = value.find(|letter: char| letter.is_whitespace() || letter == '>').unwrap_or(value.len());
                value.split_at_checked(end).unwrap_or((value, ""))
            }
        };
        keep(tag, name, value, &mut kept);
        rest = after;
    }
}

fn keep(tag: &str, name: &str, value: &str, kept: &mut String) {
    let name = name.to_ascii_lowercase();
    let span = (1..=3).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    let wanted = match (tag, name.as_str()) {
        ("a", "href") => value.len() <= MAX_HREF_BYTES,
        ("td" | "th", "colspan" | "rowspan") => span,
        _ => false,
    };
    if wanted {
        let value = value.replace('"', "%22").replace('<', "%3C").replace('>', "%3E");
        kept.push_str(&format!(" {name}=\"{value}\""));
    }
}

/// What follows the end tag of an element whose content is text; nothing when it never ends.
fn after_end_of<'a>(name: &str, text: &'a str) -> &'a str {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("</") {
        if after.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
            return after.split_once('>').map_or("", |(_, after)| after);
        }
        rest = after;
    }
    ""
}

/// HTML whose tags are closed in the order in which they were opened.
struct Nested {
    html: String,
    open: Vec<&'static str>,
    tags: usize,
}

impl Nested {
    /// Text goes where the innermost open element takes text: between the cells of a table it makes a cell, because a
    /// parser would move it before the table, one search through all siblings for each piece.
    fn text(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.leave_table_frame();
        }
        self.html.push_str(&text.replace('<', "&lt;").replace('>', "&gt;"));
    }

    fn open(&mut self, name: &str, attributes: &str) {
        let Some(&name) = TAGS.iter().find(|tag| **tag == name) else { return };
        self.tags += 1;
        if self.tags > MAX_TAGS {
            self.html.push(' ');
            return;
        }
        if name != "table" && TABLE_PARTS.contains(&name) {
            return self.open_table_part(name, attributes);
        }
        self.leave_table_frame();
        // What a parser would close here, it must find closed: it would reopen the formatting elements inside.
        if !INLINE.contains(&name) && name != "br" {
            self.close_innermost(&["p"], &[]);
        }
        match name {
            "li" => self.close_innermost(&["li"], &["ul", "ol"]),
            "dt" | "dd" => self.close_innermost(&["dt", "dd"], &["dl"]),
            "a" => self.close_innermost(&["a"], &[]),
            _ => {}
        }
        let room = if name == "table" { MAX_DEPTH.saturating_sub(TABLE_DEPTH) } else { MAX_DEPTH };
        if VOID.contains(&name) {
            self.html.push_str(&format!("<{name}>"));
        } else if self.open.len() < room {
            self.push(name, attributes);
        } else if !INLINE.contains(&name) {
            // The tag is left out; that its text stands apart is kept.
            self.html.push_str("<br>");
        }
    }

    /// Rows, cells and the like stand in a table and nowhere else, each in the one above it.
    fn open_table_part(&mut self, name: &'static str, attributes: &str) {
        match name {
            "td" | "th" => self.close_innermost(&["td", "th", "caption"], &["tr"]),
            "tr" => self.close_innermost(&["tr", "caption"], &[]),
            _ => {
                self.close_innermost(&["thead", "tbody", "tfoot", "tr", "caption"], &[]);
                self.close_innermost(&["thead", "tbody", "tfoot"], &[]);
            }
        }
        let top = self.open.last().copied().unwrap_or_default();
        match (name, top) {
            ("td" | "th", "table" | "thead" | "tbody" | "tfoot") => {
                self.push("tr", "");
                self.push(name, attributes);
            }
            ("td" | "th", "tr") | ("tr", "table" | "thead" | "tbody" | "tfoot") => self.push(name, attributes),
            ("caption" | "thead" | "tbody" | "tfoot", "table") => self.push(name, attributes),
            ("tr", _) => self.html.push_str("<br>"),
            _ => self.html.push(' '),
        }
    }

    /// Opens a cell when the innermost open element takes nothing but parts of a table.
    fn leave_table_frame(&mut self) {
        let top = self.open.last().copied().unwrap_or_default();
        if matches!(top, "table" | "thead" | "tbody" | "tfoot") {
            self.push("tr", "");
        }
        if matches!(top, "table" | "thead" | "tbody" | "tfoot" | "tr") {
            self.push("td", "");
        }
    }

    fn push(&mut self, name: &'static str, attributes: &str) {
        self.html.push_str(&format!("<{name}{attributes}>"));
        self.open.push(name);
    }

    fn close(&mut self, name: &str) {
        let part = TABLE_PARTS.contains(&name);
        let barrier =
            |open: &str| if part { open == "table" } else { matches!(open, "td" | "th" | "caption" | "table") };
        let found = self.open.iter().rposition(|open| *open == name || barrier(open));
        if let Some(place) = found.filter(|place| self.open.get(*place).is_some_and(|open| *open == name)) {
            self.close_to(place);
        }
    }

    /// Closes the innermost of `names` unless one of `barriers`, or a table, stands between.
    fn close_innermost(&mut self, names: &[&str], barriers: &[&str]) {
        let stops = |open: &&str| names.contains(open) || barriers.contains(open) || *open == "table";
        let cell = |open: &&str| matches!(*open, "td" | "th") && !names.iter().any(|name| TABLE_PARTS.contains(name));
        let found = self.open.iter().rposition(|open| stops(open) || cell(open));
        if let Some(place) = found.filter(|place| self.open.get(*place).is_some_and(|open| names.contains(open))) {
            self.close_to(place);
        }
    }

    fn close_to(&mut self, place: usize) {
        while self.open.len() > place {
            if let Some(name) = self.open.pop() {
                self.html.push_str(&format!("</{name}>"));
            }
        }
    }
}
