//! Sessions: one sign-in each, kept alive by refresh tokens that rotate.
//!
//! A refresh token says which session it is of, the how-manieth of it, a *family* part that stays the same as long as
//! the session lasts, and a *secret* that is new each time. The family part proves that an older token was once
//! genuine: only then is its use a sign of theft, and nobody can end a session by making a token up.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::domain::id::SessionId;
use crate::domain::words::words;

/// How long an access token is valid.
pub const ACCESS_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How long a session lasts after its last refresh.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(60 * 24 * 60 * 60);
/// The most sessions of one user; signing in once more ends the one that was not used for longest.
pub const MAX_SESSIONS: usize = 20;

words! {
    /// Why a session ended.
    SessionEnd {
        /// Its user signed out.
        SignedOut = "signed_out",
        /// Its user ended it from another session.
        Revoked = "revoked",
        /// A refresh token was used twice.
        TokenReused = "token_reused",
        /// The password was changed or reset.
        PasswordChanged = "password_changed",
        /// It made room for a newer one.
        Superseded = "superseded",
        /// Its user was erased.
        UserErased = "user_erased",
    }
}

const PREFIX: &str = "yzr_";
/// Bytes of the family part and of the secret.
const PART_BYTES: usize = 24;
/// The longest text that is looked at.
const MAX_CHARS: usize = 160;

/// A refresh token; its text is shown to the client once and never kept.
#[derive(Clone)]
pub struct RefreshToken {
    /// Of which session.
    pub session: SessionId,
    /// The how-manieth, from 1.
    pub number: i64,
    family: [u8; PART_BYTES],
    secret: [u8; PART_BYTES],
}

/// The text is no refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token")]
pub struct RefreshTokenError;

impl RefreshToken {
    /// The first token of a session.
    pub fn first(session: SessionId, mut random: impl FnMut() -> [u8; PART_BYTES]) -> Self {
        Self { session, number: 1, family: random(), secret: random() }
    }

    /// The token after this one.
    pub fn next(&self, random: impl FnOnce() -> [u8; PART_BYTES]) -> Self {
        Self { session: self.session, number: self.number.saturating_add(1), family: self.family, secret: random() }
    }

    /// What the database keeps: the hash of the family part, then the hash of the secret.
    pub fn hash(&self) -> Vec<u8> {
        let mut hash = Sha256::digest(self.family).to_vec();
        hash.extend(Sha256::digest(self.secret));
        hash
    }

    /// Whether this token is of the family whose newest token's hash is kept.
    pub fn is_of_family(&self, kept: &[u8]) -> bool {
        kept.starts_with(&Sha256::digest(self.family))
    }

    /// The token as the client holds it.
    pub fn reveal(&self) -> SecretString {
        let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        let session = self.session.as_uuid().simple();
        SecretString::from(format!(
            "{PREFIX}{session}.{}.{}.{}",
            self.number,
            encode(&self.family),
            encode(&self.secret)
        ))
    }

    /// Reads what a client holds.
    pub fn parse(text: &SecretString) -> Result<Self, RefreshTokenError> {
        let text = text.expose_secret();
        let rest = text.strip_prefix(PREFIX).filter(|_| text.len() <= MAX_CHARS).ok_or(RefreshTokenError)?;
        let parts: Vec<&str> = rest.split('.').collect();
        let [session, number, family, secret] = parts.as_slice() else { return Err(RefreshTokenError) };
        let decode = |part: &str| -> Result<[u8; PART_BYTES], RefreshTokenError> {
            let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| RefreshTokenError)?;
            bytes.try_into().map_err(|_| RefreshTokenError)
        };
        Ok(Self {
            session: SessionId::from_uuid(uuid::Uuid::parse_str(session).map_err(|_| RefreshTokenError)?),
            number: number.parse().map_err(|_| RefreshTokenError)?,
            family: decode(family)?,
            secret: decode(secret)?,
        })
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({}, {})", self.session, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_token_comes_back_from_its_text() {
        let token = RefreshToken::first(SessionId::new(), || [7; PART_BYTES]).next(|| [8; PART_BYTES]);
        let read = RefreshToken::parse(&token.reveal()).expect("a token");
        assert_eq!((read.session, read.number, read.hash()), (token.session, 2, token.hash()));
    }

    #[test]
    fn an_older_token_is_of_the_family_and_a_made_up_one_is_not() {
        let session = SessionId::new();
        let first = RefreshToken::first(session, || [7; PART_BYTES]);
        let kept = first.next(|| [8; PART_BYTES]).hash();
        assert!(first.is_of_family(&kept));
        assert_ne!(first.hash(), kept);
        assert!(!RefreshToken::first(session, || [9; PART_BYTES]).is_of_family(&kept));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "yzr_", "yzr_a.b.c.d", "yzr_00.1..", "eyJhbGciOiJub25lIn0.e30."] {
            assert!(RefreshToken::parse(&SecretString::from(text)).is_err(), "{text}");
        }
    }
}
