//! How a token wants to be treated: failures on demand, by the token's prefix.
//!
//! | prefix | what happens |
//! | --- | --- |
//! | `gone-` | `token_gone` |
//! | `moved-X` | `token_moved`, to `X` |
//! | `throttled-` | `throttled`, on the first try of each idempotency key |
//! | `quota-` | `quota_exhausted`, for an hour |
//! | `refused-` | `payload_refused` |
//! | `inactive-` | `inactive`: taken, and never shown |
//! | `slow-` | the whole call is answered after 2 s |
//! | `flaky-` | the whole call is answered 500 and nothing is taken, on the first try of each idempotency key |
//! | `cut-` | the whole call is taken and the connection cut instead of an answer, once for each idempotency key |
//!
//! Any other token of 1 to 4,096 bytes is a phone that shows what it gets; nobody has one that is longer.

use crate::domain::words::words;

words! {
    /// What the sandbox answered for one recipient, or for the call that it was in.
    Code {
        /// Taken.
        Ok = "ok",
        /// Taken, and not shown.
        Inactive = "inactive",
        /// Nobody has this token.
        TokenGone = "token_gone",
        /// The token is another one now.
        TokenMoved = "token_moved",
        /// This token, not now.
        Throttled = "throttled",
        /// This token has had its share.
        QuotaExhausted = "quota_exhausted",
        /// Not with this content.
        PayloadRefused = "payload_refused",
        /// The call failed: 500.
        ServerError = "server_error",
        /// The call failed: 429.
        ChannelThrottled = "channel_throttled",
        /// The call failed: 502, with a page of HTML.
        BadGateway = "bad_gateway",
    }
}

impl Code {
    /// Whether the message is the sandbox's to deliver from now on.
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Ok | Self::Inactive)
    }
}

/// What a token's prefix asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Plain,
    Gone,
    Moved,
    Throttled,
    Quota,
    Refused,
    Inactive,
    Slow,
    Flaky,
    Cut,
}

impl Wish {
    pub(super) fn of(token: &str) -> Self {
        match token.split_once('-').map(|(prefix, _)| prefix) {
            Some("gone") => Self::Gone,
            Some("moved") => Self::Moved,
            Some("throttled") => Self::Throttled,
            Some("quota") => Self::Quota,
            Some("refused") => Self::Refused,
            Some("inactive") => Self::Inactive,
            Some("slow") => Self::Slow,
            Some("flaky") => Self::Flaky,
            Some("cut") => Self::Cut,
            _ => Self::Plain,
        }
    }
}
