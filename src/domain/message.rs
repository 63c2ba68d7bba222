//! What is handed to a provider, and what comes back.
//!
//! A message is equal for all its recipients: what names the user stays in the app. An outcome says what became of
//! one recipient; a call failure says that the call failed as a whole (push-providers.md §16).
//!
//! Promise: providers classify and the house decides. Nothing here knows how often to try again, or what a state of a
//! delivery is. Not promised: that `Accepted` is the last word; a receipt may come later.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::domain::id::{DeliveryId, EndpointId, NoticeId, UserId};
use crate::domain::notice::Project;
use crate::domain::time::Timestamp;
use crate::domain::words::words;

/// The longest address of any channel, in bytes: a web push subscription with its keys.
const ADDRESS_MAX_BYTES: usize = 4096;
/// How much of a provider's own words is kept, in characters.
const TEXT_MAX_CHARS: usize = 300;

words! {
    /// Why a message is sent.
    MessageKind {
        /// A notice, for the first time.
        Notice = "notice",
        /// A corrected edition of a notice.
        Revision = "revision",
        /// A notice that amends an earlier one.
        Amendment = "amendment",
        /// The word that a notice is withdrawn.
        Withdrawal = "withdrawal",
    }
}

/// One rendered message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The notice that it is about.
    pub notice: NoticeId,
    /// The edition of the notice.
    pub revision: i32,
    /// Why it is sent.
    pub kind: MessageKind,
    /// The headline, in full: each provider cuts it to its own limit.
    pub title: String,
    /// A short summary.
    pub body: String,
    /// BCP 47, as in `zh-CN`.
    pub language: String,
    /// A message with the same key takes this one's place on the screen: the notice's id, or the amended notice's.
    pub replace_key: String,
    /// Messages with the same thread stand together on the screen: the project.
    pub thread: Option<String>,
    /// Whether it may break through where the provider knows such a thing.
    pub urgent: bool,
    /// From then on it is not to be shown; providers are told what life remains.
    pub expires_at: Timestamp,
    /// The path that opens when it is tapped, below the app's own address.
    pub url: String,
    /// The facts of the notice, for receivers that are no screens.
    pub about: About,
}

/// What a notice is about, in the words of its publisher.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// When this edition was published.
    pub at: Timestamp,
    /// The notice's own title, whole and without a mark of what happened to it.
    pub title: String,
    /// The code of its category.
    pub category: String,
    /// The code of its region.
    pub region: String,
    /// The code of its notice type.
    pub notice_type: String,
    /// Its project.
    pub project: Option<Project>,
    /// Who buys or sells.
    pub purchaser: Option<String>,
    /// The notice that it amends.
    pub amends: Option<NoticeId>,
    /// Until when bids are taken.
    pub bid_deadline: Option<Timestamp>,
    /// Where its source shows it.
    pub source_url: Option<String>,
}

/// Where a message goes.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// The endpoint, for the record.
    pub endpoint: EndpointId,
    /// Whose it is: for telling one user's endpoints from several users', never for the wire.
    pub user: UserId,
    /// What the provider knows it by.
    pub address: Address,
    /// The idempotency key that the provider is given.
    pub delivery: DeliveryId,
}

/// What a provider knows an endpoint by: a push token, an openid, a URL. It is a secret: whoever has it can send.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address(Arc<str>);

/// The text cannot be an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address has 1 to {ADDRESS_MAX_BYTES} bytes and no control characters")]
pub struct AddressError;

