//! The keys that sign access tokens, as this copy knows them.
//!
//! Promise: all copies share the keys in the database; the first one to start makes the first key, however many start
//! at once. A token signed by one copy is accepted by every other, before and after a rotation, because a copy that
//! meets an unknown key id reads the keys again (at most once a [`MIN_PAUSE`]). A copy goes on signing with a retired
//! key for at most [`FRESH`]; a retired key verifies until nothing it signed is alive, and then is pruned.
//! Not promised: that a key removed from the database by hand stops at once; that takes [`FRESH`].

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest as _, Sha256};

use crate::domain::session::ACCESS_LIFETIME;
use crate::domain::time::Timestamp;
use crate::services::refusal::{CanFail as _, Error, Result};
use crate::storage::signing_key::{self, SigningKey};
use crate::storage::{Db, Tx};

/// How old this copy's knowledge of the keys may be.
pub const FRESH: Duration = Duration::from_secs(30);
/// How often, at most, unknown key ids make this copy ask the database.
pub const MIN_PAUSE: Duration = Duration::from_secs(1);

/// A public key, for whoever verifies tokens without asking us.
#[derive(Debug, Clone)]
pub struct PublicKey {
    /// The key's name in tokens.
    pub kid: String,
    /// The key, in the form of RFC 8037.
    pub x: String,
}

/// The keys as they were at one instant.
struct Known {
    kid: String,
    signing: EncodingKey,
    verifying: HashMap<String, DecodingKey>,
    public: Vec<PublicKey>,
    read_at: Instant,
}

/// The keys as this copy knows them.
pub struct KeyRing {
    known: RwLock<Arc<Known>>,
    /// Held while the database is asked; says when it was asked last.
    asking: tokio::sync::Mutex<Option<Instant>>,
}

impl KeyRing {
    /// Reads the keys; makes the first one when there is none.
    pub async fn open(db: &Db, now: Timestamp) -> Result<Self> {
        let known = match read(db).await? {
            Some(known) => known,
            None => {
                db.write(async |tx| -> Result<()> {
                    signing_key::lock(tx).await?;
                    if signing_key::list(&**tx).await?.is_empty() {
                        add(tx, now).await?;
                    }
                    Ok(())
                })
                .await?;
                read(db).await?.ok_or_else(|| Error::broken("there is no signing key"))?
            }
        };
        Ok(Self { known: RwLock::new(Arc::new(known)), asking: tokio::sync::Mutex::new(None) })
    }

    /// The key that signs now, and its name.
    pub async fn signing(&self, db: &Db) -> Result<(String, EncodingKey)> {
        let mut known = self.known()?;
        if known.read_at.elapsed() > FRESH {
            known = self.ask(db).await?;
        }
        Ok((known.kid.clone(), known.signing.clone()))
    }

    /// The key of this name, when there is one.
    pub async fn verifying(&self, db: &Db, kid: &str) -> Result<Option<DecodingKey>> {
        let known = self.known()?;
        let fresh = known.read_at.elapsed() <= FRESH;
        if let (true, Some(key)) = (fresh, known.verifying.get(kid)) {
            return Ok(Some(key.clone()));
        }
        // What is known to have been good stays good while the database cannot be asked.
        let asked = self.ask(db).await.can_fail("the keys known so far still verify");
        Ok(asked.unwrap_or(known).verifying.get(kid).cloned())
    }

    /// Every key that verifies.
    pub async fn public(&self, db: &Db) -> Result<Vec<PublicKey>> {
        let known = self.known()?;
        if known.read_at.elapsed() <= FRESH {
            return Ok(known.public.clone());
        }
        Ok(self.ask(db).await?.public.clone())
    }

    fn known(&self) -> Result<Arc<Known>> {
        self.known.read().map(|known| Arc::clone(&known)).map_err(|_| Error::broken("the key ring's lock is poisoned"))
    }

    /// Reads the keys again. Whoever comes within [`MIN_PAUSE`] of the last reading waits for the next one, together
    /// with everybody else who does: a new key is never missed, and made-up ones do not hammer the database.
    async fn ask(&self, db: &Db) -> Result<Arc<Known>> {
        let came_at = Instant::now();
        let mut asked_at = self.asking.lock().await;
        if let Some(last) = *asked_at {
            if last >= came_at {
                return self.known();
            }
            tokio::time::sleep(MIN_PAUSE.saturating_sub(last.elapsed())).await;
        }
        *asked_at = Some(Instant::now());
        let known = Arc::new(read(db).await?.ok_or_else(|| Error::broken("there is no signing key"))?);
        *self.known.write().map_err(|_| Error::broken("the key ring's lock is poisoned"))? = Arc::clone(&known);
        Ok(known)
    }
}

/// Makes a new key that signs from now on; the others only verify. Returns its name.
pub async fn rotate(db: &Db, now: Timestamp) -> Result<String> {
    db.write(async |tx| {
        signing_key::lock(tx).await?;
        let kid = add(tx, now).await?;
        signing_key::retire_others(tx, &kid, now).await?;
        Ok(kid)
    })
    .await
}

/// Removes the retired keys of which no token can be alive.
pub async fn prune(db: &Db, now: Timestamp) -> Result<u64> {
    // A copy may have signed for FRESH after the retirement; twice that leaves room for clocks that differ.
    let before = now - (ACCESS_LIFETIME + FRESH * 2);
    db.write(async |tx| Ok(signing_key::prune(&**tx, before).await?)).await
}

async fn read(db: &Db) -> Result<Option<Known>> {
    let keys = signing_key::list(db.reader()).await?;
    let Some(newest) = keys.iter().find(|key| key.retired_at.is_none()) else { return Ok(None) };
    let mut verifying = HashMap::new();
    let mut public = Vec::new();
    for key in &keys {
        let x = URL_SAFE_NO_PAD.encode(&key.public_key);
        let decoding = DecodingKey::from_ed_components(&x).map_err(|error| Error::broken(error.to_string()))?;
        verifying.insert(key.kid.clone(), decoding);
        public.push(PublicKey { kid: key.kid.clone(), x });
    }
    Ok(Some(Known {
        kid: newest.kid.clone(),
        signing: EncodingKey::from_ed_der(&newest.private_key),
        verifying,
        public,
        read_at: Instant::now(),
    }))
}

async fn add(tx: &Tx, now: Timestamp) -> Result<String> {
    let broken = |_| Error::broken("a signing key could not be made");
    let pair = Ed25519KeyPair::generate().map_err(broken)?;
    let public_key = pair.public_key().as_ref().to_vec();
    // RFC 7638: the hash of the required members in lexical order.
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(&public_key));
    let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(jwk));
    let private_key = pair.to_pkcs8().map_err(broken)?.as_ref().to_vec();
    let key = SigningKey { kid: kid.clone(), private_key, public_key, created_at: now, retired_at: None };
    signing_key::insert(tx, &key).await?;
    Ok(kid)
}
