//! The feed as Atom (RFC 4287), paged by RFC 5005.
//!
//! A notice keeps its id for ever, whatever address this server has; its files are enclosures.

use super::pages::{ANY_MEDIA_TYPE, FeedEntry, FeedPage, LANGUAGE};
use super::xml::Writer;
use crate::domain::catalogue::Catalogue;
use crate::services::notice::feed::Item;

/// What it is.
pub const MEDIA_TYPE: &str = "application/atom+xml; charset=utf-8";
const NAMESPACE: &str = "http://www.w3.org/2005/Atom";
/// What a link to this API leads to.
const API: &str = "application/json";

/// Writes a page.
pub fn write(page: &FeedPage, items: &[Item], catalogue: &Catalogue) -> String {
    let entries: Vec<FeedEntry<'_>> =
        items.iter().filter_map(|item| FeedEntry::of(&page.base, item, catalogue)).collect();
    let updated = entries.iter().map(|entry| entry.summary.updated_at).max().unwrap_or(page.since);
    let mut writer = Writer::new();
    writer.element("feed", &[("xmlns", NAMESPACE), ("xml:lang", LANGUAGE)], |writer| {
        writer.text("id", &[], &page.id);
        writer.text("title", &[], &page.title);
        writer.text("updated", &[], &updated.to_string());
        writer.text("generator", &[], "Yizhan");
        let own = [("self", Some(&page.url)), ("first", Some(&page.first_url)), ("next", page.next_url.as_ref())];
        for (relation, url) in own.into_iter().filter_map(|(relation, url)| Some((relation, url?))) {
            writer.empty("link", &[("rel", relation), ("type", "application/atom+xml"), ("href", url)]);
        }
        for found in &entries {
            writer.element("entry", &[], |writer| entry(writer, page, found));
        }
    });
    writer.finish()
}

fn entry(writer: &mut Writer, page: &FeedPage, entry: &FeedEntry<'_>) {
    let summary = entry.summary;
    writer.text("id", &[], &entry.id);
    writer.text("title", &[], &entry.title);
    writer.text("updated", &[], &summary.updated_at.to_string());
    writer.text("published", &[], &summary.published_at.to_string());
    writer.element("author", &[], |writer| writer.text("name", &[], &summary.publisher_name));
    match &summary.content.source_url {
        // What people read; else what programs do.
        Some(source) => {
            writer.empty("link", &[("rel", "alternate"), ("type", "text/html"), ("href", source)]);
            writer.empty("link", &[("rel", "related"), ("type", API), ("href", &entry.url)]);
        }
        None => writer.empty("link", &[("rel", "alternate"), ("type", API), ("href", &entry.url)]),
    }
    if let Some(amended) = summary.amends {
        let url = format!("{}/v1/notices/{amended}", page.base);
        writer.empty("link", &[("rel", "related"), ("type", API), ("title", "被更正的公告"), ("href", &url)]);
    }
    for file in entry.attachments {
        let media_type = file.media_type.as_deref().unwrap_or(ANY_MEDIA_TYPE);
        let length = file.size_bytes.map(|bytes| bytes.to_string());
        let mut attributes = vec![("rel", "enclosure"), ("type", media_type), ("title", file.name.as_str())];
        attributes.extend(length.as_deref().map(|length| ("length", length)));
        attributes.push(("href", &file.url));
        writer.empty("link", &attributes);
    }
    for (code, name) in &entry.tags {
        writer.empty("category", &[("term", code), ("label", name)]);
    }
    match entry.body_html {
        Some(html) => writer.text("content", &[("type", "html")], html),
        None => writer.text("content", &[("type", "text")], &entry.in_place),
    }
}
