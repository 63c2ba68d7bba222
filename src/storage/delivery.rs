//! Deliveries: inserted once with their first outcome, in slices that check the chunk's lease. Later tries are in
//! [`due`](super::due).

use std::collections::BTreeSet;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbBackend};
use uuid::Uuid;

use super::lease::{self, Token};
use super::reach_counts::{self, Counted, Deltas, counted};
use super::rows::{Cells, Rows};
use super::sql::{self, Binds, Of};
use super::{DbResult, Tx, all, execute, reach_check};
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
    pub channel: Arc<str>,
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
    /// The provider's own words about a try that did not succeed, or the recipient's about any.
    pub detail: Option<String>,
    /// The HTTP status of the recipient's own answer, on channels where there is one.
    pub status: Option<i64>,
    /// When the try began.
    pub began_at: Timestamp,
    /// When its outcome was known.
    pub decided_at: Timestamp,
    /// When the next try is due; of a held one, when it is given up.
    pub due_at: Option<Timestamp>,
    /// Under which lease of its own it was tried; 0 for a first try, which the chunk's lease covers.
    pub lease_token: Token,
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
    /// Whether some channel has what it begins written down first.
    pub intends: bool,
}

/// Inserts a slice of first outcomes under the chunk's lease, which it prolongs; `false` when the lease is lost, and
/// then nothing was written. A delivery that exists already is left alone, except an intent (`sending`), which gets its
/// outcome. What it comes to is counted in the same transaction.
pub async fn insert_slice(tx: &Tx, owner: Owner, token: Token, outcomes: &[Outcome]) -> DbResult<bool> {
    if !lease::renew(&**tx, lease::Leased::Chunks, owner.chunk.as_uuid(), token).await? {
        return Ok(false);
    }
    let mut deltas = Deltas::default();
    let recorded = record_attempts(tx, owner.notice, owner.revision, outcomes.iter()).await?;
    deltas.of(owner.notice, i64::from(owner.revision)).recorded += recorded;
    let begun = match owner.intends {
        true => settle_intents(tx, owner, outcomes, &mut deltas).await?,
        false => BTreeSet::new(),
    };
    let new = || outcomes.iter().filter(|outcome| !begun.contains(&outcome.endpoint));
    count(&mut deltas, owner, new());
    let mut binds = Binds::default();
    let notice = binds.add(owner.notice);
    let revision = binds.add(i64::from(owner.revision));
    let fan_out = binds.add(owner.fan_out);
    let chunk = binds.add(owner.chunk);
    let rows = rows(&**tx, new(), &mut binds);
    let text = format!(
        "INSERT INTO deliveries (notice_id, revision, endpoint_id, user_id, fan_out_id, chunk_id, channel, state, \
           reason, shown, attempts, provider_ref, began_at, decided_at, due_at, lease_token, leased_until) \
         SELECT {notice}, {revision}, endpoint_id, user_id, {fan_out}, {chunk}, channel, state, NULLIF(reason, ''), \
           shown, attempts, NULLIF(provider_ref, ''), began_at, decided_at, {due_at}, 0, 0 \
         FROM ({rows}) r WHERE true ON CONFLICT (notice_id, revision, endpoint_id) DO NOTHING",
        due_at = due_at(&**tx),
    );
    let written = deltas.write_with(tx, &text, binds).await?;
    if usize::try_from(written).ok() != Some(new().count()) {
        // Some were there already: what was counted too much is taken back.
        reach_check::correct(tx, &[owner.notice]).await?;
    }
    end_gone(tx, outcomes.iter()).await?;
    Ok(true)
}

/// Counts new deliveries.
fn count<'a>(deltas: &mut Deltas, owner: Owner, new: impl Iterator<Item = &'a Outcome>) {
    let revision = (owner.notice, i64::from(owner.revision));
    for outcome in new {
        deltas.stand(revision, (&outcome.channel, outcome.state, outcome.reason), 1);
        let totals = deltas.of(owner.notice, i64::from(owner.revision));
        totals.deliveries += 1;
        totals.shown += i64::from(outcome.shown);
        totals.attempts += outcome.attempts;
    }
}

