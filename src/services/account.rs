//! Accounts: opening one, signing in, changing what is known of oneself, leaving.
//!
//! Promise: whether an address has an account is told to nobody who has not proven that it is theirs, neither in words
//! nor by the time an answer takes. An erased user leaves a tombstone without a name; the address is free again.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

use crate::domain::id::{SessionId, UserId};
use crate::domain::identity::{Address, Password, PasswordError, Purpose};
use crate::domain::session::SessionEnd;
use crate::domain::time::Timestamp;
use crate::domain::user::{DisplayName, Role};
use crate::services::Deps;
use crate::services::confirmation;
use crate::services::device;
use crate::services::guesses::{self, guarded};
use crate::services::idempotency::{self, Call, Key};
use crate::services::password;
use crate::services::refusal::{Error, OnConflict as _, Refusal, Result, Violation};
use crate::services::session::{self, Caller, Tokens};
use crate::services::subscription;
use crate::services::webhook;
use crate::storage::identity::Login;
use crate::storage::session as session_rows;
use crate::storage::{Tx, identity, user};

pub use crate::storage::identity::Identity;
pub use crate::storage::user::User;

/// Somebody who opens an account.
#[derive(Debug)]
pub struct Registration {
    /// The address to sign in with.
    pub address: Address,
    /// The code that was sent there.
    pub code: SecretString,
    /// The password to be.
    pub password: SecretString,
    /// The name that others see.
    pub name: DisplayName,
    /// What the client calls itself.
    pub client: String,
}

impl Registration {
    fn call(&self, key: Option<Key>) -> Call {
        stranger(&self.address, key, &[self.name.as_str(), &self.client])
    }
}

/// Opens an account and signs its user in.
pub async fn register(deps: &Deps, new: &Registration, from: IpAddr, key: Option<Key>) -> Result<Tokens> {
    let password = choose(&new.password, &new.address, "/password")?;
    let proof =
        guarded(deps, from, None, async || confirmation::check(deps, &new.address, Purpose::Register, &new.code).await)
            .await?;
    let hash = password::hash(password).await?;
    let begun = idempotency::once_secret(
        deps,
        &new.call(key),
        |begun: &session::Begun| begun.user().to_string(),
        async |tx| {
            let (id, now) = (UserId::new(), deps.clock.now());
            confirmation::use_up(tx, proof, now).await?;
            user::insert(tx, id, &new.name, Role::User, now).await?;
            let taken = || Refusal::WrongCode.into();
            identity::insert(tx, id, &new.address, &hash, now).await.on_conflict("identities", taken)?;
            session::begin(tx, id, Role::User, &new.client, now).await
        },
    )
    .await?;
    tracing::info!(user.id = %begun.user(), "a user registered");
    session::sign(deps, &begun).await
}

/// Somebody who signs in.
#[derive(Debug)]
pub struct SignIn {
    /// With which address.
    pub address: Address,
    /// With which password.
    pub password: SecretString,
    /// What the client calls itself.
    pub client: String,
}

impl SignIn {
    fn call(&self, key: Option<Key>) -> Call {
        stranger(&self.address, key, &[&self.client])
    }
}

/// Begins a session.
pub async fn sign_in(deps: &Deps, who: &SignIn, from: IpAddr, key: Option<Key>) -> Result<Tokens> {
    let known = guarded(deps, from, Some(who.address.as_str()), async || {
        let login = identity::find_login(deps.db.reader(), &who.address).await?;
        let hash = login.as_ref().and_then(|login| login.password_hash.clone());
        let right = password::verify(hash, Password::entered(&who.password)).await?;
        login.filter(|_| right).ok_or_else(|| Refusal::WrongCredentials.into())
    })
    .await?;
    let begun = idempotency::once_secret(
        deps,
        &who.call(key),
        |begun: &session::Begun| begun.session().to_string(),
        async |tx| {
            // Comparing takes a while, in which the password may have been changed and all sessions ended.
            user::lock(tx, known.user).await?;
            let login = identity::find_login(&**tx, &who.address).await?;
            let same = |login: &Login| login.user == known.user && login.password_hash == known.password_hash;
            let login = login.filter(same).ok_or(Refusal::WrongCredentials)?;
            session::begin(tx, login.user, login.role, &who.client, deps.clock.now()).await
        },
    )
    .await?;
    session::sign(deps, &begun).await
}

/// Sets a new password for whoever holds the code, and ends all sessions. Whatever was guessed before no longer keeps
/// the owner out.
pub async fn reset_password(
    deps: &Deps,
    address: &Address,
    code: &SecretString,
    new: &SecretString,
    from: IpAddr,
) -> Result<()> {
    let password = choose(new, address, "/password")?;
    let proof =
        guarded(deps, from, None, async || confirmation::check(deps, address, Purpose::ResetPassword, code).await)
            .await?;
    let hash = password::hash(password).await?;
    let now = deps.clock.now();
    let ended = deps
        .db
        .write(async |tx| -> Result<_> {
            confirmation::use_up(tx, proof, now).await?;
            let login = identity::find_login(&**tx, address).await?.ok_or(Refusal::WrongCode)?;
            set_password(tx, login.user, &hash, None, now).await
        })
        .await?;
    session::forget(deps, &ended).await;
    guesses::forget(deps, from, address.as_str()).await;
    Ok(())
}

