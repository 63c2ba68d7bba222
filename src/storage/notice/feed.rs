//! The change feed: every notice once, where its newest edition stands in the order of commits.
//!
//! Promise: a page costs about the same however many notices there are: it is a range of one scope's index, the rarest
//! scope's that was asked for, and of bounded length, however seldom scopes meet. Whoever goes on after the last position misses no notice: see
//! `docs/adr/0017-the-feed-reads-positions-without-a-horizon.md`. A notice that has left a scope is found there still.

use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::COLUMNS;
use super::list::{JOINED, LISTED, Listed, rarest};
use crate::domain::fanout::EditionKind;
use crate::domain::id::NoticeId;
use crate::storage::sql::Binds;
use crate::storage::{DbResult, all, sql, value};

/// Where a notice stands in the feed.
#[derive(Debug, Clone, Copy, FromQueryResult)]
pub struct Entry {
    /// The notice.
    pub notice_id: NoticeId,
    /// The position of its newest edition.
    pub position: i64,
    /// Whether it stands in all that was asked for; `false` when it has left some of it.
    pub stands: bool,
    /// How long its body is.
    pub body_bytes: i64,
}

/// Which part of the feed.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    /// After a position and up to another, the oldest change first; what has left the scopes too.
    After(i64, i64),
    /// Before a position and down to another, the newest change first; what stands in the scopes only.
    Before(i64, i64),
}

/// Some notices.
#[derive(Debug, Clone)]
pub struct Found {
    /// Where they stand.
    pub entries: Vec<Entry>,
    /// The last position that was looked at, when the part goes on behind it.
    pub until: Option<i64>,
}

/// The notices of all these scopes (everything, when none is named), at most `count`. Of the rarest scope no more than
/// `reach` notices are looked at, so that two common scopes that never meet do not cost a walk through one of them.
pub async fn entries(
    conn: &impl ConnectionTrait,
    scopes: &[String],
    part: Part,
    count: i64,
    reach: i64,
) -> DbResult<Found> {
    let scopes = rarest(conn, scopes).await?;
    let until = match scopes.as_slice() {
        [rarest, _, ..] => end_of_reach(conn, rarest, part, reach).await?,
        // Every line of a single scope is found: the page is full before the walk is long.
        _ => None,
    };
    let part = match (part, until) {
        (Part::After(after, _), Some(until)) => Part::After(after, until),
        (Part::Before(before, _), Some(until)) => Part::Before(before, until),
        (part, None) => part,
    };
    let (text, binds) = text(&scopes, part, count);
    Ok(Found { entries: all(conn, &text, binds).await?, until })
}

/// Where the notice stands that is the last within reach, of those that stand in a scope or have left it; nothing when
/// there are fewer.
async fn end_of_reach(conn: &impl ConnectionTrait, scope: &str, part: Part, reach: i64) -> DbResult<Option<i64>> {
    let mut binds = Binds::default();
    let (within, order) = within(&mut binds, part);
    let skipped = binds.add(reach.saturating_sub(1));
    let (scopes, nearest) = match part {
        Part::After(..) => (vec![scope.to_owned(), left(scope)], "MIN"),
        Part::Before(..) => (vec![scope.to_owned()], "MAX"),
    };
    let ends: Vec<String> = scopes
        .into_iter()
        .map(|scope| {
            format!(
                "SELECT * FROM (SELECT d.position FROM notice_scopes d WHERE d.scope = {} AND {within} \
                   ORDER BY d.position{order} LIMIT 1 OFFSET {skipped}) r",
                binds.add(scope)
            )
        })
        .collect();
    let text = format!("SELECT {nearest}(e.position) AS value FROM ({}) e", ends.join(" UNION ALL "));
    value(conn, &text, binds).await
}

/// What is in a part, and in which order.
fn within(binds: &mut Binds, part: Part) -> (String, &'static str) {
    match part {
        Part::After(after, upto) => {
            (format!("d.position > {} AND d.position <= {}", binds.add(after), binds.add(upto)), "")
        }
        Part::Before(before, down_to) => {
            (format!("d.position < {} AND d.position >= {}", binds.add(before), binds.add(down_to)), " DESC")
        }
    }
}

fn text(scopes: &[String], part: Part, count: i64) -> (String, Binds) {
    let mut binds = Binds::default();
    let limit = binds.add(count);
    let (within, order) = within(&mut binds, part);
    let with_left = matches!(part, Part::After(..));
    // A scope, and the same scope left.
    let pairs: Vec<(String, String)> = scopes
        .iter()
        .map(|scope| (binds.add(scope.as_str()), if with_left { binds.add(left(scope)) } else { String::new() }))
        .collect();
    let either =
        |(stands, left): &(String, String)| if with_left { format!("{stands}, {left}") } else { stands.clone() };
    let other = |pair: &(String, String)| {
        format!(
            " AND EXISTS (SELECT 1 FROM notice_scopes x WHERE x.scope IN ({}) AND x.published_at = d.published_at \
               AND x.notice_id = d.notice_id)",
            either(pair)
        )
    };
    let others: String = pairs.iter().skip(1).map(other).collect();
    let range = |scope: &str| {
        format!(
            "SELECT * FROM (SELECT d.notice_id, d.published_at, d.position FROM notice_scopes d \
               WHERE d.scope = {scope} AND {within}{others} ORDER BY d.position{order} LIMIT {limit}) r"
        )
    };
    let ranges: Vec<String> = pairs
        .iter()
        .take(1)
        .flat_map(|(stands, left)| [stands, left])
        .filter(|scope| !scope.is_empty())
        .map(|scope| range(scope))
        .collect();
    let gone: Vec<&str> = pairs.iter().map(|(_, left)| left.as_str()).filter(|left| !left.is_empty()).collect();
    let stands = match gone.is_empty() {
        true => "TRUE".to_owned(),
        false => format!(
            "NOT EXISTS (SELECT 1 FROM notice_scopes x WHERE x.scope IN ({}) AND x.published_at = d.published_at \
               AND x.notice_id = d.notice_id)",
            gone.join(", ")
        ),
    };
    let text = format!(
        "SELECT d.notice_id, d.position, {stands} AS stands, CAST(octet_length(v.body_html) AS BIGINT) AS body_bytes \
         FROM ({}) d JOIN notices n ON n.id = d.notice_id \
         JOIN notice_revisions v ON v.notice_id = n.id AND v.revision = n.revision \
         ORDER BY d.position{order} LIMIT {limit}",
        ranges.join(" UNION ALL ")
    );
    (text, binds)
}

/// How a scope is called in which a notice stands no longer.
pub(super) fn left(scope: &str) -> String {
    format!("-{scope}")
}

/// A notice as the feed shows it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The notice.
    pub listed: Listed,
    /// What its newest edition is.
    pub kind: EditionKind,
    /// That edition's body.
    pub body_html: String,
}

impl FromQueryResult for Shown {
    fn from_query_result(row: &sea_orm::QueryResult, prefix: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self {
            listed: Listed::from_query_result(row, prefix)?,
            kind: row.try_get(prefix, "kind")?,
            body_html: row.try_get(prefix, "body_html")?,
        })
    }
}

/// These notices as they stand now, in no order.
pub async fn of_ids(conn: &impl ConnectionTrait, ids: &[NoticeId]) -> DbResult<Vec<Shown>> {
    let text = format!(
        "SELECT {COLUMNS}, {LISTED}, v.kind, v.body_html FROM notices n {JOINED} WHERE n.id IN {}",
        sql::uuids(conn, "$1")
    );
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    all(conn, &text, [sql::uuid_set(conn, ids)]).await
}
