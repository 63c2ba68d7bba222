//! What became of deliveries, with every attempt.

use std::collections::HashMap;

use crate::domain::page::{Cursor, Page};
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::refusal::{Error, Result, Violation};
use crate::storage::delivery_list::{self, Attempt, Key, Listed, Narrowed};

const DELIVERIES: &str = "deliveries";

/// A delivery and its tries.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The delivery.
    pub delivery: Listed,
    /// Every try, in order.
    pub tries: Vec<Try>,
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// 1 for the first.
    pub number: i64,
    /// What it ended with: a reason's word, or a state's; nothing when whoever tried did not live to write it down.
    pub outcome: Option<String>,
    /// The provider's own words.
    pub detail: Option<String>,
    /// The HTTP status of the recipient's own answer, on channels where there is one.
    pub status: Option<i64>,
    /// When it began, as far as that is known.
    pub began_at: Option<Timestamp>,
    /// When its outcome was known.
    pub ended_at: Option<Timestamp>,
}

/// Deliveries of a notice or for a user; those of the newest notice and revision first.
pub async fn list_deliveries(
    deps: &Deps,
    filter: &Narrowed,
    cursor: Option<&Cursor>,
    limit: u16,
) -> Result<Page<Explained>> {
    if filter.notice.is_none() && filter.user.is_none() {
        let text = ("须给出 notice 或 user", "`notice` or `user` is needed");
        return Err(Error::invalid(vec![Violation::query("notice", "required", text.0, text.1)]));
    }
    explained(deps, filter, cursor, limit).await
}

/// Deliveries with their tries, of a list that is narrowed enough.
pub(in crate::services) async fn explained(
    deps: &Deps,
    filter: &Narrowed,
    cursor: Option<&Cursor>,
    limit: u16,
) -> Result<Page<Explained>> {
    let after = cursor.map(place).transpose()?;
    let wanted = Narrowed { after, ..filter.clone() };
    let found = delivery_list::list(deps.db.reader(), &wanted, i64::from(limit) + 1).await?;
    let page = Page::cut(found, limit, |one| Cursor::new(DELIVERIES, key_parts(one.key())));
    let mut tries = tries(deps, &page.items).await?;
    Ok(page.map(|delivery| Explained { tries: compose(&delivery, tries.remove(&delivery.key())), delivery }))
}

/// The parts of a cursor that name a delivery.
pub(super) fn key_parts((notice, revision, endpoint): Key) -> [String; 3] {
    [notice.to_string(), revision.to_string(), endpoint.to_string()]
}

/// The delivery that these parts name.
pub(super) fn key(notice: &str, revision: &str, endpoint: &str) -> Option<Key> {
    Some((notice.parse().ok()?, revision.parse().ok()?, endpoint.parse().ok()?))
}

fn place(cursor: &Cursor) -> Result<Key> {
    let [notice, revision, endpoint] = cursor.parts(DELIVERIES).map_err(|_| Error::not_a_cursor())?;
    key(notice, revision, endpoint).ok_or_else(Error::not_a_cursor)
}

/// The recorded tries of these deliveries.
pub(super) async fn tries(deps: &Deps, of: &[Listed]) -> Result<HashMap<Key, Vec<Attempt>>> {
    let mut tries: HashMap<Key, Vec<Attempt>> = HashMap::new();
    if of.is_empty() {
        return Ok(tries);
    }
    for attempt in delivery_list::attempts(deps.db.reader(), of).await? {
        tries.entry((attempt.notice_id, attempt.revision, attempt.endpoint_id)).or_default().push(attempt);
    }
    Ok(tries)
}

/// All tries of a delivery. A first one that settled the matter has no row of its own: it stands in the delivery.
pub(super) fn compose(delivery: &Listed, recorded: Option<Vec<Attempt>>) -> Vec<Try> {
    let recorded = recorded.unwrap_or_default();
    (1..=delivery.attempts)
        .map(|number| match recorded.iter().find(|attempt| attempt.number == number) {
            Some(attempt) => Try {
                number,
                outcome: Some(attempt.outcome.clone()),
                detail: attempt.detail.clone(),
                status: attempt.status,
                began_at: Some(attempt.began_at),
                ended_at: Some(attempt.ended_at),
            },
            None if delivery.attempts == 1 => Try {
                number,
                outcome: Some(delivery.reason.map_or(delivery.state.as_str(), |reason| reason.as_str()).to_owned()),
                detail: None,
                status: None,
                began_at: Some(delivery.began_at),
                ended_at: delivery.state.is_final().then_some(delivery.decided_at),
            },
            None => Try { number, outcome: None, detail: None, status: None, began_at: None, ended_at: None },
        })
        .collect()
}
