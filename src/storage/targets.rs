//! The door: where a revision is to go, and whether it is still wanted there.
//!
//! Promise: the second question is the same at every try: of the subscriptions that matched, does one still stand, and
//! is it not paused? An endpoint that is paused itself counts as if they all were. It is asked of what is stored now; whom
//! the revision concerns was frozen at its position.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::matching::{Among, Audience, holders, matched};
use super::sql::{self, Binds, Of};
use super::{DbResult, all};
use crate::domain::id::{EndpointId, NoticeId, UserId};
use crate::domain::time::Timestamp;

/// What the second question at the door found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Every subscription that matched has ended.
    Ended,
    /// Those that have not are paused, or the endpoint is.
    Paused,
    /// The user wants it.
    Given,
}

/// An endpoint that a revision is to go to.
#[derive(Debug, Clone)]
pub struct Target {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Its user.
    pub user: UserId,
    /// The name of its channel.
    pub channel: Arc<str>,
    /// What the provider knows it by.
    pub address: String,
    /// Whether its user still wants it.
    pub consent: Consent,
}

#[derive(FromQueryResult)]
struct TargetRow {
    endpoint_id: EndpointId,
    user_id: UserId,
    channel: String,
    address: String,
    consent: i64,
}

/// Which endpoints of the audience a fan-out goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All of them.
    Everyone,
    /// Those that no earlier revision has reached for certain.
    NotYetReached,
    /// Those that an earlier revision may have reached, or may be reaching now.
    AlreadyReached,
}

/// Which deliveries are asked for.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// First tries, where nobody has tried before.
    Fresh,
    /// First tries of what has no delivery of this revision yet.
    Untried,
    /// Later tries to these endpoints.
    Again(Vec<EndpointId>),
}

/// Which revision goes where.
#[derive(Debug, Clone)]
pub struct Sending {
    /// The notice.
    pub notice: NoticeId,
    /// Its revision.
    pub revision: i32,
    /// Which endpoints.
    pub reach: Reach,
    /// Which of their deliveries.
    pub wanted: Wanted,
    /// Now, for pauses.
    pub now: Timestamp,
}

/// The active endpoints of the audience with the answer to the second question: whether a subscription that matched is
/// still there and not paused. Holders who match nothing are asked for any subscription of theirs.
pub async fn targets(
    conn: &impl ConnectionTrait,
    of: &Audience,
    among: &Among,
    sending: &Sending,
) -> DbResult<Vec<Target>> {
    let mut binds = Binds::default();
    let now = binds.add(sending.now);
    let concerned = concerned(conn, of, among, &now, &mut binds);
    let which = which(conn, sending, &mut binds);
    let text = format!(
        "{concerned} SELECT e.id AS endpoint_id, e.user_id, e.channel, e.address, \
           CAST(CASE WHEN e.paused_at IS NOT NULL AND a.consent = 2 THEN 1 ELSE a.consent END AS BIGINT) AS consent \
         FROM concerned a JOIN endpoints e ON e.user_id = a.user_id AND e.ended_at IS NULL{which}",
    );
    let rows: Vec<TargetRow> = all(conn, &text, binds).await?;
    Ok(rows.into_iter().map(Target::from).collect())
}

/// `WITH … concerned (user_id, consent)`: each user of the audience once. 2: given, 1: paused, 0: ended.
fn concerned(conn: &impl ConnectionTrait, of: &Audience, among: &Among, now: &str, binds: &mut Binds) -> String {
    let given =
        |of: &str| format!("CASE WHEN {of}.paused_until IS NULL OR {of}.paused_until <= {now} THEN 2 ELSE 1 END");
    let consent = |condition: &str| {
        let given = given("c");
        format!("COALESCE((SELECT MAX({given}) FROM subscriptions c WHERE {condition} AND c.ended_at IS NULL), 0)")
    };
    let mut parts = Vec::new();
    let mut with = "WITH ".to_owned();
    if let Some(hits) = &of.hits {
        let matched = matched(conn, hits, of.position, among, binds);
        // The edition that matched is mostly the one that still stands; only of the others is a later one looked up.
        let later = consent("c.subscription_id = m.subscription_id");
        let asked = format!("CASE WHEN m.ended_position IS NULL THEN {} ELSE {later} END", given("m"));
        with.push_str(&format!(
            "matched AS (SELECT m.user_id, MAX({asked}) AS consent FROM ({matched}) m GROUP BY m.user_id), "
        ));
        parts.push("SELECT user_id, consent FROM matched".to_owned());
    }
    if !of.holders_of.is_empty() {
        let holders = of.holders_of.iter().map(|notice| holders(conn, *notice, of.position, among, binds));
        let holders = holders.collect::<Vec<_>>().join(" UNION ");
        let asked = consent("c.user_id = h.user_id");
        let others = match of.hits {
            Some(_) => " WHERE NOT EXISTS (SELECT 1 FROM matched m WHERE m.user_id = h.user_id)",
            None => "",
        };
        parts.push(format!("SELECT h.user_id, {asked} AS consent FROM ({holders}) h{others}"));
    }
    if parts.is_empty() {
        parts.push(format!("SELECT u.id AS user_id, 0 AS consent FROM users u WHERE {now} < 0"));
    }
    format!("{with}concerned AS ({})", parts.join(" UNION ALL "))
}

/// Conditions on the endpoint `e`.
fn which(conn: &impl ConnectionTrait, sending: &Sending, binds: &mut Binds) -> String {
    if let Wanted::Again(endpoints) = &sending.wanted {
        let set = binds.add(sql::uuid_set(conn, endpoints.iter().map(|id| id.as_uuid())));
        // Whom it may concern was asked at the first try.
        return format!(" WHERE {}", sql::is_in(conn, "e.id", &set, Of::Uuids));
    }
    if matches!(sending.wanted, Wanted::Fresh) && sending.reach == Reach::Everyone {
        return String::new();
    }
    let notice = binds.add(sending.notice);
    let revision = binds.add(i64::from(sending.revision));
    let untried = format!(
        " WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.notice_id = {notice} AND d.revision = {revision} \
           AND d.endpoint_id = e.id)"
    );
    let earlier = |condition: &str| {
        format!(
            "EXISTS (SELECT 1 FROM deliveries p WHERE p.notice_id = {notice} AND p.revision < {revision} \
               AND p.endpoint_id = e.id AND ({condition}))"
        )
    };
    let reach = match sending.reach {
        Reach::Everyone => return untried,
        Reach::NotYetReached => format!("NOT {}", earlier("p.state IN ('accepted', 'delivered', 'unknown')")),
        Reach::AlreadyReached => {
            // A later try that is under way may yet arrive.
            let now = sql::now(conn);
            earlier(&format!("p.shown OR p.state = 'sending' OR (p.state = 'due' AND p.leased_until > {now})"))
        }
    };
    format!("{untried} AND {reach}")
}

impl From<TargetRow> for Target {
    fn from(row: TargetRow) -> Self {
        let consent = match row.consent {
            2 => Consent::Given,
            1 => Consent::Paused,
            _ => Consent::Ended,
        };
        Self {
            endpoint: row.endpoint_id,
            user: row.user_id,
            channel: row.channel.into(),
            address: row.address,
            consent,
        }
    }
}
