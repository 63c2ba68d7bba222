//! Webhooks: registered, changed, paused, given new secrets, ended.
//!
//! Promise: a webhook is an endpoint like a device's, and the engine carries notices to it by the same rules; it belongs to
//! its user and to no session. A secret that is made here is shown once. While a new secret is being taken over, the one
//! before it signs too ([`OVERLAP`]). One that fails for long is switched off, and its user sees why ([`watch`]). Not
//! promised: that an address is its user's own; nobody else can take it away, and nobody is asked for it.

mod form;
mod log;
mod watch;

use std::time::Duration;

use rand::RngCore as _;
use serde::{Deserialize, Serialize};

use crate::domain::id::{UserId, WebhookId};
use crate::domain::page::{Cursor, Page};
use crate::domain::time::Timestamp;
use crate::domain::webhook::{PauseReason, Preset, Reach, SECRET_BYTES, Secret, Target, WebhookState};
use crate::services::Deps;
use crate::services::idempotency::{self, Call};
use crate::services::refusal::{Error, Refusal, Result};
use crate::storage::webhook::Webhook;
use crate::storage::{Tx, user, webhook};

pub use crate::services::fanout::Tried;
pub use form::{check, check_change};
pub use log::{deliveries, resend, test};
pub use watch::switch_off_failing;

/// How long the secret before the present one signs too.
pub const OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);
/// The list of a user's webhooks, in cursors.
const LIST: &str = "webhooks";

/// How webhooks are treated.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where they may lead.
    pub reach: Reach,
    /// How long one may fail before it is switched off.
    pub give_up: Duration,
}

/// What a user registers.
#[derive(Debug, Clone)]
pub struct Registration {
    /// What is spoken there.
    pub preset: Preset,
    /// Where it is.
    pub url: String,
    /// What the user calls it.
    pub label: String,
    /// What its bot signs with; for bots that do.
    pub secret: Option<String>,
}

/// What a user changes; what is not there stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Where it is.
    pub url: Option<String>,
    /// What the user calls it.
    pub label: Option<String>,
    /// What its bot signs with from now on.
    pub secret: Option<String>,
}

/// A webhook as it may be shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shown {
    /// Its id.
    pub id: WebhookId,
    /// What is spoken there.
    pub preset: Preset,
    /// What the user calls it.
    pub label: String,
    /// Its host, and the end of its address.
    pub url_hint: String,
    /// The end of its secret.
    pub secret_hint: Option<String>,
    /// Until when the secret before it signs too.
    pub previous_secret_until: Option<Timestamp>,
    /// How it stands.
    pub state: WebhookState,
    /// Since when.
    pub state_since: Timestamp,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// A webhook, and the secret that was just made for it.
#[derive(Debug, Clone)]
pub struct New {
    /// The webhook.
    pub webhook: Shown,
    /// Shown this once; nothing where its user brought it, or nothing is signed.
    pub secret: Option<Secret>,
}

fn shown(row: Webhook, now: Timestamp) -> Shown {
    let target = Target::read(&row.address.0);
    let (state, since) = match (row.ended_at, row.paused_at, row.paused_reason) {
        (Some(at), ..) => (WebhookState::Ended, at),
        (None, Some(at), Some(PauseReason::Failing)) => (WebhookState::Off, at),
        (None, Some(at), _) => (WebhookState::Paused, at),
        (None, None, _) => (WebhookState::Active, row.created_at),
    };
    let previous = target.as_ref().and_then(|target| target.previous.as_ref()).map(|previous| previous.until);
    Shown {
        id: row.id,
        preset: target.as_ref().map_or(Preset::Standard, |target| target.preset),
        label: row.label,
        url_hint: target.as_ref().map(Target::shown).unwrap_or_default(),
        secret_hint: target.as_ref().and_then(|target| target.secret.as_ref()).map(Secret::hint),
        previous_secret_until: previous.filter(|until| now < *until),
        state,
        state_since: since,
        created_at: row.created_at,
    }
}

/// Registers a webhook. Its answer may show a secret, so it is not remembered.
pub async fn register(deps: &Deps, user: UserId, call: &Call, asked: &Registration) -> Result<New> {
    check(deps, asked)?;
    let url = deps.webhooks.reach.check(&asked.url).map_err(|_| Refusal::Invalid)?;
    let made = (asked.preset == Preset::Standard).then(new_secret);
    let secret = made.clone().or_else(|| asked.secret.as_deref().map(Secret::given));
    let target = Target { preset: asked.preset, url: url.into(), secret, previous: None };
    let limit = i64::from(deps.holdings.webhooks);
    idempotency::once_secret(
        deps,
        call,
        |new: &New| new.webhook.id.to_string(),
        async |tx| {
            hold(tx, user).await?;
            if webhook::count(&**tx, user).await? >= limit {
                return Err(Error::refused(Refusal::WebhookLimitReached, limit.to_string()));
            }
            let (id, now) = (WebhookId::new(), deps.clock.now());
            webhook::insert(tx, id, user, asked.label.trim(), &address(&target)?, now).await?;
            Ok(New { webhook: shown(get_in(tx, user, id).await?, now), secret: made.clone() })
        },
    )
    .await
}

