//! The OpenAPI document: its head, and what is added to it after the routes have been collected.
//!
//! Promise: `openapi/openapi.json`, what `/openapi.json` answers and what [`document`](crate::http::document) makes are
//! the same bytes; a test compares. What every operation has in common is said here once and stands at each of them.

mod common;
pub mod examples;
mod user_webhooks;
mod webhooks;

use std::sync::LazyLock;

use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::server::ServerBuilder;
use utoipa::openapi::tag::TagBuilder;

use crate::http::inbox::{InboxEndView, InboxReadyView};
use crate::http::problem::{FieldError, Problem};

#[derive(OpenApi)]
#[openapi(
    info(title = "Yizhan", description = include_str!("../../../openapi/description.md"),
         license(name = "Apache-2.0", identifier = "Apache-2.0")),
    components(schemas(
        Problem, FieldError, webhooks::PushCall, webhooks::PushMessage, webhooks::PushRecipient, InboxReadyView,
        InboxEndView,
        user_webhooks::NoticeEvent, user_webhooks::NoticeEventData, user_webhooks::NoticeEventNotice,
        user_webhooks::NoticeEventProject, user_webhooks::TestEvent, user_webhooks::TestEventData,
        user_webhooks::WecomCall, user_webhooks::WecomMarkdown, user_webhooks::DingtalkCall,
        user_webhooks::DingtalkMarkdown, user_webhooks::FeishuCall,
    )),
)]
struct Head;

/// The chapters, in the order in which they are read.
const TAGS: &[(&str, &str)] = &[
    ("catalogue", "分类、行政区划与公告类型。Categories, regions and notice types."),
    ("notices", "公开查阅公告，无需登录。Reading notices; no sign-in is needed."),
    ("feeds", "公告变更流与订阅源，无需登录。Following the changes of notices; no sign-in is needed."),
    ("search", "按词查找公告与输入提示，无需登录。Finding notices by words; no sign-in is needed."),
    ("accounts", "注册、重置密码与本人资料。Registering, resetting a password, one's own profile."),
    ("sessions", "登录、换取令牌与退出。Signing in, staying signed in, signing out."),
    ("subscriptions", "订阅条件：决定哪些公告送达本人。Standing filters: which notices come to the user."),
    ("devices", "接收推送的设备。Devices that pushes go to."),
    (
        "webhooks",
        "推送到自有服务器（Standard Webhooks）或企业微信、钉钉、飞书群机器人。Servers of one's own, and bots of group chats, \
         that notices go to like to a device.",
    ),
    ("inbox", "收件箱与多端同步。The inbox, and keeping several clients in step with it."),
    ("publishing", "发布方凭密钥发布、修订、撤回公告。Publishing, correcting and withdrawing notices with a key."),
    ("publishers", "管理员管理发布方及其密钥。Publishers and their keys, for admins."),
    ("admin", "管理员分配角色。Giving roles, for admins."),
    (
        "operator",
        "运维人员查看分发、投递与触达，重放死信，查找用户并解释其为何收到或未收到公告。Fan-outs, deliveries, reach and dead \
         letters; finding a user and explaining what they were told; for operators.",
    ),
    ("health", "进程是否存活、能否服务。Whether the process lives and can serve."),
];

/// Title, description, licence, chapters and the ways to authenticate.
pub fn head() -> Document {
    let mut document = Head::openapi();
    let bearer = |description: &str, format: &str| {
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format(format)
                .description(Some(description.to_owned()))
                .build(),
        )
    };
    let user = "用户的访问令牌，十五分钟内有效；列出的角色为所需的最低角色。A user's access token, good for fifteen minutes. \
                A role that is listed is the least that is needed.";
    let publisher = "发布方的密钥。A publisher's API key.";
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("user", bearer(user, "JWT"));
    components.add_security_scheme("publisher", bearer(publisher, "yzk_…"));
    document.servers = Some(vec![ServerBuilder::new().url("/").description(Some("本服务 This server")).build()]);
    document
}

/// Adds what cannot be said at a route: what all have in common, the chapters, the examples, the webhooks.
pub fn finish(mut document: Document) -> Document {
    let mut used = Vec::new();
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item).into_iter().filter_map(|(_, operation)| operation.as_mut()) {
            common::add(path, operation);
            examples::add(operation);
            used.extend(operation.tags.iter().flatten().cloned());
        }
    }
    let tag = |(name, text): &(&str, &str)| TagBuilder::new().name(*name).description(Some(*text)).build();
    document.tags = Some(TAGS.iter().filter(|(name, _)| used.iter().any(|tag| tag == name)).map(tag).collect());
    document.webhooks = Some(webhooks::all());
    document.components.get_or_insert_default().examples.extend(common::problem_examples());
    document
}

/// The operations of a path by their methods.
fn operations(item: &mut PathItem) -> [(&'static str, &mut Option<Operation>); 5] {
    [
        ("GET", &mut item.get),
        ("PUT", &mut item.put),
        ("POST", &mut item.post),
        ("DELETE", &mut item.delete),
        ("PATCH", &mut item.patch),
    ]
}

/// The document as text, made once in a process.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let text = crate::http::document().to_pretty_json();
        // Every value in it is one of ours that can be written as JSON; a test reads the whole.
        text.map(|text| text + "\n").unwrap_or_default()
    });
    &TEXT
}

/// A method of a path.
#[derive(Debug)]
pub struct Known {
    /// The method.
    pub method: &'static str,
    /// Whether it takes parameters in the query.
    pub takes_query: bool,
}

/// Every path and its methods.
pub fn known() -> Vec<(String, Vec<Known>)> {
    let mut document = crate::http::document();
    let methods = |item: &mut PathItem| {
        let known = operations(item).into_iter().filter_map(|(method, operation)| {
            let parameters = operation.as_ref()?.parameters.iter().flatten();
            let in_query = |parameter: &RefOr<Parameter>| match parameter {
                RefOr::T(parameter) => matches!(parameter.parameter_in, ParameterIn::Query),
                RefOr::Ref(_) => true,
            };
            Some(Known { method, takes_query: parameters.into_iter().any(in_query) })
        });
        known.collect()
    };
    document.paths.paths.iter_mut().map(|(path, item)| (path.clone(), methods(item))).collect()
}
