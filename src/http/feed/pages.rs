//! What a page of a feed for readers says, in whatever form.

use super::query::FeedQuery;
use crate::domain::catalogue::Catalogue;
use crate::domain::notice::{Attachment, NoticeState};
use crate::domain::time::Timestamp;
use crate::http::extract::base::Base;
use crate::services::notice::Summary;
use crate::services::notice::feed::{Item, Newest};

/// The language that feeds are in.
pub const LANGUAGE: &str = "zh-CN";
/// What an attachment is whose publisher does not say.
pub const ANY_MEDIA_TYPE: &str = "application/octet-stream";

/// A page of a feed.
#[derive(Debug)]
pub struct FeedPage {
    /// What all addresses begin with.
    pub base: String,
    /// Names the feed for ever.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// Since when there is this database: when an empty feed last changed.
    pub since: Timestamp,
    /// Its own address.
    pub url: String,
    /// Where it begins.
    pub first_url: String,
    /// Where older changes are.
    pub next_url: Option<String>,
}

impl FeedPage {
    /// A page of the feed at this path.
    pub fn of(base: &Base, path: &str, query: &FeedQuery, newest: &Newest, catalogue: &Catalogue) -> Self {
        let base = base.0.clone();
        let at = |cursor| format!("{base}{path}{}", query.at(cursor));
        Self {
            id: newest.id.urn().to_string(),
            title: title(query, catalogue),
            since: newest.since,
            url: at(query.cursor().as_ref()),
            first_url: at(None),
            next_url: newest.page.next.as_ref().map(|cursor| at(Some(cursor))),
            base,
        }
    }

    /// Its addresses, which change with whoever asks.
    pub fn links(&self) -> Vec<String> {
        [Some(self.url.clone()), self.next_url.clone()].into_iter().flatten().collect()
    }
}

fn title(query: &FeedQuery, catalogue: &Catalogue) -> String {
    let named = |name: Option<&str>, code: &str| name.unwrap_or(code).to_owned();
    let category = query.category.as_deref();
    let category = category.map(|code| named(catalogue.category(code).map(|found| found.name_zh.as_str()), code));
    let region = query.region.as_deref();
    let region = region.map(|code| named(catalogue.region(code).map(|found| found.name.as_str()), code));
    let kind = query.notice_type.as_deref();
    let kind = kind.map(|code| named(catalogue.notice_type(code).map(|found| found.name_zh.as_str()), code));
    let parts = [category, region, kind].into_iter().flatten();
    parts.fold("驿站公告".to_owned(), |title, part| title + " · " + &part)
}

/// A notice as a reader of feeds sees it.
#[derive(Debug)]
pub struct FeedEntry<'a> {
    /// What it says.
    pub summary: &'a Summary,
    /// Names it for ever.
    pub id: String,
    /// Its title; says that it is withdrawn.
    pub title: String,
    /// Where it is in this API.
    pub url: String,
    /// Codes and their names: category, region, notice type.
    pub tags: Vec<(String, String)>,
    /// Its body; nothing once it is withdrawn.
    pub body_html: Option<&'a str>,
    /// What stands in the body's place.
    pub in_place: String,
    /// Its files.
    pub attachments: &'a [Attachment],
}

impl<'a> FeedEntry<'a> {
    /// An item as an entry; nothing when there is nothing to be shown of it.
    pub fn of(base: &str, item: &'a Item, catalogue: &Catalogue) -> Option<Self> {
        let (summary, body_html) = item.shown.as_ref()?;
        let content = &summary.content;
        let withdrawn = summary.state == NoticeState::Withdrawn;
        let names = [
            (&content.category, catalogue.category(&content.category).map(|found| &found.name_zh)),
            (&content.region, catalogue.region(&content.region).map(|found| &found.name)),
            (&content.notice_type, catalogue.notice_type(&content.notice_type).map(|found| &found.name_zh)),
        ];
        let reason = summary.withdrawn_reason.as_deref().unwrap_or_default();
        Some(Self {
            id: summary.id.as_uuid().urn().to_string(),
            title: if withdrawn { format!("【已撤回】{}", content.title) } else { content.title.clone() },
            url: format!("{base}/v1/notices/{}", summary.id),
            tags: names.map(|(code, name)| (code.clone(), name.unwrap_or(code).clone())).into(),
            body_html: body_html.as_deref(),
            in_place: if withdrawn { format!("公告已撤回：{reason}") } else { String::new() },
            attachments: &content.attachments,
            summary,
        })
    }
}
