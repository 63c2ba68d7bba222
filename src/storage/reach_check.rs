//! The counters of reach held against the rows that they count.
//!
//! Promise: counters and rows are read in one statement, so that nothing that commits meanwhile makes a difference; what
//! differs is either looked at ([`differences`]) or put right ([`correct`]) by the same text. Not promised: cheapness; the
//! rows of the notices are read.

use sea_orm::{ConnectionTrait, FromQueryResult};
use serde::Serialize;

use super::reach_counts::{SUMMED, Totals};
use super::sql::{self, Binds, Of};
use super::{DbResult, Tx, all, execute, value};
use crate::domain::id::{FanOutId, NoticeId};
use crate::domain::time::Timestamp;

/// What is to be added to a counter, so that it says what the rows say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromQueryResult)]
pub struct Difference {
    /// The notice.
    pub notice_id: NoticeId,
    /// The revision.
    pub revision: i64,
    /// The channel; none: the revision's totals.
    pub channel: String,
    /// The state's word.
    pub state: String,
    /// The reason's word.
    pub reason: String,
    /// What is to be added.
    #[sea_orm(nested)]
    #[serde(flatten)]
    pub totals: Totals,
}

/// `SELECT` of what the rows say and the counters do not, by revision, channel, state and reason.
fn text(conn: &impl ConnectionTrait, notices: &[NoticeId], binds: &mut Binds) -> String {
    let set = binds.add(sql::uuid_set(conn, notices.iter().map(|notice| notice.as_uuid())));
    let of = |column: &str| sql::is_in(conn, column, &set, Of::Uuids);
    // Each part names the columns that it fills; the rest is 0.
    let part = |filled: &[(&str, &str)], from: &str| {
        let column = |name: &str| filled.iter().find(|(of, _)| *of == name).map_or("0", |(_, what)| *what);
        let columns = SUMMED.map(|name| format!("{} AS {name}", column(name))).join(", ");
        format!("SELECT q.notice_id, q.revision, {columns} {from}")
    };
    let keyed = |part: String, key: &str| part.replacen("q.revision, ", &format!("q.revision, {key}, "), 1);
    let totals = "'' AS channel, '' AS state, '' AS reason";
    let standing = "q.channel AS channel, q.state AS state, COALESCE(q.reason, '') AS reason";
    let counters = "q.channel AS channel, q.state AS state, q.reason AS reason";
    let by_revision = "GROUP BY q.notice_id, q.revision";
    let less = SUMMED.map(|name| (name, format!("-q.{name}")));
    let less: Vec<(&str, &str)> = less.iter().map(|(name, what)| (*name, what.as_str())).collect();
    let parts = [
        keyed(
            part(
                &[("deliveries", "count(*)")],
                &format!(
                    "FROM deliveries q WHERE {} {by_revision}, q.channel, q.state, COALESCE(q.reason, '')",
                    of("q.notice_id")
                ),
            ),
            standing,
        ),
        keyed(
            part(
                &[
                    ("deliveries", "count(*)"),
                    ("shown", "SUM(CASE WHEN q.shown THEN 1 ELSE 0 END)"),
                    ("attempts", "SUM(q.attempts)"),
                ],
                &format!("FROM deliveries q WHERE {} {by_revision}", of("q.notice_id")),
            ),
            totals,
        ),
        keyed(
            part(&[("recorded", "count(*)")], &format!("FROM attempts q WHERE {} {by_revision}", of("q.notice_id"))),
            totals,
        ),
        keyed(
            part(
                &[("inboxed", "SUM(c.users)")],
                &format!(
                    "FROM fan_outs q JOIN chunks c ON c.fan_out_id = q.id AND c.inboxed_at IS NOT NULL \
                     WHERE {} {by_revision}",
                    of("q.notice_id")
                ),
            ),
            totals,
        ),
        keyed(
            part(
                &[("items_here", "count(*)"), ("items_read", "count(q.read_at)")],
                &format!("FROM inbox_items q WHERE {} {by_revision}", of("q.notice_id")),
            ),
            totals,
        ),
        keyed(part(&less, &format!("FROM reach_counts q WHERE {}", of("q.notice_id"))), counters),
        keyed(part(&less, &format!("FROM reach_deltas q WHERE {}", of("q.notice_id"))), counters),
    ];
    let sums = SUMMED.map(|name| format!("CAST(SUM({name}) AS BIGINT) AS {name}")).join(", ");
    let differs = SUMMED.map(|name| format!("SUM({name}) <> 0")).join(" OR ");
    format!(
        "SELECT notice_id, revision, channel, state, reason, {sums} FROM ({}) x \
         GROUP BY notice_id, revision, channel, state, reason HAVING {differs}",
        parts.join(" UNION ALL ")
    )
}

