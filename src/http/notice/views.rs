//! Notices as everybody reads them. Longer than most: a notice has many fields.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::parts::{AmountPart, AttachmentPart, DeadlinePart, PartyPart, ProjectPart};
use crate::domain::catalogue::Catalogue;
use crate::domain::fanout::{Announce, EditionKind};
use crate::domain::id::{NoticeId, PublisherId};
use crate::domain::notice::{Content, Effect, NoticeState};
use crate::domain::page::Page;
use crate::domain::time::Timestamp;
use crate::services::notice::{Change, Edition, EditionEntry, Full, Published, Summary};

/// What handing in came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublishedView {
    /// The notice.
    id: NoticeId,
    /// What this call did.
    status: Effect,
    /// The revision that stands.
    revision: i64,
    /// The notice that it amends.
    amends: Option<NoticeId>,
    /// The first notice with the same content.
    duplicate_of: Option<NoticeId>,
    /// How the notice stands: the repeat of a call does not bring back what was withdrawn since.
    state: NoticeState,
    /// How far this call announced it. `none`: as was asked, or people were told of this content as widely before.
    announce: Announce,
    /// When it was published.
    published_at: Timestamp,
}

impl From<Published> for PublishedView {
    fn from(published: Published) -> Self {
        let status = published.effect();
        let Published { id, revision, amends, duplicate_of, state, announce, published_at, .. } = published;
        Self { id, status, revision, amends, duplicate_of, state, announce, published_at }
    }
}

/// Some notices.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticesView {
    /// The newest first, without bodies.
    items: Vec<NoticeItemView>,
    /// Where to go on; nothing at the end.
    next_cursor: Option<String>,
}

impl NoticesView {
    /// A page.
    pub fn of(page: Page<Summary>, catalogue: &Catalogue) -> Self {
        let next_cursor = page.next.as_ref().map(ToString::to_string);
        Self { items: page.items.into_iter().map(|item| NoticeItemView::of(item, catalogue)).collect(), next_cursor }
    }
}

/// A code of the catalogue and its names.
#[derive(Debug, Serialize, ToSchema)]
pub struct NamedView {
    /// The code.
    code: String,
    /// Its name in Chinese; nothing when the catalogue no longer has it.
    name_zh: Option<String>,
    /// Its name in English.
    name_en: Option<String>,
}

/// Who handed a notice in.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublisherNameView {
    /// Its id.
    id: PublisherId,
    /// Its name.
    name: String,
}

/// What a notice says, but for its body.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContentView {
    /// Its title.
    title: String,
    /// Its category.
    category: NamedView,
    /// Its region as the source gave it.
    region: NamedView,
    /// What an unknown region code was taken for.
    region_fallback: Option<NamedView>,
    /// Its notice type.
    notice_type: NamedView,
    /// The stage of its project's life.
    stage: Option<String>,
    /// What ties it to other notices.
    project: Option<ProjectPart>,
    /// The codes of its sections.
    sections: Vec<String>,
    /// Who buys or sells.
    purchaser: Option<PartyPart>,
    /// Who handles it for them.
    agency: Option<PartyPart>,
    /// Who won.
    winners: Vec<PartyPart>,
    /// The sums that it names.
    amounts: Vec<AmountPart>,
    /// The deadlines that it names.
    deadlines: Vec<DeadlinePart>,
    /// Where the source shows it.
    source_url: Option<String>,
}

