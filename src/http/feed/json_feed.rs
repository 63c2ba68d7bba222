//! The feed as a JSON Feed, version 1.1 (<https://www.jsonfeed.org/version/1.1/>).

use serde::Serialize;
use utoipa::ToSchema;

use super::pages::{ANY_MEDIA_TYPE, FeedEntry, FeedPage, LANGUAGE};
use crate::domain::catalogue::Catalogue;
use crate::domain::id::NoticeId;
use crate::domain::notice::{FeedChange, NoticeState};
use crate::domain::time::Timestamp;
use crate::services::notice::feed::Item;

/// What it is.
pub const MEDIA_TYPE: &str = "application/feed+json; charset=utf-8";

/// A page of the feed. Members that are not there are left out, as the form asks.
#[derive(Debug, Serialize, ToSchema)]
pub struct JsonFeedView {
    /// Which form this is.
    version: &'static str,
    /// What the feed is called.
    title: String,
    /// Its own address.
    feed_url: String,
    /// Where older changes are.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_url: Option<String>,
    /// The language.
    language: &'static str,
    /// The newest change first.
    items: Vec<JsonFeedItemView>,
}

/// A notice.
#[derive(Debug, Serialize, ToSchema)]
pub struct JsonFeedItemView {
    /// Names it for ever.
    id: String,
    /// Where it is in this API.
    url: String,
    /// Where the source shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_url: Option<String>,
    /// Its title; says that it is withdrawn.
    title: String,
    /// Its body: HTML that is safe to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_html: Option<String>,
    /// Why it was withdrawn, when it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_text: Option<String>,
    /// When it was published.
    date_published: Timestamp,
    /// When it last changed.
    date_modified: Timestamp,
    /// Who handed it in.
    authors: Vec<JsonFeedAuthorView>,
    /// The names of its category, region and notice type.
    tags: Vec<String>,
    /// Its files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<JsonFeedAttachmentView>,
    /// What only this server says.
    _yizhan: JsonFeedExtensionView,
}

/// Who handed a notice in.
#[derive(Debug, Serialize, ToSchema)]
pub struct JsonFeedAuthorView {
    /// Its name.
    name: String,
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
pub struct JsonFeedAttachmentView {
    /// Where it lies.
    url: String,
    /// What it is.
    mime_type: String,
    /// What people see.
    title: String,
    /// How large it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    size_in_bytes: Option<i64>,
}

/// What only this server says of a notice.
#[derive(Debug, Serialize, ToSchema)]
pub struct JsonFeedExtensionView {
    /// The notice.
    notice_id: NoticeId,
    /// Its newest revision.
    revision: i64,
    /// What that revision is.
    change: FeedChange,
    /// How it stands.
    state: NoticeState,
    /// The notice that it amends.
    amends: Option<NoticeId>,
}

impl JsonFeedView {
    /// A page.
    pub fn of(page: &FeedPage, items: Vec<Item>, catalogue: &Catalogue) -> Self {
        let view = |item: &Item| {
            let change = item.change;
            FeedEntry::of(&page.base, item, catalogue).map(|entry| JsonFeedItemView::of(entry, change))
        };
        Self {
            version: "https://jsonfeed.org/version/1.1",
            title: page.title.clone(),
            feed_url: page.url.clone(),
            next_url: page.next_url.clone(),
            language: LANGUAGE,
            items: items.iter().filter_map(view).collect(),
        }
    }
}

impl JsonFeedItemView {
    fn of(entry: FeedEntry<'_>, change: FeedChange) -> Self {
        let summary = entry.summary;
        let file = |file: &crate::domain::notice::Attachment| JsonFeedAttachmentView {
            url: file.url.clone(),
            mime_type: file.media_type.clone().unwrap_or_else(|| ANY_MEDIA_TYPE.to_owned()),
            title: file.name.clone(),
            size_in_bytes: file.size_bytes,
        };
        Self {
            _yizhan: JsonFeedExtensionView {
                notice_id: summary.id,
                revision: summary.revision,
                change,
                state: summary.state,
                amends: summary.amends,
            },
            external_url: summary.content.source_url.clone(),
            content_html: entry.body_html.map(ToOwned::to_owned),
            content_text: entry.body_html.is_none().then_some(entry.in_place),
            date_published: summary.published_at,
            date_modified: summary.updated_at,
            authors: vec![JsonFeedAuthorView { name: summary.publisher_name.clone() }],
            tags: entry.tags.into_iter().map(|(_, name)| name).collect(),
            attachments: entry.attachments.iter().map(file).collect(),
            id: entry.id,
            url: entry.url,
            title: entry.title,
        }
    }
}
