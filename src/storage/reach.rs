//! The numbers of a reach report. Each is counted from rows by a query of its own, and none is computed from another, so
//! that comparing them says something.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{DbResult, all, one, value};
use crate::domain::channel::Channel;
use crate::domain::delivery::{Reason, State};
use crate::domain::fanout::{Announce, EditionKind, FanOutState};
use crate::domain::id::{FanOutId, NoticeId, PublisherId};
use crate::domain::time::Timestamp;

/// Whose notice it is, and what its scope is compared with.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Owner {
    /// Who handed it in.
    pub publisher_id: PublisherId,
    /// The system it comes from.
    pub source: String,
    /// Its category's ancestors and itself.
    pub category_path: String,
    /// Its region's ancestors and itself, former codes too.
    pub region_path: String,
}

/// Whose a notice is.
pub async fn owner(conn: &impl ConnectionTrait, notice: NoticeId) -> DbResult<Option<Owner>> {
    let text = "SELECT publisher_id, source, category_path, region_path FROM notices WHERE id = $1";
    one(conn, text, [notice.into()]).await
}

/// A revision that was announced.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Announced {
    /// Its fan-out.
    pub id: FanOutId,
    /// The revision.
    pub revision: i64,
    /// What kind of edition it is.
    pub kind: EditionKind,
    /// How far it was announced.
    pub announce: Announce,
    /// How far its fan-out has come.
    pub state: FanOutState,
    /// Users that the plan has counted on its way.
    pub users: i64,
    /// When it was announced.
    pub created_at: Timestamp,
    /// When its last chunk was closed.
    pub finished_at: Option<Timestamp>,
}

/// The announced revisions of a notice, in their order.
pub async fn announced(conn: &impl ConnectionTrait, notice: NoticeId) -> DbResult<Vec<Announced>> {
    let text = "SELECT id, revision, kind, announce, state, users, created_at, finished_at FROM fan_outs \
                WHERE notice_id = $1 ORDER BY revision";
    all(conn, text, [notice.into()]).await
}

/// Users of all chunks of a fan-out.
pub async fn audience(conn: &impl ConnectionTrait, fan_out: FanOutId) -> DbResult<i64> {
    let text = "SELECT CAST(COALESCE(SUM(users), 0) AS BIGINT) AS value FROM chunks WHERE fan_out_id = $1";
    value(conn, text, [fan_out.into()]).await
}

/// Users of the chunks whose inboxes are filled.
pub async fn inboxed(conn: &impl ConnectionTrait, fan_out: FanOutId) -> DbResult<i64> {
    let text = "SELECT CAST(COALESCE(SUM(users), 0) AS BIGINT) AS value FROM chunks \
                WHERE fan_out_id = $1 AND inboxed_at IS NOT NULL";
    value(conn, text, [fan_out.into()]).await
}

/// Users of the chunks whose inboxes are not filled.
pub async fn waiting(conn: &impl ConnectionTrait, fan_out: FanOutId) -> DbResult<i64> {
    let text = "SELECT CAST(COALESCE(SUM(users), 0) AS BIGINT) AS value FROM chunks \
                WHERE fan_out_id = $1 AND inboxed_at IS NULL";
    value(conn, text, [fan_out.into()]).await
}

/// Inbox items of a notice, whatever their revision; those that were thrown away count until they are pruned.
pub async fn items(conn: &impl ConnectionTrait, notice: NoticeId) -> DbResult<i64> {
    value(conn, "SELECT count(*) AS value FROM inbox_items WHERE notice_id = $1", [notice.into()]).await
}

/// Inbox items of a notice that their users have read.
pub async fn items_read(conn: &impl ConnectionTrait, notice: NoticeId) -> DbResult<i64> {
    let text = "SELECT count(*) AS value FROM inbox_items WHERE notice_id = $1 AND read_at IS NOT NULL";
    value(conn, text, [notice.into()]).await
}

/// Inbox items of a notice that their users have not read.
pub async fn items_unread(conn: &impl ConnectionTrait, notice: NoticeId) -> DbResult<i64> {
    let text = "SELECT count(*) AS value FROM inbox_items WHERE notice_id = $1 AND read_at IS NULL";
    value(conn, text, [notice.into()]).await
}

/// Inbox items that stand at this revision now: the notice's newest word that their users have.
pub async fn items_at(conn: &impl ConnectionTrait, notice: NoticeId, revision: i64) -> DbResult<i64> {
    let text = "SELECT count(*) AS value FROM inbox_items WHERE notice_id = $1 AND revision = $2";
    value(conn, text, [notice.into(), revision.into()]).await
}

/// Of the items that stand at this revision, those whose user has a delivery of it.
pub async fn items_at_with_delivery(conn: &impl ConnectionTrait, notice: NoticeId, revision: i64) -> DbResult<i64> {
    let text = "SELECT count(*) AS value FROM inbox_items i WHERE i.notice_id = $1 AND i.revision = $2 \
                AND EXISTS (SELECT 1 FROM deliveries d WHERE d.notice_id = $1 AND d.revision = $2 \
                  AND d.user_id = i.user_id)";
    value(conn, text, [notice.into(), revision.into()]).await
}

