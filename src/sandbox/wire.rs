//! What the sandbox is called with, and what it answers. The requests borrow from the body: a batch of 500 costs no
//! allocation per recipient here.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::outcome::Code;
use crate::domain::id::NoticeId;
use crate::domain::message::MessageKind;
use crate::domain::time::Timestamp;

/// The most bytes of a call: as many recipients as a call may have, each with the longest token, escaped.
pub(super) const BODY_MAX_BYTES: usize = 8 * 1024 * 1024;
/// The most recipients of a call.
pub(super) const MAX_RECIPIENTS: usize = 500;
/// The longest token that a phone can have.
const TOKEN_MAX_BYTES: usize = 4096;
const KEY_MAX_BYTES: usize = 128;
const LINE_MAX_BYTES: usize = 2048;
const BODY_TEXT_MAX_BYTES: usize = 4096;

#[derive(Debug, Deserialize)]
pub(super) struct BatchIn<'a> {
    #[serde(borrow)]
    pub(super) message: MessageIn<'a>,
    #[serde(borrow)]
    pub(super) recipients: Vec<RecipientIn<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SingleIn<'a> {
    #[serde(borrow)]
    pub(super) message: MessageIn<'a>,
    #[serde(borrow)]
    pub(super) recipient: RecipientIn<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct MessageIn<'a> {
    pub(super) notice: NoticeId,
    pub(super) revision: i32,
    pub(super) kind: MessageKind,
    #[serde(borrow)]
    pub(super) title: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) body: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) replace_key: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) thread: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) urgent: bool,
    #[serde(borrow, default)]
    pub(super) url: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RecipientIn<'a> {
    #[serde(borrow)]
    pub(super) token: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) idempotency_key: Cow<'a, str>,
}

/// Reads a batch, or says what is wrong with it.
pub(super) fn batch(body: &[u8]) -> Result<BatchIn<'_>, String> {
    let call: BatchIn<'_> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    check(&call.message, &call.recipients)?;
    Ok(call)
}

/// Reads a call for one, or says what is wrong with it.
pub(super) fn single(body: &[u8]) -> Result<SingleIn<'_>, String> {
    let call: SingleIn<'_> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    check(&call.message, std::slice::from_ref(&call.recipient))?;
    Ok(call)
}

fn check(message: &MessageIn<'_>, recipients: &[RecipientIn<'_>]) -> Result<(), String> {
    if recipients.is_empty() || recipients.len() > MAX_RECIPIENTS {
        return Err(format!("recipients: 1 to {MAX_RECIPIENTS}"));
    }
    let thread = message.thread.as_deref().unwrap_or_default();
    for (name, text, max) in [
        ("title", &*message.title, LINE_MAX_BYTES),
        ("body", &*message.body, BODY_TEXT_MAX_BYTES),
        ("replace_key", &*message.replace_key, KEY_MAX_BYTES),
        ("thread", thread, LINE_MAX_BYTES),
        ("url", &*message.url, LINE_MAX_BYTES),
    ] {
        if text.len() > max {
            return Err(format!("{name}: at most {max} bytes"));
        }
    }
    // A token is the recipient's own matter, and is judged with it; the keys are the caller's.
    if recipients.iter().any(|to| !(1..=KEY_MAX_BYTES).contains(&to.idempotency_key.len())) {
        return Err(format!("idempotency_key: 1 to {KEY_MAX_BYTES} bytes"));
    }
    Ok(())
}

/// Whether a phone can have this token.
pub(super) fn is_token(token: &str) -> bool {
    (1..=TOKEN_MAX_BYTES).contains(&token.len())
}

/// As much of a token as is remembered.
pub(super) fn remembered(token: &str) -> &str {
    token.get(..token.floor_char_boundary(TOKEN_MAX_BYTES)).unwrap_or_default()
}

/// The answer to a batch.
#[derive(Debug, Serialize)]
pub(super) struct BatchOut {
    pub(super) results: Vec<ItemOut>,
}

/// What became of one recipient.
#[derive(Debug, Serialize)]
pub(super) struct ItemOut {
    pub(super) code: Code,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_id: Option<String>,
    /// The message was taken before; its first id is answered again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) duplicate: bool,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<Timestamp>,
    /// The new token of one that moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<String>,
}

impl ItemOut {
    pub(super) fn of(code: Code) -> Self {
        Self { code, message_id: None, duplicate: false, retry_after: None, until: None, token: None }
    }
}
