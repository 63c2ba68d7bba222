//! Later tries: deliveries that are due, each under a lease and a token of its own.
//!
//! Promise: a due delivery is leased to one worker at a time, by the database's clock, and only the holder of its token
//! writes what came of it. Where a repeat is forbidden, the try is written down ([`begin`]) before the provider is
//! called; what is found begun and without an outcome when its lease has run out is lost ([`lose_lapsed`]), never sent
//! again.

use std::collections::BTreeSet;
use std::time::Duration;

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::delivery::{self, Outcome};
use super::lease::{self, Token};
use super::reach_counts::{self, Counted, Deltas, counted};
use super::sql::{self, Binds, Of};
use super::{DbResult, Tx, all, value};
use crate::domain::channel::Channel;
use crate::domain::delivery::{Reason, State};
use crate::domain::id::{ChunkId, EndpointId, FanOutId, NoticeId, UserId};

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

/// Whether a channel has a delivery that is due. Costs one look into an index: the first is asked for by its order, because
/// to ask whether there is any makes PostgreSQL read the whole table while it has no statistics of it.
pub async fn any(conn: &impl ConnectionTrait, channel: Channel) -> DbResult<bool> {
    let text = format!(
        "SELECT COALESCE((SELECT due_at FROM deliveries WHERE state = 'due' AND channel = $1 ORDER BY due_at LIMIT 1) \
           <= {now}, false) AS value",
        now = sql::now(conn)
    );
    value(conn, &text, [channel.as_str().into()]).await
}

/// Leases deliveries of a channel that are due, the longest due first. The try is counted now, so that one that kills
/// its worker runs out too.
pub async fn lease(tx: &Tx, channel: Channel, most: i64) -> DbResult<Vec<Due>> {
    let now = sql::now(&**tx);
    let text = format!(
        "UPDATE deliveries SET lease_token = lease_token + 1, attempts = attempts + 1, leased_until = {now} + {lease} \
         WHERE (notice_id, revision, endpoint_id) IN (SELECT notice_id, revision, endpoint_id FROM deliveries \
           WHERE state = 'due' AND channel = $1 AND due_at <= {now} \
             AND (leased_until <= {now} OR leased_until > {now} + {lease}) ORDER BY due_at LIMIT $2 {skip}) \
         RETURNING notice_id, revision, endpoint_id, user_id, fan_out_id, chunk_id, channel, attempts, shown, \
           lease_token",
        lease = lease::millis(DUE_LEASE),
        skip = sql::skip_locked(&**tx),
    );
    let leased: Vec<Due> = all(&**tx, &text, [channel.as_str().into(), most.into()]).await?;
    let mut deltas = Deltas::default();
    for one in &leased {
        deltas.of(one.notice_id, one.revision).attempts += 1;
    }
    deltas.write(tx).await?;
    Ok(leased)
}

/// Where a repeat is forbidden: writes down that these tries begin, and returns those whose lease is still ours.
pub async fn begin(tx: &Tx, notice: NoticeId, revision: i32, of: &[(EndpointId, Token)]) -> DbResult<Vec<EndpointId>> {
    let mut binds = Binds::default();
    let (notice, revision) = (binds.add(notice), binds.add(i64::from(revision)));
    let leases = leases(tx, of.iter().map(|(endpoint, token)| (*endpoint, *token, Duration::ZERO)), &mut binds);
    let text = format!(
        "UPDATE deliveries SET state = 'sending' FROM ({leases}) r WHERE notice_id = {notice} \
           AND revision = {revision} AND deliveries.endpoint_id = r.endpoint_id AND deliveries.lease_token = r.token \
           AND state = 'due' RETURNING {}",
        counted("deliveries")
    );
    let begun: Vec<Counted> = all(&**tx, &text, binds).await?;
    let mut deltas = Deltas::default();
    for row in &begun {
        let at = (row.notice_id, row.revision);
        deltas.stand(at, (&row.channel, State::Due, row.reason), -1);
        deltas.stand(at, (&row.channel, row.state, row.reason), 1);
    }
    deltas.write(tx).await?;
    Ok(begun.into_iter().map(|row| row.endpoint_id).collect())
}

