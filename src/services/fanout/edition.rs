//! An edition: one revision of a notice as fan-out needs it: whom it concerns, and what they are told.

use std::sync::Arc;

use crate::domain::fanout::{Announce, EditionKind, Lane};
use crate::domain::id::{FanOutId, NoticeId};
use crate::domain::message::{About, Message, MessageKind};
use crate::domain::notice::Content;
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::refusal::{Error, Result};
use crate::storage::fanout::{self, FanOut};
use crate::storage::matching::{Audience, Hits};
use crate::storage::targets::{Reach, Sending, Wanted};
use crate::storage::{edition_row, words as term};

/// How much of a notice's own title a message takes, in characters; providers cut further.
const TITLE_CHARS: usize = 120;

/// One revision of a notice, ready to be carried.
#[derive(Debug, Clone)]
pub(super) struct Edition {
    /// Its fan-out, as it stood when the edition was loaded: for what never changes, not for cursors.
    pub(super) fan_out: FanOut,
    /// Whom it concerns.
    pub(super) audience: Audience,
    /// What they are told.
    pub(super) message: Message,
    /// The notice that it amends.
    pub(super) amends: Option<NoticeId>,
}

impl Edition {
    /// Which endpoints get it, now, and which of their deliveries are meant.
    pub(super) fn sending(&self, wanted: Wanted, now: Timestamp) -> Sending {
        let reach = match self.fan_out.kind() {
            EditionKind::Notice | EditionKind::Revision => Reach::Everyone,
            EditionKind::Editorial => Reach::NotYetReached,
            EditionKind::Withdrawal => Reach::AlreadyReached,
        };
        Sending { notice: self.fan_out.notice_id, revision: self.fan_out.revision(), reach, wanted, now }
    }

    /// Whether endpoints are told, and not inboxes alone.
    pub(super) fn pushes(&self) -> bool {
        self.fan_out.announce() == Announce::Push
    }
}

/// The edition of a fan-out, from the cache or the database; `None` when there is no such fan-out.
pub(super) async fn load(deps: &Deps, id: FanOutId) -> Result<Option<Arc<Edition>>> {
    if let Some(known) = deps.fan_out.editions.get(&id).await {
        // A deadline that has passed may have been moved by a replay, of another copy too.
        if deps.clock.now() < known.fan_out.deadline_at {
            return Ok(Some(known));
        }
    }
    let Some(fan_out) = fanout::find(deps.db.reader(), id).await? else { return Ok(None) };
    let edition = Arc::new(read(deps, fan_out).await?);
    deps.fan_out.editions.insert(id, Arc::clone(&edition)).await;
    Ok(Some(edition))
}

async fn read(deps: &Deps, fan_out: FanOut) -> Result<Edition> {
    let conn = deps.db.reader();
    let row = edition_row::for_fan_out(conn, fan_out.notice_id, fan_out.revision())
        .await?
        .ok_or_else(|| Error::broken(format!("{} has no revision {}", fan_out.notice_id, fan_out.revision())))?;
    let content = read_content(fan_out.notice_id, &row.document)?;
    let kind = fan_out.kind();
    let hits = match kind {
        EditionKind::Withdrawal => None,
        _ => {
            let words = deps.fan_out.words(&deps.db).await?;
            let mut terms = words.hits(&row.folded);
            terms.extend(term::keys_hit(conn, row.project_key.as_deref(), &row.purchaser_keys()).await?);
            Some(Hits {
                terms: terms.into_iter().collect(),
                categories: codes(&row.category_path),
                regions: codes(&row.region_path),
                notice_type: row.notice_type.clone(),
                stage: row.stage.clone(),
                amount_fen: row.amount_fen,
            })
        }
    };
    let own = (fan_out.revision() > 1).then_some(fan_out.notice_id);
    let holders_of = own.into_iter().chain(row.amends).collect();
    let audience = Audience { hits, position: fan_out.position, holders_of };
    let message = message(&Said::of(&fan_out), &content, row.amends);
    Ok(Edition { fan_out, audience, message, amends: row.amends })
}

/// The codes of a path such as `/430000/430100/`.
fn codes(path: &str) -> Vec<String> {
    path.split('/').filter(|code| !code.is_empty()).map(str::to_owned).collect()
}