/// Gives intents their outcomes; returns whose they were.
async fn settle_intents(
    tx: &Tx,
    owner: Owner,
    outcomes: &[Outcome],
    deltas: &mut Deltas,
) -> DbResult<BTreeSet<EndpointId>> {
    let answered = || outcomes.iter().filter(|outcome| outcome.state != State::Sending && outcome.attempts > 0);
    if answered().next().is_none() {
        return Ok(BTreeSet::new());
    }
    let chosen = format!(
        "FROM deliveries d WHERE d.chunk_id = $1 AND d.state = 'sending' AND d.notice_id = $2 AND d.revision = $3 AND {} {}",
        sql::is_in(&**tx, "d.endpoint_id", "$4", Of::Uuids),
        sql::for_update(&**tx),
    );
    let set = sql::uuid_set(&**tx, answered().map(|outcome| outcome.endpoint.as_uuid()));
    let values = [owner.chunk.into(), owner.notice.into(), i64::from(owner.revision).into(), set];
    let before: Vec<Counted> = all(&**tx, &format!("SELECT {} {chosen}", counted("d")), values).await?;
    let intents: BTreeSet<EndpointId> = before.iter().map(|row| row.endpoint_id).collect();
    if intents.is_empty() {
        return Ok(intents);
    }
    let mut binds = Binds::default();
    let (notice, revision) = (binds.add(owner.notice), binds.add(i64::from(owner.revision)));
    let rows = rows(&**tx, answered().filter(|outcome| intents.contains(&outcome.endpoint)), &mut binds);
    let text = format!(
        "UPDATE deliveries SET state = r.state, reason = NULLIF(r.reason, ''), shown = r.shown, attempts = r.attempts, \
           provider_ref = NULLIF(r.provider_ref, ''), decided_at = r.decided_at, due_at = {due_at} \
         FROM ({rows}) r WHERE notice_id = {notice} AND revision = {revision} \
           AND deliveries.endpoint_id = r.endpoint_id RETURNING {counted}",
        due_at = due_at(&**tx),
        counted = counted("deliveries"),
    );
    let after: Vec<Counted> = all(&**tx, &text, binds).await?;
    deltas.change(&before, &after);
    Ok(intents)
}

/// The SQL of when a row's next try is due, by the database's own clock: its wait was reckoned on another one.
pub(super) fn due_at(conn: &impl ConnectionTrait) -> String {
    format!("CASE WHEN wait >= 0 THEN {} + wait END", sql::now(conn))
}

/// One row for each outcome: arrays side by side on PostgreSQL, an array of arrays on SQLite; one bind or a few,
/// whatever the number of rows. The limit makes SQLite read the array once, and not once for each delivery of a notice.
pub(super) fn rows<'a>(
    conn: &impl ConnectionTrait,
    outcomes: impl Iterator<Item = &'a Outcome>,
    binds: &mut Binds,
) -> String {
    let outcomes: Vec<&Outcome> = outcomes.collect();
    let reason = |outcome: &Outcome| outcome.reason.map(Reason::as_str).unwrap_or_default();
    let reference = |outcome: &Outcome| outcome.provider_ref.clone().unwrap_or_default();
    let wait = |outcome: &Outcome| outcome.due_at.map_or(-1, |at| lease::millis(at.since(outcome.decided_at)));
    if conn.get_database_backend() != DbBackend::Postgres {
        let rows: Vec<serde_json::Value> = outcomes
            .iter()
            .map(|o| {
                serde_json::json!([
                    o.endpoint.as_uuid().simple().to_string(),
                    o.user.as_uuid().simple().to_string(),
                    &*o.channel,
                    o.state.as_str(),
                    reason(o),
                    o.shown,
                    o.attempts,
                    reference(o),
                    o.began_at.as_millis(),
                    o.decided_at.as_millis(),
                    wait(o),
                    o.lease_token,
                ])
            })
            .collect();
        let bind = binds.add(serde_json::Value::from(rows).to_string());
        return format!(
            "SELECT unhex(value->>0) AS endpoint_id, unhex(value->>1) AS user_id, value->>2 AS channel, \
               value->>3 AS state, value->>4 AS reason, value->>5 AS shown, value->>6 AS attempts, \
               value->>7 AS provider_ref, value->>8 AS began_at, value->>9 AS decided_at, value->>10 AS wait, \
               value->>11 AS lease_token \
             FROM json_each({bind}) LIMIT -1"
        );
    }
    let uuids = |of: &dyn Fn(&Outcome) -> Uuid| -> Vec<Uuid> { outcomes.iter().map(|outcome| of(outcome)).collect() };
    let texts =
        |of: &dyn Fn(&Outcome) -> String| -> Vec<String> { outcomes.iter().map(|outcome| of(outcome)).collect() };
    let numbers = |of: &dyn Fn(&Outcome) -> i64| -> Vec<i64> { outcomes.iter().map(|outcome| of(outcome)).collect() };
    let columns = [
        ("uuid", binds.add(uuids(&|o| o.endpoint.as_uuid()))),
        ("uuid", binds.add(uuids(&|o| o.user.as_uuid()))),
        ("text", binds.add(texts(&|o| o.channel.to_string()))),
        ("text", binds.add(texts(&|o| o.state.as_str().to_owned()))),
        ("text", binds.add(texts(&|o| reason(o).to_owned()))),
        ("boolean", binds.add(outcomes.iter().map(|o| o.shown).collect::<Vec<bool>>())),
        ("bigint", binds.add(numbers(&|o| o.attempts))),
        ("text", binds.add(texts(&reference))),
        ("bigint", binds.add(numbers(&|o| o.began_at.as_millis()))),
        ("bigint", binds.add(numbers(&|o| o.decided_at.as_millis()))),
        ("bigint", binds.add(numbers(&wait))),
        ("bigint", binds.add(numbers(&|o| o.lease_token))),
    ]
    .map(|(kind, bind)| format!("{bind}::{kind}[]"))
    .join(", ");
    format!(
        "SELECT * FROM unnest({columns}) AS u(endpoint_id, user_id, channel, state, reason, shown, attempts, \
           provider_ref, began_at, decided_at, wait, lease_token)"
    )
}

