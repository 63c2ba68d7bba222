//! Webhooks: endpoints without a device, each with a row of its own beside.
//!
//! Whoever writes holds the user's row, so that what counts a user's webhooks is counted by one at a time. Several may
//! have the same address: nobody takes another's away by naming it, so their endpoints have no address hash.

use std::time::Duration;

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::delivery::{self, Outcome};
use super::reach_counts::{self, Counted, Deltas, counted};
use super::sql::{self, Binds, Of};
use super::{DbResult, Tx, all, execute, one, value};
use crate::domain::delivery::{Event, State};
use crate::domain::device::EndpointEnd;
use crate::domain::id::{EndpointId, NoticeId, UserId, WebhookId};
use crate::domain::message::Address;
use crate::domain::time::Timestamp;
use crate::domain::webhook::PauseReason;

/// A webhook as it is stored.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// What its user calls it.
    pub label: String,
    /// Where it is and what is spoken there. A secret.
    pub address: AddressText,
    /// Since when.
    pub created_at: Timestamp,
    /// When its secret was made anew.
    pub rotated_at: Option<Timestamp>,
    /// Since when nothing is sent there …
    pub paused_at: Option<Timestamp>,
    /// … and why.
    pub paused_reason: Option<PauseReason>,
    /// Since when it is no more, by its receiver's word.
    pub ended_at: Option<Timestamp>,
}

/// An address that is not printed.
#[derive(Clone)]
pub struct AddressText(pub String);

impl std::fmt::Debug for AddressText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AddressText(…)")
    }
}

impl sea_orm::TryGetable for AddressText {
    fn try_get_by<I: sea_orm::ColIdx>(row: &sea_orm::QueryResult, index: I) -> Result<Self, sea_orm::TryGetError> {
        String::try_get_by(row, index).map(Self)
    }
}

/// Those that their user has not removed: the living, and those whose receiver said that they are no more.
const SELECT: &str = "SELECT w.id, w.label, e.address, w.created_at, w.rotated_at, e.paused_at, e.paused_reason, e.ended_at \
                      FROM webhooks w JOIN endpoints e ON e.id = w.id AND (e.ended_at IS NULL OR e.ended_reason = 'gone')";

/// A webhook of a user.
pub async fn find(conn: &impl ConnectionTrait, user: UserId, id: WebhookId) -> DbResult<Option<Webhook>> {
    one(conn, &format!("{SELECT} WHERE w.user_id = $1 AND w.id = $2"), [user.into(), id.into()]).await
}

/// The webhooks of a user, the newest first, below an id.
pub async fn list(
    conn: &impl ConnectionTrait,
    user: UserId,
    before: Option<WebhookId>,
    limit: i64,
) -> DbResult<Vec<Webhook>> {
    let mut binds = Binds::default();
    let user = binds.add(user);
    let before = before.map(|id| format!(" AND w.id < {}", binds.add(id))).unwrap_or_default();
    let limit = binds.add(limit);
    let text = format!("{SELECT} WHERE w.user_id = {user}{before} ORDER BY w.id DESC LIMIT {limit}");
    all(conn, &text, binds).await
}

/// How many webhooks of a user live.
pub async fn count(conn: &impl ConnectionTrait, user: UserId) -> DbResult<i64> {
    let text = "SELECT COUNT(*) AS value FROM webhooks w JOIN endpoints e ON e.id = w.id AND e.ended_at IS NULL \
                WHERE w.user_id = $1";
    value(conn, text, [user.into()]).await
}

/// Adds a webhook and its endpoint.
pub async fn insert(
    tx: &Tx,
    id: WebhookId,
    user: UserId,
    label: &str,
    address: &Address,
    now: Timestamp,
) -> DbResult<()> {
    let text = "INSERT INTO endpoints (id, user_id, channel, address, created_at) VALUES ($1, $2, 'webhook', $3, $4)";
    execute(&**tx, text, [id.endpoint().into(), user.into(), address.expose().into(), now.into()]).await?;
    let text = "INSERT INTO webhooks (id, user_id, label, created_at) VALUES ($1, $2, $3, $4)";
    execute(&**tx, text, [id.into(), user.into(), label.into(), now.into()]).await.map(|_| ())
}

/// Calls it otherwise.
pub async fn rename(tx: &Tx, id: WebhookId, label: &str) -> DbResult<()> {
    execute(&**tx, "UPDATE webhooks SET label = $2 WHERE id = $1", [id.into(), label.into()]).await.map(|_| ())
}

/// Puts another address in its place; what is due goes there. A new secret was made at `rotated_at`.
pub async fn set_address(tx: &Tx, id: WebhookId, address: &Address, rotated_at: Option<Timestamp>) -> DbResult<()> {
    let text = "UPDATE endpoints SET address = $2 WHERE id = $1 AND ended_at IS NULL";
    execute(&**tx, text, [id.endpoint().into(), address.expose().into()]).await?;
    let text = "UPDATE webhooks SET rotated_at = COALESCE($2, rotated_at) WHERE id = $1";
    execute(&**tx, text, [id.into(), rotated_at.into()]).await.map(|_| ())
}

/// Pauses one that is not paused yet; says whether it was.
pub async fn pause(tx: &Tx, id: WebhookId, now: Timestamp, reason: PauseReason) -> DbResult<bool> {
    let text = "UPDATE endpoints SET paused_at = $2, paused_reason = $3 \
                WHERE id = $1 AND paused_at IS NULL AND ended_at IS NULL";
    Ok(execute(&**tx, text, [id.endpoint().into(), now.into(), reason.into()]).await? == 1)
}

