//! Sessions: signing tokens, verifying them, ending what they stand for.
//!
//! Promise: an access token is accepted until it expires, unless its session or its user has ended: that is asked of
//! the database, and remembered for [`STANDING_AGE`], so an ended session, a changed role or an erased user is noticed
//! by every copy within that time, and at once by the copy that did it. A refresh token works once; an older one of
//! the same session ends the session, whoever of the two, owner or thief, comes second.

use std::time::Duration;

use jsonwebtoken::{Algorithm, Header, Validation};
use moka::future::Cache;
use rand::RngCore as _;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::domain::device::EndpointEnd;
use crate::domain::id::{SessionId, UserId};
use crate::domain::session::{ACCESS_LIFETIME, MAX_SESSIONS, RefreshToken, SESSION_LIFETIME, SessionEnd};
use crate::domain::time::Timestamp;
use crate::domain::user::Role;
use crate::services::Deps;
use crate::services::keys::KeyRing;
use crate::services::live::hint::Hint;
use crate::services::refusal::{Error, Refusal, Result};
use crate::storage::device;
use crate::storage::session::{self, Standing};
use crate::storage::{Db, Tx};

pub use crate::storage::session::Session;

/// How long an answer of the database about a session is believed.
pub const STANDING_AGE: Duration = Duration::from_secs(5);
/// How many sessions are remembered in this copy's memory.
const STANDING_MAX: u64 = 100_000;
/// For whom our tokens are.
const AUDIENCE: &str = "yizhan";
/// The longest access token that is looked at.
const MAX_TOKEN_CHARS: usize = 2_048;

/// What this copy knows about sessions.
pub struct Sessions {
    /// The signing keys.
    pub keys: KeyRing,
    issuer: String,
    standings: Cache<SessionId, Option<Standing>>,
}

impl Sessions {
    /// Reads the signing keys, making the first one when there is none.
    pub async fn open(db: &Db, issuer: &str, now: Timestamp) -> Result<Self> {
        let standings = Cache::builder().max_capacity(STANDING_MAX).time_to_live(STANDING_AGE).build();
        Ok(Self { keys: KeyRing::open(db, now).await?, issuer: issuer.to_owned(), standings })
    }
}

/// Forgets what is known about sessions that were just ended, so that this copy refuses them at once, and ends their
/// streams wherever they are.
pub async fn forget(deps: &Deps, sessions: &[SessionId]) {
    for session in sessions {
        deps.sessions.standings.invalidate(session).await;
    }
    if !sessions.is_empty() {
        deps.live.tell(Hint::Ended(sessions.to_vec()));
    }
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// Signed in by.
    pub session: SessionId,
    /// What the user may do.
    pub role: Role,
    /// When the token ends that was shown.
    pub until: Timestamp,
}

/// What an access token says (RFC 7519).
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    role: Role,
    iat: i64,
    exp: i64,
}

/// What a client needs to go on.
#[derive(Debug)]
pub struct Tokens {
    /// The session.
    pub session: SessionId,
    /// Its user.
    pub user: UserId,
    /// For the next fifteen minutes.
    pub access_token: SecretString,
    /// Until when the access token is valid.
    pub expires_at: Timestamp,
    /// For the next access token; works once.
    pub refresh_token: SecretString,
}

/// Who an access token speaks for.
pub async fn verify(deps: &Deps, token: &str) -> Result<Caller> {
    let refused = || Error::from(Refusal::Unauthenticated);
    if token.len() > MAX_TOKEN_CHARS {
        return Err(refused());
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| refused())?;
    let kid = header.kid.filter(|_| header.alg == Algorithm::EdDSA).ok_or_else(refused)?;
    let key = deps.sessions.keys.verifying(&deps.db, &kid).await?.ok_or_else(refused)?;
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&[AUDIENCE]);
    rules.set_issuer(&[&deps.sessions.issuer]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // Held against our own clock below; the library would ask the machine's.
    rules.validate_exp = false;
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &rules).map_err(|_| refused())?.claims;
    if claims.exp <= seconds(deps.clock.now()) {
        return Err(refused());
    }
    let standing = standing(deps, claims.sid).await?.filter(|standing| standing.user == claims.sub);
    let role = standing.ok_or_else(refused)?.role;
    let until = Timestamp::from_millis(claims.exp.saturating_mul(1000));
    Ok(Caller { user: claims.sub, session: claims.sid, role, until })
}

async fn standing(deps: &Deps, session: SessionId) -> Result<Option<Standing>> {
    let sessions = &deps.sessions;
    if let Some(known) = sessions.standings.get(&session).await {
        return Ok(known);
    }
    let found = session::find_standing(deps.db.reader(), session, deps.clock.now()).await?;
    sessions.standings.insert(session, found).await;
    Ok(found)
}

/// A session that has just been begun: sign its tokens after the commit.
#[derive(Debug)]
pub struct Begun {
    user: UserId,
    role: Role,
    token: RefreshToken,
    /// Sessions that made room for it.
    ended: Vec<SessionId>,
}

impl Begun {
    /// Whose it is.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Its id.
    pub fn session(&self) -> SessionId {
        self.token.session
    }
}

