//! What a publisher hands in, held against the catalogue and the key's reach, and made ready to be stored.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::catalogue::{Catalogue, NoticeType, Stage};
use crate::domain::fanout::{Announce, Lane};
use crate::domain::id::{NoticeId, PublisherId};
use crate::domain::money;
use crate::domain::notice::{Amount, AmountKind, Attachment, Content, Deadline, NoticeState, Party, Project};
use crate::domain::publisher::Scope;
use crate::domain::subscription::MATCHER;
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::notice::html::{self, Body};
use crate::services::publisher::{self, Caller};
use crate::services::refusal::{Error, Result, Violation};
use crate::storage::notice::{Notice, revision};
use crate::storage::search::{Document, Said};

/// How far in the future a notice may say it was published: clocks differ.
pub const MAX_EARLY: Duration = Duration::from_secs(10 * 60);

/// A notice as it is handed in. It is kept as JSON while it is scheduled: a field that is added must have a default.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Draft {
    /// The system it comes from.
    pub source: String,
    /// What that system calls it.
    pub source_id: String,
    /// Its title.
    pub title: String,
    /// The code of its category.
    pub category: String,
    /// The code of its region.
    pub region: String,
    /// The code of its notice type.
    pub notice_type: String,
    /// Its project.
    pub project: Option<Project>,
    /// The codes of its sections.
    pub sections: Vec<String>,
    /// The notice that it amends: an id, or a source id of the same source.
    pub amends: Option<String>,
    /// Who buys or sells.
    pub purchaser: Option<Party>,
    /// Who handles it.
    pub agency: Option<Party>,
    /// Who won.
    pub winners: Vec<Party>,
    /// Sums.
    pub amounts: Vec<DraftAmount>,
    /// Deadlines.
    pub deadlines: Vec<Deadline>,
    /// Files that lie elsewhere.
    pub attachments: Vec<Attachment>,
    /// Foreign HTML.
    pub body_html: String,
    /// Where the source shows it.
    pub source_url: Option<String>,
    /// When it was published; now when it is not said.
    pub published_at: Option<Timestamp>,
    /// How far it is announced.
    pub announce: Announce,
}

/// A sum as it is handed in: a number, or a text to be read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DraftAmount {
    /// What it is.
    pub kind: AmountKind,
    /// How much, when the publisher knows.
    pub fen: Option<i64>,
    /// ISO 4217.
    pub currency: String,
    /// As the source writes it.
    pub text: Option<String>,
}

impl DraftAmount {
    fn read(self) -> Amount {
        let Self { kind, fen, currency, text } = self;
        let read = || text.as_deref().filter(|_| currency == "CNY").and_then(money::fen);
        Amount { kind, fen: fen.or_else(read), currency, text }
    }
}

/// A draft that may be stored.
#[derive(Debug)]
pub(super) struct Ready {
    pub content: Content,
    pub body: Body,
    pub folded: String,
    pub hash: [u8; 32],
    /// What of it is indexed.
    pub said: Said,
    pub category_path: String,
    pub region_path: String,
    pub kind: NoticeType,
    pub source: String,
    pub source_id: String,
    pub amends: Option<String>,
    pub published_at: Option<Timestamp>,
    pub announce: Announce,
    /// The types whose notices are not amended: amendments and cancellations.
    pub amending_types: Vec<String>,
    /// What it was held against.
    pub catalogue: Arc<Catalogue>,
    /// Where in the body it stands.
    pub at: String,
}

/// Names what a content says.
pub(super) fn hash(catalogue: &Catalogue, content: &Content, folded: &str) -> [u8; 32] {
    content.hash(folded, |name| catalogue.is_name_of(&content.region, name))
}

/// What drafts are held against: the same for all that are handed in at one instant.
#[derive(Debug, Clone)]
pub struct Desk {
    catalogue: Arc<Catalogue>,
    scope: Scope,
    now: Timestamp,
}

impl Desk {
    /// What is known now, and how far the caller's key reaches.
    pub fn open(deps: &Deps, caller: &Caller) -> Self {
        Self { catalogue: deps.catalogue(), scope: caller.scope.clone(), now: deps.clock.now() }
    }

