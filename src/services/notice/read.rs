//! Reading notices; nobody need sign in.

use super::announce::content;
use super::diff::Change;
use crate::domain::fanout::EditionKind;
use crate::domain::fold::fold_code;
use crate::domain::id::{NoticeId, PublisherId};
use crate::domain::notice::{Content, NoticeState};
use crate::domain::page::{Cursor, Page};
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::refusal::{Error, Refusal, Result, Violation};
use crate::storage::notice::list::{self, Listed, Narrowed};
use crate::storage::notice::{self, revision};
use crate::storage::search;

const NOTICES: &str = "notices";
const REVISIONS: &str = "notice_revisions";
/// The most notices of one project, and amendments of one notice, that are shown.
const MAX_RELATED: i64 = 200;

/// What a list is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// A category with everything below it.
    pub category: Option<String>,
    /// A region with everything below it.
    pub region: Option<String>,
    /// A notice type.
    pub notice_type: Option<String>,
    /// A stage.
    pub stage: Option<String>,
    /// A project's code.
    pub project: Option<String>,
    /// A publisher.
    pub publisher: Option<PublisherId>,
    /// A source.
    pub source: Option<String>,
    /// The notice that they amend.
    pub amends: Option<NoticeId>,
    /// Published at this instant or later.
    pub from: Option<Timestamp>,
    /// Published before this instant.
    pub to: Option<Timestamp>,
    /// How they stand.
    pub state: Option<NoticeState>,
}

/// A notice without its body.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Its id.
    pub id: NoticeId,
    /// Its newest edition.
    pub revision: i64,
    /// How it stands.
    pub state: NoticeState,
    /// Why it was withdrawn.
    pub withdrawn_reason: Option<String>,
    /// Who handed it in.
    pub publisher: PublisherId,
    /// That publisher's name.
    pub publisher_name: String,
    /// The system it comes from.
    pub source: String,
    /// What that system calls it.
    pub source_id: String,
    /// What it says.
    pub content: Content,
    /// The notice that it amends.
    pub amends: Option<NoticeId>,
    /// The first notice with the same content.
    pub duplicate_of: Option<NoticeId>,
    /// When it was published.
    pub published_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// How often it was read, as far as that is added up.
    pub views: i64,
}

/// A notice with what belongs to it.
#[derive(Debug, Clone)]
pub struct Full {
    /// The notice.
    pub summary: Summary,
    /// Its body; nothing once it is withdrawn.
    pub body_html: Option<String>,
    /// The notices that amend it, the newest first.
    pub amendments: Vec<Summary>,
}

