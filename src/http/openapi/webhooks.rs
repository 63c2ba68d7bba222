//! What we send to others. A device gets it through its channel; each channel wraps it in its provider's own form.

use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::path::{OperationBuilder, PathItem, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{ContentBuilder, HttpMethod, Paths, Ref, Required, ResponseBuilder};

use crate::domain::id::{DeliveryId, NoticeId};
use crate::domain::message::MessageKind;
use crate::domain::time::Timestamp;

/// What a device receives about a notice.
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
    /// Messages with the same thread stand together: the project.
    thread: Option<String>,
    /// Whether it may break through.
    urgent: bool,
    /// From then on it is not to be shown.
    expires_at: Timestamp,
    /// The path that opens when it is tapped.
    url: String,
    /// The same for every repeat of this delivery: a client drops what it has seen.
    idempotency_key: DeliveryId,
}

/// Every kind of message.
pub fn all() -> Paths {
    PathsBuilder::new().path("notice.message", PathItem::new(HttpMethod::Post, notice_message())).build()
}

fn notice_message() -> OperationBuilder {
    let example = json!({
        "notice": "ntc_01h455vb4pex5vsknk084sn02q",
        "revision": 1,
        "kind": "notice",
        "title": "新邵县中心城区黑臭水体治理工程施工招标公告",
        "body": "招标公告 · 新邵县 · 投标截止 12月8日 09:30",
        "language": "zh-CN",
        "replace_key": "ntc_01h455vb4pex5vsknk084sn02q",
        "thread": "A02-430522-00002",
        "urgent": false,
        "expires_at": "2026-11-24T01:30:00.000Z",
        "url": "/notices/ntc_01h455vb4pex5vsknk084sn02q",
        "idempotency_key": "dlv_01h455vb4pex5vsknk084sn02q"
    });
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("PushMessage"))).example(Some(example));
    OperationBuilder::new()
        .operation_id(Some("notice_message"))
        .tag("devices")
        .summary(Some("A device is told of a notice"))
        .description(Some(
            "设备收到的推送，`sandbox` 通道的形式；其他通道以厂商自己的格式承载同样的内容。至少送达一次：以 `idempotency_key` 去重。\
             What a device receives, in the form of the `sandbox` channel; other channels carry the same in their \
             provider's own form. Delivered at least once: drop repeats by `idempotency_key`.",
        ))
        .request_body(Some(
            RequestBodyBuilder::new().content("application/json", content.build()).required(Some(Required::True)).build(),
        ))
        .response("200", ResponseBuilder::new().description("已收下 Taken"))
}
