//! Who a notice revision concerns: the SQL twin of `domain::subscription::matches`.
//!
//! Promise: for one audience and one range of users the answer is the same for ever, as long as the rows are kept,
//! because it reads only what the revision's position froze: filter editions by their positions, and the holders of a
//! notice. A law test holds it to the twin's answer.
//!
//! Cost: one index descent for each (term hit, category, region) of the notice, whatever the number of subscriptions
//! that do not match.

use sea_orm::{ConnectionTrait, FromQueryResult, Statement};

use super::sql::{self, Binds, Of};
use super::{DbResult, Tx, all, execute, statement};
use crate::domain::fanout::EditionKind;
use crate::domain::id::{EndpointId, NoticeId, UserId};
use crate::domain::time::Timestamp;

/// What of a notice the keys of subscriptions are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hits {
    /// The interned terms that it hits.
    pub terms: Vec<i64>,
    /// Its category and that one's ancestors.
    pub categories: Vec<String>,
    /// Its region, that one's ancestors, and their other codes.
    pub regions: Vec<String>,
    /// Its type.
    pub notice_type: String,
    /// Its stage.
    pub stage: String,
    /// Its amount, when it is known.
    pub amount_fen: Option<i64>,
}

/// Whom a revision concerns.
#[derive(Debug, Clone)]
pub struct Audience {
    /// What subscriptions are compared with; a withdrawal has none, it concerns holders alone.
    pub hits: Option<Hits>,
    /// The revision's position.
    pub position: i64,
    /// Everyone who has this notice is concerned too: the notice itself for a later revision, else the amended one.
    pub holders_of: Option<NoticeId>,
}

/// A range of users: `after < user <= to`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Range {
    /// Exclusive.
    pub after: Option<UserId>,
    /// Inclusive.
    pub to: Option<UserId>,
}

impl Range {
    fn condition(self, column: &str, binds: &mut Binds) -> String {
        let after = self.after.map(|user| format!(" AND {column} > {}", binds.add(user))).unwrap_or_default();
        let to = self.to.map(|user| format!(" AND {column} <= {}", binds.add(user))).unwrap_or_default();
        after + &to
    }
}

/// `SELECT k.user_id, s.subscription_id …` for the subscriptions that match.
fn matched(conn: &impl ConnectionTrait, hits: &Hits, position: i64, range: Range, binds: &mut Binds) -> String {
    let terms = binds.add(sql::integer_set(conn, hits.terms.iter().copied()));
    // A key without a term stands under 0.
    let keys = binds.add(sql::integer_set(conn, std::iter::once(0).chain(hits.terms.iter().copied())));
    let any = || std::iter::once(String::new());
    let categories = binds.add(sql::text_set(conn, any().chain(hits.categories.iter().cloned())));
    let regions = binds.add(sql::text_set(conn, any().chain(hits.regions.iter().cloned())));
    let notice_type = binds.add(format!("/{}/", hits.notice_type));
    let stage = binds.add(format!("/{}/", hits.stage));
    let position = binds.add(position);
    let amount = match hits.amount_fen {
        Some(fen) => {
            let fen = binds.add(fen);
            format!("(s.min_fen IS NULL OR s.min_fen <= {fen}) AND (s.max_fen IS NULL OR s.max_fen >= {fen})")
        }
        None => "s.unknown_amount".to_owned(),
    };
    format!(
        "SELECT k.user_id, s.subscription_id FROM subscription_keys k JOIN subscriptions s ON s.id = k.subscription \
         WHERE {term} AND {category} AND {region}{range} \
           AND s.started_position < {position} AND (s.ended_position IS NULL OR s.ended_position > {position}) \
           AND ((s.notice_types = '' AND s.stages = '') OR {of_type} OR {of_stage}) AND {amount} \
           AND NOT EXISTS (SELECT 1 FROM subscription_terms t WHERE t.subscription = s.id \
             AND ((t.mode = 'none' AND {hit}) OR (t.mode = 'all' AND NOT ({hit})))) \
           AND (NOT EXISTS (SELECT 1 FROM subscription_terms t WHERE t.subscription = s.id AND t.mode = 'any') \
             OR EXISTS (SELECT 1 FROM subscription_terms t WHERE t.subscription = s.id AND t.mode = 'any' AND {hit}))",
        term = sql::is_in(conn, "k.term_id", &keys, Of::Integers),
        category = sql::is_in(conn, "k.category", &categories, Of::Texts),
        region = sql::is_in(conn, "k.region", &regions, Of::Texts),
        range = range.condition("k.user_id", binds),
        of_type = sql::contains(conn, "s.notice_types", &notice_type),
        of_stage = sql::contains(conn, "s.stages", &stage),
        hit = sql::is_in(conn, "t.term_id", &terms, Of::Integers),
    )
}

