//! Subscriptions: one row for each edition of a filter, and the keys under which matching finds it.
//!
//! Promise: a row's filter is never edited. A row counts for the positions between its own two; one that is being
//! written has not begun ([`NOT_BEGUN`]) until [`begin`] gives it its position, the last thing before the commit. Its
//! keys bear copies of what matching asks for; whatever changes a row changes them in the same transaction.

use sea_orm::{ConnectionTrait, FromQueryResult};
use serde::{Deserialize, Serialize};

use super::sql::{self, Binds};
use super::term::Interned;
use super::{DbError, DbResult, Tx, all, execute, one, value};
use crate::domain::id::{SubscriptionId, SubscriptionRowId, UserId};
use crate::domain::lookup::{Lookup, TermMode};
use crate::domain::subscription::{Filter, Frequency, SubscriptionEnd, UnknownAmount};
use crate::domain::time::Timestamp;

/// Where a row stands before it has a position: after everything.
const NOT_BEGUN: i64 = i64::MAX;

/// One edition of a subscription.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Edition {
    /// Its own id.
    pub row: SubscriptionRowId,
    /// The subscription's id, the same across editions.
    pub subscription: SubscriptionId,
    /// What the user calls it.
    pub name: String,
    /// What the user wants to hear of.
    pub filter: Filter,
    /// How soon.
    pub frequency: Frequency,
    /// Until when nothing is sent for it.
    pub paused_until: Option<Timestamp>,
    /// It counts for the positions after this one,
    pub started_position: i64,
    /// and before this one.
    pub ended_position: Option<i64>,
    /// When the subscription was made.
    pub created_at: Timestamp,
    /// When this edition began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub ended_reason: Option<SubscriptionEnd>,
}

impl Edition {
    /// Whether it counts for what has this position.
    pub fn counts_at(&self, position: i64) -> bool {
        self.started_position < position && self.ended_position.is_none_or(|ended| ended > position)
    }
}

pub(super) const COLUMNS: &str = "id, subscription_id, name, filter, frequency, paused_until, started_position, ended_position, \
                       created_at, started_at, ended_at, ended_reason";

#[derive(FromQueryResult)]
pub(super) struct Row {
    id: SubscriptionRowId,
    subscription_id: SubscriptionId,
    name: String,
    filter: String,
    frequency: Frequency,
    paused_until: Option<Timestamp>,
    started_position: i64,
    ended_position: Option<i64>,
    created_at: Timestamp,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    ended_reason: Option<SubscriptionEnd>,
}

impl TryFrom<Row> for Edition {
    type Error = DbError;

    fn try_from(row: Row) -> DbResult<Self> {
        let filter = serde_json::from_str(&row.filter)
            .map_err(|error| DbError::Fault(sea_orm::DbErr::Type(format!("the filter of {}: {error}", row.id))))?;
        Ok(Self {
            row: row.id,
            subscription: row.subscription_id,
            name: row.name,
            filter,
            frequency: row.frequency,
            paused_until: row.paused_until,
            started_position: row.started_position,
            ended_position: row.ended_position,
            created_at: row.created_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
            ended_reason: row.ended_reason,
        })
    }
}

fn editions(rows: Vec<Row>) -> DbResult<Vec<Edition>> {
    rows.into_iter().map(Edition::try_from).collect()
}

/// How many subscriptions a user has.
pub async fn count(conn: &impl ConnectionTrait, user: UserId) -> DbResult<i64> {
    value(conn, "SELECT COUNT(*) AS value FROM subscriptions WHERE user_id = $1 AND ended_at IS NULL", [user.into()])
        .await
}

/// A user's subscription as it stands now.
pub async fn find(conn: &impl ConnectionTrait, user: UserId, id: SubscriptionId) -> DbResult<Option<Edition>> {
    let text =
        format!("SELECT {COLUMNS} FROM subscriptions WHERE user_id = $1 AND subscription_id = $2 AND ended_at IS NULL");
    let row: Option<Row> = one(conn, &text, [user.into(), id.into()]).await?;
    row.map(Edition::try_from).transpose()
}

/// A user's subscriptions, the newest first, below an id.
pub async fn list(
    conn: &impl ConnectionTrait,
    user: UserId,
    before: Option<SubscriptionId>,
    limit: i64,
) -> DbResult<Vec<Edition>> {
    let mut binds = Binds::default();
    let user = binds.add(user);
    let before = before.map(|id| format!(" AND subscription_id < {}", binds.add(id))).unwrap_or_default();
    let limit = binds.add(limit);
    let text = format!(
        "SELECT {COLUMNS} FROM subscriptions WHERE user_id = {user}{before} AND ended_at IS NULL \
         ORDER BY subscription_id DESC LIMIT {limit}"
    );
    editions(all(conn, &text, binds).await?)
}

