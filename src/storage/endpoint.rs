//! Endpoints: the places that messages can go. An address belongs to one living endpoint of its channel.

use sea_orm::{ConnectionTrait as _, DbBackend, FromQueryResult};

use super::sql;
use super::{DbResult, Tx, execute, one};
use crate::domain::channel::Channel;
use crate::domain::device::EndpointEnd;
use crate::domain::id::{DeviceId, EndpointId, UserId};
use crate::domain::message::Address;
use crate::domain::time::Timestamp;

/// Who holds an address.
#[derive(Debug, Clone, Copy, FromQueryResult)]
pub struct Holder {
    /// The endpoint.
    pub id: EndpointId,
    /// Its user.
    pub user_id: UserId,
    /// Its device, when it is one's.
    pub device_id: Option<DeviceId>,
}

/// Adds an endpoint of a device. An address that lives elsewhere breaks `endpoints_address_hash_key`.
pub async fn insert(
    tx: &Tx,
    user: UserId,
    device: DeviceId,
    channel: Channel,
    address: &Address,
    now: Timestamp,
) -> DbResult<EndpointId> {
    let id = EndpointId::new();
    execute(
        &**tx,
        "INSERT INTO endpoints (id, user_id, device_id, channel, address, address_hash, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [
            id.into(),
            user.into(),
            device.into(),
            channel.into(),
            address.expose().into(),
            address.digest().to_vec().into(),
            now.into(),
        ],
    )
    .await?;
    Ok(id)
}

/// Who holds an address now; nobody else takes or ends it until the commit.
pub async fn find_holder(tx: &Tx, channel: Channel, address: &Address) -> DbResult<Option<Holder>> {
    let text = format!(
        "SELECT id, user_id, device_id FROM endpoints WHERE channel = $1 AND address_hash = $2 AND ended_at IS NULL {}",
        sql::for_update(&**tx)
    );
    let digest = address.digest();
    if tx.get_database_backend() == DbBackend::Postgres {
        // Of several that want a token nobody holds, each would find it free.
        let key = digest.first_chunk().copied().map_or(0, i64::from_be_bytes);
        execute(&**tx, "SELECT pg_advisory_xact_lock($1)", [key.into()]).await?;
    }
    one(&**tx, &text, [channel.into(), digest.to_vec().into()]).await
}

/// Ends an endpoint; says whether it lived.
pub async fn end(tx: &Tx, id: EndpointId, now: Timestamp, reason: EndpointEnd) -> DbResult<bool> {
    let text = "UPDATE endpoints SET ended_at = $2, ended_reason = $3 WHERE id = $1 AND ended_at IS NULL";
    Ok(execute(&**tx, text, [id.into(), now.into(), reason.into()]).await? == 1)
}

/// Ends the endpoints of a device.
pub async fn end_of_device(tx: &Tx, device: DeviceId, now: Timestamp, reason: EndpointEnd) -> DbResult<u64> {
    let text = "UPDATE endpoints SET ended_at = $2, ended_reason = $3 WHERE device_id = $1 AND ended_at IS NULL";
    execute(&**tx, text, [device.into(), now.into(), reason.into()]).await
}

/// Ends every endpoint of a user, those that belong to no device included, and forgets all addresses that the user had.
pub async fn erase_of_user(tx: &Tx, user: UserId, now: Timestamp, reason: EndpointEnd) -> DbResult<()> {
    let text = "UPDATE endpoints SET ended_at = $2, ended_reason = $3 WHERE user_id = $1 AND ended_at IS NULL";
    execute(&**tx, text, [user.into(), now.into(), reason.into()]).await?;
    let text = "UPDATE endpoints SET address = '', address_hash = NULL WHERE user_id = $1";
    execute(&**tx, text, [user.into()]).await.map(|_| ())
}
