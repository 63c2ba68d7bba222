//! Deliveries: inserted once with their first outcome, in slices that check the chunk's lease; later tries by lease of
//! their own.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};
use uuid::Uuid;

use super::lease::{self, Token};
use super::sql::{self, Binds, Of};
use super::{DbResult, Tx, all, execute};
use crate::domain::delivery::{Reason, State};
use crate::domain::id::{ChunkId, EndpointId, FanOutId, NoticeId, UserId};
use crate::domain::time::Timestamp;

/// What a try ended with.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Its user.
    pub user: UserId,
    /// The name of its channel.
    pub channel: String,
    /// Where the delivery stands now.
    pub state: State,
    /// Why, where it needs saying.
    pub reason: Option<Reason>,
    /// Whether the phone may show it.
    pub shown: bool,
    /// How many tries were begun.
    pub attempts: i64,
    /// The provider's id of the message.
    pub provider_ref: Option<String>,
    /// The provider's own words about a try that did not succeed.
    pub detail: Option<String>,
    /// When the try began.
    pub began_at: Timestamp,
    /// When its outcome was known.
    pub decided_at: Timestamp,
    /// When the next try is due.
    pub due_at: Option<Timestamp>,
}

/// Whose deliveries they are.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    /// The notice.
    pub notice: NoticeId,
    /// Its revision.
    pub revision: i32,
    /// The fan-out.
    pub fan_out: FanOutId,
    /// The chunk.
    pub chunk: ChunkId,
}

/// Inserts a slice of first outcomes under the chunk's lease, which it prolongs; `false` when the lease is lost, and
/// then nothing was written. A delivery that exists already is left alone, except an intent (`sending`), which gets its
/// outcome.
pub async fn insert_slice(tx: &Tx, owner: Owner, token: Token, outcomes: &[Outcome]) -> DbResult<bool> {
    if !lease::renew(&**tx, lease::Leased::Chunks, owner.chunk.as_uuid(), token).await? {
        return Ok(false);
    }
    let mut binds = Binds::default();
    let notice = binds.add(owner.notice);
    let revision = binds.add(i64::from(owner.revision));
    let fan_out = binds.add(owner.fan_out);
    let chunk = binds.add(owner.chunk);
    let rows = rows(&**tx, outcomes, &mut binds);
    let text = format!(
        "INSERT INTO deliveries (notice_id, revision, endpoint_id, user_id, fan_out_id, chunk_id, channel, state, \
           reason, shown, attempts, provider_ref, began_at, decided_at, due_at, lease_token, leased_until) \
         SELECT {notice}, {revision}, endpoint_id, user_id, {fan_out}, {chunk}, channel, state, NULLIF(reason, ''), \
           shown, attempts, NULLIF(provider_ref, ''), began_at, decided_at, NULLIF(due_at, 0), 0, 0 \
         FROM ({rows}) r WHERE true \
         ON CONFLICT (notice_id, revision, endpoint_id) DO UPDATE SET state = excluded.state, \
           reason = excluded.reason, shown = excluded.shown, attempts = excluded.attempts, \
           provider_ref = excluded.provider_ref, decided_at = excluded.decided_at, due_at = excluded.due_at \
         WHERE deliveries.state = 'sending' AND deliveries.chunk_id = excluded.chunk_id"
    );
    execute(&**tx, &text, binds).await?;
    record_attempts(tx, owner.notice, owner.revision, outcomes).await?;
    end_gone(tx, outcomes).await?;
    Ok(true)
}

