//! The sandbox's own log: what the tests audit, independent of our tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use super::outcome::Code;
use super::phones::About;
use crate::domain::id::NoticeId;
use crate::domain::message::MessageKind;
use crate::domain::time::Timestamp;

/// How many entries a page has when nobody says.
const PAGE_DEFAULT: usize = 100;
/// The most entries of a page.
const PAGE_MAX: usize = 10_000;

/// One recipient of one call.
#[derive(Debug, Clone)]
pub struct Entry {
    /// 1, 2, 3 …, in the order of arrival.
    pub number: u64,
    /// When the call was read.
    pub received_at: Timestamp,
    /// Whom it was for.
    pub token: Arc<str>,
    /// What the caller said it may be recognised by.
    pub idempotency_key: Arc<str>,
    /// The content.
    pub about: Arc<About>,
    /// What was answered, or would have been.
    pub outcome: Code,
    /// Whether the key had been taken before.
    pub repeat: bool,
    /// Whether a phone showed it.
    pub shown: bool,
    /// Whether the caller was left without an answer.
    pub unanswered: bool,
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_struct("Entry", 12)?;
        line.serialize_field("number", &self.number)?;
        line.serialize_field("received_at", &self.received_at)?;
        line.serialize_field("token", &*self.token)?;
        line.serialize_field("idempotency_key", &*self.idempotency_key)?;
        line.serialize_field("notice", &self.about.notice)?;
        line.serialize_field("revision", &self.about.revision)?;
        line.serialize_field("kind", &self.about.kind)?;
        line.serialize_field("title", &self.about.title)?;
        line.serialize_field("outcome", &self.outcome)?;
        line.serialize_field("repeat", &self.repeat)?;
        line.serialize_field("shown", &self.shown)?;
        line.serialize_field("unanswered", &self.unanswered)?;
        line.end()
    }
}

/// A line of the log file.
#[derive(Debug, Deserialize)]
struct Line {
    number: u64,
    received_at: Timestamp,
    token: String,
    idempotency_key: String,
    notice: NoticeId,
    revision: i32,
    kind: MessageKind,
    title: String,
    outcome: Code,
    repeat: bool,
    shown: bool,
    unanswered: bool,
}

/// An entry as a log file holds it; what only a phone needs is not there.
pub(super) fn parse(line: &str) -> Option<Entry> {
    let line: Line = serde_json::from_str(line).ok()?;
    let about = About {
        notice: line.notice,
        revision: line.revision,
        kind: line.kind,
        title: line.title,
        body: String::new(),
        replace_key: String::new(),
        thread: None,
        urgent: false,
        url: String::new(),
    };
    Some(Entry {
        number: line.number,
        received_at: line.received_at,
        token: line.token.into(),
        idempotency_key: line.idempotency_key.into(),
        about: Arc::new(about),
        outcome: line.outcome,
        repeat: line.repeat,
        shown: line.shown,
        unanswered: line.unanswered,
    })
}

/// Which entries, or phones, to read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogQuery {
    /// Only entries with a greater number.
    pub after: u64,
    /// At most so many, 1 to 10,000. Default 100.
    pub limit: Option<usize>,
    /// Only this token.
    pub token: Option<String>,
    /// Only tokens that contain this.
    pub token_like: Option<String>,
    /// Only this notice.
    pub notice: Option<NoticeId>,
    /// Only this idempotency key.
    pub key: Option<String>,
    /// The newest that fit, not the oldest; the order is the same.
    pub newest: bool,
}

impl LogQuery {
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX)
    }

    pub(super) fn wants(&self, entry: &Entry) -> bool {
        self.token.as_deref().is_none_or(|token| token == &*entry.token)
            && self.token_like.as_deref().is_none_or(|part| entry.token.contains(part))
            && self.notice.is_none_or(|notice| notice == entry.about.notice)
            && self.key.as_deref().is_none_or(|key| key == &*entry.idempotency_key)
    }
}

/// Some of the log.
#[derive(Debug, Serialize)]
pub struct LogPage {
    /// The entries, in order.
    pub items: Vec<Entry>,
    /// The oldest number that is still kept: what is before it can only be counted.
    pub first: u64,
    /// The newest number; 0 before the first entry.
    pub last: u64,
}

/// What became of one idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct KeyStats {
    /// How many times it came.
    pub received: u32,
    /// How many times it was taken.
    pub taken: u32,
    /// How many times a phone showed it.
    pub shown: u32,
}

/// The counters, exact from the start of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Calls that were read, since the process started.
    pub calls: u64,
    /// Recipients of all calls, failed ones too.
    pub received: u64,
    /// Different idempotency keys.
    pub unique: u64,
    /// Takings of a key that had been taken before.
    pub repeats: u64,
    /// Messages that a phone showed.
    pub shown: u64,
    /// Of these, those whose key had been shown before: 0 unless deduplication is off.
    pub shown_again: u64,
    /// Shown, by kind.
    pub shown_by_kind: BTreeMap<MessageKind, u64>,
    /// Received, by outcome.
    pub by_code: BTreeMap<Code, u64>,
    /// Phones that are remembered.
    pub phones: usize,
    /// Keys that are not remembered any more: the counts of repeats are exact while this is 0.
    pub keys_forgotten: u64,
    /// The oldest entry in memory.
    pub log_first: u64,
    /// The newest entry.
    pub log_last: u64,
}
