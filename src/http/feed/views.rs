//! The feed as other sites read it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::catalogue::Catalogue;
use crate::domain::id::NoticeId;
use crate::domain::notice::FeedChange;
use crate::http::notice::{AttachmentPart, NoticeItemView};
use crate::services::notice::feed::{Changes, Item};

/// Some changes.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedView {
    /// In the order in which they were committed; a notice stands where its newest revision stands.
    items: Vec<FeedItemView>,
    /// Where to go on, now or later; always there. Keep it.
    next_cursor: String,
    /// Whether there is more to be read at once, also when nothing was found so far.
    has_more: bool,
}

/// What happened to a notice.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedItemView {
    /// What its newest revision is.
    change: FeedChange,
    /// The notice.
    notice_id: NoticeId,
    /// The notice as it stands now; nothing when it has left what was asked for: drop it.
    notice: Option<FeedNoticeView>,
}

/// A notice and its body.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedNoticeView {
    #[serde(flatten)]
    item: NoticeItemView,
    /// Its body: HTML that is safe to show. Nothing once it is withdrawn.
    body_html: Option<String>,
    /// The files that belong to it; none once it is withdrawn.
    attachments: Vec<AttachmentPart>,
}

impl FeedView {
    /// Some changes and what they came to.
    pub fn of(changes: &Changes, items: Vec<Item>, catalogue: &Catalogue) -> Self {
        Self {
            items: items.into_iter().map(|item| FeedItemView::of(item, catalogue)).collect(),
            next_cursor: changes.next.to_string(),
            has_more: changes.more,
        }
    }
}

impl FeedItemView {
    fn of(Item { change, notice, shown }: Item, catalogue: &Catalogue) -> Self {
        let view = shown.map(|(mut summary, body_html)| FeedNoticeView {
            attachments: std::mem::take(&mut summary.content.attachments).into_iter().map(Into::into).collect(),
            item: NoticeItemView::of(summary, catalogue),
            body_html,
        });
        Self { change, notice_id: notice, notice: view }
    }
}
