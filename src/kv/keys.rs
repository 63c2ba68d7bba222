//! Every key that is kept in Redis, beside those of the queue.
//!
//! | key | type | holds | lives |
//! |---|---|---|---|
//! | `<prefix>:{limit:<rule>:<whom>}` | string | how often within the window | the rule's window |
//! | `<prefix>:{allowance:<channel>}` | hash | what a channel has left: `level`, `filled_at`, `day`, `used` | two days |
//! | `<prefix>:hints:<database>` | channel | whose inboxes have changed | it keeps nothing |
//!
//! What stands in braces is the hash tag: on a cluster each key has a slot of its own, and each script touches one.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::domain::channel::Channel;

/// How many bytes of a hash stand in a key: enough that two people never share one.
const HASH_BYTES: usize = 16;

/// The channel on which copies tell each other whose inboxes have changed, without the prefix.
pub fn hints(database: i64) -> String {
    format!("hints:{database}")
}

/// What a channel may send, without the prefix.
pub fn allowance(channel: Channel) -> String {
    format!("{{allowance:{channel}}}")
}

/// The counter of a rate limit, without the prefix. `whom` may be a person's address, so only its hash is kept.
pub fn limit(rule: &str, whom: &str) -> String {
    let mut key = format!("{{limit:{rule}:");
    for byte in Sha256::digest(whom).iter().take(HASH_BYTES) {
        // Writing to a String cannot fail.
        if write!(key, "{byte:02x}").is_err() {
            break;
        }
    }
    key.push('}');
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_rules_and_people_apart_and_names_nobody() {
        let key = limit("code", "+8613800138000");
        assert!(key.starts_with("{limit:code:") && key.ends_with('}'));
        assert!(!key.contains("138001"));
        assert_ne!(key, limit("sign_in", "+8613800138000"));
        assert_ne!(key, limit("code", "+8613800138001"));
    }
}