/// Begins a session in the transaction at hand; [`sign`] makes its tokens once that has committed.
pub async fn begin(tx: &Tx, user: UserId, role: Role, client: &str, now: Timestamp) -> Result<Begun> {
    let living = session::list(&**tx, user, now).await?;
    let mut ended = Vec::new();
    for old in living.iter().skip(MAX_SESSIONS - 1) {
        end_in(tx, user, old.id, now, SessionEnd::Superseded).await?;
        ended.push(old.id);
    }
    let token = RefreshToken::first(SessionId::new(), random);
    session::insert(tx, user, client, &token, now, now + SESSION_LIFETIME).await?;
    Ok(Begun { user, role, token, ended })
}

/// The tokens of a session that has been begun.
pub async fn sign(deps: &Deps, begun: &Begun) -> Result<Tokens> {
    forget(deps, &begun.ended).await;
    tokens(deps, begun.user, begun.role, &begun.token).await
}

/// New tokens for a refresh token.
pub async fn refresh(deps: &Deps, token: &SecretString) -> Result<Tokens> {
    let used = RefreshToken::parse(token).map_err(|_| Error::from(Refusal::RefreshTokenInvalid))?;
    let next = used.next(random);
    let now = deps.clock.now();
    // A reuse must end the session for good, so it commits, and is refused afterwards.
    let rotated = deps
        .db
        .write(async |tx| -> Result<std::result::Result<Standing, Refusal>> {
            let standing = session::find_standing(&**tx, used.session, now).await?;
            let Some(standing) = standing else { return Ok(Err(Refusal::RefreshTokenInvalid)) };
            if session::rotate(tx, &used, &next, now, now + SESSION_LIFETIME).await? {
                return Ok(Ok(standing));
            }
            let newest = session::find_newest(&**tx, used.session, now).await?;
            let reused = newest
                .is_some_and(|newest| used.number < newest.refresh_number && used.is_of_family(&newest.refresh_hash));
            if !reused {
                return Ok(Err(Refusal::RefreshTokenInvalid));
            }
            end_in(tx, standing.user, used.session, now, SessionEnd::TokenReused).await?;
            Ok(Err(Refusal::RefreshTokenReused))
        })
        .await?;
    match rotated {
        Ok(standing) => tokens(deps, standing.user, standing.role, &next).await,
        Err(refusal) => {
            forget(deps, &[used.session]).await;
            Err(refusal.into())
        }
    }
}

/// The living sessions of a user.
pub async fn list(deps: &Deps, user: UserId) -> Result<Vec<Session>> {
    Ok(session::list(deps.db.reader(), user, deps.clock.now()).await?)
}

/// Ends one session of a user, with its devices.
pub async fn end(deps: &Deps, user: UserId, id: SessionId, reason: SessionEnd) -> Result<()> {
    let now = deps.clock.now();
    let lived = deps.db.write(async |tx| end_in(tx, user, id, now, reason).await).await?;
    forget(deps, &[id]).await;
    if lived { Ok(()) } else { Err(Refusal::NotFound.into()) }
}

/// Ends a session and its devices in the transaction at hand; says whether it lived.
pub async fn end_in(tx: &Tx, user: UserId, id: SessionId, now: Timestamp, reason: SessionEnd) -> Result<bool> {
    // The session first: whoever registers a device holds it, and what was registered is seen after that.
    let lived = session::end(tx, user, id, now, reason).await?;
    if lived {
        device::end_of_session(tx, id, now, EndpointEnd::SessionEnded).await?;
    }
    Ok(lived)
}

/// Ends every session of a user but the one to be spared, and their devices, in the transaction at hand; says which
/// lived. After the commit, [`forget`] them.
pub async fn end_all_in(
    tx: &Tx,
    user: UserId,
    spared: Option<SessionId>,
    now: Timestamp,
    reason: SessionEnd,
) -> Result<Vec<SessionId>> {
    let ended = session::end_all(tx, user, spared, now, reason).await?;
    device::end_of_sessions(tx, &ended, now, EndpointEnd::SessionEnded).await?;
    Ok(ended)
}

async fn tokens(deps: &Deps, user: UserId, role: Role, refresh: &RefreshToken) -> Result<Tokens> {
    let now = deps.clock.now();
    let expires_at = now + ACCESS_LIFETIME;
    let claims = Claims {
        iss: deps.sessions.issuer.clone(),
        aud: AUDIENCE.to_owned(),
        sub: user,
        sid: refresh.session,
        role,
        iat: seconds(now),
        exp: seconds(expires_at),
    };
    let (kid, key) = deps.sessions.keys.signing(&deps.db).await?;
    let header = Header { kid: Some(kid), ..Header::new(Algorithm::EdDSA) };
    let access_token =
        jsonwebtoken::encode(&header, &claims, &key).map_err(|error| Error::broken(error.to_string()))?;
    Ok(Tokens {
        session: refresh.session,
        user,
        access_token: access_token.into(),
        expires_at,
        refresh_token: refresh.reveal(),
    })
}

/// NumericDate (RFC 7519, 2).
fn seconds(time: Timestamp) -> i64 {
    time.as_millis() / 1000
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}
