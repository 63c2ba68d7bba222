//! Codes that prove whose an address is.
//!
//! Promise: asking for a code is answered alike, and as fast, whether the address is known or not, because everything
//! that depends on it happens after the answer. A code is good for ten minutes, five tries and one use, and only the
//! newest of an address counts. Not promised: that a code survives the process that was about to send it; people ask
//! again.

use std::net::IpAddr;
use std::sync::Arc;

use rand::Rng as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::domain::id::ConfirmationId;
use crate::domain::identity::{Address, CODE_DIGITS, CODE_LIFETIME, Purpose};
use crate::domain::time::Timestamp;
use crate::providers::code_sender::{CodeSender, Letter};
use crate::services::Deps;
use crate::services::limits;
use crate::services::refusal::{Error, Refusal, Result};
use crate::storage::Tx;
use crate::storage::identity::{self, NewConfirmation};
use crate::telemetry::metric;

/// Sends a code, or to whom a code is of no use a word about it, after the answer.
pub async fn request(deps: &Deps, address: Address, purpose: Purpose, from: IpAddr) -> Result<()> {
    let sender = deps.codes.get(address.kind()).ok_or(Refusal::RegistrationOff)?;
    limits::take(deps, limits::CODES_FROM_LINE, &limits::line(from)).await?;
    limits::take(deps, limits::CODES_TO_PERSON, address.as_str()).await?;
    let deps = deps.clone();
    tokio::spawn(async move {
        if let Err(error) = send(&deps, sender, &address, purpose).await {
            metrics::counter!(metric::CODES_FAILED, "kind" => address.kind().as_str()).increment(1);
            tracing::error!(%error, kind = %address.kind(), "a code was not sent");
        }
    });
    Ok(())
}

async fn send(deps: &Deps, sender: Arc<dyn CodeSender>, address: &Address, purpose: Purpose) -> Result<()> {
    let known = identity::find_login(deps.db.reader(), address).await?.is_some();
    let letter = match (purpose, known) {
        (Purpose::Register, true) => Letter::HasAccount,
        (Purpose::ResetPassword, false) => return Ok(()),
        _ => Letter::Code { purpose, code: make(deps, address, purpose).await? },
    };
    sender.send(address, &letter).await.map_err(|error| Error::broken(error.to_string()))
}

async fn make(deps: &Deps, address: &Address, purpose: Purpose) -> Result<SecretString> {
    let number = rand::rng().random_range(0..10_u32.pow(u32::try_from(CODE_DIGITS).unwrap_or(0)));
    let code = SecretString::from(format!("{number:0CODE_DIGITS$}"));
    let (id, now) = (ConfirmationId::new(), deps.clock.now());
    let code_hash = hash(id, &code);
    deps.db
        .write(async |tx| -> Result<()> {
            let new = NewConfirmation { id, address, purpose, code_hash, now, expires_at: now + CODE_LIFETIME };
            Ok(identity::insert_confirmation(tx, new).await?)
        })
        .await?;
    Ok(code)
}

/// A code that was the right one; whoever acts on it uses it up in the same transaction.
#[derive(Debug, Clone, Copy)]
pub struct Proof(ConfirmationId);

/// Tries a code.
pub async fn check(deps: &Deps, address: &Address, purpose: Purpose, code: &SecretString) -> Result<Proof> {
    let now = deps.clock.now();
    // The try is counted whatever comes of it, so it commits before anything is compared.
    let tried = deps
        .db
        .write(async |tx| -> Result<_> { Ok(identity::try_confirmation(tx, address, purpose, now).await?) })
        .await?;
    match tried {
        Some(tried) if hash(tried.id, code) == tried.code_hash => Ok(Proof(tried.id)),
        _ => Err(Refusal::WrongCode.into()),
    }
}

/// Uses a code up in the transaction at hand.
pub async fn use_up(tx: &Tx, proof: Proof, now: Timestamp) -> Result<()> {
    if identity::use_confirmation(tx, proof.0, now).await? { Ok(()) } else { Err(Refusal::WrongCode.into()) }
}

/// Forgets the codes that are valid no more; says how many.
pub async fn prune(deps: &Deps, now: Timestamp) -> Result<u64> {
    deps.db.write(async |tx| Ok(identity::prune_confirmations(&**tx, now).await?)).await
}

/// With the id in it the same code has another hash each time. Six digits are soon tried by whoever reads the
/// database; that person could as well write to it.
fn hash(id: ConfirmationId, code: &SecretString) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(id.as_uuid().as_bytes());
    hash.update(code.expose_secret().as_bytes());
    hash.finalize().to_vec()
}