/// Changes a webhook. Where it leads elsewhere, so does what is due.
pub async fn change(deps: &Deps, user: UserId, id: WebhookId, change: &Change) -> Result<Shown> {
    check_change(deps, change)?;
    deps.db
        .write(async |tx| {
            hold(tx, user).await?;
            let mut target = living_in(tx, user, id).await?;
            let now = deps.clock.now();
            if let Some(url) = &change.url {
                target.url = deps.webhooks.reach.check(url).map_err(|_| Refusal::Invalid)?.into();
            }
            if let Some(secret) = &change.secret {
                Error::unless_empty(form::secret_of_preset(target.preset, true).into_iter().collect())?;
                target.secret = Some(Secret::given(secret));
            }
            if let Some(label) = &change.label {
                webhook::rename(tx, id, label.trim()).await?;
            }
            webhook::set_address(tx, id, &address(&target)?, change.secret.as_ref().map(|_| now)).await?;
            Ok(shown(get_in(tx, user, id).await?, now))
        })
        .await
}

/// Makes a new secret; the one before it signs for [`OVERLAP`] yet, and an older one no more.
pub async fn rotate(deps: &Deps, user: UserId, id: WebhookId, call: &Call) -> Result<New> {
    let made = new_secret();
    idempotency::once_secret(
        deps,
        call,
        |new: &New| new.webhook.id.to_string(),
        async |tx| {
            hold(tx, user).await?;
            let mut target = living_in(tx, user, id).await?;
            if target.preset != Preset::Standard {
                return Err(Refusal::WebhookSecretNotOurs.into());
            }
            let now = deps.clock.now();
            target.rotate(made.clone(), now + OVERLAP);
            webhook::set_address(tx, id, &address(&target)?, Some(now)).await?;
            Ok(New { webhook: shown(get_in(tx, user, id).await?, now), secret: Some(made.clone()) })
        },
    )
    .await
}

/// Pauses a webhook: nothing is sent there until it is resumed, and what is due meanwhile is skipped.
pub async fn pause(deps: &Deps, user: UserId, id: WebhookId) -> Result<Shown> {
    set_paused(deps, user, id, true).await
}

/// Sends there again, whoever paused it.
pub async fn resume(deps: &Deps, user: UserId, id: WebhookId) -> Result<Shown> {
    set_paused(deps, user, id, false).await
}

async fn set_paused(deps: &Deps, user: UserId, id: WebhookId, paused: bool) -> Result<Shown> {
    deps.db
        .write(async |tx| {
            hold(tx, user).await?;
            living_in(tx, user, id).await?;
            let now = deps.clock.now();
            if paused {
                webhook::pause(tx, id, now, PauseReason::User).await?;
            } else {
                webhook::resume(tx, id, now).await?;
            }
            Ok(shown(get_in(tx, user, id).await?, now))
        })
        .await
}

/// Ends a webhook and forgets its address.
pub async fn end(deps: &Deps, user: UserId, id: WebhookId) -> Result<()> {
    deps.db
        .write(async |tx| {
            hold(tx, user).await?;
            get_in(tx, user, id).await?;
            Ok(webhook::end(tx, id, deps.clock.now()).await?)
        })
        .await
}

/// A webhook of a user.
pub async fn get(deps: &Deps, user: UserId, id: WebhookId) -> Result<Shown> {
    let found = webhook::find(deps.db.reader(), user, id).await?;
    found.map(|row| shown(row, deps.clock.now())).ok_or_else(|| Refusal::NotFound.into())
}

/// A user's webhooks, the newest first.
pub async fn list(deps: &Deps, user: UserId, after: Option<&Cursor>, limit: u16) -> Result<Page<Shown>> {
    let before = match after {
        Some(cursor) => {
            Some(cursor.parts::<1>(LIST).ok().and_then(|[id]| id.parse().ok()).ok_or_else(Error::not_a_cursor)?)
        }
        None => None,
    };
    let found = webhook::list(deps.db.reader(), user, before, i64::from(limit) + 1).await?;
    let now = deps.clock.now();
    Ok(Page::cut(found, limit, |row| Cursor::new(LIST, [row.id])).map(|row| shown(row, now)))
}

/// Forgets what a user's webhooks were called, in the transaction that closes the account and ends all its endpoints.
pub async fn erase_in(tx: &Tx, user: UserId) -> Result<()> {
    Ok(webhook::erase_of_user(tx, user).await?)
}

fn new_secret() -> Secret {
    let mut bytes = [0; SECRET_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    Secret::of(&bytes)
}

fn address(target: &Target) -> Result<crate::domain::message::Address> {
    target.address().map_err(|error| Error::broken(error.to_string()))
}

async fn hold(tx: &Tx, user: UserId) -> Result<()> {
    if user::lock(tx, user).await? { Ok(()) } else { Err(Refusal::Unauthenticated.into()) }
}

async fn get_in(tx: &Tx, user: UserId, id: WebhookId) -> Result<Webhook> {
    webhook::find(&**tx, user, id).await?.ok_or_else(|| Refusal::NotFound.into())
}

/// What a webhook's endpoint holds, unless its receiver said that it is no more.
async fn living_in(tx: &Tx, user: UserId, id: WebhookId) -> Result<Target> {
    let found = get_in(tx, user, id).await?;
    if found.ended_at.is_some() {
        return Err(Refusal::WebhookEnded.into());
    }
    Target::read(&found.address.0).ok_or_else(|| Error::broken(format!("the address of {id} cannot be read")))
}