/// Where the counters of these notices differ from the rows.
pub async fn differences(conn: &impl ConnectionTrait, notices: &[NoticeId]) -> DbResult<Vec<Difference>> {
    let mut binds = Binds::default();
    let text = text(conn, notices, &mut binds);
    all(conn, &format!("{text} ORDER BY notice_id, revision, channel, state, reason"), binds).await
}

/// Puts the counters of these notices right; says how many were wrong.
pub async fn correct(tx: &Tx, notices: &[NoticeId]) -> DbResult<u64> {
    let mut binds = Binds::default();
    let text = text(&**tx, notices, &mut binds);
    let columns = SUMMED.join(", ");
    let text = format!("INSERT INTO reach_deltas (notice_id, revision, channel, state, reason, {columns}) {text}");
    execute(&**tx, &text, binds).await
}

/// A fan-out that is finished and was not checked.
#[derive(Debug, Clone, Copy, FromQueryResult)]
pub struct Unchecked {
    /// Its id.
    pub id: FanOutId,
    /// What it carried.
    pub notice_id: NoticeId,
    /// To how many users.
    pub users: i64,
    uncounted: bool,
}

impl Unchecked {
    /// Whether it was announced before there were counters: they do not say anything yet.
    pub fn is_uncounted(&self) -> bool {
        self.uncounted
    }
}

/// Fan-outs that are finished and were not checked, those that finished longest ago first.
pub async fn unchecked(conn: &impl ConnectionTrait, most: i64) -> DbResult<Vec<Unchecked>> {
    let text = "SELECT id, notice_id, users, COALESCE(reach_uncounted, false) AS uncounted FROM fan_outs \
                WHERE reach_checked_at IS NULL AND finished_at IS NOT NULL ORDER BY finished_at LIMIT $1";
    all(conn, text, [most.into()]).await
}

/// Writes down what the check of these fan-outs found: in how many places each differs. Counts the users that have a
/// delivery, once and for all.
pub async fn checked(tx: &Tx, ids: &[FanOutId], differences: i64, now: Timestamp) -> DbResult<u64> {
    let set = sql::uuid_set(&**tx, ids.iter().map(|id| id.as_uuid()));
    let text = format!(
        "UPDATE fan_outs SET reach_checked_at = $2, reach_differences = $3, reach_uncounted = NULL, \
           reach_users = (SELECT count(DISTINCT d.user_id) FROM deliveries d \
             WHERE d.notice_id = fan_outs.notice_id AND d.revision = fan_outs.revision) \
         WHERE {} AND finished_at IS NOT NULL",
        sql::is_in(&**tx, "id", "$1", Of::Uuids)
    );
    execute(&**tx, &text, [set, now.into(), differences.into()]).await
}

/// Counters of a notice that say nothing yet are filled: it was announced before there were any.
pub async fn count_first(tx: &Tx, notice: NoticeId) -> DbResult<()> {
    // Whoever comes second finds them filled.
    let text = "UPDATE fan_outs SET reach_uncounted = NULL WHERE notice_id = $1 AND reach_uncounted";
    if execute(&**tx, text, [notice.into()]).await? > 0 {
        correct(tx, &[notice]).await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Differing {
    notice_id: NoticeId,
}

/// Notices whose counters differed when they were checked.
pub async fn differing(conn: &impl ConnectionTrait, most: i64) -> DbResult<Vec<NoticeId>> {
    let text = "SELECT DISTINCT notice_id FROM fan_outs WHERE reach_differences > 0 ORDER BY notice_id LIMIT $1";
    let rows: Vec<Differing> = all(conn, text, [most.into()]).await?;
    Ok(rows.into_iter().map(|row| row.notice_id).collect())
}

/// How many fan-outs' counters differed when they were checked.
pub async fn count_differing(conn: &impl ConnectionTrait) -> DbResult<i64> {
    value(conn, "SELECT count(*) AS value FROM fan_outs WHERE reach_differences > 0", []).await
}

/// The fan-outs of a notice are to be checked again.
pub async fn check_again(tx: &Tx, notice: NoticeId) -> DbResult<u64> {
    let text = "UPDATE fan_outs SET reach_checked_at = NULL, reach_differences = NULL WHERE notice_id = $1";
    execute(&**tx, text, [notice.into()]).await
}
