//! Sessions.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::sql::Of;
use super::{DbResult, Tx, all, execute, one, sql, statement};
use crate::domain::id::{SessionId, UserId};
use crate::domain::session::{RefreshToken, SessionEnd};
use crate::domain::time::Timestamp;
use crate::domain::user::Role;

/// A living session as its user sees it.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What the client calls itself.
    pub client: String,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When the client last asked for a new access token.
    pub refreshed_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub expires_at: Timestamp,
}

/// Who a living session speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Standing {
    /// The user.
    pub user: UserId,
    /// What the user may do now.
    pub role: Role,
}

/// What a session's newest refresh token was.
#[derive(Debug, FromQueryResult)]
pub struct Newest {
    /// See [`RefreshToken::hash`].
    pub refresh_hash: Vec<u8>,
    /// Its number.
    pub refresh_number: i64,
}

const LIVING: &str = "ended_at IS NULL AND expires_at > ";

/// Adds a session whose first refresh token is `token`.
pub async fn insert(
    tx: &Tx,
    user: UserId,
    client: &str,
    token: &RefreshToken,
    now: Timestamp,
    expires_at: Timestamp,
) -> DbResult<()> {
    execute(
        &**tx,
        "INSERT INTO sessions (id, user_id, client, refresh_hash, refresh_number, created_at, refreshed_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7)",
        [
            token.session.into(),
            user.into(),
            client.into(),
            token.hash().into(),
            token.number.into(),
            now.into(),
            expires_at.into(),
        ],
    )
    .await
    .map(|_| ())
}

/// Who a session speaks for; nobody when it or its user has ended.
pub async fn find_standing(
    conn: &impl ConnectionTrait,
    session: SessionId,
    now: Timestamp,
) -> DbResult<Option<Standing>> {
    one(
        conn,
        "SELECT u.id AS \"user\", u.role FROM sessions s JOIN users u ON u.id = s.user_id \
         WHERE s.id = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND u.ended_at IS NULL",
        [session.into(), now.into()],
    )
    .await
}

/// Those of these sessions that live.
pub async fn living(
    conn: &impl ConnectionTrait,
    sessions: impl IntoIterator<Item = SessionId>,
    now: Timestamp,
) -> DbResult<BTreeSet<SessionId>> {
    #[derive(FromQueryResult)]
    struct Living {
        id: SessionId,
    }
    let text = format!(
        "SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id WHERE {} AND s.ended_at IS NULL \
           AND s.expires_at > $2 AND u.ended_at IS NULL",
        sql::is_in(conn, "s.id", "$1", Of::Uuids)
    );
    let set = sql::uuid_set(conn, sessions.into_iter().map(SessionId::as_uuid));
    let found: Vec<Living> = all(conn, &text, [set, now.into()]).await?;
    Ok(found.into_iter().map(|living| living.id).collect())
}

/// Puts `next` in the place of `used`, when `used` is the newest token of a living session; says whether it was.
/// Of two that come with the same token at the same instant one wins.
pub async fn rotate(
    tx: &Tx,
    used: &RefreshToken,
    next: &RefreshToken,
    now: Timestamp,
    expires_at: Timestamp,
) -> DbResult<bool> {
    let text = format!(
        "UPDATE sessions SET refresh_hash = $4, refresh_number = $5, refreshed_at = $6, expires_at = $7 \
         WHERE id = $1 AND refresh_number = $2 AND refresh_hash = $3 AND {LIVING} $6"
    );
    let touched = execute(
        &**tx,
        &text,
        [
            used.session.into(),
            used.number.into(),
            used.hash().into(),
            next.hash().into(),
            next.number.into(),
            now.into(),
            expires_at.into(),
        ],
    )
    .await?;
    Ok(touched == 1)
}

/// The newest token of a living session.
pub async fn find_newest(conn: &impl ConnectionTrait, session: SessionId, now: Timestamp) -> DbResult<Option<Newest>> {
    let text = format!("SELECT refresh_hash, refresh_number FROM sessions WHERE id = $1 AND {LIVING} $2");
    one(conn, &text, [session.into(), now.into()]).await
}

/// Holds a living session until the commit, so that what is added to it is not added after its end; says whether there
/// is such a session.
pub async fn lock(tx: &Tx, session: SessionId, now: Timestamp) -> DbResult<bool> {
    let text = format!("SELECT id FROM sessions WHERE id = $1 AND {LIVING} $2 {}", sql::for_update(&**tx));
    Ok(tx.query_one_raw(statement(&**tx, &text, [session.into(), now.into()])).await?.is_some())
}

/// The living sessions of a user, the one used last first.
pub async fn list(conn: &impl ConnectionTrait, user: UserId, now: Timestamp) -> DbResult<Vec<Session>> {
    let text = format!(
        "SELECT id, client, created_at, refreshed_at, expires_at FROM sessions \
         WHERE user_id = $1 AND {LIVING} $2 ORDER BY refreshed_at DESC, id DESC"
    );
    all(conn, &text, [user.into(), now.into()]).await
}

/// Ends a session of a user; says whether it lived.
pub async fn end(tx: &Tx, user: UserId, id: SessionId, now: Timestamp, reason: SessionEnd) -> DbResult<bool> {
    let text = "UPDATE sessions SET ended_at = $3, ended_reason = $4 \
                WHERE user_id = $1 AND id = $2 AND ended_at IS NULL";
    Ok(execute(&**tx, text, [user.into(), id.into(), now.into(), reason.into()]).await? == 1)
}

/// Ends every session of a user but the one to be spared, and says which lived.
pub async fn end_all(
    tx: &Tx,
    user: UserId,
    spared: Option<SessionId>,
    now: Timestamp,
    reason: SessionEnd,
) -> DbResult<Vec<SessionId>> {
    #[derive(FromQueryResult)]
    struct Ended {
        id: SessionId,
    }
    let text = "UPDATE sessions SET ended_at = $2, ended_reason = $3 \
                WHERE user_id = $1 AND id <> $4 AND ended_at IS NULL RETURNING id";
    let spared = spared.unwrap_or(SessionId::from_uuid(uuid::Uuid::nil()));
    let ended: Vec<Ended> = all(&**tx, text, [user.into(), now.into(), reason.into(), spared.into()]).await?;
    Ok(ended.into_iter().map(|ended| ended.id).collect())
}

/// Forgets what the clients of a user called themselves.
pub async fn forget_clients(tx: &Tx, user: UserId) -> DbResult<u64> {
    execute(&**tx, "UPDATE sessions SET client = '' WHERE user_id = $1", [user.into()]).await
}