impl Address {
    /// An address of 1 to 4,096 bytes without control characters.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() || text.len() > ADDRESS_MAX_BYTES || text.chars().any(char::is_control) {
            return Err(AddressError);
        }
        Ok(Self(text.into()))
    }

    /// What the address is found by: its SHA-256, because an address can be longer than an index can hold.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The address in clear, for the provider and the database. Never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// What became of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider has taken it.
    Accepted {
        /// The provider's own id of the message, where it gives one.
        provider_ref: Option<String>,
    },
    /// The provider has taken the call and will show nothing: a duplicate, a folded message, an inactive device.
    Ignored {
        /// Why, in the provider's words.
        reason: String,
    },
    /// Nobody has this address any more.
    TokenGone {
        /// Whether the provider is sure. When it is not, the address is suspect and kept.
        certain: bool,
    },
    /// The endpoint has another address now.
    TokenMoved {
        /// The new one.
        to: Address,
    },
    /// Not now.
    RetryAt {
        /// How long to wait at least, where the provider says.
        after: Option<Duration>,
        /// Whether it may have been delivered all the same.
        maybe_delivered: bool,
    },
    /// The recipient's own server has failed, or does not take it as things stand; what is wrong there may be put right.
    Failed,
    /// The device, the class or the app has had all that it may have.
    QuotaExhausted {
        /// When there will be more, where that is known.
        until: Option<Timestamp>,
    },
    /// The provider does not take this content: size, words, title rules. Other content may pass.
    PayloadRefused {
        /// The provider's code, or the field.
        code: String,
    },
    /// Anything else: the address is kept, and it is not tried for ever.
    Unknown {
        /// The HTTP status.
        status: u16,
        /// The provider's code.
        code: String,
        /// The provider's words, shortened.
        text: String,
    },
}

/// An outcome, and what there is to say of how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// What became of the recipient.
    pub outcome: Outcome,
    /// The HTTP status of the recipient's own answer.
    pub status: Option<u16>,
    /// The recipient's own words, shortened and without secrets.
    pub text: Option<String>,
}

impl From<Outcome> for Noted {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, status: None, text: None }
    }
}

/// The call failed as a whole. Every recipient is unsent, unless `maybe_delivered` says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// Not now: throttled, unavailable, or no answer.
    #[error("to be tried again{}", if *.maybe_delivered { ", maybe delivered" } else { "" })]
    RetryAt {
        /// How long to wait at least, where the provider says.
        after: Option<Duration>,
        /// Whether the recipients may have been delivered to all the same: no answer came after the request had left.
        maybe_delivered: bool,
    },
    /// The credentials are not accepted, and a fresh access token did not help.
    #[error("the provider does not accept the credentials")]
    Auth,
    /// The channel is stopped until an operator acts: rights, penalty, a wrong package or address.
    #[error("the channel is stopped: {code} {text}")]
    Stopped {
        /// The provider's code.
        code: String,
        /// Words for the operator.
        text: String,
    },
    /// The app has sent all that it may.
    #[error("the app's quota is exhausted")]
    Quota {
        /// When there will be more, where that is known.
        until: Option<Timestamp>,
    },
    /// The provider does not take this content, whoever it is for.
    #[error("the message is refused: {code}")]
    Refused {
        /// The provider's code, or the field.
        code: String,
    },
    /// Anything else: visible in the metrics, and not tried for ever.
    #[error("unknown answer {status} {code}: {text}")]
    Unknown {
        /// The HTTP status, 0 when there was none.
        status: u16,
        /// The provider's code.
        code: String,
        /// The provider's words, shortened.
        text: String,
    },
}

/// A provider's words, short enough to be kept and without control characters.
pub fn shortened(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(TEXT_MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_never_printed() {
        let recipient = Recipient {
            endpoint: EndpointId::new(),
            user: UserId::new(),
            address: Address::parse("secret-token").unwrap(),
            delivery: DeliveryId::from_uuid(uuid::Uuid::nil()),
        };
        assert!(!format!("{recipient:?}").contains("secret-token"));
        assert_eq!(recipient.address.expose(), "secret-token");
    }

    #[test]
    fn an_address_is_bounded_and_printable() {
        assert_eq!(Address::parse(""), Err(AddressError));
        assert_eq!(Address::parse("a\nb"), Err(AddressError));
        assert_eq!(Address::parse(&"x".repeat(ADDRESS_MAX_BYTES + 1)), Err(AddressError));
        assert!(serde_json::from_str::<Address>("\"\"").is_err());
    }
}