/// Writes down each try that did not end the matter well; a first accepted one stands in its delivery alone, unless its
/// recipient had something to say. Returns how many were written.
pub(super) async fn record_attempts(
    tx: &Tx,
    notice: NoticeId,
    revision: i32,
    outcomes: impl Iterator<Item = &Outcome>,
) -> DbResult<i64> {
    let settled_at_once =
        |o: &Outcome| o.attempts == 1 && o.status.is_none() && matches!(o.state, State::Accepted | State::Sending);
    let tried: Vec<&Outcome> = outcomes.filter(|outcome| outcome.attempts > 0 && !settled_at_once(outcome)).collect();
    if tried.is_empty() {
        return Ok(0);
    }
    let numbers = |of: fn(&Outcome) -> i64| Cells::Numbers(tried.iter().map(|outcome| of(outcome)).collect());
    let detail = |outcome: &&Outcome| outcome.detail.clone().filter(|detail| !detail.is_empty());
    let word = |outcome: &&Outcome| outcome.reason.map_or(outcome.state.as_str(), Reason::as_str).to_owned();
    let rows = Rows::default()
        .with("endpoint_id", Cells::Ids(tried.iter().map(|outcome| outcome.endpoint.as_uuid()).collect()))
        .with("number", numbers(|outcome| outcome.attempts))
        .with("outcome", Cells::Texts(tried.iter().map(word).collect()))
        .with("detail", Cells::MaybeTexts(tried.iter().map(detail).collect()))
        .with("began_at", numbers(|outcome| outcome.began_at.as_millis()))
        .with("ended_at", numbers(|outcome| outcome.decided_at.as_millis()))
        .with("status", Cells::MaybeNumbers(tried.iter().map(|outcome| outcome.status).collect()));
    let mut binds = Binds::default();
    let (notice, revision) = (binds.add(notice), binds.add(i64::from(revision)));
    let rows = rows.select(&**tx, &mut binds);
    let text = format!(
        "INSERT INTO attempts (notice_id, revision, endpoint_id, number, outcome, detail, began_at, ended_at, status) \
         SELECT {notice}, {revision}, q.endpoint_id, q.number, q.outcome, q.detail, q.began_at, q.ended_at, q.status \
         FROM ({rows}) q WHERE true ON CONFLICT DO NOTHING"
    );
    execute(&**tx, &text, binds).await.map(|written| i64::try_from(written).unwrap_or(i64::MAX))
}

/// Ends the endpoints whose address is gone. One that somebody else holds just now is left to the next try, so that two
/// slices never wait for each other.
pub(super) async fn end_gone(tx: &Tx, outcomes: impl Iterator<Item = &Outcome>) -> DbResult<()> {
    let gone: Vec<&Outcome> = outcomes.filter(|outcome| outcome.state == State::Gone).collect();
    let Some(now) = gone.first().map(|outcome| outcome.decided_at) else { return Ok(()) };
    let set = sql::uuid_set(&**tx, gone.iter().map(|outcome| outcome.endpoint.as_uuid()));
    let text = format!(
        "UPDATE endpoints SET ended_at = $2, ended_reason = 'gone' WHERE id IN ( \
           SELECT id FROM endpoints WHERE ended_at IS NULL AND {} {})",
        sql::is_in(&**tx, "id", "$1", Of::Uuids),
        sql::skip_locked(&**tx),
    );
    execute(&**tx, &text, [set, now.into()]).await.map(|_| ())
}

/// On a channel where a repeat is forbidden: what was begun under an earlier lease of the chunk and has no outcome may
/// have been sent, so nobody sends it again.
pub async fn lose_intents(tx: &Tx, chunk: ChunkId, token: Token, now: Timestamp) -> DbResult<u64> {
    let chosen = format!(
        "FROM deliveries d WHERE d.chunk_id = $1 AND d.state = 'sending' AND d.lease_token < $2 {}",
        sql::for_update(&**tx)
    );
    let mut binds = Binds::default();
    binds.add(chunk);
    binds.add(token);
    let set = |binds: &mut Binds| {
        let now = binds.add(now);
        format!("state = 'unknown', reason = 'worker_died', shown = true, decided_at = {now}")
    };
    reach_counts::change(tx, &chosen, binds, set).await
}
