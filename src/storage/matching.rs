//! Who a notice revision concerns: the SQL twin of `domain::subscription::matches`.
//!
//! Promise: for one audience and one range of users the answer is the same for ever, as long as the rows are kept,
//! because it reads only what the revision's position froze: filter editions by their positions, and the holders of a
//! notice. A law test holds it to the twin's answer.
//!
//! Cost: one index descent for each (term hit, category, region) of the notice, whatever the number of subscriptions
//! that do not match; of those that do, everything asked for stands in that index.

use sea_orm::{ConnectionTrait, FromQueryResult, Statement};

use super::reach_counts::Deltas;
use super::sql::{self, Binds, Of};
use super::{DbResult, Tx, all, execute, statement};
use crate::domain::catalogue::PROBE;
use crate::domain::fanout::EditionKind;
use crate::domain::id::{NoticeId, UserId};
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
    /// Everyone who had one of these notices before that position is concerned too: of a later revision the notice
    /// itself, and of an amendment the notice that it amends.
    pub holders_of: Vec<NoticeId>,
}

/// A range of users: `after < user <= to`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range {
    /// Exclusive.
    pub after: Option<UserId>,
    /// Inclusive.
    pub to: Option<UserId>,
}

/// Of whom the audience is asked.
#[derive(Debug, Clone)]
pub enum Among {
    /// A range of users.
    Range(Range),
    /// These users.
    Users(Vec<UserId>),
}

impl From<Range> for Among {
    fn from(range: Range) -> Self {
        Self::Range(range)
    }
}

impl Among {
    fn condition(&self, conn: &impl ConnectionTrait, column: &str, binds: &mut Binds) -> String {
        match self {
            Self::Range(range) => {
                let after = range.after.map(|user| format!(" AND {column} > {}", binds.add(user))).unwrap_or_default();
                let to = range.to.map(|user| format!(" AND {column} <= {}", binds.add(user))).unwrap_or_default();
                after + &to
            }
            Self::Users(users) => {
                let set = binds.add(sql::uuid_set(conn, users.iter().map(|user| user.as_uuid())));
                format!(" AND {}", sql::is_in(conn, column, &set, Of::Uuids))
            }
        }
    }
}

/// `SELECT k.user_id, …` for the subscriptions that match.
pub(super) fn matched(
    conn: &impl ConnectionTrait,
    hits: &Hits,
    position: i64,
    among: &Among,
    binds: &mut Binds,
) -> String {
    let terms = binds.add(sql::integer_set(conn, hits.terms.iter().copied()));
    // A key without a term stands under 0.
    let keys = binds.add(sql::integer_set(conn, std::iter::once(0).chain(hits.terms.iter().copied())));
    let any = || std::iter::once(String::new());
    // A probe is for those who ask for it by name.
    let probe = hits.categories == [PROBE];
    let any_category = any().filter(|_| !probe);
    let categories = binds.add(sql::text_set(conn, any_category.chain(hits.categories.iter().cloned())));
    let regions = binds.add(sql::text_set(conn, any().chain(hits.regions.iter().cloned())));
    let notice_type = binds.add(format!("/{}/", hits.notice_type));
    let stage = binds.add(format!("/{}/", hits.stage));
    let position = binds.add(position);
    let amount = match hits.amount_fen {
        Some(fen) => {
            let fen = binds.add(fen);
            format!("(k.min_fen IS NULL OR k.min_fen <= {fen}) AND (k.max_fen IS NULL OR k.max_fen >= {fen})")
        }
        None => "k.unknown_amount".to_owned(),
    };
    format!(
        "SELECT k.user_id, k.subscription_id, k.ended_position, k.paused_until FROM subscription_keys k \
         WHERE {term} AND {category} AND {region}{range} \
           AND k.started_position < {position} AND (k.ended_position IS NULL OR k.ended_position > {position}) \
           AND ((k.notice_types = '' AND k.stages = '') OR {of_type} OR {of_stage}) AND {amount} \
           AND (NOT k.more_terms OR (NOT EXISTS (SELECT 1 FROM subscription_terms t WHERE t.subscription = k.subscription \
             AND ((t.mode = 'none' AND {hit}) OR (t.mode = 'all' AND NOT ({hit})))) \
           AND (NOT EXISTS (SELECT 1 FROM subscription_terms t WHERE t.subscription = k.subscription AND t.mode = 'any') \
             OR EXISTS (SELECT 1 FROM subscription_terms t WHERE t.subscription = k.subscription AND t.mode = 'any' \
               AND {hit}))))",
        term = sql::is_in(conn, "k.term_id", &keys, Of::Integers),
        category = sql::is_in(conn, "k.category", &categories, Of::Texts),
        region = sql::is_in(conn, "k.region", &regions, Of::Texts),
        range = among.condition(conn, "k.user_id", binds),
        of_type = sql::contains(conn, "k.notice_types", &notice_type),
        of_stage = sql::contains(conn, "k.stages", &stage),
        hit = sql::is_in(conn, "t.term_id", &terms, Of::Integers),
    )
}

