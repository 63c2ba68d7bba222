//! What a service answers when it does not do what it was asked.
//!
//! A *refusal* is part of the contract: named, typed, told to the caller, never logged as an error. A *fault* is ours:
//! opaque outside, logged once at the door. `http/problem.rs` holds the one table of their codes and texts; a variant
//! without a row there does not compile.

use serde::{Deserialize, Serialize};

use crate::storage::DbError;

/// Why a caller was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Refusal {
    /// The request is not of the documented form; the violations say where.
    Invalid,
    /// The body is not JSON.
    MalformedJson,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// The body did not come in within its time.
    BodyTooSlow,
    /// The body's media type is not the documented one.
    UnsupportedMediaType,
    /// There is nothing at this address, or it is somebody else's.
    NotFound,
    /// The address exists, the method does not.
    MethodNotAllowed,
    /// No credentials, or credentials that are not valid.
    Unauthenticated,
    /// The credentials do not carry this far.
    Forbidden,
    /// Too many requests; `retry_after` says when to come again.
    TooManyRequests,
    /// The cursor is older than what is kept: read in full.
    CursorExpired,
    /// The same idempotency key came with another body.
    IdempotencyKeyReused,
    /// The first call with this key is still at work.
    IdempotencyKeyInUse,
    /// The answer showed a secret and is not shown twice; `detail` holds the id.
    SecretShownOnce,
    /// Address or password is wrong.
    WrongCredentials,
    /// The confirmation code is wrong, used, expired, or was tried too often.
    WrongCode,
    /// Registering this way is switched off: no sender is configured.
    RegistrationOff,
    /// The refresh token was used before: its whole session has been ended.
    RefreshTokenReused,
    /// The refresh token is not valid.
    RefreshTokenInvalid,
    /// The key does not reach this source, category or region.
    OutOfScope,
    /// (source, source id) is taken by a notice with other content.
    SourceIdTaken,
    /// The revision changes nothing.
    NothingChanged,
    /// The notice is withdrawn.
    NoticeWithdrawn,
    /// The notice to be amended does not exist, or is this one.
    AmendedNoticeUnknown,
    /// There is a newer revision than the one that the caller saw; `detail` holds its number.
    RevisionConflict,
    /// The notice has as many revisions as are allowed.
    TooManyRevisions,
    /// A notice with this natural key waits for its time; `detail` holds its id when it is the caller's.
    AlreadyScheduled,
    /// The scheduled notice has been published, refused or cancelled; `detail` says what it became.
    NoLongerScheduled,
    /// The publisher has as many scheduled notices as are allowed.
    ScheduledLimitReached,
    /// The user has as many subscriptions as are allowed.
    SubscriptionLimitReached,
    /// All users together have subscribed to as many different words as are allowed.
    WordLimitReached,
    /// The frequency exists and is not offered yet.
    FrequencyNotOffered,
    /// The filter names nothing: it would match every notice.
    FilterEmpty,
    /// The user has as many devices as are allowed.
    DeviceLimitReached,
    /// The user has as many webhooks as are allowed.
    WebhookLimitReached,
    /// The webhook's receiver said that it is no more; nothing is sent there.
    WebhookEnded,
    /// The webhook signs with its bot's secret, or not at all: there is none of ours to be made anew.
    WebhookSecretNotOurs,
    /// A newer revision or the withdrawal has taken the delivery's place, or it is on its way.
    DeliveryOvertaken,
    /// The channel is not one that a device can register.
    ChannelUnknown,
    /// A name is taken.
    NameTaken,
    /// Without this user there would be no admin.
    LastAdmin,
    /// The user has as many streams open as are allowed.
    TooManyStreams,
    /// This copy has as many streams open as it takes.
    StreamsFull,
    /// Nothing in the dead letters fits.
    NothingToReplay,
    /// What fits is past its delivery deadline; `detail` holds how many.
    DeliveryDeadlinePassed,
    /// The server cannot do it now; try again.
    Unavailable,
}

/// More errors than this are not told of one request: nobody reads them, and they would make the answer larger than the
/// question.
pub const MAX_VIOLATIONS: usize = 50;

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// A JSON pointer (RFC 6901) into the body, or the parameter's name.
    pub place: Place,
    /// A stable word for what is wrong.
    pub rule: &'static str,
    /// What is wrong, in Chinese.
    pub zh: String,
    /// What is wrong, in English.
    pub en: String,
}

/// Where in a request something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// A JSON pointer into the body.
    Body(String),
    /// A query parameter.
    Query(String),
    /// A part of the path.
    Path(String),
    /// A header.
    Header(String),
}