impl ContentView {
    /// What a notice says, with the names that its codes have now.
    pub fn of(content: Content, catalogue: &Catalogue) -> Self {
        let category = catalogue.category(&content.category);
        let kind = catalogue.notice_type(&content.notice_type);
        let named = |code: &str, zh: Option<&String>, en: Option<&String>| NamedView {
            code: code.to_owned(),
            name_zh: zh.cloned(),
            name_en: en.cloned(),
        };
        let region = |code: &String| {
            let region = catalogue.region(code);
            named(code, region.map(|region| &region.name), region.and_then(|region| region.name_en.as_ref()))
        };
        Self {
            category: named(
                &content.category,
                category.map(|category| &category.name_zh),
                category.map(|category| &category.name_en),
            ),
            region: region(&content.region),
            region_fallback: content.region_fallback.as_ref().map(region),
            notice_type: named(&content.notice_type, kind.map(|kind| &kind.name_zh), kind.map(|kind| &kind.name_en)),
            stage: kind.map(|kind| kind.stage.clone()),
            title: content.title,
            project: content.project.map(Into::into),
            sections: content.sections,
            purchaser: content.purchaser.map(Into::into),
            agency: content.agency.map(Into::into),
            winners: content.winners.into_iter().map(Into::into).collect(),
            amounts: content.amounts.into_iter().map(Into::into).collect(),
            deadlines: content.deadlines.into_iter().map(Into::into).collect(),
            source_url: content.source_url,
        }
    }
}

/// A notice without its body.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticeItemView {
    /// Its id.
    id: NoticeId,
    /// Its newest revision.
    revision: i64,
    /// How it stands.
    state: NoticeState,
    /// Why it was withdrawn.
    withdrawn_reason: Option<String>,
    /// Who handed it in.
    publisher: PublisherNameView,
    /// The system that it comes from.
    source: String,
    /// What that system calls it.
    source_id: String,
    #[serde(flatten)]
    content: ContentView,
    /// The notice that it amends.
    amends: Option<NoticeId>,
    /// The first notice with the same content.
    duplicate_of: Option<NoticeId>,
    /// When it was published.
    published_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
    /// How often it was read. Counted by the way: seconds late, and a crash may lose the last few.
    views: i64,
}

impl NoticeItemView {
    /// A notice, with the names that its codes have now.
    pub fn of(summary: Summary, catalogue: &Catalogue) -> Self {
        Self {
            id: summary.id,
            revision: summary.revision,
            state: summary.state,
            withdrawn_reason: summary.withdrawn_reason,
            publisher: PublisherNameView { id: summary.publisher, name: summary.publisher_name },
            source: summary.source,
            source_id: summary.source_id,
            content: ContentView::of(summary.content, catalogue),
            amends: summary.amends,
            duplicate_of: summary.duplicate_of,
            published_at: summary.published_at,
            updated_at: summary.updated_at,
            views: summary.views,
        }
    }
}

/// Where to go from a notice.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticeLinks {
    /// Its editions.
    revisions: String,
    /// The notice that it amends.
    amends: Option<String>,
    /// The timeline of its project. The code in it is percent-encoded.
    project: Option<String>,
}

/// A notice.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticeView {
    #[serde(flatten)]
    item: NoticeItemView,
    /// Its body: HTML that is safe to show. Nothing once it is withdrawn.
    body_html: Option<String>,
    /// The files that belong to it; none once it is withdrawn.
    attachments: Vec<AttachmentPart>,
    /// The notices that amend it, the newest first.
    amendments: Vec<NoticeItemView>,
    /// Where to go from here.
    links: NoticeLinks,
}

impl NoticeView {
    /// A notice and its body.
    pub fn of(full: Full, catalogue: &Catalogue) -> Self {
        let Full { mut summary, body_html, amendments } = full;
        let attachments = files(&mut summary.content);
        let code = summary.content.project.as_ref().map(|project| project.code.as_bytes());
        let links = NoticeLinks {
            revisions: format!("/v1/notices/{}/revisions", summary.id),
            amends: summary.amends.map(|id| format!("/v1/notices/{id}")),
            project: code.map(|code| format!("/v1/projects/{}", segment(code))),
        };
        let amendments = amendments.into_iter().map(|item| NoticeItemView::of(item, catalogue)).collect();
        Self { item: NoticeItemView::of(summary, catalogue), body_html, attachments, amendments, links }
    }
}

/// The files of a notice, out of what it says: lists are without them.
fn files(content: &mut Content) -> Vec<AttachmentPart> {
    std::mem::take(&mut content.attachments).into_iter().map(Into::into).collect()
}