    /// Checks a draft, all of it at once, and makes it ready. `pointer` is where in the body the draft stands.
    ///
    /// Up to a megabyte of foreign HTML is cleaned, folded and hashed: not on a thread that others wait for.
    pub(super) fn ready(&self, draft: Draft, pointer: &str) -> Result<Ready> {
        let Self { catalogue, scope, now } = self;
        let Draft { category, region, notice_type, published_at, .. } = &draft;
        let named = Named { category, region, notice_type, published_at: *published_at };
        Error::unless_empty(violations(catalogue, *now, &named, pointer))?;
        let (category_path, region) = (catalogue.category_path(category), catalogue.resolve(region));
        let kind = catalogue.notice_type(notice_type).cloned();
        let (Some(category_path), Some(region), Some(kind)) = (category_path, region, kind) else {
            return Err(Error::broken("a category without a path"));
        };
        publisher::unless_within(scope.beyond(&draft.source, &category_path, &region.path), pointer)?;
        let Draft { source, source_id, amends, published_at, announce, .. } = draft;
        let body = html::clean(&draft.body_html);
        let content = Content {
            title: draft.title.trim().to_owned(),
            category: draft.category,
            region: draft.region,
            region_fallback: region.fallback.then_some(region.code),
            notice_type: draft.notice_type,
            project: draft.project,
            sections: draft.sections,
            purchaser: draft.purchaser,
            agency: draft.agency,
            winners: draft.winners,
            amounts: draft.amounts.into_iter().map(DraftAmount::read).collect(),
            deadlines: draft.deadlines,
            attachments: draft.attachments,
            source_url: draft.source_url,
        };
        let folded = content.folded(&body.text);
        let hash = hash(catalogue, &content, &folded);
        let amending = |kind: &&NoticeType| [Stage::AMENDMENT, Stage::CANCELLATION].contains(&kind.stage.as_str());
        let amending_types = catalogue.notice_types().iter().filter(amending).map(|kind| kind.code.clone()).collect();
        let region_path = region.path;
        Ok(Ready {
            said: Said::of(&content, &folded),
            content,
            body,
            folded,
            hash,
            category_path,
            region_path,
            kind,
            source,
            source_id,
            amends,
            published_at,
            announce,
            amending_types,
            catalogue: Arc::clone(catalogue),
            at: pointer.to_owned(),
        })
    }
}

/// Checks a draft and makes it ready, on a thread that nobody waits for.
pub(super) async fn ready(deps: &Deps, caller: &Caller, draft: Draft, pointer: &'static str) -> Result<Ready> {
    let desk = Desk::open(deps, caller);
    let ready = tokio::task::spawn_blocking(move || desk.ready(draft, pointer)).await;
    ready.map_err(|error| Error::broken(error.to_string()))?
}

/// What of a draft is looked up or held against the clock.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// The code of its category.
    pub category: &'a str,
    /// The code of its region.
    pub region: &'a str,
    /// The code of its notice type.
    pub notice_type: &'a str,
    /// When it says that it was published.
    pub published_at: Option<Timestamp>,
}

/// What a draft must look like beyond its schema. `pointer` is where in the body the draft stands.
pub fn check(deps: &Deps, named: &Named<'_>, pointer: &str) -> Result<()> {
    Error::unless_empty(violations(&deps.catalogue(), deps.clock.now(), named, pointer))
}

fn violations(catalogue: &Catalogue, now: Timestamp, named: &Named<'_>, pointer: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut unknown = |field: &str, rule: &'static str, code: &str, zh: &str, en: &str| {
        let (zh, en) = (format!("没有{zh} {code}"), format!("there is no {en} {code}"));
        found.push(Violation::body(format!("{pointer}/{field}"), rule, zh, en));
    };
    if catalogue.category(named.category).is_none() {
        unknown("category", "unknown_category", named.category, "分类", "category");
    }
    if catalogue.resolve(named.region).is_none() {
        unknown("region", "unknown_region", named.region, "行政区划", "region");
    }
    if catalogue.notice_type(named.notice_type).is_none() {
        unknown("notice_type", "unknown_notice_type", named.notice_type, "公告类型", "notice type");
    }
    if named.published_at.is_some_and(|at| at > now + MAX_EARLY) {
        let minutes = MAX_EARLY.as_secs() / 60;
        found.push(Violation::body(
            format!("{pointer}/published_at"),
            "in_the_future",
            format!("最多晚于当前时间 {minutes} 分钟"),
            format!("at most {minutes} minutes from now"),
        ));
    }
    found
}

