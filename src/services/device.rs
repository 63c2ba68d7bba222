//! Devices: registered with a push token, told another one, removed.
//!
//! Promise: a token has one living endpoint. Whoever registers it last has it; the endpoint of whoever had it before
//! ends in the same transaction, so that nobody's notices go to somebody else's phone. Registering the same token
//! again from the same app is the same device. Tokens are secrets: nothing here prints one.

use serde::{Deserialize, Serialize};

use crate::domain::channel::Channel;
use crate::domain::device::{EndpointEnd, Platform, hint};
use crate::domain::id::{DeviceId, SessionId, UserId};
use crate::domain::message::Address;
use crate::domain::page::{Cursor, Page};
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::idempotency::{self, Call};
use crate::services::name;
use crate::services::refusal::{Error, Refusal, Result, Violation};
use crate::storage::device::Device;
use crate::storage::{Tx, device, endpoint, session, user};

/// The list of a user's devices, in cursors.
const LIST: &str = "devices";

/// An app that asks to be told.
#[derive(Debug, Clone)]
pub struct Registration {
    /// What it runs on.
    pub platform: Platform,
    /// What the user calls it.
    pub name: String,
    /// The channel that its token is of.
    pub channel: Channel,
    /// Its token.
    pub token: Address,
}

/// A device as it may be shown: of its token, the end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shown {
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
    /// Where its messages go; nothing when the provider said that its token is gone.
    pub endpoint: Option<ShownEndpoint>,
}

/// An endpoint as it may be shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShownEndpoint {
    /// The channel.
    pub channel: Channel,
    /// The end of the token.
    pub token_hint: String,
    /// When the token was registered.
    pub created_at: Timestamp,
}

impl From<Device> for Shown {
    fn from(device: Device) -> Self {
        let endpoint = device.endpoint.map(|(channel, address, created_at)| ShownEndpoint {
            channel,
            token_hint: hint(address.expose()),
            created_at,
        });
        let Device { id, session, platform, name, created_at, .. } = device;
        Self { id, session, platform, name, created_at, endpoint }
    }
}

/// A registered device, and whether it was new.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Registered {
    /// The device.
    pub device: Shown,
    /// Whether it was not known before.
    pub is_new: bool,
}

/// Registers a device of a session.
pub async fn register(
    deps: &Deps,
    user: UserId,
    session: SessionId,
    call: &Call,
    asked: &Registration,
) -> Result<Registered> {
    check(asked)?;
    idempotency::once(deps, call, async |tx| register_in(deps, tx, user, session, asked).await).await
}

async fn register_in(deps: &Deps, tx: &Tx, user: UserId, of: SessionId, asked: &Registration) -> Result<Registered> {
    hold(tx, user).await?;
    let now = deps.clock.now();
    if !session::lock(tx, of, now).await? {
        return Err(Refusal::Unauthenticated.into());
    }
    let holder = endpoint::find_holder(tx, asked.channel, &asked.token).await?;
    let mine = holder.filter(|holder| holder.user_id == user).and_then(|holder| holder.device_id);
    if let Some(id) = mine {
        device::set(tx, id, of, asked.platform, asked.name.trim()).await?;
        return Ok(Registered { device: get_in(tx, user, id).await?.into(), is_new: false });
    }
    if let Some(holder) = holder {
        evict(tx, &holder, now).await?;
    }
    let limit = i64::from(deps.holdings.devices);
    if device::count(&**tx, user).await? >= limit {
        return Err(Error::refused(Refusal::DeviceLimitReached, limit.to_string()));
    }
    let id = DeviceId::new();
    device::insert(tx, id, user, of, asked.platform, asked.name.trim(), now).await?;
    endpoint::insert(tx, user, id, asked.channel, &asked.token, now).await?;
    Ok(Registered { device: get_in(tx, user, id).await?.into(), is_new: true })
}

/// What a user changes about a device; what is not there stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// What the user calls it.
    pub name: Option<String>,
    /// Its token, of the channel that it has.
    pub token: Option<Address>,
}

/// Changes a device. Another token is another endpoint: the old one ends.
pub async fn change(deps: &Deps, user: UserId, id: DeviceId, change: &Change) -> Result<Shown> {
    check_change(change)?;
    deps.db.write(async |tx| change_in(deps, tx, user, id, change).await).await
}