/// `SELECT user_id …` for those who had a notice before a position, whatever they did with it since.
pub(super) fn holders(
    conn: &impl ConnectionTrait,
    notice: NoticeId,
    position: i64,
    among: &Among,
    binds: &mut Binds,
) -> String {
    let (notice, position) = (binds.add(notice), binds.add(position));
    let among = among.condition(conn, "i.user_id", binds);
    format!("SELECT i.user_id FROM inbox_items i WHERE i.notice_id = {notice} AND i.position < {position}{among}")
}

/// `SELECT user_id …` for the whole audience, each once.
fn audience(conn: &impl ConnectionTrait, of: &Audience, among: &Among, binds: &mut Binds) -> String {
    let mut parts = Vec::new();
    if let Some(hits) = &of.hits {
        let matched = matched(conn, hits, of.position, among, binds);
        parts.push(format!("SELECT m.user_id FROM ({matched}) m"));
    }
    parts.extend(of.holders_of.iter().map(|notice| holders(conn, *notice, of.position, among, binds)));
    if parts.is_empty() {
        return "SELECT u.id AS user_id FROM users u WHERE false".to_owned();
    }
    // UNION keeps each once; a single part needs DISTINCT for that.
    format!("SELECT DISTINCT a.user_id FROM ({}) a", parts.join(" UNION ALL "))
}

/// The statement that cuts the audience, in the order of user ids, into stretches of `every` users: the last user of each
/// as `user_id`, and as `n` how many users there are up to it. To be streamed: the database counts, so that what comes over
/// does not grow with the audience's every user.
pub fn stretches_statement(conn: &impl ConnectionTrait, of: &Audience, range: Range, every: usize) -> Statement {
    let mut binds = Binds::default();
    let audience = audience(conn, of, &range.into(), &mut binds);
    let text = format!(
        "SELECT s.user_id, s.n FROM (SELECT u.user_id, row_number() OVER w AS n, lead(u.user_id) OVER w AS following \
           FROM ({audience}) u WINDOW w AS (ORDER BY u.user_id)) s \
         WHERE s.n % {every} = 0 OR s.following IS NULL ORDER BY s.n"
    );
    statement(conn, &text, binds)
}

#[derive(FromQueryResult)]
struct UserRow {
    user_id: UserId,
}

/// The audience in a range, in the order of user ids.
pub async fn users(conn: &impl ConnectionTrait, of: &Audience, range: Range) -> DbResult<Vec<UserId>> {
    let mut binds = Binds::default();
    let text = format!("{} ORDER BY 1", audience(conn, of, &range.into(), &mut binds));
    let rows: Vec<UserRow> = all(conn, &text, binds).await?;
    Ok(rows.into_iter().map(|row| row.user_id).collect())
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

/// Whose items were made or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filled {
    /// These users'.
    Users(Vec<UserId>),
    /// So many users'.
    Many(u64),
}