/// The editions of a user's subscription, ended or not, the newest first, below a position.
pub async fn history(
    conn: &impl ConnectionTrait,
    user: UserId,
    id: SubscriptionId,
    before: Option<i64>,
    limit: i64,
) -> DbResult<Vec<Edition>> {
    let text = format!(
        "SELECT {COLUMNS} FROM subscriptions WHERE user_id = $1 AND subscription_id = $2 AND started_position < $3 \
         ORDER BY started_position DESC LIMIT $4"
    );
    editions(all(conn, &text, [user.into(), id.into(), before.unwrap_or(NOT_BEGUN).into(), limit.into()]).await?)
}

/// An edition to be written.
#[derive(Debug)]
pub struct NewEdition<'a> {
    /// Its own id.
    pub row: SubscriptionRowId,
    /// The subscription's id.
    pub subscription: SubscriptionId,
    /// Whose it is.
    pub user: UserId,
    /// What the user calls it.
    pub name: &'a str,
    /// What the user wants to hear of.
    pub filter: &'a Filter,
    /// How soon.
    pub frequency: Frequency,
    /// Until when nothing is sent for it.
    pub paused_until: Option<Timestamp>,
    /// When the subscription was made.
    pub created_at: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// Writes an edition with its keys and terms. It counts for nothing until [`begin`].
pub async fn insert(tx: &Tx, new: &NewEdition<'_>, lookup: &Lookup, terms: &Interned) -> DbResult<()> {
    let filter = serde_json::to_string(new.filter)
        .map_err(|error| DbError::Fault(sea_orm::DbErr::Type(format!("a filter: {error}"))))?;
    let amount = new.filter.amount;
    execute(
        &**tx,
        "INSERT INTO subscriptions (id, subscription_id, user_id, name, filter, frequency, paused_until, notice_types, \
           stages, min_fen, max_fen, unknown_amount, started_position, created_at, started_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        [
            new.row.into(),
            new.subscription.into(),
            new.user.into(),
            new.name.into(),
            filter.into(),
            new.frequency.into(),
            new.paused_until.into(),
            between_slashes(&new.filter.notice_types).into(),
            between_slashes(&new.filter.stages).into(),
            amount.and_then(|amount| amount.min_fen).into(),
            amount.and_then(|amount| amount.max_fen).into(),
            amount.is_none_or(|amount| amount.unknown == UnknownAmount::Include).into(),
            NOT_BEGUN.into(),
            new.created_at.into(),
            new.now.into(),
        ],
    )
    .await?;
    insert_keys(tx, new, lookup, terms).await?;
    insert_terms(tx, new.row, lookup, terms).await
}

/// One key for each anchor under each category under each region.
async fn insert_keys(tx: &Tx, new: &NewEdition<'_>, lookup: &Lookup, terms: &Interned) -> DbResult<()> {
    let or_any = |codes: &std::collections::BTreeSet<String>| -> Vec<String> {
        if codes.is_empty() { vec![String::new()] } else { codes.iter().cloned().collect() }
    };
    let anchors: Vec<i64> = match lookup.anchors.is_empty() {
        true => vec![0],
        false => lookup.anchors.iter().filter_map(|term| terms.id(term)).collect(),
    };
    let mut binds = Binds::default();
    let anchors = binds.add(sql::integer_set(&**tx, anchors));
    let categories = binds.add(sql::text_set(&**tx, or_any(&lookup.categories)));
    let regions = binds.add(sql::text_set(&**tx, or_any(&lookup.regions)));
    let (row, more) = (binds.add(new.row), binds.add(!lookup.terms.is_empty()));
    let text = format!(
        "WITH t (term_id) AS {}, c (category) AS {}, r (region) AS {} \
         INSERT INTO subscription_keys (term_id, category, region, user_id, subscription, subscription_id, \
           started_position, paused_until, notice_types, stages, min_fen, max_fen, unknown_amount, more_terms) \
         SELECT t.term_id, c.category, r.region, s.user_id, s.id, s.subscription_id, s.started_position, \
           s.paused_until, s.notice_types, s.stages, s.min_fen, s.max_fen, s.unknown_amount, {more} \
         FROM subscriptions s CROSS JOIN t CROSS JOIN c CROSS JOIN r WHERE s.id = {row}",
        sql::integers(&**tx, &anchors),
        sql::texts(&**tx, &categories),
        sql::texts(&**tx, &regions),
    );
    execute(&**tx, &text, binds).await.map(|_| ())
}