/// An edition as a list shows it.
#[derive(Debug, Clone)]
pub struct EditionEntry {
    /// Which.
    pub revision: i64,
    /// What kind of edition it is.
    pub kind: EditionKind,
    /// What changed.
    pub changes: Vec<Change>,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

/// An edition.
#[derive(Debug, Clone)]
pub struct Edition {
    /// What it is.
    pub entry: EditionEntry,
    /// What it said.
    pub content: Content,
    /// Its body; nothing once the notice is withdrawn.
    pub body_html: Option<String>,
}

/// Notices, the newest first.
pub async fn list(deps: &Deps, filter: &Filter, cursor: Option<&Cursor>, limit: u16) -> Result<Page<Summary>> {
    let after = cursor.map(place).transpose()?;
    let wanted = Narrowed { after, ..narrowed(filter) };
    let scopes = rarest_first(deps, &wanted).await?;
    let found = list::newest(deps.db.reader(), &wanted, &scopes, i64::from(limit) + 1).await?;
    let found = found.into_iter().map(summary).collect::<Result<Vec<_>>>()?;
    Ok(Page::cut(found, limit, |last| {
        Cursor::new(NOTICES, [last.published_at.as_millis().to_string(), last.id.to_string()])
    }))
}

/// The lists in which everything stands that a filter asks for, as far as lists can say it.
pub(super) fn scopes(filter: &Filter) -> Vec<String> {
    // In the order of how rare they usually are: it decides between scopes that are all common.
    let scopes = [
        filter.region.as_ref().map(|code| format!("r:{code}")),
        filter.category.as_ref().map(|code| format!("c:{code}")),
        filter.notice_type.as_ref().map(|code| format!("t:{code}")),
        filter.stage.as_ref().map(|code| format!("s:{code}")),
        filter.publisher.map(|id| format!("p:{id}")),
        filter.source.as_ref().map(|source| format!("o:{source}")),
        (filter.state == Some(NoticeState::Withdrawn)).then(|| "w:".to_owned()),
    ];
    scopes.into_iter().flatten().collect()
}

/// The scopes with the rarest one first; of equally common ones the first stays first.
async fn rarest_first(deps: &Deps, wanted: &Narrowed) -> Result<Vec<String>> {
    if wanted.scopes.len() < 2 || wanted.project_key.is_some() || wanted.amends.is_some() {
        return Ok(wanted.scopes.clone());
    }
    let mut counted = Vec::new();
    for scope in &wanted.scopes {
        let rows = match deps.scope_rows.known(scope) {
            Some(rows) => rows,
            None => deps.scope_rows.learn(scope, list::rows_of(deps.db.reader(), scope).await?),
        };
        counted.push((rows, scope.clone()));
    }
    counted.sort_by_key(|(rows, _)| *rows);
    Ok(counted.into_iter().map(|(_, scope)| scope).collect())
}

/// The scopes that a search is narrowed to: those of the lists, and what lists compare with a column.
pub(in crate::services) fn search_scopes(filter: &Filter) -> Vec<String> {
    let mut scopes = scopes(filter);
    scopes.extend(filter.project.as_deref().map(|code| search::scope_of_project(&fold_code(code))));
    scopes.extend(filter.amends.map(|id| format!("a:{id}")));
    scopes.extend((filter.state == Some(NoticeState::Published)).then(|| search::STANDING.to_owned()));
    scopes
}

fn narrowed(filter: &Filter) -> Narrowed {
    Narrowed {
        scopes: scopes(filter),
        project_key: filter.project.as_deref().map(fold_code),
        amends: filter.amends,
        state: filter.state.map(NoticeState::as_str),
        from: filter.from,
        to: filter.to,
        after: None,
    }
}

fn place(cursor: &Cursor) -> Result<(Timestamp, NoticeId)> {
    let parsed = cursor
        .parts::<2>(NOTICES)
        .ok()
        .and_then(|[millis, id]| Some((Timestamp::from_millis(millis.parse().ok()?), id.parse().ok()?)));
    parsed.ok_or_else(wrong_cursor)
}

fn wrong_cursor() -> Error {
    Error::invalid(vec![Violation::query("cursor", "cursor", "不是本列表的游标", "not a cursor of this list")])
}

/// A notice and its amendments.
pub async fn get(deps: &Deps, id: NoticeId) -> Result<Full> {
    let conn = deps.db.reader();
    let mut found = list::with_amendments(conn, id, MAX_RELATED).await?;
    let place = found.iter().position(|shown| shown.listed.notice.id == id).ok_or(Refusal::NotFound)?;
    let list::Shown { listed, body_html } = found.swap_remove(place);
    found.sort_by_key(|shown| std::cmp::Reverse((shown.listed.notice.published_at, shown.listed.notice.id)));
    let amendments = found.into_iter().map(|shown| summary(shown.listed)).collect::<Result<_>>()?;
    Ok(Full { summary: summary(listed)?, body_html, amendments })
}

/// The notice that a source calls this.
pub async fn id_of(deps: &Deps, source: &str, source_id: &str) -> Result<NoticeId> {
    // U+0000 is no text that a database can be asked for.
    if source.contains('\0') || source_id.contains('\0') {
        return Err(Refusal::NotFound.into());
    }
    let found = notice::find_by_source(deps.db.reader(), source, source_id).await?;
    Ok(found.ok_or(Refusal::NotFound)?.id)
}

/// Whether there is a notice of this id.
async fn stands(deps: &Deps, id: NoticeId) -> Result<NoticeState> {
    let found = notice::find(deps.db.reader(), id).await?.ok_or(Refusal::NotFound)?;
    Ok(found.state())
}

/// A project's notices, the oldest first.
pub async fn project(deps: &Deps, code: &str) -> Result<Vec<Summary>> {
    let found = list::of_project(deps.db.reader(), &fold_code(code), MAX_RELATED).await?;
    if found.is_empty() {
        return Err(Refusal::NotFound.into());
    }
    found.into_iter().map(summary).collect()
}

/// A notice's editions, the newest first.
pub async fn editions(deps: &Deps, id: NoticeId, cursor: Option<&Cursor>, limit: u16) -> Result<Page<EditionEntry>> {
    let state = stands(deps, id).await?;
    let before = match cursor {
        None => i64::MAX,
        Some(cursor) => {
            let [number] = cursor.parts::<1>(REVISIONS).map_err(|_| wrong_cursor())?;
            number.parse().map_err(|_| wrong_cursor())?
        }
    };
    let found = revision::list(deps.db.reader(), id, before, i64::from(limit) + 1).await?;
    let found = found.into_iter().map(|row| entry(row, state)).collect::<Result<Vec<_>>>()?;
    Ok(Page::cut(found, limit, |last| Cursor::new(REVISIONS, [last.revision])))
}

/// An edition of a notice.
pub async fn edition(deps: &Deps, id: NoticeId, number: i64) -> Result<Edition> {
    let state = stands(deps, id).await?;
    let row = revision::find(deps.db.reader(), id, number).await?.ok_or(Refusal::NotFound)?;
    let content = shown(&row.document, state)?;
    let body_html = (state == NoticeState::Published).then_some(row.body_html);
    let revision::Revision { revision, kind, changes, reason, created_at, .. } = row;
    let entry = entry(revision::Entry { revision, kind, changes, reason, created_at }, state)?;
    Ok(Edition { entry, content, body_html })
}

/// An edition of a notice that stands like this.
fn entry(row: revision::Entry, state: NoticeState) -> Result<EditionEntry> {
    let broken = |what: String| Error::broken(format!("a stored edition: {what}"));
    let mut changes: Vec<Change> = serde_json::from_str(&row.changes).map_err(|error| broken(error.to_string()))?;
    changes.retain(|change| change.is_shown(state));
    Ok(EditionEntry {
        revision: row.revision,
        kind: row.kind.parse().map_err(|_| broken(row.kind.clone()))?,
        changes,
        reason: row.reason,
        created_at: row.created_at,
    })
}

/// These notices, in no order, without bodies.
pub async fn summaries(deps: &Deps, ids: &[NoticeId]) -> Result<Vec<Summary>> {
    list::listed(deps.db.reader(), ids).await?.into_iter().map(summary).collect()
}

/// A notice as lists show it.
pub(in crate::services) fn summary(listed: Listed) -> Result<Summary> {
    let Listed { notice, publisher_name, document, reason, views } = listed;
    let state = notice.state();
    Ok(Summary {
        id: notice.id,
        revision: notice.revision,
        state,
        withdrawn_reason: reason.filter(|_| state == NoticeState::Withdrawn),
        publisher: notice.publisher_id,
        publisher_name,
        source: notice.source,
        source_id: notice.source_id,
        content: shown(&document, state)?,
        amends: notice.amends,
        duplicate_of: notice.duplicate_of,
        published_at: notice.published_at,
        updated_at: notice.updated_at,
        views,
    })
}

/// What is shown of what a notice says that stands like this: of one that was withdrawn, no files.
fn shown(document: &str, state: NoticeState) -> Result<Content> {
    let mut content = content(document)?;
    if state == NoticeState::Withdrawn {
        content.attachments.clear();
    }
    Ok(content)
}
