//! Deliveries as operators look them up, each with every attempt.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::sql::{self, Binds, Of};
use super::{DbResult, all};
use crate::domain::channel::Channel;
use crate::domain::delivery::{Reason, State};
use crate::domain::id::{EndpointId, FanOutId, NoticeId, UserId};
use crate::domain::time::Timestamp;

/// A delivery's key, in the order of the list.
pub type Key = (NoticeId, i64, EndpointId);

/// What a list is narrowed to. Without a notice, a user or a webhook it would go through the whole table.
#[derive(Debug, Clone, Default)]
pub struct Narrowed {
    /// Of this notice.
    pub notice: Option<NoticeId>,
    /// For this user.
    pub user: Option<UserId>,
    /// Standing so.
    pub state: Option<State>,
    /// On this channel.
    pub channel: Option<Channel>,
    /// To this endpoint, which is a webhook.
    pub webhook: Option<EndpointId>,
    /// Later in the list than this one.
    pub after: Option<Key>,
}

/// A delivery.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Listed {
    /// What it carries.
    pub notice_id: NoticeId,
    /// In which revision.
    pub revision: i64,
    /// Where to.
    pub endpoint_id: EndpointId,
    /// For whom.
    pub user_id: UserId,
    /// In which fan-out.
    pub fan_out_id: FanOutId,
    /// The name of its channel.
    pub channel: String,
    /// The endpoint's address; empty when its user is erased. A secret.
    pub address: String,
    /// How it stands.
    pub state: State,
    /// Why, where it needs saying.
    pub reason: Option<Reason>,
    /// Whether the phone may have shown it.
    pub shown: bool,
    /// How many tries were begun.
    pub attempts: i64,
    /// The provider's id of the message.
    pub provider_ref: Option<String>,
    /// When the first try began.
    pub began_at: Timestamp,
    /// When the newest outcome was known.
    pub decided_at: Timestamp,
    /// When the next try is due.
    pub due_at: Option<Timestamp>,
}

impl Listed {
    /// Its key.
    pub fn key(&self) -> Key {
        (self.notice_id, self.revision, self.endpoint_id)
    }
}

/// The columns of [`Listed`], of `deliveries d` joined with `endpoints e`.
pub(super) const COLUMNS: &str = "d.notice_id, d.revision, d.endpoint_id, d.user_id, d.fan_out_id, d.channel, \
    COALESCE(e.address, '') AS address, d.state, d.reason, d.shown, d.attempts, d.provider_ref, d.began_at, \
    d.decided_at, d.due_at";

/// Deliveries; those of the newest notice and revision first.
pub async fn list(conn: &impl ConnectionTrait, wanted: &Narrowed, count: i64) -> DbResult<Vec<Listed>> {
    let mut binds = Binds::default();
    let mut conditions = vec!["1 = 1".to_owned()];
    if let Some(notice) = wanted.notice {
        conditions.push(format!("d.notice_id = {}", binds.add(notice)));
    }
    if let Some(user) = wanted.user {
        conditions.push(format!("d.user_id = {}", binds.add(user)));
    }
    if let Some(state) = wanted.state {
        conditions.push(format!("d.state = {}", binds.add(state)));
    }
    if let Some(channel) = wanted.channel {
        conditions.push(format!("d.channel = {}", binds.add(channel)));
    }
    if let Some(webhook) = wanted.webhook {
        // Word for word as in the index, which SQLite asks for.
        conditions.push(format!("d.endpoint_id = {} AND d.channel = 'webhook'", binds.add(webhook)));
    }
    if let Some((notice, revision, endpoint)) = wanted.after {
        let (notice, revision, endpoint) = (binds.add(notice), binds.add(revision), binds.add(endpoint));
        conditions.push(format!("(d.notice_id, d.revision, d.endpoint_id) < ({notice}, {revision}, {endpoint})"));
    }
    let limit = binds.add(count);
    let text = format!(
        "SELECT {COLUMNS} FROM deliveries d LEFT JOIN endpoints e ON e.id = d.endpoint_id WHERE {} \
         ORDER BY d.notice_id DESC, d.revision DESC, d.endpoint_id DESC LIMIT {limit}",
        conditions.join(" AND ")
    );
    all(conn, &text, binds).await
}

/// A try that has a row of its own: every one but a first that was accepted.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Attempt {
    /// Of this notice …
    pub notice_id: NoticeId,
    /// … in this revision …
    pub revision: i64,
    /// … to this endpoint.
    pub endpoint_id: EndpointId,
    /// 1 for the first.
    pub number: i64,
    /// What it ended with: a reason's word, or a state's.
    pub outcome: String,
    /// The provider's own words.
    pub detail: Option<String>,
    /// The HTTP status of the recipient's own answer.
    pub status: Option<i64>,
    /// When it began.
    pub began_at: Timestamp,
    /// When its outcome was known.
    pub ended_at: Timestamp,
}

/// The attempts of these deliveries, by number; one query for a whole page. It may hold those of other deliveries of
/// the same notices and endpoints.
pub async fn attempts(conn: &impl ConnectionTrait, of: &[Listed]) -> DbResult<Vec<Attempt>> {
    let text = format!(
        "SELECT notice_id, revision, endpoint_id, number, outcome, detail, status, began_at, ended_at FROM attempts \
         WHERE {} AND {} ORDER BY number",
        sql::is_in(conn, "notice_id", "$1", Of::Uuids),
        sql::is_in(conn, "endpoint_id", "$2", Of::Uuids),
    );
    let notices = sql::uuid_set(conn, of.iter().map(|one| one.notice_id.as_uuid()));
    let endpoints = sql::uuid_set(conn, of.iter().map(|one| one.endpoint_id.as_uuid()));
    all(conn, &text, [notices, endpoints]).await
}