/// `SELECT user_id …` for those who hold a notice and have not thrown it away.
fn holders(notice: NoticeId, range: Range, binds: &mut Binds) -> String {
    let notice = binds.add(notice);
    let range = range.condition("i.user_id", binds);
    format!("SELECT i.user_id FROM inbox_items i WHERE i.notice_id = {notice} AND i.removed_at IS NULL{range}")
}

/// `SELECT user_id …` for the whole audience, each once.
fn audience(conn: &impl ConnectionTrait, audience: &Audience, range: Range, binds: &mut Binds) -> String {
    let matched = audience.hits.as_ref().map(|hits| {
        let matched = matched(conn, hits, audience.position, range, binds);
        format!("SELECT m.user_id FROM ({matched}) m")
    });
    let holders = audience.holders_of.map(|notice| holders(notice, range, binds));
    let parts: Vec<String> = matched.into_iter().chain(holders).collect();
    // UNION keeps each once; a single part needs DISTINCT for that.
    format!("SELECT DISTINCT a.user_id FROM ({}) a", parts.join(" UNION ALL "))
}

/// The statement that lists the audience in the order of user ids; to be streamed.
pub fn users_statement(conn: &impl ConnectionTrait, of: &Audience, range: Range) -> Statement {
    let mut binds = Binds::default();
    let text = format!("{} ORDER BY 1", audience(conn, of, range, &mut binds));
    statement(conn, &text, binds)
}

#[derive(FromQueryResult)]
struct UserRow {
    user_id: UserId,
}

/// The audience in a range, in the order of user ids.
pub async fn users(conn: &impl ConnectionTrait, of: &Audience, range: Range) -> DbResult<Vec<UserId>> {
    let rows = conn.query_all_raw(users_statement(conn, of, range)).await?;
    rows.iter()
        .map(|row| UserRow::from_query_result(row, "").map(|row| row.user_id).map_err(super::DbError::from))
        .collect()
}

/// What is put into inboxes.
#[derive(Debug, Clone, Copy)]
pub struct Filling {
    /// The notice.
    pub notice: NoticeId,
    /// Its revision.
    pub revision: i32,
    /// What kind of edition it is.
    pub kind: EditionKind,
    /// This transaction's stamp.
    pub stamp: i64,
    /// Now.
    pub now: Timestamp,
}

/// Gives everyone of the audience in a range the notice, in one statement; returns how many items were made or changed.
///
/// Safe to repeat: an item that stands at this revision already is left as its user has it, read or not.
pub async fn fill_inboxes(tx: &Tx, of: &Audience, range: Range, filling: Filling) -> DbResult<u64> {
    let Filling { notice, revision, kind, stamp, now } = filling;
    let mut binds = Binds::default();
    let notice = binds.add(notice);
    let revision = binds.add(i64::from(revision));
    let stamp = binds.add(stamp);
    let now = binds.add(now);
    let audience = audience(&**tx, of, range, &mut binds);
    // A revision is news: unread again, back in the inbox. The rest leaves the user's own marks alone.
    let marks =
        if kind == EditionKind::Revision { ", read_at = NULL, archived_at = NULL, removed_at = NULL" } else { "" };
    let text = format!(
        "INSERT INTO inbox_items (user_id, notice_id, revision, stamp, created_at, updated_at) \
         SELECT u.user_id, {notice}, {revision}, {stamp}, {now}, {now} FROM ({audience}) u WHERE true \
         ON CONFLICT (user_id, notice_id) DO UPDATE SET revision = excluded.revision, stamp = excluded.stamp, \
           updated_at = excluded.updated_at{marks} \
         WHERE inbox_items.revision < excluded.revision",
    );
    execute(&**tx, &text, binds).await
}

