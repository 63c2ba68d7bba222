//! Calls that may be repeated: the answer is kept in the transaction of the work.
//!
//! Promise: for 24 hours the same caller, route, key and body get the first answer again and the work is done once,
//! also when many copies come at the same instant, because the key is claimed by a unique row before the work begins.
//! With another body the call is refused. An answer that shows a secret is not kept; its repeat is refused with the id.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::refusal::{Error, Refusal, Result};
use crate::storage::{DbError, Tx, idempotency};

/// How long an answer is remembered.
pub const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// The caller's name for a call, on one route.
#[derive(Debug, Clone)]
pub struct Key {
    text: String,
    route: String,
}

impl Key {
    /// A key on a route.
    pub fn new(text: impl Into<String>, route: impl Into<String>) -> Self {
        Self { text: text.into(), route: route.into() }
    }
}

/// One call: who, under which key, with which body.
#[derive(Debug)]
pub struct Call {
    /// Who calls; keys of one caller are no keys of another.
    pub caller: String,
    /// The key, when the caller gave one.
    pub key: Option<Key>,
    /// SHA-256 of the body.
    pub digest: [u8; 32],
}

/// How often a claim is tried again after another call with the same key took it and let it go.
const TRIES: u32 = 3;

/// Does `work` once for this call and answers the same for its repeats.
pub async fn once<T, W>(deps: &Deps, call: &Call, work: W) -> Result<T>
where
    T: Serialize + DeserializeOwned,
    W: AsyncFn(&Tx) -> Result<T>,
{
    run(
        deps,
        call,
        &work,
        |answer| serde_json::to_string(answer).ok(),
        |kept| {
            serde_json::from_str(kept).map_err(|error| Error::broken(format!("a kept answer cannot be read: {error}")))
        },
    )
    .await
}

/// Does `work` once; its answer shows a secret, so the repeat is refused with the id that `id` finds in it.
pub async fn once_secret<T, W>(deps: &Deps, call: &Call, id: impl Fn(&T) -> String, work: W) -> Result<T>
where
    W: AsyncFn(&Tx) -> Result<T>,
{
    run(deps, call, &work, |answer| Some(id(answer)), |kept| Err(Error::refused(Refusal::SecretShownOnce, kept))).await
}

async fn run<T>(
    deps: &Deps,
    call: &Call,
    work: &impl AsyncFn(&Tx) -> Result<T>,
    keep: impl Fn(&T) -> Option<String>,
    again: impl Fn(&str) -> Result<T>,
) -> Result<T> {
    let Some(key) = &call.key else { return deps.db.write(async |tx| work(tx).await).await };
    for _ in 0..TRIES {
        if let Some(kept) = idempotency::find(deps.db.reader(), &call.caller, &key.route, &key.text).await? {
            let expired = kept.created_at + REMEMBERED <= deps.clock.now();
            if !expired {
                return match kept.body_hash == call.digest {
                    true => again(&kept.response),
                    false => Err(Refusal::IdempotencyKeyReused.into()),
                };
            }
        }
        match claim(deps, call, key, work, &keep).await {
            Err(Error::Fault(crate::services::refusal::Fault::Db(DbError::Conflict(constraint))))
                if constraint.contains("idempotency_key") => {}
            other => return other,
        }
    }
    Err(Refusal::IdempotencyKeyInUse.into())
}

async fn claim<T>(
    deps: &Deps,
    call: &Call,
    key: &Key,
    work: &impl AsyncFn(&Tx) -> Result<T>,
    keep: &impl Fn(&T) -> Option<String>,
) -> Result<T> {
    let now: Timestamp = deps.clock.now();
    deps.db
        .write(async |tx| {
            idempotency::forget(&**tx, &call.caller, &key.route, &key.text, now - REMEMBERED).await?;
            idempotency::claim(&**tx, &call.caller, &key.route, &key.text, &call.digest, now).await?;
            let answer = work(tx).await?;
            let kept = keep(&answer).ok_or_else(|| Error::broken("an answer cannot be kept"))?;
            idempotency::keep(&**tx, &call.caller, &key.route, &key.text, &kept).await?;
            Ok(answer)
        })
        .await
}