/// Where and when an edition takes its place.
pub(super) struct Placed {
    pub id: NoticeId,
    pub publisher: PublisherId,
    pub revision: i64,
    pub position: i64,
    pub amends: Option<NoticeId>,
    pub duplicate_of: Option<NoticeId>,
    pub published_at: Timestamp,
    pub received_at: Timestamp,
    pub now: Timestamp,
}

impl Placed {
    /// Where a notice stands.
    pub fn of(notice: &Notice) -> Self {
        Self {
            id: notice.id,
            publisher: notice.publisher_id,
            revision: notice.revision,
            position: notice.position,
            amends: notice.amends,
            duplicate_of: notice.duplicate_of,
            published_at: notice.published_at,
            received_at: notice.received_at,
            now: notice.updated_at,
        }
    }
}

impl Ready {
    /// Whether an edition says this too.
    pub fn is_said_by(&self, content: &Content, folded: &str) -> bool {
        hash(&self.catalogue, content, folded) == self.hash
    }

    /// The notice's row.
    pub fn notice(&self, at: &Placed) -> Notice {
        Notice {
            id: at.id,
            publisher_id: at.publisher,
            source: self.source.clone(),
            source_id: self.source_id.clone(),
            revision: at.revision,
            position: at.position,
            state: NoticeState::Published.as_str().to_owned(),
            title: self.content.title.clone(),
            category_path: self.category_path.clone(),
            region_path: self.region_path.clone(),
            notice_type: self.kind.code.clone(),
            project_key: self.content.project_key(),
            amount_fen: self.content.amount_fen(),
            bid_deadline_at: self.content.bid_deadline(),
            amends: at.amends,
            duplicate_of: at.duplicate_of,
            content_hash: self.hash.to_vec(),
            published_at: at.published_at,
            received_at: at.received_at,
            updated_at: at.now,
        }
    }

    /// What is indexed of it.
    pub fn document(&self, row: &Notice) -> Document {
        Document::made_of(row, &self.kind.stage, self.said.clone())
    }

    /// The edition's row, but for its kind, changes and reason.
    pub fn edition(&self, at: &Placed, announce: Announce) -> Result<revision::Revision> {
        let json = |value: serde_json::Result<String>| value.map_err(|error| Error::broken(error.to_string()));
        Ok(revision::Revision {
            notice_id: at.id,
            revision: at.revision,
            position: at.position,
            kind: String::new(),
            announce: announce.as_str().to_owned(),
            matcher: MATCHER,
            document: json(serde_json::to_string(&self.content))?,
            body_html: self.body.html.clone(),
            folded: self.folded.clone(),
            category_path: self.category_path.clone(),
            region_path: self.region_path.clone(),
            notice_type: self.kind.code.clone(),
            stage: self.kind.stage.clone(),
            project_key: self.content.project_key(),
            purchaser_keys: json(serde_json::to_string(&self.content.purchaser_keys()))?,
            amount_fen: self.content.amount_fen(),
            amends: at.amends,
            changes: "[]".to_owned(),
            reason: None,
            created_at: at.now,
            content_hash: Some(self.hash.to_vec()),
        })
    }

    /// How soon it is announced: what changes or ends something goes first.
    pub fn lane(&self, amends: Option<NoticeId>) -> Lane {
        if self.kind.urgent || self.kind.amends || amends.is_some() { Lane::Urgent } else { Lane::Normal }
    }

    /// When announcing it makes no more sense: so many hours after it was said, never past the bid deadline.
    pub fn deadline(&self, said_at: Timestamp) -> Timestamp {
        let hours = Duration::from_secs(u64::from(self.kind.delivery_hours) * 60 * 60);
        let latest = said_at + hours;
        self.content.bid_deadline().map_or(latest, |bid| bid.min(latest))
    }
}
