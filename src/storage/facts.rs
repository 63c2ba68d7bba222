//! What matching reads of a notice revision, and where that revision stands in the order of commits.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::sql::{self, Binds, Column};
use super::{DbError, DbResult, all, statement};
use crate::domain::fanout::Announce;
use crate::domain::id::NoticeId;
use crate::domain::subscription::Facts;

/// The facts of one notice revision.
#[derive(Debug, Clone)]
pub struct RevisionFacts {
    /// The notice.
    pub notice: NoticeId,
    /// The revision.
    pub revision: i64,
    /// Its position.
    pub position: i64,
    /// The version of the rules that held when it was published.
    pub matcher: i64,
    /// How far it was announced.
    pub announce: Announce,
    /// The notice that it amends.
    pub amends: Option<NoticeId>,
    /// What filters are held against.
    pub facts: Facts,
}

#[derive(FromQueryResult)]
struct Row {
    notice_id: NoticeId,
    revision: i64,
    position: i64,
    matcher: i64,
    announce: Announce,
    amends: Option<NoticeId>,
    category_path: String,
    region_path: String,
    notice_type: String,
    stage: String,
    project_key: Option<String>,
    purchaser_keys: String,
    amount_fen: Option<i64>,
    folded: String,
}

impl TryFrom<Row> for RevisionFacts {
    type Error = DbError;

    fn try_from(row: Row) -> DbResult<Self> {
        let purchaser_keys = serde_json::from_str(&row.purchaser_keys).map_err(|error| {
            DbError::Fault(sea_orm::DbErr::Type(format!("the purchaser's keys of {}: {error}", row.notice_id)))
        })?;
        let facts = Facts {
            category_path: row.category_path,
            region_path: row.region_path,
            notice_type: row.notice_type,
            stage: row.stage,
            project_key: row.project_key,
            purchaser_keys,
            amount_fen: row.amount_fen,
            folded: row.folded,
        };
        let Row { notice_id: notice, revision, position, matcher, announce, amends, .. } = row;
        Ok(Self { notice, revision, position, matcher, announce, amends, facts })
    }
}

const COLUMNS: &str = "r.notice_id, r.revision, r.position, r.matcher, r.announce, r.amends, r.category_path, \
                       r.region_path, r.notice_type, r.stage, r.project_key, r.purchaser_keys, r.amount_fen, r.folded";

/// The newest edition up to a revision that says something: a withdrawal matches nothing, it concerns who has the
/// notice already.
const TELLING: &str = "SELECT MAX(t.revision) FROM notice_revisions t WHERE t.kind <> 'withdrawal' AND t.notice_id =";

/// The facts of these revisions, or of the newest one before that says something; by what was asked for.
pub async fn of_revisions(
    conn: &impl ConnectionTrait,
    asked: &BTreeSet<(NoticeId, i64)>,
) -> DbResult<BTreeMap<(NoticeId, i64), RevisionFacts>> {
    let mut binds = Binds::default();
    let columns = vec![
        ("notice_id", Column::Uuids(asked.iter().map(|(notice, _)| notice.as_uuid()).collect())),
        ("revision", Column::Integers(asked.iter().map(|(_, revision)| *revision).collect())),
    ];
    let table = sql::table(conn, &mut binds, columns);
    let text = format!(
        "SELECT w.revision AS asked, {COLUMNS} FROM {table} w CROSS JOIN notice_revisions r \
         WHERE r.notice_id = w.notice_id AND r.revision = ({TELLING} w.notice_id AND t.revision <= w.revision)"
    );
    let rows = conn.query_all_raw(statement(conn, &text, binds)).await?;
    let facts = |row: &sea_orm::QueryResult| {
        let asked: i64 = row.try_get("", "asked")?;
        let facts = RevisionFacts::try_from(Row::from_query_result(row, "")?)?;
        Ok(((facts.notice, asked), facts))
    };
    rows.iter().map(facts).collect()
}

/// The facts of a notice: of the newest edition that says something, up to `revision`.
pub async fn of_notice(
    conn: &impl ConnectionTrait,
    notice: NoticeId,
    revision: Option<i64>,
) -> DbResult<Option<RevisionFacts>> {
    let text = format!(
        "SELECT {COLUMNS} FROM notice_revisions r \
         WHERE r.notice_id = $1 AND r.revision = ({TELLING} $1 AND t.revision <= $2)"
    );
    let rows: Vec<Row> = all(conn, &text, [notice.into(), revision.unwrap_or(i64::MAX).into()]).await?;
    rows.into_iter().next().map(RevisionFacts::try_from).transpose()
}

/// An edition that was announced, and the notice that it amends.
#[derive(Debug, FromQueryResult)]
pub struct Announced {
    /// The notice.
    pub notice_id: NoticeId,
    /// The revision.
    pub revision: i64,
    /// The notice that it amends.
    pub amends: Option<NoticeId>,
    /// Whether the notice was taken back since.
    pub is_withdrawn: bool,
}

/// Every edition that was announced, withdrawals left out, in the order of commits.
pub async fn announced(conn: &impl ConnectionTrait) -> DbResult<Vec<Announced>> {
    let text = "SELECT r.notice_id, r.revision, n.amends, n.state = 'withdrawn' AS is_withdrawn \
                FROM notice_revisions r JOIN notices n ON n.id = r.notice_id \
                WHERE r.kind <> 'withdrawal' AND r.announce <> 'none' ORDER BY r.position";
    all(conn, text, []).await
}