impl Violation {
    /// Something is wrong in the body at this JSON pointer.
    pub fn body(pointer: impl Into<String>, rule: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { place: Place::Body(pointer.into()), rule, zh: zh.into(), en: en.into() }
    }

    /// Something is wrong with this query parameter.
    pub fn query(name: impl Into<String>, rule: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { place: Place::Query(name.into()), rule, zh: zh.into(), en: en.into() }
    }
}

/// Why a service did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller is refused.
    #[error("refused: {refusal:?}")]
    Refused {
        /// Why.
        refusal: Refusal,
        /// What is wrong, all of it at once.
        violations: Vec<Violation>,
        /// When to come again.
        retry_after: Option<std::time::Duration>,
        /// More about it for the caller: an id, a limit.
        detail: Option<String>,
    },
    /// We failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Something of ours failed. Logged once, where it becomes an answer or ends a job; never shown to callers.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Something that must not happen; the text says what.
    #[error("broken: {0}")]
    Broken(String),
}

/// The result of a service.
pub type Result<T> = std::result::Result<T, Error>;

impl Fault {
    /// Whether the same request may succeed in a moment: the database was away, or at odds with itself.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Db(DbError::Busy(_)))
    }
}

impl Error {
    /// A refusal with its detail.
    pub fn refused(refusal: Refusal, detail: impl Into<String>) -> Self {
        Self::Refused { refusal, violations: Vec::new(), retry_after: None, detail: Some(detail.into()) }
    }

    /// The same refusal, with a place in the body that it is about.
    pub fn at(mut self, place: Violation) -> Self {
        if let Self::Refused { violations, .. } = &mut self {
            violations.push(place);
        }
        self
    }

    /// A refusal of a request whose form is wrong; tells the first [`MAX_VIOLATIONS`].
    pub fn invalid(mut violations: Vec<Violation>) -> Self {
        violations.truncate(MAX_VIOLATIONS);
        Self::Refused { refusal: Refusal::Invalid, violations, retry_after: None, detail: None }
    }

    /// A refusal of all this, unless it is nothing.
    pub fn unless_empty(violations: Vec<Violation>) -> Result<()> {
        if violations.is_empty() { Ok(()) } else { Err(Self::invalid(violations)) }
    }

    /// The cursor is not one of this list.
    pub fn not_a_cursor() -> Self {
        Self::invalid(vec![Violation::query("cursor", "cursor", "不是本列表的游标", "not a cursor of this list")])
    }

    /// Too many; come again after this time.
    pub fn too_many(retry_after: std::time::Duration) -> Self {
        Self::later(Refusal::TooManyRequests, retry_after)
    }

    /// A refusal that may be none after this time.
    pub fn later(refusal: Refusal, retry_after: std::time::Duration) -> Self {
        Self::Refused { refusal, violations: Vec::new(), retry_after: Some(retry_after), detail: None }
    }

    /// A fault that says what must not have happened.
    pub fn broken(what: impl Into<String>) -> Self {
        Self::Fault(Fault::Broken(what.into()))
    }

    /// The refusal, when it is one.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(*refusal),
            Self::Fault(_) => None,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { refusal, violations: Vec::new(), retry_after: None, detail: None }
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        Self::Fault(Fault::Db(error))
    }
}

/// What a check found wrong with the form of a request.
pub fn violations<T>(checked: Result<T>) -> Vec<Violation> {
    match checked {
        Err(Error::Refused { violations, .. }) => violations,
        _ => Vec::new(),
    }
}

/// Turns a broken constraint into a refusal.
pub trait OnConflict<T> {
    /// When a constraint whose name or columns contain `name` was broken, answers what `refuse` makes.
    fn on_conflict(self, name: &str, refuse: impl FnOnce() -> Error) -> Result<T>;
}

impl<T> OnConflict<T> for std::result::Result<T, DbError> {
    fn on_conflict(self, name: &str, refuse: impl FnOnce() -> Error) -> Result<T> {
        match self {
            Err(DbError::Conflict(constraint)) if constraint.contains(name) => Err(refuse()),
            other => other.map_err(Error::from),
        }
    }
}

/// For an error that one may swallow: says why that is right, and leaves a trace for whoever debugs.
pub trait CanFail<T> {
    /// The value, or nothing and a line in the log.
    fn can_fail(self, because: &str) -> Option<T>;
}

impl<T, E: std::fmt::Display> CanFail<T> for std::result::Result<T, E> {
    fn can_fail(self, because: &str) -> Option<T> {
        match self {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::debug!(%error, because, "a failure that may be");
                None
            }
        }
    }
}
