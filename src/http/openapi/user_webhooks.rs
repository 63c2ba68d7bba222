//! What a webhook is sent, by preset. The examples are calls that were recorded: `tests/all/webhooks.rs` says how, and
//! holds them and the forms to what is sent.

use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{ContentBuilder, HttpMethod, ObjectBuilder, Ref, Required, ResponseBuilder, Type};

use crate::domain::id::{NoticeId, WebhookId};
use crate::domain::time::Timestamp;

/// Something that happened to a notice. Fields may be added; a form that breaks receivers has another version.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands in the document only; the channel writes it")]
pub struct NoticeEvent {
    /// What happened: `notice.published`, `notice.revised`, `notice.amended` or `notice.withdrawn`.
    r#type: String,
    /// The version of this form.
    #[schema(minimum = 1)]
    version: u8,
    /// When it happened.
    timestamp: Timestamp,
    /// What it is about.
    data: NoticeEventData,
}

/// What an event is about.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands in the document only; the channel writes it")]
pub struct NoticeEventData {
    /// The notice.
    notice: NoticeEventNotice,
}

/// A notice as an event tells of it; the whole is at `url`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands in the document only; the channel writes it")]
pub struct NoticeEventNotice {
    /// Its id.
    id: NoticeId,
    /// Its revision.
    #[schema(minimum = 1)]
    revision: i32,
    /// Its title.
    title: String,
    /// Who buys, for how much, until when.
    summary: String,
    /// BCP 47.
    language: String,
    /// The code of its category.
    category: String,
    /// The code of its region.
    region: String,
    /// The code of its notice type.
    notice_type: String,
    /// Its project. Not there without one.
    #[schema(nullable = false)]
    project: Option<NoticeEventProject>,
    /// Who buys or sells. Not there when it is not said.
    #[schema(nullable = false)]
    purchaser: Option<String>,
    /// The notice that it amends. Not there when it amends none.
    #[schema(nullable = false)]
    amends: Option<NoticeId>,
    /// Until when bids are taken. Not there when it is not said.
    #[schema(nullable = false)]
    bid_deadline: Option<Timestamp>,
    /// Where its source shows it. Not there when it is not said.
    #[schema(nullable = false)]
    source_url: Option<String>,
    /// Where to read it: a path of this API.
    url: String,
}

/// A project.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands in the document only; the channel writes it")]
pub struct NoticeEventProject {
    /// Its code.
    code: String,
    /// Its name. Not there when it is not said.
    #[schema(nullable = false)]
    name: Option<String>,
}

/// That messages arrive.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands in the document only; the channel writes it")]
pub struct TestEvent {
    /// `webhook.test`.
    r#type: String,
    /// The version of this form.
    #[schema(minimum = 1)]
    version: u8,
    /// When it was asked for.
    timestamp: Timestamp,
    /// What it is about.
    data: TestEventData,
}

/// What a test is about.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands in the document only; the channel writes it")]
pub struct TestEventData {
    /// The webhook.
    webhook_id: WebhookId,
}

/// A message to a bot of WeCom.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands in the document only; the channel writes it")]
pub struct WecomCall {
    /// `markdown`.
    msgtype: String,
    /// The message.
    markdown: WecomMarkdown,
}

/// A text for WeCom.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands in the document only; the channel writes it")]
pub struct WecomMarkdown {
    /// At most 4,096 bytes.
    content: String,
}

/// A message to a bot of DingTalk.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands in the document only; the channel writes it")]
pub struct DingtalkCall {
    /// `markdown`.
    msgtype: String,
    /// The message.
    markdown: DingtalkMarkdown,
}

/// A text for DingTalk.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands in the document only; the channel writes it")]
pub struct DingtalkMarkdown {
    /// What the list of chats shows.
    title: String,
    /// What the chat shows.
    text: String,
}

/// A message to a bot of Feishu.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands in the document only; the channel writes it")]
pub struct FeishuCall {
    /// `interactive`.
    msg_type: String,
    /// A card: a header of plain text, the facts, and a button to the source.
    card: serde_json::Value,
    /// When it was signed, in seconds. Not there without a secret.
    #[schema(nullable = false)]
    timestamp: Option<String>,
    /// The signature. Not there without a secret.
    #[schema(nullable = false)]
    sign: Option<String>,
}

