//! Ids say what they are and sort by time.
//!
//! Inside, an id is a UUIDv7 (RFC 9562); at the edge it is a TypeID (type-safe identifiers, version 0.3): a prefix,
//! `_`, and the 128 bits in 26 characters of Crockford's base 32. Handing one kind of id for another does not compile,
//! and parsing one kind as another is an error.

use std::fmt;

use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of the part after the prefix.
const SUFFIX_CHARS: usize = 26;

/// The text is not an id of the kind that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {0}_…")]
pub struct IdError(&'static str);

fn encode(prefix: &str, id: Uuid) -> String {
    let mut bits = id.as_u128();
    let mut suffix = [b'0'; SUFFIX_CHARS];
    for place in suffix.iter_mut().rev() {
        let digit = usize::try_from(bits & 31).unwrap_or(0);
        *place = ALPHABET.get(digit).copied().unwrap_or(b'0');
        bits >>= 5;
    }
    let suffix: String = suffix.iter().map(|&byte| char::from(byte)).collect();
    format!("{prefix}_{suffix}")
}

fn decode(prefix: &'static str, text: &str) -> Result<Uuid, IdError> {
    let error = IdError(prefix);
    let suffix = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or(error)?;
    // 26 characters hold 130 bits: the first may not exceed 7.
    if suffix.len() != SUFFIX_CHARS || suffix.as_bytes().first().is_none_or(|&first| first > b'7') {
        return Err(error);
    }
    suffix
        .bytes()
        .try_fold(0_u128, |bits, byte| {
            let digit = ALPHABET.iter().position(|&letter| letter == byte).ok_or(error)?;
            u128::try_from(digit).map(|digit| bits << 5 | digit).map_err(|_| error)
        })
        .map(Uuid::from_u128)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What stands before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new id, later than every one made before by this process.
            #[expect(clippy::new_without_default, reason = "a default id would be a different one each time")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id as the database keeps it.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }

            /// The id that the database kept.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&encode($prefix, self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                decode($prefix, text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+

        /// Calls a macro once for each kind of id; `storage` makes them columns and `http` makes them schemas with it.
        macro_rules! for_each_id {
            ($make:ident) => { $( $make!($name, $prefix); )+ };
        }
        pub(crate) use for_each_id;
    };
}

ids! {
    /// A registered person.
    UserId = "usr";
    /// One way in which a user signs in.
    IdentityId = "idn";
    /// One sign-in.
    SessionId = "ses";
    /// A code sent to an address.
    ConfirmationId = "cnf";
    /// An organisation or system that hands notices in.
    PublisherId = "pub";
    /// A key of a publisher.
    PublisherKeyId = "key";
    /// A published announcement.
    NoticeId = "ntc";
    /// A notice that was handed in to be published later.
    ScheduledNoticeId = "sch";
    /// A user's standing filter, across its editions.
    SubscriptionId = "sub";
    /// One edition of a subscription's filter.
    SubscriptionRowId = "sbr";
    /// An installed app.
    DeviceId = "dev";
    /// A place that a message can go.
    EndpointId = "end";
    /// An address that a user gave for messages; its endpoint has the same number.
    WebhookId = "whk";
    /// The carrying of one notice revision.
    FanOutId = "fan";
    /// A range of users of one fan-out.
    ChunkId = "chk";
    /// One notice revision to one endpoint; also the provider's idempotency key.
    DeliveryId = "dlv";
}

impl WebhookId {
    /// The endpoint that it is.
    pub const fn endpoint(self) -> EndpointId {
        EndpointId::from_uuid(self.0)
    }
}

impl DeliveryId {
    /// The id of a delivery follows from its key, so that a repeat after a crash carries the same idempotency key.
    pub fn of(notice: NoticeId, revision: i32, endpoint: EndpointId) -> Self {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        hash.update(b"delivery");
        hash.update(notice.0.as_bytes());
        hash.update(revision.to_be_bytes());
        hash.update(endpoint.0.as_bytes());
        let digest = hash.finalize();
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(digest.iter()) {
            *to = *from;
        }
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_from_its_text() {
        let id = NoticeId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().starts_with("ntc_"));
        // The specification's own example.
        let uuid = Uuid::parse_str("01890a5d-ac96-774b-bcce-b302099a8057").expect("a uuid");
        assert_eq!(encode("user", uuid), "user_01h455vb4pex5vsknk084sn02q");
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let text = NoticeId::new().to_string();
        assert!(text.parse::<UserId>().is_err());
        assert!("ntc_8zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<NoticeId>().is_err());
        assert!("ntc_".parse::<NoticeId>().is_err());
    }

    #[test]
    fn a_delivery_has_one_id_however_often_it_is_made() {
        let (notice, endpoint) = (NoticeId::new(), EndpointId::new());
        assert_eq!(DeliveryId::of(notice, 1, endpoint), DeliveryId::of(notice, 1, endpoint));
        assert_ne!(DeliveryId::of(notice, 1, endpoint), DeliveryId::of(notice, 2, endpoint));
    }
}