async fn change_in(deps: &Deps, tx: &Tx, user: UserId, id: DeviceId, change: &Change) -> Result<Shown> {
    hold(tx, user).await?;
    let old = get_in(tx, user, id).await?;
    let now = deps.clock.now();
    if let Some(token) = &change.token {
        let channel = old.endpoint.as_ref().map(|(channel, ..)| *channel);
        // The provider said that the last one is gone, and with it went what channel it was of.
        let channel = channel.ok_or_else(|| Error::refused(Refusal::ChannelUnknown, "register the device anew"))?;
        let same = old.endpoint.as_ref().is_some_and(|(_, address, _)| address == token);
        if !same {
            if let Some(holder) = endpoint::find_holder(tx, channel, token).await? {
                evict(tx, &holder, now).await?;
            }
            endpoint::end_of_device(tx, id, now, EndpointEnd::Replaced).await?;
            endpoint::insert(tx, user, id, channel, token, now).await?;
        }
    }
    if let Some(name) = &change.name {
        device::set(tx, id, old.session, old.platform, name.trim()).await?;
    }
    Ok(get_in(tx, user, id).await?.into())
}

/// Removes a device: nothing more is sent to it.
pub async fn remove(deps: &Deps, user: UserId, id: DeviceId) -> Result<()> {
    deps.db
        .write(async |tx| {
            hold(tx, user).await?;
            get_in(tx, user, id).await?;
            device::end(tx, id, deps.clock.now(), EndpointEnd::Removed).await?;
            Ok(())
        })
        .await
}

/// A device of a user.
pub async fn get(deps: &Deps, user: UserId, id: DeviceId) -> Result<Shown> {
    let device = device::find(deps.db.reader(), user, id).await?;
    device.map(Shown::from).ok_or_else(|| Refusal::NotFound.into())
}

/// A user's devices, the newest first.
pub async fn list(deps: &Deps, user: UserId, after: Option<&Cursor>, limit: u16) -> Result<Page<Shown>> {
    let before = match after {
        Some(cursor) => {
            Some(cursor.parts::<1>(LIST).ok().and_then(|[id]| id.parse().ok()).ok_or_else(Error::not_a_cursor)?)
        }
        None => None,
    };
    let found = device::list(deps.db.reader(), user, before, i64::from(limit) + 1).await?;
    Ok(Page::cut(found, limit, |device| Cursor::new(LIST, [device.id])).map(Shown::from))
}

/// Ends every device and endpoint of a user and forgets tokens and names, in the transaction that closes the account.
pub async fn end_all_in(tx: &Tx, user: UserId, now: Timestamp) -> Result<()> {
    endpoint::erase_of_user(tx, user, now, EndpointEnd::AccountClosed).await?;
    device::erase_of_user(tx, user, now, EndpointEnd::AccountClosed).await?;
    Ok(())
}

/// Ends the endpoint that holds a token, and the device that has no other.
async fn evict(tx: &Tx, holder: &endpoint::Holder, now: Timestamp) -> Result<()> {
    endpoint::end(tx, holder.id, now, EndpointEnd::Moved).await?;
    if let Some(device) = holder.device_id {
        device::end(tx, device, now, EndpointEnd::Moved).await?;
    }
    Ok(())
}

async fn hold(tx: &Tx, user: UserId) -> Result<()> {
    if user::lock(tx, user).await? { Ok(()) } else { Err(Refusal::Unauthenticated.into()) }
}

async fn get_in(tx: &Tx, user: UserId, id: DeviceId) -> Result<Device> {
    device::find(&**tx, user, id).await?.ok_or_else(|| Refusal::NotFound.into())
}

/// What a registration must look like beyond its schema.
pub fn check(asked: &Registration) -> Result<()> {
    let (zh, en) = ("该通道不能由设备登记", "devices have no address on this channel");
    let channel = (!asked.channel.is_of_devices()).then(|| Violation::body("/channel", "not_of_devices", zh, en));
    Error::unless_empty(channel.into_iter().chain(name::check("/name", &asked.name)).collect())
}

/// What a change must look like beyond its schema.
pub fn check_change(change: &Change) -> Result<()> {
    Error::unless_empty(change.name.as_deref().and_then(|text| name::check("/name", text)).into_iter().collect())
}
