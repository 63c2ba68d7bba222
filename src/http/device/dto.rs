//! Devices as their users see them. A token comes in and never goes out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::channel::Channel;
use crate::domain::device::Platform;
use crate::domain::id::{DeviceId, SessionId};
use crate::domain::message::Address;
use crate::domain::page::Page;
use crate::domain::time::Timestamp;
use crate::http::extract::body::Rules;
use crate::services::Deps;
use crate::services::device::{self, Change, Registration, Shown, ShownEndpoint};
use crate::services::refusal::{Violation, violations};

/// A device to be registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceBody {
    /// What it runs on.
    platform: Platform,
    /// What the user calls it.
    #[schema(min_length = 1, max_length = 50, example = "我的手机")]
    name: String,
    /// The channel that the token is of. One that is not configured on this server is taken all the same; what would
    /// go there is held and visible.
    channel: Channel,
    /// The push token that the provider gave the app.
    #[schema(value_type = PushToken)]
    token: Address,
}

/// A push token. It is a secret.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 4096, pattern = r"^[^\x00-\x1f\x7f]+$", example = "sandbox-token-0123456789")]
#[expect(dead_code, reason = "stands in the document only")]
pub struct PushToken(String);

impl DeviceBody {
    /// What is asked for.
    pub fn registration(&self) -> Registration {
        let Self { platform, name, channel, token } = self;
        Registration { platform: *platform, name: name.clone(), channel: *channel, token: token.clone() }
    }
}

impl Rules for DeviceBody {
    fn broken(&self, _: &Deps) -> Vec<Violation> {
        violations(device::check(&self.registration()))
    }
}

/// What is to be changed; what is not there stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceChangeBody {
    /// What the user calls it.
    #[schema(min_length = 1, max_length = 50)]
    name: Option<String>,
    /// The push token that the provider gave the app in place of the last one.
    #[schema(value_type = Option<PushToken>)]
    token: Option<Address>,
}

impl DeviceChangeBody {
    /// What is asked for.
    pub fn change(&self) -> Change {
        Change { name: self.name.clone(), token: self.token.clone() }
    }
}

impl Rules for DeviceChangeBody {
    fn broken(&self, _: &Deps) -> Vec<Violation> {
        violations(device::check_change(&self.change()))
    }
}

/// A device.
#[derive(Serialize, ToSchema)]
pub struct DeviceView {
    /// Its id.
    pub id: DeviceId,
    /// The session that it belongs to; ending the session ends the device.
    session_id: SessionId,
    /// What it runs on.
    platform: Platform,
    /// What the user calls it.
    name: String,
    /// When it was registered.
    created_at: Timestamp,
    /// Where its messages go; nothing when the provider said that its token is gone: register it anew.
    endpoint: Option<DeviceEndpointView>,
}

/// Where a device's messages go.
#[derive(Serialize, ToSchema)]
pub struct DeviceEndpointView {
    /// The channel.
    channel: Channel,
    /// The end of the token, to tell two apart.
    #[schema(example = "…6789")]
    token_hint: String,
    /// When the token was registered.
    created_at: Timestamp,
}

impl DeviceView {
    /// A device.
    pub fn of(device: Shown) -> Self {
        let endpoint = |ShownEndpoint { channel, token_hint, created_at }: ShownEndpoint| DeviceEndpointView {
            channel,
            token_hint,
            created_at,
        };
        let Shown { id, session, platform, name, created_at, .. } = device;
        Self { id, session_id: session, platform, name, created_at, endpoint: device.endpoint.map(endpoint) }
    }
}

/// Some devices.
#[derive(Serialize, ToSchema)]
pub struct DevicesView {
    /// The newest first.
    items: Vec<DeviceView>,
    /// Where to go on; nothing at the end.
    next_cursor: Option<String>,
}

impl DevicesView {
    /// A page.
    pub fn of(page: Page<Shown>) -> Self {
        let next_cursor = page.next.as_ref().map(ToString::to_string);
        Self { items: page.items.into_iter().map(DeviceView::of).collect(), next_cursor }
    }
}