/// Percent-encoding of one path segment (RFC 3986, 2.3: the unreserved characters stand for themselves).
fn segment(text: &[u8]) -> String {
    text.iter().fold(String::new(), |encoded, &byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded + &char::from(byte).to_string(),
        _ => encoded + &format!("%{byte:02X}"),
    })
}

/// Some editions.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevisionsView {
    /// The newest first.
    items: Vec<RevisionItemView>,
    /// Where to go on; nothing at the end.
    next_cursor: Option<String>,
}

impl RevisionsView {
    /// A page.
    pub fn of(page: Page<EditionEntry>) -> Self {
        let next_cursor = page.next.as_ref().map(ToString::to_string);
        Self { items: page.items.into_iter().map(RevisionItemView::of).collect(), next_cursor }
    }
}

/// What changed in one field.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeView {
    /// The field's name.
    #[schema(example = "deadlines")]
    field: String,
    /// What it was; for `body` the lines that went, for `links` the addresses, for `attachments` the files.
    #[schema(value_type = Value)]
    from: Value,
    /// What it is; for `body` the lines that came, for `links` the addresses, for `attachments` the files.
    #[schema(value_type = Value)]
    to: Value,
}

impl ChangeView {
    /// A change.
    pub fn of(Change { field, from, to }: Change) -> Self {
        Self { field, from, to }
    }
}

/// An edition of a notice.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevisionItemView {
    /// Which.
    revision: i64,
    /// What kind of edition it is.
    kind: EditionKind,
    /// What changed since the one before; nothing of the body or the files once the notice is withdrawn.
    changes: Vec<ChangeView>,
    /// Why.
    reason: Option<String>,
    /// When.
    created_at: Timestamp,
}

impl RevisionItemView {
    fn of(entry: EditionEntry) -> Self {
        let EditionEntry { revision, kind, changes, reason, created_at } = entry;
        Self { revision, kind, changes: changes.into_iter().map(ChangeView::of).collect(), reason, created_at }
    }
}

/// An edition and what it said.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevisionView {
    #[serde(flatten)]
    item: RevisionItemView,
    /// What it said.
    content: ContentView,
    /// Its body; nothing once the notice is withdrawn.
    body_html: Option<String>,
    /// The files that belonged to it; none once the notice is withdrawn.
    attachments: Vec<AttachmentPart>,
}

impl RevisionView {
    /// An edition.
    pub fn of(edition: Edition, catalogue: &Catalogue) -> Self {
        let Edition { entry, mut content, body_html } = edition;
        let attachments = files(&mut content);
        Self { item: RevisionItemView::of(entry), content: ContentView::of(content, catalogue), body_html, attachments }
    }
}

/// A project: its notices in order.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProjectView {
    /// Its code as the newest notice writes it.
    code: String,
    /// Its name as the newest notice that gives one writes it.
    name: Option<String>,
    /// The stage of its newest notice that was not withdrawn.
    stage: Option<String>,
    /// The latest deadline for bids that its notices name.
    bid_deadline_at: Option<Timestamp>,
    /// Its notices, the oldest first; at most 200.
    notices: Vec<NoticeItemView>,
}

impl ProjectView {
    /// A project of these notices, the oldest first.
    pub fn of(notices: Vec<Summary>, catalogue: &Catalogue) -> Self {
        let newest_first = || notices.iter().rev();
        let standing = || newest_first().filter(|notice| notice.state == NoticeState::Published);
        let projects = || newest_first().filter_map(|notice| notice.content.project.as_ref());
        let stage = standing().find_map(|notice| catalogue.notice_type(&notice.content.notice_type));
        Self {
            code: projects().next().map(|project| project.code.clone()).unwrap_or_default(),
            name: projects().find_map(|project| project.name.clone()),
            stage: stage.map(|kind| kind.stage.clone()),
            bid_deadline_at: standing().find_map(|notice| notice.content.bid_deadline()),
            notices: notices.into_iter().map(|notice| NoticeItemView::of(notice, catalogue)).collect(),
        }
    }
}
