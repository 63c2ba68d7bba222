//! Accounts and their tokens.

use crate::config::env::Env;

/// What accounts are told.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// Who issues access tokens (`iss`): all copies of one installation, and no other, say the same.
    pub issuer: String,
}

/// Reads the variables of accounts.
pub fn read(env: &mut Env) -> Accounts {
    Accounts { issuer: env.parsed("YIZHAN_TOKEN_ISSUER", "yizhan") }
}