/// Calls as they were sent.
const NOTICE_EVENT: &str = include_str!("../../../openapi/webhooks/notice_event.json");
const WEBHOOK_TEST: &str = include_str!("../../../openapi/webhooks/webhook_test.json");
const WECOM: &str = include_str!("../../../openapi/webhooks/wecom.json");
const DINGTALK: &str = include_str!("../../../openapi/webhooks/dingtalk.json");
const FEISHU: &str = include_str!("../../../openapi/webhooks/feishu.json");

/// What happens to notices, and what each means.
const EVENTS: [(&str, &str, &str); 4] = [
    ("notice.published", "A notice was published", "新公告。"),
    ("notice.revised", "A notice was corrected by a revision", "公告已修订。"),
    ("notice.amended", "A notice that amends an earlier one was published", "更正、澄清、延期或终止公告。"),
    ("notice.withdrawn", "A notice was withdrawn", "公告已撤回。"),
];

/// Adds all of it to what is sent.
pub fn add(mut paths: PathsBuilder) -> PathsBuilder {
    let about = "按 Standard Webhooks 签名，以 `webhook-id` 去重。Signed as Standard Webhooks asks. Answer 2xx within three \
                 seconds and do the work afterwards; drop repeats by `webhook-id`; 410 ends the webhook, any other answer is \
                 tried again until the delivery's deadline.";
    for (kind, summary, zh) in EVENTS {
        let mut example = read(NOTICE_EVENT);
        if let Some(example) = example.as_object_mut() {
            example.insert("type".to_owned(), json!(kind));
        }
        let operation = operation(kind, summary, &format!("{zh}{about}"), "NoticeEvent", example);
        paths = paths.path(kind, PathItem::new(HttpMethod::Post, operation.parameters(Some(headers()))));
    }
    let zh = "测试消息。";
    let test = operation("webhook.test", "A test", &format!("{zh}{about}"), "TestEvent", read(WEBHOOK_TEST));
    paths = paths.path("webhook.test", PathItem::new(HttpMethod::Post, test.parameters(Some(headers()))));
    let bots = [
        (
            "bot.wecom",
            "A bot of WeCom is told",
            "企业微信群机器人。每分钟至多 20 条，超出的稍后送达。",
            "WecomCall",
            WECOM,
        ),
        (
            "bot.dingtalk",
            "A bot of DingTalk is told",
            "钉钉自定义机器人；有密钥时在地址后附 `timestamp` 与 `sign`。每分钟至多 20 条；使用关键词时请设为“公告”。",
            "DingtalkCall",
            DINGTALK,
        ),
        (
            "bot.feishu",
            "A bot of Feishu is told",
            "飞书自定义机器人；有密钥时附 `timestamp` 与 `sign`。每分钟至多 100 条、每秒 5 条；使用关键词时请设为“公告”。",
            "FeishuCall",
            FEISHU,
        ),
    ];
    for (name, summary, text, schema, example) in bots {
        let operation = operation(name, summary, text, schema, read(example));
        paths = paths.path(name, PathItem::new(HttpMethod::Post, operation));
    }
    paths
}

/// A file that is no JSON shows no example; the test that records it says so.
fn read(example: &str) -> Value {
    serde_json::from_str(example).unwrap_or_default()
}

fn operation(name: &str, summary: &str, text: &str, schema: &str, example: Value) -> OperationBuilder {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).example(Some(example));
    let body = RequestBodyBuilder::new().content("application/json", content.build()).required(Some(Required::True));
    OperationBuilder::new()
        .operation_id(Some(name.replace('.', "_")))
        .tag("webhooks")
        .summary(Some(summary))
        .description(Some(text))
        .request_body(Some(body.build()))
        .response("200", ResponseBuilder::new().description("已收下 Taken"))
}

/// The headers of the standard.
fn headers() -> Vec<Parameter> {
    let all = [
        ("webhook-id", "每次投递唯一，重试不变。The same at every try of a delivery."),
        ("webhook-timestamp", "本次尝试的时间，Unix 秒。When this try was made, in seconds since 1970."),
        (
            "webhook-signature",
            "`v1,` 与 HMAC-SHA256(密钥, `id.timestamp.body`) 的 Base64；更换密钥期间有两个，以空格分隔。`v1,` and the base64 of the \
             HMAC-SHA256 of `id.timestamp.body`; two of them, separated by a space, while a secret is being replaced.",
        ),
    ];
    let header = |(name, text): (&str, &str)| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(text))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .build()
    };
    all.map(header).into()
}
