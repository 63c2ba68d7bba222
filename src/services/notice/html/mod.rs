//! Bodies: foreign HTML in, harmless HTML and plain text out.
//!
//! Promise: time and memory are linear in the body's size, whatever it holds, and what comes out has only the tags of
//! [`TAGS`], links to http and https, and no style, class, script or image. First [`flatten`](flatten()) copies the allowed tags of
//! the source into a well-nested text of bounded depth, because an HTML parser given a hundred thousand open tags, or
//! thousands of formatting elements that it must reopen in each paragraph, takes for ever; then ammonia, which parses
//! as browsers do, has the last word. Not promised: that a document for word processors looks the same.

mod flatten;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use flatten::flatten;

/// Every tag that is kept.
const TAGS: [&str; 38] = [
    "a",
    "b",
    "blockquote",
    "br",
    "caption",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
    "section",
    "article",
    "center",
];
/// Inside one line of text.
const INLINE: [&str; 10] = ["a", "b", "em", "i", "s", "strong", "sub", "sup", "u", "span"];

/// A body that can be shown and searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Harmless HTML.
    pub html: String,
    /// Its text: a line for each block.
    pub text: String,
}

/// Makes a body harmless.
pub fn clean(html: &str) -> Body {
    static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
        let mut builder = Builder::default();
        builder
            .tags(HashSet::from(TAGS))
            .generic_attributes(HashSet::new())
            .tag_attributes(
                [
                    ("a", HashSet::from(["href"])),
                    ("td", HashSet::from(["colspan", "rowspan"])),
                    ("th", HashSet::from(["colspan", "rowspan"])),
                ]
                .into(),
            )
            .url_schemes(HashSet::from(["http", "https"]))
            .url_relative(UrlRelative::PassThrough)
            .link_rel(Some("nofollow noopener noreferrer"));
        builder
    });
    let html = CLEANER.clean(&flatten(html)).to_string();
    let text = text_of(&html);
    Body { html, text }
}

/// The text of HTML that [`clean`] made.
pub fn text_of(html: &str) -> String {
    let mut plain = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let (tag, after) = after.split_once('>').unwrap_or((after, ""));
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        match name {
            "td" | "th" => plain.push(' '),
            _ if INLINE.contains(&name) => {}
            _ => plain.push('\n'),
        }
        rest = after;
    }
    plain.push_str(rest);
    let plain = plain.replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    let plain = plain.replace("&#39;", "'").replace("&amp;", "&");
    let lines = plain.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The addresses that HTML which [`clean`] made links to.
pub fn links(html: &str) -> Vec<String> {
    let links = html.split("<a href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    links.map(|link| link.replace("&amp;", "&")).collect()
}
