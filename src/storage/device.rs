//! Devices: installed apps, each belonging to a session, each with one endpoint.
//!
//! Whoever ends both a device and its endpoints ends the endpoints first: one order of locks, so that two who take a
//! token from each other wait and never both.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::sql::{self, Binds, Of};
use super::{DbResult, Tx, all, execute, one, value};
use crate::domain::channel::Channel;
use crate::domain::device::{EndpointEnd, Platform};
use crate::domain::id::{DeviceId, SessionId, UserId};
use crate::domain::message::Address;
use crate::domain::time::Timestamp;

/// A living device with its endpoint. The endpoint is missing when its provider said that the address is gone.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// The session that it belongs to.
    pub session: SessionId,
    /// What it runs on.
    pub platform: Platform,
    /// What the user calls it.
    pub name: String,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Where its messages go, and since when.
    pub endpoint: Option<(Channel, Address, Timestamp)>,
}

#[derive(FromQueryResult)]
struct Row {
    id: DeviceId,
    session_id: SessionId,
    platform: Platform,
    name: String,
    created_at: Timestamp,
    channel: Option<Channel>,
    address: Option<String>,
    registered_at: Option<Timestamp>,
}

impl From<Row> for Device {
    fn from(row: Row) -> Self {
        let address = row.address.and_then(|text| Address::parse(&text).ok());
        let endpoint = match (row.channel, address, row.registered_at) {
            (Some(channel), Some(address), Some(since)) => Some((channel, address, since)),
            _ => None,
        };
        Self {
            id: row.id,
            session: row.session_id,
            platform: row.platform,
            name: row.name,
            created_at: row.created_at,
            endpoint,
        }
    }
}

const SELECT: &str = "SELECT d.id, d.session_id, d.platform, d.name, d.created_at, \
                        e.channel, e.address, e.created_at AS registered_at \
                      FROM devices d LEFT JOIN endpoints e ON e.device_id = d.id AND e.ended_at IS NULL";

/// How many devices a user has.
pub async fn count(conn: &impl ConnectionTrait, user: UserId) -> DbResult<i64> {
    value(conn, "SELECT COUNT(*) AS value FROM devices WHERE user_id = $1 AND ended_at IS NULL", [user.into()]).await
}

/// A device of a user.
pub async fn find(conn: &impl ConnectionTrait, user: UserId, id: DeviceId) -> DbResult<Option<Device>> {
    let text = format!("{SELECT} WHERE d.user_id = $1 AND d.id = $2 AND d.ended_at IS NULL");
    let row: Option<Row> = one(conn, &text, [user.into(), id.into()]).await?;
    Ok(row.map(Device::from))
}

/// The devices of a user, the newest first, below an id.
pub async fn list(
    conn: &impl ConnectionTrait,
    user: UserId,
    before: Option<DeviceId>,
    limit: i64,
) -> DbResult<Vec<Device>> {
    let mut binds = Binds::default();
    let user = binds.add(user);
    let before = before.map(|id| format!(" AND d.id < {}", binds.add(id))).unwrap_or_default();
    let limit = binds.add(limit);
    let text =
        format!("{SELECT} WHERE d.user_id = {user}{before} AND d.ended_at IS NULL ORDER BY d.id DESC LIMIT {limit}");
    let rows: Vec<Row> = all(conn, &text, binds).await?;
    Ok(rows.into_iter().map(Device::from).collect())
}

/// Adds a device.
pub async fn insert(
    tx: &Tx,
    id: DeviceId,
    user: UserId,
    session: SessionId,
    platform: Platform,
    name: &str,
    now: Timestamp,
) -> DbResult<()> {
    execute(
        &**tx,
        "INSERT INTO devices (id, user_id, session_id, platform, name, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        [id.into(), user.into(), session.into(), platform.into(), name.into(), now.into()],
    )
    .await
    .map(|_| ())
}

/// The same app after signing in anew, or under another name.
pub async fn set(tx: &Tx, id: DeviceId, session: SessionId, platform: Platform, name: &str) -> DbResult<()> {
    let text = "UPDATE devices SET session_id = $2, platform = $3, name = $4 WHERE id = $1";
    execute(&**tx, text, [id.into(), session.into(), platform.into(), name.into()]).await.map(|_| ())
}

/// Ends a device and its endpoints; says whether it lived.
pub async fn end(tx: &Tx, id: DeviceId, now: Timestamp, reason: EndpointEnd) -> DbResult<bool> {
    super::endpoint::end_of_device(tx, id, now, reason).await?;
    let text = "UPDATE devices SET ended_at = $2, ended_reason = $3 WHERE id = $1 AND ended_at IS NULL";
    Ok(execute(&**tx, text, [id.into(), now.into(), reason.into()]).await? == 1)
}

/// Ends the devices of a session and their endpoints, in the transaction that ends the session.
pub async fn end_of_session(tx: &Tx, session: SessionId, now: Timestamp, reason: EndpointEnd) -> DbResult<()> {
    end_of_sessions(tx, &[session], now, reason).await
}

/// Ends the devices of some sessions and their endpoints, in the transaction that ends the sessions.
pub async fn end_of_sessions(tx: &Tx, sessions: &[SessionId], now: Timestamp, reason: EndpointEnd) -> DbResult<()> {
    let set = || sql::uuid_set(&**tx, sessions.iter().map(|id| id.as_uuid()));
    let of = sql::is_in(&**tx, "session_id", "$3", Of::Uuids);
    let text = format!(
        "UPDATE endpoints SET ended_at = $1, ended_reason = $2 \
         WHERE device_id IN (SELECT id FROM devices WHERE {of}) AND ended_at IS NULL"
    );
    execute(&**tx, &text, [now.into(), reason.into(), set()]).await?;
    let text = format!("UPDATE devices SET ended_at = $1, ended_reason = $2 WHERE {of} AND ended_at IS NULL");
    execute(&**tx, &text, [now.into(), reason.into(), set()]).await.map(|_| ())
}

/// Ends every device of a user and forgets what they were called. The endpoints are ended before, by
/// [`erase_of_user`](super::endpoint::erase_of_user).
pub async fn erase_of_user(tx: &Tx, user: UserId, now: Timestamp, reason: EndpointEnd) -> DbResult<()> {
    let text = "UPDATE devices SET ended_at = $2, ended_reason = $3 WHERE user_id = $1 AND ended_at IS NULL";
    execute(&**tx, text, [user.into(), now.into(), reason.into()]).await?;
    execute(&**tx, "UPDATE devices SET name = '' WHERE user_id = $1", [user.into()]).await.map(|_| ())
}