/// One row for each outcome: arrays side by side on PostgreSQL, an array of arrays on SQLite; one bind or a few,
/// whatever the number of rows.
fn rows(conn: &impl ConnectionTrait, outcomes: &[Outcome], binds: &mut Binds) -> String {
    let reason = |outcome: &Outcome| outcome.reason.map(Reason::as_str).unwrap_or_default();
    let reference = |outcome: &Outcome| outcome.provider_ref.clone().unwrap_or_default();
    let due = |outcome: &Outcome| outcome.due_at.map_or(0, Timestamp::as_millis);
    if conn.get_database_backend() != DbBackend::Postgres {
        let rows: Vec<serde_json::Value> = outcomes
            .iter()
            .map(|o| {
                serde_json::json!([
                    o.endpoint.as_uuid().simple().to_string(),
                    o.user.as_uuid().simple().to_string(),
                    o.channel,
                    o.state.as_str(),
                    reason(o),
                    o.shown,
                    o.attempts,
                    reference(o),
                    o.began_at.as_millis(),
                    o.decided_at.as_millis(),
                    due(o),
                ])
            })
            .collect();
        let bind = binds.add(serde_json::Value::from(rows).to_string());
        return format!(
            "SELECT unhex(value->>0) AS endpoint_id, unhex(value->>1) AS user_id, value->>2 AS channel, \
               value->>3 AS state, value->>4 AS reason, value->>5 AS shown, value->>6 AS attempts, \
               value->>7 AS provider_ref, value->>8 AS began_at, value->>9 AS decided_at, value->>10 AS due_at \
             FROM json_each({bind})"
        );
    }
    let uuids = |of: &dyn Fn(&Outcome) -> Uuid| -> Vec<Uuid> { outcomes.iter().map(of).collect() };
    let texts = |of: &dyn Fn(&Outcome) -> String| -> Vec<String> { outcomes.iter().map(of).collect() };
    let numbers = |of: &dyn Fn(&Outcome) -> i64| -> Vec<i64> { outcomes.iter().map(of).collect() };
    let columns = [
        ("uuid", binds.add(uuids(&|o| o.endpoint.as_uuid()))),
        ("uuid", binds.add(uuids(&|o| o.user.as_uuid()))),
        ("text", binds.add(texts(&|o| o.channel.clone()))),
        ("text", binds.add(texts(&|o| o.state.as_str().to_owned()))),
        ("text", binds.add(texts(&|o| reason(o).to_owned()))),
        ("boolean", binds.add(outcomes.iter().map(|o| o.shown).collect::<Vec<bool>>())),
        ("bigint", binds.add(numbers(&|o| o.attempts))),
        ("text", binds.add(texts(&reference))),
        ("bigint", binds.add(numbers(&|o| o.began_at.as_millis()))),
        ("bigint", binds.add(numbers(&|o| o.decided_at.as_millis()))),
        ("bigint", binds.add(numbers(&due))),
    ]
    .map(|(kind, bind)| format!("{bind}::{kind}[]"))
    .join(", ");
    format!(
        "SELECT * FROM unnest({columns}) AS u(endpoint_id, user_id, channel, state, reason, shown, attempts, \
           provider_ref, began_at, decided_at, due_at)"
    )
}

