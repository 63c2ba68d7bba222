//! Identities and the codes that prove them.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{DbResult, Tx, execute, one};
use crate::domain::id::{ConfirmationId, IdentityId, UserId};
use crate::domain::identity::{Address, CODE_TRIES, IdentityKind, Purpose};
use crate::domain::time::Timestamp;
use crate::domain::user::Role;

/// What signing in asks for.
#[derive(FromQueryResult)]
pub struct Login {
    /// Whose identity it is.
    pub user: UserId,
    /// What the user may do.
    pub role: Role,
    /// PHC string; none for an identity without a password.
    pub password_hash: Option<String>,
}

/// The identity with this address.
pub async fn find_login(conn: &impl ConnectionTrait, address: &Address) -> DbResult<Option<Login>> {
    one(
        conn,
        "SELECT u.id AS \"user\", u.role, i.password_hash FROM identities i JOIN users u ON u.id = i.user_id \
         WHERE i.kind = $1 AND i.address = $2 AND u.ended_at IS NULL",
        [address.kind().into(), address.as_str().into()],
    )
    .await
}

/// What stands in a user's identity.
#[derive(FromQueryResult)]
pub struct Identity {
    /// What kind of address.
    pub kind: IdentityKind,
    /// The address.
    pub address: String,
    /// When it was proven.
    pub created_at: Timestamp,
    /// PHC string.
    pub password_hash: Option<String>,
}

/// The identities of a user, the oldest first.
pub async fn list(conn: &impl ConnectionTrait, user: UserId) -> DbResult<Vec<Identity>> {
    let text = "SELECT kind, address, created_at, password_hash FROM identities WHERE user_id = $1 ORDER BY id";
    super::all(conn, text, [user.into()]).await
}

/// Adds an identity; breaks a constraint of `identities` when the address is taken.
pub async fn insert(tx: &Tx, user: UserId, address: &Address, hash: &str, now: Timestamp) -> DbResult<()> {
    execute(
        &**tx,
        "INSERT INTO identities (id, user_id, kind, address, password_hash, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        [
            IdentityId::new().into(),
            user.into(),
            address.kind().into(),
            address.as_str().into(),
            hash.into(),
            now.into(),
        ],
    )
    .await
    .map(|_| ())
}

/// Sets the password of all identities of a user.
pub async fn set_password(tx: &Tx, user: UserId, hash: &str) -> DbResult<u64> {
    execute(&**tx, "UPDATE identities SET password_hash = $2 WHERE user_id = $1", [user.into(), hash.into()]).await
}

/// Frees the addresses of a user and forgets the codes sent to them.
pub async fn erase_of_user(tx: &Tx, user: UserId) -> DbResult<()> {
    let codes = "DELETE FROM confirmations WHERE EXISTS (SELECT 1 FROM identities i \
                 WHERE i.user_id = $1 AND i.kind = confirmations.kind AND i.address = confirmations.address)";
    execute(&**tx, codes, [user.into()]).await?;
    execute(&**tx, "DELETE FROM identities WHERE user_id = $1", [user.into()]).await.map(|_| ())
}

/// A code to be sent.
pub struct NewConfirmation<'a> {
    /// Its id.
    pub id: ConfirmationId,
    /// To whom.
    pub address: &'a Address,
    /// For what.
    pub purpose: Purpose,
    /// Hash of the code.
    pub code_hash: Vec<u8>,
    /// Now.
    pub now: Timestamp,
    /// Until when it is valid.
    pub expires_at: Timestamp,
}

/// Adds a code; the ones before it count no more.
pub async fn insert_confirmation(tx: &Tx, new: NewConfirmation<'_>) -> DbResult<()> {
    execute(
        &**tx,
        "INSERT INTO confirmations (id, kind, address, purpose, code_hash, tries, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, 0, $6, $7)",
        [
            new.id.into(),
            new.address.kind().into(),
            new.address.as_str().into(),
            new.purpose.into(),
            new.code_hash.into(),
            new.now.into(),
            new.expires_at.into(),
        ],
    )
    .await
    .map(|_| ())
}

/// A code that may still be tried.
#[derive(FromQueryResult)]
pub struct Confirmation {
    /// Its id.
    pub id: ConfirmationId,
    /// Hash of the code.
    pub code_hash: Vec<u8>,
}

/// Counts a try of the newest code that was sent to an address, when it is still valid.
pub async fn try_confirmation(
    tx: &Tx,
    address: &Address,
    purpose: Purpose,
    now: Timestamp,
) -> DbResult<Option<Confirmation>> {
    one(
        &**tx,
        "UPDATE confirmations SET tries = tries + 1 \
         WHERE id = (SELECT id FROM confirmations WHERE kind = $1 AND address = $2 AND purpose = $3 \
                     ORDER BY created_at DESC, id DESC LIMIT 1) \
           AND tries < $4 AND expires_at > $5 \
         RETURNING id, code_hash",
        [address.kind().into(), address.as_str().into(), purpose.into(), CODE_TRIES.into(), now.into()],
    )
    .await
}

/// Uses a code up; says whether nobody did before.
pub async fn use_confirmation(tx: &Tx, id: ConfirmationId, now: Timestamp) -> DbResult<bool> {
    let text = "UPDATE confirmations SET used_at = $2 WHERE id = $1 AND used_at IS NULL";
    Ok(execute(&**tx, text, [id.into(), now.into()]).await? == 1)
}

/// Removes the codes that were valid until before this instant.
pub async fn prune_confirmations(conn: &impl ConnectionTrait, before: Timestamp) -> DbResult<u64> {
    execute(conn, "DELETE FROM confirmations WHERE expires_at < $1", [before.into()]).await
}
