//! What we send to others. A device gets it through its channel; each channel wraps it in its provider's own form.
//!
//! The example is a call that was recorded: `tests/all/webhooks.rs` says how, and holds it and the form to what is sent.

use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::path::{OperationBuilder, PathItem, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{ContentBuilder, HttpMethod, Paths, Ref, Required, ResponseBuilder};

use crate::domain::id::{DeliveryId, NoticeId};
use crate::domain::message::MessageKind;
use crate::domain::time::Timestamp;

/// What is sent about a notice.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands in the document only; each provider writes its own form of it")]
pub struct PushCall {
    /// What the devices show.
    message: PushMessage,
    /// The devices that it goes to.
    #[schema(min_items = 1, max_items = 500)]
    recipients: Vec<PushRecipient>,
}

/// What a device shows about a notice.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands in the document only; each provider writes its own form of it")]
pub struct PushMessage {
    /// The notice.
    notice: NoticeId,
    /// Its edition.
    #[schema(minimum = 1)]
    revision: i32,
    /// Why it is sent.
    kind: MessageKind,
    /// The headline; each channel cuts it to its own limit.
    title: String,
    /// A short summary.
    body: String,
    /// BCP 47.
    language: String,
    /// A message with the same key takes this one's place on the screen.
    replace_key: String,
    /// Messages with the same thread stand together: the project's code, folded. Not there without a project.
    #[schema(nullable = false)]
    thread: Option<String>,
    /// Whether it may break through.
    urgent: bool,
    /// From then on it is not to be shown.
    expires_at: Timestamp,
    /// Where to read it: a path of this API.
    url: String,
}

/// A device that a message goes to.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands in the document only; each provider writes its own form of it")]
pub struct PushRecipient {
    /// Its push token.
    token: String,
    /// The same for every repeat of this delivery: a client drops what it has seen.
    idempotency_key: DeliveryId,
}

/// A call as it was sent.
const NOTICE_MESSAGE: &str = include_str!("../../../openapi/webhooks/notice_message.json");

/// Every kind of message.
pub fn all() -> Paths {
    let devices = PathsBuilder::new().path("notice.message", PathItem::new(HttpMethod::Post, notice_message()));
    super::user_webhooks::add(devices).build()
}

fn notice_message() -> OperationBuilder {
    // A file that is no JSON shows no example; the test that records it says so.
    let example: Value = serde_json::from_str(NOTICE_MESSAGE).unwrap_or_default();
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("PushCall"))).example(Some(example));
    OperationBuilder::new()
        .operation_id(Some("notice_message"))
        .tag("devices")
        .summary(Some("A device is told of a notice"))
        .description(Some(
            "推送的内容：发往 `sandbox` 通道的请求原样，设备显示其中的 `message`；其他通道以厂商自己的格式承载同样的内容。至少送达一次：\
             以 `idempotency_key` 去重。What is pushed: a call to the channel `sandbox` as it is sent, whose devices show its \
             `message`; other channels carry the same in their provider's own form. Delivered at least once: drop repeats \
             by `idempotency_key`.",
        ))
        .request_body(Some(
            RequestBodyBuilder::new().content("application/json", content.build()).required(Some(Required::True)).build(),
        ))
        .response("200", ResponseBuilder::new().description("已收下 Taken"))
}