/// Writes down each try that did not end the matter well; a first accepted one stands in its delivery alone.
async fn record_attempts(tx: &Tx, notice: NoticeId, revision: i32, outcomes: &[Outcome]) -> DbResult<()> {
    for outcome in outcomes {
        let settled_at_once = outcome.attempts == 1 && matches!(outcome.state, State::Accepted | State::Sending);
        if outcome.attempts == 0 || settled_at_once {
            continue;
        }
        let word = outcome.reason.map_or(outcome.state.as_str(), Reason::as_str);
        execute(
            &**tx,
            "INSERT INTO attempts (notice_id, revision, endpoint_id, number, outcome, detail, began_at, ended_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            [
                notice.into(),
                i64::from(revision).into(),
                outcome.endpoint.into(),
                outcome.attempts.into(),
                word.into(),
                outcome.detail.clone().into(),
                outcome.began_at.into(),
                outcome.decided_at.into(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// Ends the endpoints whose address is gone.
async fn end_gone(tx: &Tx, outcomes: &[Outcome]) -> DbResult<()> {
    let gone: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.state == State::Gone).collect();
    let Some(now) = gone.first().map(|outcome| outcome.decided_at) else { return Ok(()) };
    let set = sql::uuid_set(&**tx, gone.iter().map(|outcome| outcome.endpoint.as_uuid()));
    let text = format!(
        "UPDATE endpoints SET ended_at = $2, ended_reason = 'gone' WHERE ended_at IS NULL AND {}",
        sql::is_in(&**tx, "id", "$1", Of::Uuids)
    );
    execute(&**tx, &text, [set, now.into()]).await.map(|_| ())
}

/// On a channel where a repeat is forbidden: what was begun under an earlier lease of the chunk and has no outcome may
/// have been sent, so nobody sends it again.
pub async fn lose_intents(tx: &Tx, chunk: ChunkId, token: Token, now: Timestamp) -> DbResult<u64> {
    let text = "UPDATE deliveries SET state = 'unknown', reason = 'worker_died', shown = $3, decided_at = $4 \
                WHERE chunk_id = $1 AND state = 'sending' AND lease_token < $2";
    execute(&**tx, text, [chunk.into(), token.into(), true.into(), now.into()]).await
}

/// A delivery whose next try is due, leased.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Due {
    /// The notice.
    pub notice_id: NoticeId,
    revision: i64,
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// The user that it was for.
    pub user_id: UserId,
    /// Its fan-out.
    pub fan_out_id: FanOutId,
    /// Its chunk.
    pub chunk_id: ChunkId,
    /// The name of its channel.
    pub channel: String,
    /// How many tries were begun, this one included.
    pub attempts: i64,
    /// Whether an earlier try may have been shown.
    pub shown: bool,
    /// The fencing token of this lease.
    pub lease_token: Token,
}

impl Due {
    /// The notice's revision.
    pub fn revision(&self) -> i32 {
        i32::try_from(self.revision).unwrap_or(i32::MAX)
    }
}

/// How long a due delivery is leased: longer than any provider is waited for.
pub const DUE_LEASE: Duration = Duration::from_secs(20);

/// Leases deliveries that are due, the longest due first. The try is counted now, so that one that kills its worker
/// runs out too.
pub async fn lease_due(tx: &Tx, most: i64) -> DbResult<Vec<Due>> {
    let now = sql::now(&**tx);
    let text = format!(
        "UPDATE deliveries SET lease_token = lease_token + 1, attempts = attempts + 1, leased_until = {now} + {lease} \
         WHERE (notice_id, revision, endpoint_id) IN (SELECT notice_id, revision, endpoint_id FROM deliveries \
           WHERE state = 'due' AND due_at <= {now} AND leased_until <= {now} ORDER BY due_at LIMIT $1 {skip}) \
         RETURNING notice_id, revision, endpoint_id, user_id, fan_out_id, chunk_id, channel, attempts, shown, \
           lease_token",
        lease = lease::millis(DUE_LEASE),
        skip = sql::skip_locked(&**tx),
    );
    all(&**tx, &text, [most.into()]).await
}

/// Writes what a later try ended with; `false` when its lease is lost. An outcome with fewer attempts than the lease has
/// counted was decided at the door: no try was begun.
pub async fn settle(tx: &Tx, due: &Due, outcome: &Outcome) -> DbResult<bool> {
    let text = "UPDATE deliveries SET state = $5, reason = $6, shown = $7, provider_ref = $8, decided_at = $9, \
                  due_at = $10, attempts = $11, leased_until = 0 \
                WHERE notice_id = $1 AND revision = $2 AND endpoint_id = $3 AND lease_token = $4 AND state = 'due'";
    let values = [
        due.notice_id.into(),
        due.revision.into(),
        due.endpoint_id.into(),
        due.lease_token.into(),
        outcome.state.as_str().into(),
        outcome.reason.map(Reason::as_str).into(),
        (outcome.shown || due.shown).into(),
        outcome.provider_ref.clone().into(),
        outcome.decided_at.into(),
        outcome.due_at.into(),
        outcome.attempts.into(),
    ];
    if execute(&**tx, text, values).await? != 1 {
        return Ok(false);
    }
    let outcomes = std::slice::from_ref(outcome);
    if outcome.attempts == due.attempts {
        record_attempts(tx, due.notice_id, due.revision(), outcomes).await?;
    }
    end_gone(tx, outcomes).await?;
    Ok(true)
}

#[derive(FromQueryResult)]
struct DoorRow {
    endpoint_id: EndpointId,
    address: String,
    consent: i64,
}

/// The addresses of endpoints that are still there and still this user's, and whether the user still wants anything:
/// 2 given, 1 paused, 0 ended.
pub async fn door(
    conn: &impl ConnectionTrait,
    endpoints: &[EndpointId],
    now: Timestamp,
) -> DbResult<Vec<(EndpointId, String, i64)>> {
    let set = sql::uuid_set(conn, endpoints.iter().map(|id| id.as_uuid()));
    let text = format!(
        "SELECT e.id AS endpoint_id, e.address, CAST(COALESCE((SELECT MAX(CASE WHEN c.paused_until IS NULL \
             OR c.paused_until <= $2 THEN 2 ELSE 1 END) FROM subscriptions c \
           WHERE c.user_id = e.user_id AND c.ended_at IS NULL), 0) AS BIGINT) AS consent \
         FROM endpoints e WHERE e.ended_at IS NULL AND {}",
        sql::is_in(conn, "e.id", "$1", Of::Uuids)
    );
    let rows: Vec<DoorRow> = all(conn, &text, [set, now.into()]).await?;
    Ok(rows.into_iter().map(|row| (row.endpoint_id, row.address, row.consent)).collect())
}
