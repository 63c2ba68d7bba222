//! Which editions of subscriptions counted at a position.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::sql::{self, Binds, Of};
use super::subscription::{COLUMNS, Edition, Row};
use super::{DbResult, all};
use crate::domain::id::UserId;

struct Owned {
    user: UserId,
    row: Row,
}

impl FromQueryResult for Owned {
    fn from_query_result(row: &sea_orm::QueryResult, prefix: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self { user: row.try_get(prefix, "user_id")?, row: Row::from_query_result(row, prefix)? })
    }
}

/// The editions of these users that count for some position from `first` to `last`.
pub async fn between(
    conn: &impl ConnectionTrait,
    users: impl IntoIterator<Item = UserId>,
    first: i64,
    last: i64,
) -> DbResult<Vec<(UserId, Edition)>> {
    let mut binds = Binds::default();
    let users = binds.add(sql::uuid_set(conn, users.into_iter().map(UserId::as_uuid)));
    let (first, last) = (binds.add(first), binds.add(last));
    let text = format!(
        "SELECT user_id, {COLUMNS} FROM subscriptions WHERE {} AND started_position < {last} \
           AND (ended_position IS NULL OR ended_position > {first}) ORDER BY user_id, subscription_id, started_position",
        sql::is_in(conn, "user_id", &users, Of::Uuids)
    );
    let rows: Vec<Owned> = all(conn, &text, binds).await?;
    rows.into_iter().map(|owned| Ok((owned.user, Edition::try_from(owned.row)?))).collect()
}

/// Every edition of a user, the one that began last first; at most `limit` of them.
pub async fn all_of(conn: &impl ConnectionTrait, user: UserId, limit: i64) -> DbResult<Vec<Edition>> {
    let text = format!(
        "SELECT {COLUMNS} FROM subscriptions WHERE user_id = $1 ORDER BY started_position DESC, id DESC LIMIT $2"
    );
    let rows: Vec<Row> = all(conn, &text, [user.into(), limit.into()]).await?;
    rows.into_iter().map(Edition::try_from).collect()
}
