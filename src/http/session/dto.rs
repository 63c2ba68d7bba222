//! Sessions as callers see them.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::id::{SessionId, UserId};
use crate::domain::identity::IdentityKind;
use crate::domain::time::Timestamp;
use crate::http::account::parse_address;
use crate::http::extract::body::Rules;
use crate::services::Deps;
use crate::services::account::SignIn;
use crate::services::keys::PublicKey;
use crate::services::refusal::{Error, Result, Violation};
use crate::services::session::{Session, Tokens};

/// Somebody who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionBody {
    /// What kind of address.
    kind: IdentityKind,
    /// The address.
    #[schema(min_length = 1, max_length = 254, example = "13800138000")]
    address: String,
    /// The password.
    #[schema(min_length = 1, max_length = 128, format = Password)]
    password: String,
    /// What the client calls itself; shown in the list of sessions.
    #[serde(default)]
    #[schema(max_length = 60, example = "驿站 Android 3.1")]
    client: String,
}

impl SessionBody {
    /// Who signs in.
    pub fn parse(self) -> Result<SignIn> {
        let address = parse_address(self.kind, &self.address).map_err(|violation| Error::invalid(vec![violation]))?;
        Ok(SignIn { address, password: self.password.into(), client: self.client })
    }
}

impl Rules for SessionBody {
    fn broken(&self, _: &Deps) -> Vec<Violation> {
        parse_address(self.kind, &self.address).err().into_iter().collect()
    }
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshBody {
    /// The newest refresh token of the session.
    #[schema(min_length = 1, max_length = 200, format = Password)]
    refresh_token: String,
}

impl Rules for RefreshBody {}

impl RefreshBody {
    /// The token.
    pub fn parse(self) -> SecretString {
        self.refresh_token.into()
    }
}

/// What a client needs to go on.
#[derive(Serialize, ToSchema)]
pub struct TokensView {
    /// The session.
    session_id: SessionId,
    /// Its user.
    user_id: UserId,
    /// Goes into `Authorization: Bearer …`.
    access_token: String,
    /// Until when the access token is valid: fifteen minutes.
    expires_at: Timestamp,
    /// For the next access token. Works once; using an older one ends the session.
    refresh_token: String,
}

impl From<Tokens> for TokensView {
    fn from(tokens: Tokens) -> Self {
        Self {
            session_id: tokens.session,
            user_id: tokens.user,
            access_token: tokens.access_token.expose_secret().to_owned(),
            expires_at: tokens.expires_at,
            refresh_token: tokens.refresh_token.expose_secret().to_owned(),
        }
    }
}

/// A user's living sessions.
#[derive(Serialize, ToSchema)]
pub struct SessionsView {
    /// The one used last first; a user has at most twenty.
    pub items: Vec<SessionView>,
}

/// A living session.
#[derive(Serialize, ToSchema)]
pub struct SessionView {
    /// Its id.
    id: SessionId,
    /// What the client calls itself.
    client: String,
    /// Whether it is the one that asks.
    current: bool,
    /// When the user signed in.
    created_at: Timestamp,
    /// When it was last refreshed.
    refreshed_at: Timestamp,
    /// When it ends unless it is refreshed.
    expires_at: Timestamp,
}

impl SessionView {
    /// A session as the one that asks sees it.
    pub fn of(session: Session, current: SessionId) -> Self {
        Self {
            id: session.id,
            client: session.client,
            current: session.id == current,
            created_at: session.created_at,
            refreshed_at: session.refreshed_at,
            expires_at: session.expires_at,
        }
    }
}

/// A JSON Web Key Set (RFC 7517).
#[derive(Serialize, ToSchema)]
pub struct JwksView {
    /// Every key that a valid access token may be signed with.
    pub keys: Vec<JwkView>,
}

/// A public key (RFC 8037).
#[derive(Serialize, ToSchema)]
pub struct JwkView {
    /// Always `OKP`.
    kty: String,
    /// Always `Ed25519`.
    crv: String,
    /// The key.
    x: String,
    /// Its name in tokens.
    kid: String,
    /// Always `EdDSA`.
    alg: String,
    /// Always `sig`.
    #[serde(rename = "use")]
    usage: String,
}

impl From<PublicKey> for JwkView {
    fn from(key: PublicKey) -> Self {
        let word = str::to_owned;
        Self { kty: word("OKP"), crv: word("Ed25519"), x: key.x, kid: key.kid, alg: word("EdDSA"), usage: word("sig") }
    }
}
