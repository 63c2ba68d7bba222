//! Scheduled notices as their publishers hand them in and as they are shown.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::id::{NoticeId, PublisherId, ScheduledNoticeId};
use crate::domain::page::{Cursor, Page};
use crate::domain::scheduled::{NotPublished, ScheduledState};
use crate::domain::time::Timestamp;
use crate::http::extract::body::Rules;
use crate::http::extract::page::{cursor_of, limit_of};
use crate::http::notice::NoticeBody;
use crate::services::Deps;
use crate::services::notice::scheduled::{self, Scheduled};
use crate::services::notice::{self, Draft};
use crate::services::refusal::{Violation, violations};

/// A notice that is to be published later.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduledNoticeBody {
    /// When; at most 90 days from now.
    pub publish_at: Timestamp,
    /// All that the notice will say. It has no `published_at`: it is published when it is published.
    notice: NoticeBody,
}

impl Rules for ScheduledNoticeBody {
    fn broken(&self, deps: &Deps) -> Vec<Violation> {
        let named = self.notice.named();
        let mut found = violations(scheduled::check(deps, self.publish_at, named.published_at));
        found.extend(violations(notice::check(deps, &named, "/notice")));
        found
    }
}

impl ScheduledNoticeBody {
    /// What it hands in.
    pub fn draft(self) -> Draft {
        self.notice.draft()
    }
}

/// Which scheduled notices, and which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ScheduledNoticesQuery {
    /// How they stand; all when it is missing.
    #[param(inline)]
    pub state: Option<ScheduledState>,
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u16>,
    /// Where to go on: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 400)]
    cursor: Option<String>,
}

impl ScheduledNoticesQuery {
    /// How many.
    pub fn limit(&self) -> u16 {
        limit_of(self.limit)
    }

    /// From where.
    pub fn cursor(&self) -> Option<Cursor> {
        cursor_of(self.cursor.as_deref())
    }
}

/// A scheduled notice.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduledNoticeView {
    /// Its id.
    id: ScheduledNoticeId,
    /// Who handed it in.
    publisher: PublisherId,
    /// The system that it comes from.
    source: String,
    /// What that system calls it.
    source_id: String,
    /// Its title.
    title: String,
    /// When it is to be published.
    publish_at: Timestamp,
    /// How it stands.
    state: ScheduledState,
    /// Why it was not published.
    reason: Option<NotPublished>,
    /// More about the reason: the id of the notice that has the natural key, or what is wrong where.
    detail: Option<String>,
    /// The notice that it became.
    notice_id: Option<NoticeId>,
    /// How often publishing it has failed by no fault of its own; it is tried again.
    attempts: i64,
    /// When it was handed in.
    created_at: Timestamp,
    /// When it was last handed in.
    updated_at: Timestamp,
    /// When it was published, refused or cancelled. Later than `publish_at` when nobody was there to publish it.
    ended_at: Option<Timestamp>,
}

impl ScheduledNoticeView {
    /// A scheduled notice.
    pub fn of(scheduled: Scheduled) -> Self {
        Self {
            id: scheduled.id,
            publisher: scheduled.publisher,
            source: scheduled.source,
            source_id: scheduled.source_id,
            title: scheduled.title,
            publish_at: scheduled.publish_at,
            state: scheduled.state,
            reason: scheduled.reason,
            detail: scheduled.detail,
            notice_id: scheduled.notice,
            attempts: scheduled.attempts,
            created_at: scheduled.created_at,
            updated_at: scheduled.updated_at,
            ended_at: scheduled.ended_at,
        }
    }
}

/// Some scheduled notices.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduledNoticesView {
    /// The one that was handed in last first.
    items: Vec<ScheduledNoticeView>,
    /// Where to go on; nothing at the end.
    next_cursor: Option<String>,
}

impl ScheduledNoticesView {
    /// A page.
    pub fn of(page: Page<Scheduled>) -> Self {
        let next_cursor = page.next.as_ref().map(ToString::to_string);
        Self { items: page.items.into_iter().map(ScheduledNoticeView::of).collect(), next_cursor }
    }
}

/// A scheduled notice and what was handed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduledNoticeDetailView {
    #[serde(flatten)]
    item: ScheduledNoticeView,
    /// What was handed in; nothing once it was published or cancelled.
    notice: Option<NoticeBody>,
}

impl ScheduledNoticeDetailView {
    /// A scheduled notice and what was handed in.
    pub fn of((scheduled, draft): (Scheduled, Option<Draft>)) -> Self {
        Self { item: ScheduledNoticeView::of(scheduled), notice: draft.map(NoticeBody::from) }
    }
}