/// The user is held first: a sign-in that still knows the old password waits, and then finds the new one.
async fn set_password(
    tx: &Tx,
    id: UserId,
    hash: &str,
    spared: Option<SessionId>,
    now: Timestamp,
) -> Result<Vec<SessionId>> {
    user::lock(tx, id).await?;
    identity::set_password(tx, id, hash).await?;
    session::end_all_in(tx, id, spared, now, SessionEnd::PasswordChanged).await
}

/// A user as the user sees it.
pub struct Profile {
    /// The user.
    pub user: User,
    /// How the user signs in.
    pub identities: Vec<Identity>,
}

/// What is known of a user.
pub async fn get_profile(deps: &Deps, id: UserId) -> Result<Profile> {
    let user = user::find(deps.db.reader(), id).await?.ok_or(Refusal::NotFound)?;
    Ok(Profile { user, identities: identity::list(deps.db.reader(), id).await? })
}

/// Gives a user another name.
pub async fn rename(deps: &Deps, id: UserId, name: &DisplayName) -> Result<Profile> {
    let renamed = deps.db.write(async |tx| -> Result<_> { Ok(user::rename(tx, id, name).await?) }).await?;
    if renamed { get_profile(deps, id).await } else { Err(Refusal::NotFound.into()) }
}

/// Sets another password for a signed-in user who knows the present one, and ends the user's other sessions.
pub async fn change_password(
    deps: &Deps,
    caller: &Caller,
    present: &SecretString,
    new: &SecretString,
    from: IpAddr,
) -> Result<()> {
    let identities = identity::list(deps.db.reader(), caller.user).await?;
    let first = identities.first().ok_or(Refusal::NotFound)?;
    let address = Address::parse(first.kind, &first.address).map_err(|error| Error::broken(error.to_string()))?;
    let password = choose(new, &address, "/new_password")?;
    let known = guarded(deps, from, Some(&caller.user.to_string()), async || {
        let right = password::verify(first.password_hash.clone(), Password::entered(present)).await?;
        if right { Ok(()) } else { Err(Refusal::WrongCredentials.into()) }
    })
    .await;
    if let Err(error) = known {
        // 401 would say that the access token is no longer good.
        return Err(match error.refusal() {
            Some(Refusal::WrongCredentials) => Error::invalid(vec![Violation::body(
                "/password",
                "wrong_password",
                "密码错误",
                "the password is wrong",
            )]),
            _ => error,
        });
    }
    let hash = password::hash(password).await?;
    let now = deps.clock.now();
    let ended = deps
        .db
        .write(async |tx| {
            user::lock(tx, caller.user).await?;
            // A reset meanwhile ended this session, and what it set is not to be overwritten from here.
            if !session_rows::lock(tx, caller.session, now).await? {
                return Err(Refusal::Unauthenticated.into());
            }
            set_password(tx, caller.user, &hash, Some(caller.session), now).await
        })
        .await?;
    session::forget(deps, &ended).await;
    Ok(())
}

/// Erases a user: ends sessions, devices and subscriptions, frees the addresses, blanks the names. A tombstone remains.
/// The last admin stays: somebody must be able to name the next.
pub async fn erase(deps: &Deps, id: UserId) -> Result<()> {
    let now = deps.clock.now();
    let ended = deps
        .db
        .write(async |tx| -> Result<_> {
            keep_an_admin(tx, id).await?;
            if !user::erase(tx, id, now).await? {
                return Err(Refusal::NotFound.into());
            }
            identity::erase_of_user(tx, id).await?;
            device::end_all_in(tx, id, now).await?;
            webhook::erase_in(tx, id).await?;
            let ended = session::end_all_in(tx, id, None, now, SessionEnd::UserErased).await?;
            session_rows::forget_clients(tx, id).await?;
            subscription::end_all_in(tx, id, now).await?;
            Ok(ended)
        })
        .await?;
    session::forget(deps, &ended).await;
    tracing::info!(user.id = %id, "a user was erased");
    Ok(())
}

/// Holds a password against the rules; `pointer` is where it stands in the body.
pub fn choose(text: &SecretString, address: &Address, pointer: &str) -> Result<Password> {
    Password::choose(text, address).map_err(|error| {
        let (rule, zh) = match error {
            PasswordError::Length => {
                let (min, max) = (Password::MIN_CHARS, Password::MAX_CHARS);
                ("length", format!("密码应为 {min} 至 {max} 个字符"))
            }
            PasswordError::IsAddress => ("is_address", "密码不能与账号相同".to_owned()),
        };
        Error::invalid(vec![Violation::body(pointer, rule, zh, error.to_string())])
    })
}

/// Refuses when this user is the last admin. The admins are held until the commit, so that two of them who go at the
/// same instant go one after the other.
pub(super) async fn keep_an_admin(tx: &Tx, id: UserId) -> Result<()> {
    let admins = user::lock_admins(tx).await?;
    if admins == [id] { Err(Refusal::LastAdmin.into()) } else { Ok(()) }
}

/// The repeatable call of somebody without a session, remembered under a name that names nobody. What is said of its
/// content leaves password and code out: their digest would lie beside the remembered answer for whoever reads the
/// database to try guesses on.
fn stranger(address: &Address, key: Option<Key>, said: &[&str]) -> Call {
    let digest = Sha256::digest(format!("{}:{}", address.kind(), address.as_str()));
    let caller = format!("address:{}", URL_SAFE_NO_PAD.encode(digest));
    Call { caller, key, digest: Sha256::digest(said.join("\0")).into() }
}
