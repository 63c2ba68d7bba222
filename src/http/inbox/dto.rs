//! Inbox items as their users see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::why::ReasonView;
use crate::domain::catalogue::Catalogue;
use crate::domain::fanout::EditionKind;
use crate::domain::id::NoticeId;
use crate::domain::notice::NoticeState;
use crate::domain::page::{Cursor, Page};
use crate::domain::time::Timestamp;
use crate::http::extract::body::Rules;
use crate::http::notice::{ChangeView, ContentView};
use crate::services::Deps;
use crate::services::inbox::{COUNTED_UNREAD, Changes, ReadUpTo, Told};
use crate::services::refusal::{Error, Violation, violations};

/// A notice that the user has.
#[derive(Serialize, ToSchema)]
pub struct InboxItemView {
    /// What the notice says now.
    notice: InboxNoticeView,
    /// The revision that came last.
    revision: i64,
    /// What that revision was.
    kind: EditionKind,
    /// What it changed.
    changes: Vec<ChangeView>,
    /// Why the user has it.
    why: Vec<ReasonView>,
    /// When the notice came.
    created_at: Timestamp,
    /// When it, or a revision of it, last came.
    updated_at: Timestamp,
    /// When the user read it; a revision makes it unread again.
    read_at: Option<Timestamp>,
    /// When the user put it away.
    archived_at: Option<Timestamp>,
}

/// What the newest revision of a notice says, but for its body.
#[derive(Serialize, ToSchema)]
pub struct InboxNoticeView {
    /// Its id.
    id: NoticeId,
    /// Its newest revision.
    revision: i64,
    /// How it stands.
    state: NoticeState,
    /// Why it was withdrawn.
    withdrawn_reason: Option<String>,
    #[serde(flatten)]
    content: ContentView,
    /// The notice that it amends.
    amends: Option<NoticeId>,
    /// When it was published.
    published_at: Timestamp,
}

impl InboxItemView {
    /// An item, with the names that its notice's codes have now.
    pub fn of(Told { item, changes, why }: Told, catalogue: &Catalogue) -> Self {
        Self {
            revision: item.revision,
            kind: item.kind,
            changes: changes.into_iter().map(ChangeView::of).collect(),
            why: why.into_iter().map(ReasonView::of).collect(),
            created_at: item.created_at,
            updated_at: item.updated_at,
            read_at: item.read_at,
            archived_at: item.archived_at,
            notice: InboxNoticeView {
                id: item.notice,
                revision: item.notice_revision,
                state: item.state,
                withdrawn_reason: item.withdrawn_reason,
                content: ContentView::of(item.content, catalogue),
                amends: item.amends,
                published_at: item.published_at,
            },
        }
    }
}

/// Some items.
#[derive(Serialize, ToSchema)]
pub struct InboxView {
    /// The newest notice first.
    items: Vec<InboxItemView>,
    /// Where to go on; nothing at the end.
    next_cursor: Option<String>,
}

impl InboxView {
    /// A page.
    pub fn of(page: Page<Told>, catalogue: &Catalogue) -> Self {
        let next_cursor = page.next.as_ref().map(ToString::to_string);
        let items = page.items.into_iter().map(|told| InboxItemView::of(told, catalogue)).collect();
        Self { items, next_cursor }
    }
}

/// Some changes of an inbox.
#[derive(Serialize, ToSchema)]
pub struct InboxChangesView {
    /// In the order in which they were committed; an item stands where its last change stands.
    items: Vec<InboxChangeView>,
    /// Where to go on, now or later; always there. Keep it.
    next_cursor: String,
    /// Whether there is more to be read at once.
    has_more: bool,
}

/// An item that came, changed, or was thrown away.
#[derive(Serialize, ToSchema)]
pub struct InboxChangeView {
    /// The notice.
    notice_id: NoticeId,
    /// It was thrown away: drop it.
    removed: bool,
    /// The item as it is now; nothing when it was thrown away.
    item: Option<InboxItemView>,
}

impl InboxChangeView {
    /// A change.
    pub fn of(told: Told, catalogue: &Catalogue) -> Self {
        let removed = told.item.removed_at.is_some();
        let notice_id = told.item.notice;
        Self { notice_id, removed, item: (!removed).then(|| InboxItemView::of(told, catalogue)) }
    }
}

impl InboxChangesView {
    /// Some changes.
    pub fn of(changes: Changes, catalogue: &Catalogue) -> Self {
        Self {
            next_cursor: changes.next.to_string(),
            has_more: changes.more,
            items: changes.items.into_iter().map(|told| InboxChangeView::of(told, catalogue)).collect(),
        }
    }
}

/// How many items are unread.
#[derive(Serialize, ToSchema)]
pub struct UnreadView {
    /// How many, archived ones aside; counted to 1,000.
    unread: i64,
    /// There are more than that.
    and_more: bool,
}

impl UnreadView {
    /// So many.
    pub fn of(unread: i64) -> Self {
        Self { unread: unread.min(COUNTED_UNREAD), and_more: unread > COUNTED_UNREAD }
    }
}

/// Up to where everything is read: exactly one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadAllBody {
    /// What came until this instant.
    until: Option<Timestamp>,
    /// What the client knows: a `next_cursor` of `/v1/inbox/sync`.
    #[schema(min_length = 1, max_length = 400)]
    cursor: Option<String>,
}

impl Rules for ReadAllBody {
    fn broken(&self, _: &Deps) -> Vec<Violation> {
        violations(self.up_to())
    }
}

impl ReadAllBody {
    /// What is asked for.
    pub fn up_to(&self) -> Result<ReadUpTo, Error> {
        let one =
            |pointer: &str, rule, zh: &str, en: &str| Error::invalid(vec![Violation::body(pointer, rule, zh, en)]);
        match (&self.until, &self.cursor) {
            (Some(until), None) => Ok(ReadUpTo::Instant(*until)),
            (None, Some(text)) => match text.parse::<Cursor>() {
                Ok(cursor) => Ok(ReadUpTo::Cursor(cursor)),
                Err(_) => Err(one("/cursor", "cursor", "不是收件箱同步的游标", "not a cursor of the inbox's changes")),
            },
            _ => Err(one("", "one_of", "until 与 cursor 须且只须填写一个", "exactly one of until and cursor")),
        }
    }
}

/// How many items were marked.
#[derive(Serialize, ToSchema)]
pub struct MarkedView {
    /// How many.
    pub marked: u64,
}
