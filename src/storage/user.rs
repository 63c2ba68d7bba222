//! Users.

use sea_orm::FromQueryResult;

use super::{DbResult, Tx, execute};
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
