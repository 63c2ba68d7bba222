//! A message in the sandbox's words, and its answer.

use serde::{Deserialize, Serialize};

use crate::domain::id::{DeliveryId, NoticeId};
use crate::domain::message::{Message, MessageKind, Recipient};
use crate::domain::time::Timestamp;

/// The call for many recipients.
#[derive(Debug, Serialize)]
pub(super) struct BatchCall<'a> {
    message: MessageOut<'a>,
    recipients: Vec<RecipientOut<'a>>,
}

impl<'a> BatchCall<'a> {
    pub(super) fn new(message: &'a Message, to: &'a [Recipient]) -> Self {
        Self { message: MessageOut::new(message), recipients: to.iter().map(RecipientOut::new).collect() }
    }
}

/// The call for one recipient.
#[derive(Debug, Serialize)]
pub(super) struct SingleCall<'a> {
    message: MessageOut<'a>,
    recipient: RecipientOut<'a>,
}

impl<'a> SingleCall<'a> {
    pub(super) fn new(message: &'a Message, to: &'a Recipient) -> Self {
        Self { message: MessageOut::new(message), recipient: RecipientOut::new(to) }
    }
}

#[derive(Debug, Serialize)]
struct MessageOut<'a> {
    notice: NoticeId,
    revision: i32,
    kind: MessageKind,
    title: &'a str,
    body: &'a str,
    language: &'a str,
    replace_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<&'a str>,
    urgent: bool,
    expires_at: Timestamp,
    url: &'a str,
}

impl<'a> MessageOut<'a> {
    fn new(message: &'a Message) -> Self {
        Self {
            notice: message.notice,
            revision: message.revision,
            kind: message.kind,
            title: &message.title,
            body: &message.body,
            language: &message.language,
            replace_key: &message.replace_key,
            thread: message.thread.as_deref(),
            urgent: message.urgent,
            expires_at: message.expires_at,
            url: &message.url,
        }
    }
}

#[derive(Serialize)]
struct RecipientOut<'a> {
    token: &'a str,
    idempotency_key: DeliveryId,
}

impl<'a> RecipientOut<'a> {
    fn new(recipient: &'a Recipient) -> Self {
        Self { token: recipient.address.expose(), idempotency_key: recipient.delivery }
    }
}

impl std::fmt::Debug for RecipientOut<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecipientOut({})", self.idempotency_key)
    }
}

/// The answer to a batch.
#[derive(Debug, Deserialize)]
pub(super) struct BatchAnswer {
    pub(super) results: Vec<Item>,
}

/// What the sandbox says of one recipient.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Item {
    pub(super) code: String,
    #[serde(default)]
    pub(super) message_id: Option<String>,
    /// Seconds.
    #[serde(default)]
    pub(super) retry_after: Option<u64>,
    #[serde(default)]
    pub(super) until: Option<Timestamp>,
    /// The new token of one that moved.
    #[serde(default)]
    pub(super) token: Option<String>,
}