/// Of the items that stand at this revision, those whose user has no delivery of it.
pub async fn items_at_without_delivery(conn: &impl ConnectionTrait, notice: NoticeId, revision: i64) -> DbResult<i64> {
    let text = "SELECT count(*) AS value FROM inbox_items i WHERE i.notice_id = $1 AND i.revision = $2 \
                AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.notice_id = $1 AND d.revision = $2 \
                  AND d.user_id = i.user_id)";
    value(conn, text, [notice.into(), revision.into()]).await
}

/// Users with an endpoint that has a delivery of this revision.
pub async fn users_with_endpoint(conn: &impl ConnectionTrait, notice: NoticeId, revision: i64) -> DbResult<i64> {
    let text = "SELECT count(DISTINCT user_id) AS value FROM deliveries WHERE notice_id = $1 AND revision = $2";
    value(conn, text, [notice.into(), revision.into()]).await
}

/// Deliveries of a revision.
pub async fn deliveries(conn: &impl ConnectionTrait, notice: NoticeId, revision: i64) -> DbResult<i64> {
    let text = "SELECT count(*) AS value FROM deliveries WHERE notice_id = $1 AND revision = $2";
    value(conn, text, [notice.into(), revision.into()]).await
}

/// How many stand so.
#[derive(Debug, Clone, FromQueryResult)]
pub struct OfState {
    /// How.
    pub state: State,
    /// How many.
    pub count: i64,
}

/// Deliveries of a revision by state.
pub async fn by_state(conn: &impl ConnectionTrait, notice: NoticeId, revision: i64) -> DbResult<Vec<OfState>> {
    let text = "SELECT state, count(*) AS count FROM deliveries WHERE notice_id = $1 AND revision = $2 \
                GROUP BY state ORDER BY state";
    all(conn, text, [notice.into(), revision.into()]).await
}

/// How many of a channel stand so.
#[derive(Debug, Clone, FromQueryResult)]
pub struct OfChannel {
    /// The channel.
    pub channel: Channel,
    /// How.
    pub state: State,
    /// How many.
    pub count: i64,
}

/// Deliveries of a revision by channel and state.
pub async fn by_channel(conn: &impl ConnectionTrait, notice: NoticeId, revision: i64) -> DbResult<Vec<OfChannel>> {
    let text = "SELECT channel, state, count(*) AS count FROM deliveries WHERE notice_id = $1 AND revision = $2 \
                GROUP BY channel, state ORDER BY channel, state";
    all(conn, text, [notice.into(), revision.into()]).await
}

/// How many for this reason.
#[derive(Debug, Clone, FromQueryResult)]
pub struct OfReason {
    /// The reason.
    pub reason: Reason,
    /// How many.
    pub count: i64,
}

/// Skipped deliveries of a revision by reason.
pub async fn skipped(conn: &impl ConnectionTrait, notice: NoticeId, revision: i64) -> DbResult<Vec<OfReason>> {
    let text = "SELECT reason, count(*) AS count FROM deliveries WHERE notice_id = $1 AND revision = $2 \
                AND state = 'skipped' AND reason IS NOT NULL GROUP BY reason ORDER BY reason";
    all(conn, text, [notice.into(), revision.into()]).await
}

/// Tries that deliveries of a revision were begun with.
pub async fn attempts(conn: &impl ConnectionTrait, notice: NoticeId, revision: i64) -> DbResult<i64> {
    let text = "SELECT CAST(COALESCE(SUM(attempts), 0) AS BIGINT) AS value FROM deliveries \
                WHERE notice_id = $1 AND revision = $2";
    value(conn, text, [notice.into(), revision.into()]).await
}

/// Tries of a revision whose outcome has a row of its own.
pub async fn attempts_recorded(conn: &impl ConnectionTrait, notice: NoticeId, revision: i64) -> DbResult<i64> {
    let text = "SELECT count(*) AS value FROM attempts WHERE notice_id = $1 AND revision = $2";
    value(conn, text, [notice.into(), revision.into()]).await
}

/// Deliveries that were tried and whose first try stands in their own row alone: it settled the matter.
pub async fn settled_at_once(conn: &impl ConnectionTrait, notice: NoticeId, revision: i64) -> DbResult<i64> {
    let text = "SELECT count(*) AS value FROM deliveries d WHERE d.notice_id = $1 AND d.revision = $2 \
                AND d.attempts > 0 AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.notice_id = d.notice_id \
                  AND a.revision = d.revision AND a.endpoint_id = d.endpoint_id AND a.number = 1)";
    value(conn, text, [notice.into(), revision.into()]).await
}

/// Deliveries of a revision that a provider has taken.
pub async fn taken(conn: &impl ConnectionTrait, notice: NoticeId, revision: i64) -> DbResult<i64> {
    let text = "SELECT count(*) AS value FROM deliveries WHERE notice_id = $1 AND revision = $2 \
                AND state IN ('accepted', 'delivered')";
    value(conn, text, [notice.into(), revision.into()]).await
}

/// Deliveries of a revision that a phone may have shown: taken, or sent and left without an answer.
pub async fn shown(conn: &impl ConnectionTrait, notice: NoticeId, revision: i64) -> DbResult<i64> {
    let text = "SELECT count(*) AS value FROM deliveries WHERE notice_id = $1 AND revision = $2 AND shown";
    value(conn, text, [notice.into(), revision.into()]).await
}