impl Filled {
    /// How many they are.
    pub fn count(&self) -> u64 {
        match self {
            Self::Users(users) => u64::try_from(users.len()).unwrap_or(u64::MAX),
            Self::Many(count) => *count,
        }
    }
}

/// Gives everyone of the audience in a range the notice, in one statement; says whose items were made or changed, by
/// name when they are `few`, and counts what that changes.
///
/// Safe to repeat: an item that stands at this revision already is left as its user has it, read or not.
pub async fn fill_inboxes(
    tx: &Tx,
    of: &Audience,
    range: Range,
    filling: Filling,
    (few, deltas): (bool, &mut Deltas),
) -> DbResult<Filled> {
    let Filling { notice, revision, kind, .. } = filling;
    let unread = kind == EditionKind::Revision;
    let moving = if revision > 1 { moving(tx, range, notice, revision).await? } else { Vec::new() };
    let filled = fill(tx, of, range, filling, few).await?;
    let here = deltas.of(notice, i64::from(revision));
    here.items_here += i64::try_from(filled.count()).unwrap_or(i64::MAX);
    for moved in moving {
        let read = if unread { 0 } else { moved.read };
        deltas.of(notice, i64::from(revision)).items_read += read;
        let there = deltas.of(notice, moved.revision);
        there.items_here -= moved.items;
        there.items_read -= moved.read;
    }
    Ok(filled)
}

#[derive(FromQueryResult)]
struct Moving {
    revision: i64,
    items: i64,
    read: i64,
}

/// How many items of a range stand at earlier revisions, held until the commit: they all move on with the next one,
/// because whoever has a notice belongs to the audience of its later revisions.
async fn moving(tx: &Tx, range: Range, notice: NoticeId, revision: i32) -> DbResult<Vec<Moving>> {
    let mut binds = Binds::default();
    let (notice, revision) = (binds.add(notice), binds.add(i64::from(revision)));
    let among = Among::from(range).condition(&**tx, "i.user_id", &mut binds);
    let text = format!(
        "SELECT revision, count(*) AS items, count(read_at) AS read FROM (SELECT i.revision, i.read_at FROM inbox_items i \
           WHERE i.notice_id = {notice} AND i.revision < {revision}{among} {}) h GROUP BY revision",
        sql::for_update(&**tx)
    );
    all(&**tx, &text, binds).await
}

async fn fill(tx: &Tx, of: &Audience, range: Range, filling: Filling, few: bool) -> DbResult<Filled> {
    let Filling { notice, revision, kind, stamp, now } = filling;
    let mut binds = Binds::default();
    let notice = binds.add(notice);
    let revision = binds.add(i64::from(revision));
    let stamp = binds.add(stamp);
    let now = binds.add(now);
    let position = binds.add(of.position);
    let audience = audience(&**tx, of, &range.into(), &mut binds);
    // A revision is news: unread again, back in the inbox. The rest leaves the user's own marks alone.
    let marks =
        if kind == EditionKind::Revision { ", read_at = NULL, archived_at = NULL, removed_at = NULL" } else { "" };
    let text = format!(
        "INSERT INTO inbox_items (user_id, notice_id, revision, stamp, position, created_at, updated_at) \
         SELECT u.user_id, {notice}, {revision}, {stamp}, {position}, {now}, {now} FROM ({audience}) u WHERE true \
         ON CONFLICT (user_id, notice_id) DO UPDATE SET revision = excluded.revision, stamp = excluded.stamp, \
           updated_at = excluded.updated_at{marks} \
         WHERE inbox_items.revision < excluded.revision",
    );
    if !few {
        return execute(&**tx, &text, binds).await.map(Filled::Many);
    }
    let rows: Vec<UserRow> = all(&**tx, &format!("{text} RETURNING user_id"), binds).await?;
    Ok(Filled::Users(rows.into_iter().map(|row| row.user_id).collect()))
}
