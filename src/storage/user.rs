//! Users.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{DbResult, Tx, all, execute, one, sql, statement};
use crate::domain::id::UserId;
use crate::domain::time::Timestamp;
use crate::domain::user::{DisplayName, Role};

/// A registered person.
#[derive(Debug, Clone, FromQueryResult)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The name that others see.
    pub display_name: String,
    /// What the user may do.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
}

/// Adds a user.
pub async fn insert(tx: &Tx, id: UserId, name: &DisplayName, role: Role, now: Timestamp) -> DbResult<()> {
    execute(
        &**tx,
        "INSERT INTO users (id, display_name, role, created_at) VALUES ($1, $2, $3, $4)",
        [id.into(), name.as_str().into(), role.into(), now.into()],
    )
    .await
    .map(|_| ())
}

const COLUMNS: &str = "id, display_name, role, created_at";

/// A living user.
pub async fn find(conn: &impl ConnectionTrait, id: UserId) -> DbResult<Option<User>> {
    one(conn, &format!("SELECT {COLUMNS} FROM users WHERE id = $1 AND ended_at IS NULL"), [id.into()]).await
}

/// Living users, the newest first, before the given one: those whose name or address contains a text. Reads as many
/// rows as it must to fill a page; it is for operators, who ask seldom.
pub async fn list(
    conn: &impl ConnectionTrait,
    containing: &str,
    before: Option<UserId>,
    limit: i64,
) -> DbResult<Vec<User>> {
    let escaped = containing.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let before = before.unwrap_or(UserId::from_uuid(uuid::Uuid::max()));
    let text = format!(
        "SELECT {COLUMNS} FROM users WHERE ended_at IS NULL AND id < $1 \
           AND (lower(display_name) LIKE $2 ESCAPE '\\' OR EXISTS (SELECT 1 FROM identities i \
                WHERE i.user_id = users.id AND lower(i.address) LIKE $2 ESCAPE '\\')) \
         ORDER BY id DESC LIMIT $3"
    );
    all(conn, &text, [before.into(), format!("%{escaped}%").into(), limit.into()]).await
}

/// Renames a living user; says whether there was one.
pub async fn rename(tx: &Tx, id: UserId, name: &DisplayName) -> DbResult<bool> {
    let text = "UPDATE users SET display_name = $2 WHERE id = $1 AND ended_at IS NULL";
    Ok(execute(&**tx, text, [id.into(), name.as_str().into()]).await? == 1)
}

/// Changes what a living user may do; says whether there was one.
pub async fn set_role(tx: &Tx, id: UserId, role: Role) -> DbResult<bool> {
    let text = "UPDATE users SET role = $2 WHERE id = $1 AND ended_at IS NULL";
    Ok(execute(&**tx, text, [id.into(), role.into()]).await? == 1)
}

/// Ends a user and blanks the name; the row remains as a tombstone. Says whether the user lived.
pub async fn erase(tx: &Tx, id: UserId, now: Timestamp) -> DbResult<bool> {
    let text = "UPDATE users SET ended_at = $2, ended_reason = 'erased', display_name = '' \
                WHERE id = $1 AND ended_at IS NULL";
    Ok(execute(&**tx, text, [id.into(), now.into()]).await? == 1)
}

/// Holds the living admins until the commit; says who they are.
pub async fn lock_admins(tx: &Tx) -> DbResult<Vec<UserId>> {
    let text = format!(
        "SELECT {COLUMNS} FROM users WHERE role = $1 AND ended_at IS NULL ORDER BY id {}",
        sql::for_update(&**tx)
    );
    let admins: Vec<User> = all(&**tx, &text, [Role::Admin.into()]).await?;
    Ok(admins.into_iter().map(|admin| admin.id).collect())
}

/// Holds a living user until the commit, so that what counts the user's things is counted by one at a time; says
/// whether there is such a user.
pub async fn lock(tx: &Tx, id: UserId) -> DbResult<bool> {
    let text = format!("SELECT id FROM users WHERE id = $1 AND ended_at IS NULL {}", sql::for_update(&**tx));
    Ok(tx.query_one_raw(statement(&**tx, &text, [id.into()])).await?.is_some())
}