/// What an edition's message says of the edition itself.
struct Said {
    notice: NoticeId,
    revision: i32,
    kind: EditionKind,
    at: Timestamp,
    urgent: bool,
    expires_at: Timestamp,
}

impl Said {
    fn of(fan_out: &FanOut) -> Self {
        Self {
            notice: fan_out.notice_id,
            revision: fan_out.revision(),
            kind: fan_out.kind(),
            at: fan_out.created_at,
            urgent: fan_out.lane() == Lane::Urgent,
            expires_at: fan_out.deadline_at,
        }
    }
}

/// What the newest edition says, in the place of one before it, to somebody who asks; nothing while its own deliveries are
/// on their way. It may be one that nobody was told of.
pub(super) async fn instead_of(deps: &Deps, before: &Edition, revision: i32) -> Result<Option<Message>> {
    let (conn, notice) = (deps.db.reader(), before.fan_out.notice_id);
    let missing = || Error::broken(format!("{notice} has no revision {revision}"));
    let standing = edition_row::standing(conn, notice, revision).await?.ok_or_else(missing)?;
    if standing.is_under_way {
        return Ok(None);
    }
    let row = edition_row::for_fan_out(conn, notice, revision).await?.ok_or_else(missing)?;
    let kind = standing.kind.parse().unwrap_or(EditionKind::Revision);
    let said = Said { revision, kind, at: standing.created_at, ..Said::of(&before.fan_out) };
    Ok(Some(message(&said, &read_content(notice, &row.document)?, row.amends)))
}

fn read_content(notice: NoticeId, document: &str) -> Result<Content> {
    let unreadable = |error| Error::broken(format!("the document of {notice} cannot be read: {error}"));
    serde_json::from_str(document).map_err(unreadable)
}

fn message(said: &Said, content: &Content, amends: Option<NoticeId>) -> Message {
    let (kind, mark) = match said.kind {
        EditionKind::Withdrawal => (MessageKind::Withdrawal, "【撤回】"),
        EditionKind::Revision | EditionKind::Editorial => (MessageKind::Revision, "【更新】"),
        EditionKind::Notice if amends.is_some() => (MessageKind::Amendment, ""),
        EditionKind::Notice => (MessageKind::Notice, ""),
    };
    let title: String = mark.chars().chain(content.title.chars()).take(TITLE_CHARS).collect();
    // An amendment takes the place of what it amends on the screen; a project is only the thread.
    let replace_key = amends.unwrap_or(said.notice).to_string();
    Message {
        notice: said.notice,
        revision: said.revision,
        kind,
        title,
        body: summary(content),
        language: "zh-CN".to_owned(),
        replace_key,
        thread: content.project_key(),
        urgent: said.urgent,
        expires_at: said.expires_at,
        url: format!("/v1/notices/{}", said.notice),
        about: about(said.at, content, amends),
    }
}

fn about(at: Timestamp, content: &Content, amends: Option<NoticeId>) -> About {
    About {
        at,
        title: content.title.clone(),
        category: content.category.clone(),
        region: content.region.clone(),
        notice_type: content.notice_type.clone(),
        project: content.project.clone(),
        purchaser: content.purchaser.as_ref().map(|party| party.name.clone()),
        amends,
        bid_deadline: content.bid_deadline(),
        source_url: content.source_url.clone(),
    }
}

/// What a person wants to know before opening it: who buys, for how much, until when.
fn summary(content: &Content) -> String {
    let purchaser = content.purchaser.as_ref().map(|party| party.name.clone());
    let amount = content.amounts.first().and_then(|amount| amount.text.clone()).map(|text| format!("金额 {text}"));
    let deadline = content.bid_deadline().map(|at| format!("截止 {}", beijing(at)));
    purchaser.into_iter().chain(amount).chain(deadline).collect::<Vec<_>>().join(" · ")
}

/// An instant as it is read in China: UTC+8, to the minute.
fn beijing(at: Timestamp) -> String {
    const OFFSET_MILLIS: i64 = 8 * 3_600_000;
    chrono::DateTime::from_timestamp_millis(at.as_millis().saturating_add(OFFSET_MILLIS))
        .map(|time| time.format("%Y-%m-%d %H:%M").to_string())
        .unwrap_or_default()
}