/// What the second question at the door found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Every subscription that matched has ended.
    Ended,
    /// Those that have not are paused.
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
    pub channel: String,
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
    /// Those that were not shown an earlier revision.
    NotYetReached,
    /// Those that were shown an earlier revision.
    AlreadyReached,
}

/// Which revision goes where.
#[derive(Debug, Clone, Copy)]
pub struct Sending {
    /// The notice.
    pub notice: NoticeId,
    /// Its revision.
    pub revision: i32,
    /// Which endpoints.
    pub reach: Reach,
    /// Now, for pauses.
    pub now: Timestamp,
}

/// The active endpoints of the audience in a range that have no delivery of this revision yet, with the answer to the
/// second question: whether a subscription that matched is still there and not paused. Holders who match nothing are
/// asked for any subscription of theirs.
pub async fn targets(
    conn: &impl ConnectionTrait,
    of: &Audience,
    range: Range,
    sending: Sending,
) -> DbResult<Vec<Target>> {
    let mut binds = Binds::default();
    let now = binds.add(sending.now);
    // 2: given, 1: paused, 0: ended.
    let consent = |condition: &str| {
        format!(
            "COALESCE((SELECT MAX(CASE WHEN c.paused_until IS NULL OR c.paused_until <= {now} THEN 2 ELSE 1 END) \
             FROM subscriptions c WHERE {condition} AND c.ended_at IS NULL), 0)"
        )
    };
    let mut parts = Vec::new();
    let mut with = String::new();
    if let Some(hits) = &of.hits {
        let matched = matched(conn, hits, of.position, range, &mut binds);
        let asked = consent("c.subscription_id = m.subscription_id");
        with = format!(
            "WITH matched AS (SELECT m.user_id, MAX({asked}) AS consent FROM ({matched}) m GROUP BY m.user_id) "
        );
        parts.push("SELECT user_id, consent FROM matched".to_owned());
    }
    if let Some(notice) = of.holders_of {
        let holders = holders(notice, range, &mut binds);
        let asked = consent("c.user_id = h.user_id");
        let others = match of.hits {
            Some(_) => " WHERE NOT EXISTS (SELECT 1 FROM matched m WHERE m.user_id = h.user_id)",
            None => "",
        };
        parts.push(format!("SELECT h.user_id, {asked} AS consent FROM ({holders}) h{others}"));
    }
    let notice = binds.add(sending.notice);
    let revision = binds.add(i64::from(sending.revision));
    let earlier = format!(
        "EXISTS (SELECT 1 FROM deliveries p WHERE p.notice_id = {notice} AND p.revision < {revision} \
           AND p.endpoint_id = e.id AND p.shown)"
    );
    let reach = match sending.reach {
        Reach::Everyone => String::new(),
        Reach::NotYetReached => format!(" AND NOT {earlier}"),
        Reach::AlreadyReached => format!(" AND {earlier}"),
    };
    let text = format!(
        "{with}SELECT e.id AS endpoint_id, e.user_id, e.channel, e.address, CAST(a.consent AS BIGINT) AS consent \
         FROM ({}) a JOIN endpoints e ON e.user_id = a.user_id AND e.ended_at IS NULL \
         WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.notice_id = {notice} AND d.revision = {revision} \
           AND d.endpoint_id = e.id){reach}",
        parts.join(" UNION ALL "),
    );
    let rows: Vec<TargetRow> = all(conn, &text, binds).await?;
    Ok(rows.into_iter().map(Target::from).collect())
}

impl From<TargetRow> for Target {
    fn from(row: TargetRow) -> Self {
        let consent = match row.consent {
            2 => Consent::Given,
            1 => Consent::Paused,
            _ => Consent::Ended,
        };
        Self { endpoint: row.endpoint_id, user: row.user_id, channel: row.channel, address: row.address, consent }
    }
}