/// These deliveries of a revision as they stand, held until the commit.
async fn standing(
    tx: &Tx,
    notice: NoticeId,
    revision: i32,
    of: impl Iterator<Item = EndpointId>,
) -> DbResult<Vec<Counted>> {
    let text = format!(
        "SELECT {} FROM deliveries d WHERE d.notice_id = $1 AND d.revision = $2 AND {} {}",
        counted("d"),
        sql::is_in(&**tx, "d.endpoint_id", "$3", Of::Uuids),
        sql::for_update(&**tx),
    );
    let set = sql::uuid_set(&**tx, of.map(|endpoint| endpoint.as_uuid()));
    all(&**tx, &text, [notice.into(), i64::from(revision).into(), set]).await
}

fn leases(tx: &Tx, of: impl Iterator<Item = (EndpointId, Token, Duration)>, binds: &mut Binds) -> String {
    let row = |(endpoint, token, wait): (EndpointId, Token, Duration)| {
        serde_json::json!([endpoint.as_uuid().simple().to_string(), token, lease::millis(wait)])
    };
    let rows: Vec<serde_json::Value> = of.map(row).collect();
    let bind = binds.add(serde_json::Value::from(rows).to_string());
    match tx.get_database_backend() {
        sea_orm::DbBackend::Postgres => format!(
            "SELECT (v->>0)::uuid AS endpoint_id, (v->>1)::bigint AS token, (v->>2)::bigint AS wait \
               FROM jsonb_array_elements({bind}::jsonb) v"
        ),
        // The limit: as of `delivery::rows`.
        _ => format!(
            "SELECT unhex(value->>0) AS endpoint_id, value->>1 AS token, value->>2 AS wait FROM json_each({bind}) LIMIT -1"
        ),
    }
}

/// Writes what later tries of one revision ended with; those whose lease is lost are left alone. Returns how many were
/// written. An outcome that was decided at the door, with no try begun, is not among the attempts.
pub async fn settle(tx: &Tx, notice: NoticeId, revision: i32, outcomes: &[Outcome], tried: bool) -> DbResult<usize> {
    if outcomes.is_empty() {
        return Ok(0);
    }
    let mut before = standing(tx, notice, revision, outcomes.iter().map(|outcome| outcome.endpoint)).await?;
    let mut binds = Binds::default();
    let (of, at) = (binds.add(notice), binds.add(i64::from(revision)));
    let rows = delivery::rows(&**tx, outcomes.iter(), &mut binds);
    let text = format!(
        "UPDATE deliveries SET state = r.state, reason = NULLIF(r.reason, ''), shown = deliveries.shown OR r.shown, \
           provider_ref = NULLIF(r.provider_ref, ''), decided_at = r.decided_at, due_at = {due_at}, \
           attempts = CASE WHEN deliveries.attempts > r.attempts + {begun} THEN deliveries.attempts \
             ELSE r.attempts END, leased_until = 0 \
         FROM ({rows}) r WHERE notice_id = {of} AND revision = {at} AND deliveries.endpoint_id = r.endpoint_id \
           AND deliveries.lease_token = r.lease_token AND deliveries.state IN ('due', 'sending') \
         RETURNING {counted}",
        counted = counted("deliveries"),
        due_at = delivery::due_at(&**tx),
        // The lease counted a try; without one it is taken back. What its user sent meanwhile has been counted too.
        begun = i32::from(!tried),
    );
    let after: Vec<Counted> = all(&**tx, &text, binds).await?;
    let written: BTreeSet<EndpointId> = after.iter().map(|row| row.endpoint_id).collect();
    let ours = || outcomes.iter().filter(|outcome| written.contains(&outcome.endpoint));
    before.retain(|row| written.contains(&row.endpoint_id));
    let mut deltas = Deltas::default();
    deltas.change(&before, &after);
    if tried {
        let recorded = delivery::record_attempts(tx, notice, revision, ours()).await?;
        deltas.of(notice, i64::from(revision)).recorded += recorded;
    }
    deltas.write(tx).await?;
    delivery::end_gone(tx, ours()).await?;
    Ok(written.len())
}

