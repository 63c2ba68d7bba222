//! Passwords: hashed with argon2id (19 MiB, two passes, one lane), slowly on purpose.
//!
//! Promise: a comparison takes as long for an address that nobody has as for one with a password, and at most
//! [`AT_ONCE`] run at a time, apart from the threads that answer requests.

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

use crate::domain::identity::Password;
use crate::services::refusal::{Error, Result};

/// How many passwords are hashed or compared at a time: each holds a core for some 20 ms and 19 MiB.
pub const AT_ONCE: usize = 2;

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

/// What an unknown address is compared with: the same parameters, and no password that anybody knows.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ibw$Zm9yIGFuIGFkZHJlc3MgdGhhdCBub2JvZHkgaGFzLi4";

/// The PHC string for a password.
pub async fn hash(password: Password) -> Result<String> {
    run(move || {
        let hash = Argon2::default().hash_password(password.expose().as_bytes());
        hash.map(|hash| hash.to_string()).map_err(|error| Error::broken(error.to_string()))
    })
    .await?
}

/// Whether a password is the one that was hashed; without a hash it is not, after the same time.
pub async fn verify(hash: Option<String>, password: Password) -> Result<bool> {
    run(move || {
        let text = hash.as_deref().unwrap_or(NOBODY);
        let same = Argon2::default().verify_password(password.expose().as_bytes(), text).is_ok();
        same && hash.is_some()
    })
    .await
}

async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let turn = TURNS.acquire().await.map_err(|error| Error::broken(error.to_string()))?;
    let done = tokio::task::spawn_blocking(move || {
        // Held by the work and not by the waiting, which its caller may give up.
        let _turn = turn;
        work()
    });
    done.await.map_err(|error| Error::broken(error.to_string()))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[tokio::test]
    async fn a_password_is_recognised_and_nobody_has_one() {
        let password = |text: &str| Password::entered(&SecretString::from(text));
        let hash = hash(password("correct horse")).await.expect("a hash");
        assert!(verify(Some(hash.clone()), password("correct horse")).await.expect("an answer"));
        assert!(!verify(Some(hash), password("correct mouse")).await.expect("an answer"));
        assert!(!verify(None, password("")).await.expect("an answer"));
    }

    #[test]
    fn nobody_is_compared_at_the_same_price() {
        let nobody = argon2::PasswordHash::new(NOBODY).expect("a PHC string");
        let real = Argon2::default().hash_password(b"x").expect("a hash");
        assert_eq!((nobody.algorithm, nobody.version, &nobody.params), (real.algorithm, real.version, &real.params));
    }
}