/// Sends there again; what failed before is forgiven.
pub async fn resume(tx: &Tx, id: WebhookId, now: Timestamp) -> DbResult<()> {
    let text = "UPDATE endpoints SET paused_at = NULL, paused_reason = NULL WHERE id = $1";
    execute(&**tx, text, [id.endpoint().into()]).await?;
    execute(&**tx, "UPDATE webhooks SET resumed_at = $2 WHERE id = $1", [id.into(), now.into()]).await.map(|_| ())
}

/// Ends one and forgets its address and secrets.
pub async fn end(tx: &Tx, id: WebhookId, now: Timestamp) -> DbResult<()> {
    let text = "UPDATE endpoints SET ended_at = COALESCE(ended_at, $2), ended_reason = $3, address = '' WHERE id = $1";
    execute(&**tx, text, [id.endpoint().into(), now.into(), EndpointEnd::Removed.into()]).await.map(|_| ())
}

/// Forgets what a user's webhooks were called; their endpoints are ended with all others of the user.
pub async fn erase_of_user(tx: &Tx, user: UserId) -> DbResult<()> {
    execute(&**tx, "UPDATE webhooks SET label = '' WHERE user_id = $1", [user.into()]).await.map(|_| ())
}

#[derive(FromQueryResult)]
struct Found {
    id: WebhookId,
}

/// Those that have failed for a whole period up to now: nothing was accepted in it, and something failed in its first
/// quarter and in its last. At most so many.
pub async fn failing(
    conn: &impl ConnectionTrait,
    now: Timestamp,
    period: Duration,
    most: i64,
) -> DbResult<Vec<WebhookId>> {
    let began = now - period;
    let failed = |from: &str, to: &str| {
        format!(
            "EXISTS (SELECT 1 FROM deliveries d WHERE d.endpoint_id = w.id AND d.channel = 'webhook' \
               AND d.decided_at >= {from} AND d.decided_at < {to} AND d.attempts > 0 \
               AND d.state IN ('due', 'refused', 'exhausted', 'expired'))"
        )
    };
    let text = format!(
        "SELECT w.id FROM webhooks w JOIN endpoints e ON e.id = w.id \
         WHERE e.ended_at IS NULL AND e.paused_at IS NULL AND w.created_at < $1 \
           AND (w.resumed_at IS NULL OR w.resumed_at < $1) AND {} AND {} \
           AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.endpoint_id = w.id AND d.channel = 'webhook' \
             AND d.decided_at >= $1 AND d.state = 'accepted') \
         ORDER BY w.id LIMIT $5",
        failed("$3", "$4"),
        failed("$1", "$2"),
    );
    let quarter = period / 4;
    let instants = [began, began + quarter, now - quarter, now + Duration::from_millis(1)];
    let found: Vec<Found> = all(conn, &text, instants.map(Into::into).into_iter().chain([most.into()])).await?;
    Ok(found.into_iter().map(|found| found.id).collect())
}

/// Pauses those that failed for long, as far as nobody paused them meanwhile; returns how many.
pub async fn switch_off(tx: &Tx, ids: &[WebhookId], now: Timestamp) -> DbResult<u64> {
    let set = sql::uuid_set(&**tx, ids.iter().map(|id| id.as_uuid()));
    let text = format!(
        "UPDATE endpoints SET paused_at = $2, paused_reason = $3 WHERE {} AND paused_at IS NULL AND ended_at IS NULL",
        sql::is_in(&**tx, "id", "$1", Of::Uuids)
    );
    execute(&**tx, &text, [set, now.into(), PauseReason::Failing.into()]).await
}

/// Writes down that a delivery is about to be sent once more, and so may be shown.
pub async fn resending(tx: &Tx, notice: NoticeId, revision: i32, endpoint: EndpointId) -> DbResult<u64> {
    reach_counts::change(tx, &one_delivery(tx), key(notice, revision, endpoint), |_| "shown = true".to_owned()).await
}

/// Writes down a try that its user asked for, as the next one of its delivery; an accepted one settles the delivery. The
/// outcome's own number of attempts is not looked at.
pub async fn record_resend(tx: &Tx, notice: NoticeId, revision: i32, outcome: Outcome) -> DbResult<()> {
    let binds = || key(notice, revision, outcome.endpoint);
    let text = format!("SELECT {} {}", counted("d"), one_delivery(tx));
    let Some(standing) = one::<Counted>(&**tx, &text, binds()).await? else { return Ok(()) };
    let settled = standing.state.on(Event::Resend).ok().filter(|_| outcome.state == State::Accepted);
    let set = |binds: &mut Binds| match settled {
        Some(state) => format!(
            "state = {}, reason = NULL, shown = true, decided_at = {}, due_at = NULL, leased_until = 0, \
             attempts = attempts + 1",
            binds.add(state),
            binds.add(outcome.decided_at),
        ),
        None => "attempts = attempts + 1".to_owned(),
    };
    reach_counts::change(tx, &one_delivery(tx), binds(), set).await?;
    let tried = Outcome { attempts: standing.attempts + 1, ..outcome };
    let mut deltas = Deltas::default();
    let recorded = delivery::record_attempts(tx, notice, revision, std::iter::once(&tried)).await?;
    deltas.of(notice, i64::from(revision)).recorded += recorded;
    deltas.write(tx).await?;
    delivery::end_gone(tx, std::iter::once(&tried)).await
}

/// The one delivery of a [`key`], held until the commit.
fn one_delivery(tx: &Tx) -> String {
    format!(
        "FROM deliveries d WHERE d.notice_id = $1 AND d.revision = $2 AND d.endpoint_id = $3 {}",
        sql::for_update(&**tx)
    )
}

fn key(notice: NoticeId, revision: i32, endpoint: EndpointId) -> Binds {
    let mut binds = Binds::default();
    binds.add(notice);
    binds.add(i64::from(revision));
    binds.add(endpoint);
    binds
}