async fn insert_terms(tx: &Tx, row: SubscriptionRowId, lookup: &Lookup, terms: &Interned) -> DbResult<()> {
    let known: Vec<(TermMode, i64)> =
        lookup.terms.iter().filter_map(|(mode, term)| Some((*mode, terms.id(term)?))).collect();
    if known.is_empty() {
        return Ok(());
    }
    let mut binds = Binds::default();
    let row = binds.add(row);
    let rows: Vec<String> =
        known.into_iter().map(|(mode, id)| format!("({row}, {}, {})", binds.add(mode), binds.add(id))).collect();
    let text = format!("INSERT INTO subscription_terms (subscription, mode, term_id) VALUES {}", rows.join(", "));
    execute(&**tx, &text, binds).await.map(|_| ())
}

/// `/A/B/`, or nothing for none: a code is found by its slashes.
fn between_slashes(codes: &[String]) -> String {
    if codes.is_empty() { String::new() } else { format!("/{}/", codes.join("/")) }
}

/// Makes a written edition count for everything after this position.
pub async fn begin(tx: &Tx, row: SubscriptionRowId, position: i64) -> DbResult<()> {
    for text in [
        "UPDATE subscriptions SET started_position = $2 WHERE id = $1",
        "UPDATE subscription_keys SET started_position = $2 WHERE subscription = $1",
    ] {
        execute(&**tx, text, [row.into(), position.into()]).await?;
    }
    Ok(())
}

/// Ends an edition at an instant; [`end_position`] says from which position on, just before the commit.
pub async fn end(tx: &Tx, row: SubscriptionRowId, now: Timestamp, reason: SubscriptionEnd) -> DbResult<()> {
    let text = "UPDATE subscriptions SET ended_at = $2, ended_reason = $3 WHERE id = $1 AND ended_at IS NULL";
    execute(&**tx, text, [row.into(), now.into(), reason.into()]).await.map(|_| ())
}

/// Makes an ended edition count for nothing from this position on.
pub async fn end_position(tx: &Tx, row: SubscriptionRowId, position: i64) -> DbResult<()> {
    for text in [
        "UPDATE subscriptions SET ended_position = $2 WHERE id = $1 AND ended_position IS NULL",
        "UPDATE subscription_keys SET ended_position = $2 WHERE subscription = $1 AND ended_position IS NULL",
    ] {
        execute(&**tx, text, [row.into(), position.into()]).await?;
    }
    Ok(())
}

/// Forgets what a user called the subscriptions, those that have ended, too. Their filters stay: they explain matches.
pub async fn forget_names(tx: &Tx, user: UserId) -> DbResult<u64> {
    execute(&**tx, "UPDATE subscriptions SET name = '' WHERE user_id = $1", [user.into()]).await
}

/// Ends every subscription of a user; says how many there were. Takes no position itself: the caller hands in the one
/// that it has taken for the whole of its work.
pub async fn end_all(tx: &Tx, user: UserId, position: i64, now: Timestamp, reason: SubscriptionEnd) -> DbResult<u64> {
    let keys = "UPDATE subscription_keys SET ended_position = $2 WHERE ended_position IS NULL AND subscription IN \
                  (SELECT id FROM subscriptions WHERE user_id = $1 AND ended_at IS NULL)";
    execute(&**tx, keys, [user.into(), position.into()]).await?;
    let text = "UPDATE subscriptions SET ended_position = $2, ended_at = $3, ended_reason = $4 \
                WHERE user_id = $1 AND ended_at IS NULL";
    execute(&**tx, text, [user.into(), position.into(), now.into(), reason.into()]).await
}

/// Changes what is not part of the filter.
pub async fn set(
    tx: &Tx,
    row: SubscriptionRowId,
    name: &str,
    frequency: Frequency,
    paused_until: Option<Timestamp>,
) -> DbResult<()> {
    let text = "UPDATE subscriptions SET name = $2, frequency = $3, paused_until = $4 WHERE id = $1";
    execute(&**tx, text, [row.into(), name.into(), frequency.into(), paused_until.into()]).await?;
    let keys = "UPDATE subscription_keys SET paused_until = $2 WHERE subscription = $1";
    execute(&**tx, keys, [row.into(), paused_until.into()]).await.map(|_| ())
}