/// Gives leases back unused: the tries were not begun, and each is due again after its wait, for this reason or for the
/// one it had.
pub async fn put_back(
    tx: &Tx,
    notice: NoticeId,
    revision: i32,
    reason: Option<Reason>,
    of: &[(EndpointId, Token, Duration)],
) -> DbResult<u64> {
    if of.is_empty() {
        return Ok(0);
    }
    let mut before = standing(tx, notice, revision, of.iter().map(|(endpoint, ..)| *endpoint)).await?;
    let mut binds = Binds::default();
    let (notice, revision) = (binds.add(notice), binds.add(i64::from(revision)));
    let reason = reason.map(|reason| format!(", reason = {}", binds.add(reason))).unwrap_or_default();
    let leases = leases(tx, of.iter().copied(), &mut binds);
    let text = format!(
        "UPDATE deliveries SET leased_until = 0, attempts = attempts - 1, due_at = {now} + r.wait{reason} FROM ({leases}) r \
         WHERE notice_id = {notice} AND revision = {revision} AND deliveries.endpoint_id = r.endpoint_id \
           AND deliveries.lease_token = r.token AND state = 'due' RETURNING {counted}",
        now = sql::now(&**tx),
        counted = counted("deliveries"),
    );
    let after: Vec<Counted> = all(&**tx, &text, binds).await?;
    let written: BTreeSet<EndpointId> = after.iter().map(|row| row.endpoint_id).collect();
    before.retain(|row| written.contains(&row.endpoint_id));
    let mut deltas = Deltas::default();
    deltas.change(&before, &after);
    deltas.write(tx).await?;
    Ok(u64::try_from(after.len()).unwrap_or(u64::MAX))
}

/// What was begun by somebody whose lease has run out, where a repeat is forbidden: nobody knows whether it was sent,
/// and nobody sends it again.
pub async fn lose_lapsed(tx: &Tx, channel: Channel) -> DbResult<u64> {
    let now = sql::now(&**tx);
    let chosen = format!(
        "FROM deliveries d WHERE d.state = 'sending' AND d.channel = $1 AND d.leased_until > 0 AND d.leased_until <= {now} \
         {}",
        sql::for_update(&**tx)
    );
    let mut binds = Binds::default();
    binds.add(channel.as_str());
    let set = |_: &mut Binds| format!("state = 'unknown', reason = 'worker_died', shown = true, decided_at = {now}");
    reach_counts::change(tx, &chosen, binds, set).await
}

/// Held deliveries of these channels, which are configured now, become due; at most so many.
pub async fn release_held(tx: &Tx, channels: &[Channel], most: i64) -> DbResult<u64> {
    let now = sql::now(&**tx);
    let chosen = format!(
        "FROM deliveries d WHERE d.state = 'held' AND d.reason = 'unconfigured' AND {channel} AND d.due_at > {now} \
         ORDER BY d.due_at LIMIT $2 {skip}",
        channel = sql::is_in(&**tx, "d.channel", "$1", Of::Texts),
        skip = sql::skip_locked(&**tx),
    );
    let mut binds = Binds::default();
    binds.add(names(&**tx, channels));
    binds.add(most);
    let set = |_: &mut Binds| format!("state = 'due', reason = NULL, due_at = {now}");
    reach_counts::change(tx, &chosen, binds, set).await
}

/// Ends what is held beyond its deadline; at most so many.
pub async fn expire_held(tx: &Tx, most: i64) -> DbResult<u64> {
    let now = sql::now(&**tx);
    let chosen = format!(
        "FROM deliveries d WHERE d.state = 'held' AND {channel} AND d.due_at <= {now} LIMIT $2 {skip}",
        channel = sql::is_in(&**tx, "d.channel", "$1", Of::Texts),
        skip = sql::skip_locked(&**tx),
    );
    let mut binds = Binds::default();
    binds.add(names(&**tx, Channel::ALL));
    binds.add(most);
    let set = |_: &mut Binds| format!("state = 'expired', reason = 'deadline', decided_at = {now}, due_at = NULL");
    reach_counts::change(tx, &chosen, binds, set).await
}

/// Whether something is held on one of these channels; once for those that are configured, and once for a deadline.
pub async fn any_held(conn: &impl ConnectionTrait, configured: &[Channel]) -> DbResult<bool> {
    let text = format!(
        "SELECT EXISTS (SELECT 1 FROM deliveries WHERE state = 'held' AND {released}) \
           OR EXISTS (SELECT 1 FROM deliveries WHERE state = 'held' AND {held} AND due_at <= {now}) AS value",
        released = sql::is_in(conn, "channel", "$1", Of::Texts),
        held = sql::is_in(conn, "channel", "$2", Of::Texts),
        now = sql::now(conn),
    );
    value(conn, &text, [names(conn, configured), names(conn, Channel::ALL)]).await
}

fn names(conn: &impl ConnectionTrait, channels: &[Channel]) -> sea_orm::Value {
    sql::text_set(conn, channels.iter().map(ToString::to_string))
}
