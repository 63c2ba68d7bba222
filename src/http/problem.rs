//! The one table of codes, and the problem document (RFC 9457) made of a row.
//!
//! A code once published keeps its meaning. `type` is a path of this server that explains the code; `detail` never
//! carries anything from the database or the inside.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::example::Example;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use crate::http::language::Language;
use crate::http::middleware::request_id::RequestId;
use crate::services::notice::{Broken, Refused};
use crate::services::refusal::{Error, Place, Refusal, Violation};

macro_rules! table {
    ($($refusal:ident => $status:literal, $code:literal, $zh:literal, $en:literal;)+) => {
        impl Refusal {
            /// Every refusal there is.
            pub const ALL: &[Refusal] = &[$(Refusal::$refusal),+];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Refusal::$refusal => $code),+ }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Refusal::$refusal => $status),+ }
            }

            /// The title, in Chinese and in English.
            pub const fn titles(self) -> (&'static str, &'static str) {
                match self { $(Refusal::$refusal => ($zh, $en)),+ }
            }
        }
    };
}

table! {
    Invalid => 422, "invalid", "请求内容有误", "The request is not of the documented form";
    MalformedJson => 400, "malformed_json", "请求体不是有效的 JSON", "The body is not JSON";
    BodyTooLarge => 413, "body_too_large", "请求体过大", "The body is too large";
    BodyTooSlow => 408, "body_too_slow", "请求体接收超时", "The body took too long to come in";
    UnsupportedMediaType => 415, "unsupported_media_type", "不支持的内容类型", "The media type is not supported";
    NotFound => 404, "not_found", "没有找到", "Not found";
    MethodNotAllowed => 405, "method_not_allowed", "不支持该方法", "The method is not allowed here";
    Unauthenticated => 401, "unauthenticated", "请先登录，或出示有效的密钥", "Valid credentials are needed";
    Forbidden => 403, "forbidden", "没有权限", "The credentials do not carry this far";
    TooManyRequests => 429, "too_many_requests", "请求过于频繁，请稍后再试", "Too many requests; come again later";
    CursorExpired => 410, "cursor_expired", "游标已过期，请重新完整读取", "The cursor has expired; read in full";
    IdempotencyKeyReused => 409, "idempotency_key_reused", "同一幂等键对应了不同的内容", "The idempotency key came with another body";
    IdempotencyKeyInUse => 409, "idempotency_key_in_use", "同一幂等键的请求正在处理", "The first call with this key is still at work";
    SecretShownOnce => 409, "secret_shown_once", "密钥只显示一次", "A secret is shown once only";
    WrongCredentials => 401, "wrong_credentials", "账号或密码错误", "Address or password is wrong";
    WrongCode => 422, "wrong_code", "验证码错误或已失效", "The code is wrong or no longer valid";
    RegistrationOff => 503, "registration_off", "暂不支持以该方式注册", "Registering this way is switched off";
    RefreshTokenReused => 401, "refresh_token_reused", "刷新令牌被重复使用，会话已结束", "The refresh token was used before; the session has been ended";
    RefreshTokenInvalid => 401, "refresh_token_invalid", "刷新令牌无效", "The refresh token is not valid";
    OutOfScope => 403, "out_of_scope", "超出密钥的授权范围", "The key does not reach this source, category or region";
    SourceIdTaken => 409, "source_id_taken", "该来源编号已有内容不同的公告", "The source id is taken by a notice with other content";
    NothingChanged => 409, "nothing_changed", "内容没有变化", "The revision changes nothing";
    NoticeWithdrawn => 409, "notice_withdrawn", "公告已撤回", "The notice is withdrawn";
    AmendedNoticeUnknown => 422, "amended_notice_unknown", "被更正的公告不存在", "The notice to be amended does not exist";
    RevisionConflict => 409, "revision_conflict", "公告已有更新的修订", "There is a newer revision";
    TooManyRevisions => 409, "too_many_revisions", "公告的修订次数已达上限", "The notice has as many revisions as are allowed";
    AlreadyScheduled => 409, "already_scheduled", "该来源编号已有待发布的定时公告", "A notice with this source id is scheduled already";
    NoLongerScheduled => 409, "no_longer_scheduled", "该定时公告已发布、未能发布或已取消", "It has been published, refused or cancelled";
    ScheduledLimitReached => 409, "scheduled_limit_reached", "待发布的定时公告数量已达上限", "No more scheduled notices are allowed";
    SubscriptionLimitReached => 409, "subscription_limit_reached", "订阅数量已达上限", "No more subscriptions are allowed";
    WordLimitReached => 409, "word_limit_reached", "系统的关键词总数已达上限，请使用已有的关键词", "No more new words are allowed; words that others use still are";
    FrequencyNotOffered => 422, "frequency_not_offered", "暂不支持该推送频率", "This frequency is not offered yet";
    FilterEmpty => 422, "filter_empty", "订阅条件不能为空", "The filter names nothing";
    DeviceLimitReached => 409, "device_limit_reached", "设备数量已达上限", "No more devices are allowed";
    WebhookLimitReached => 409, "webhook_limit_reached", "Webhook 数量已达上限", "No more webhooks are allowed";
    WebhookEnded => 409, "webhook_ended", "接收方已声明停用，请重新登记", "The receiver said that it is no more; register anew";
    WebhookSecretNotOurs => 409, "webhook_secret_not_ours", "该机器人的密钥不由本服务生成", "The secret of this bot is not made here";
    DeliveryOvertaken => 409, "delivery_overtaken", "该投递或更新的修订、撤回正在发送，请稍后再试", "It is being sent, or a newer revision or the withdrawal is: ask again later";
    ChannelUnknown => 422, "channel_unknown", "推送通道不可用", "The channel cannot be registered";
    NameTaken => 409, "name_taken", "名称已被使用", "The name is taken";
    LastAdmin => 409, "last_admin", "这是最后一名管理员，请先指定另一名", "The last admin: name another one first";
    TooManyStreams => 429, "too_many_streams", "同时打开的实时连接过多", "Too many streams are open at a time";
    StreamsFull => 503, "streams_full", "实时连接已满，请稍后再试，或改用 /v1/inbox/sync", "No more streams can be opened here; come again later, or use /v1/inbox/sync";
    NothingToReplay => 404, "nothing_to_replay", "没有可重放的投递", "Nothing in the dead letters fits";
    DeliveryDeadlinePassed => 409, "delivery_deadline_passed", "投递时限已过，须给出 extend_hours", "The delivery deadline has passed; say `extend_hours`";
    Unavailable => 503, "unavailable", "服务暂不可用，请稍后再试", "The server cannot do it now; try again";
}

/// A type that names the refusals of an operation for the document: `problems!(pub PublishProblems: OutOfScope, …)`.
/// The common ones are added to every operation after collection.
macro_rules! problems {
    ($(#[$doc:meta])* $vis:vis $name:ident: $($refusal:ident),+ $(,)?) => {
        $(#[$doc])*
        $vis struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses()
            -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
                $crate::http::problem::responses(&[$($crate::services::Refusal::$refusal),+])
            }
        }
    };
}

pub(crate) use problems;

/// The titles of what is no refusal but our failure.
pub const FAULT_TITLES: (&str, &str) = ("服务器内部错误", "Something failed on our side");
/// Its code.
pub const FAULT_CODE: &str = "internal";

/// One documented response for each status that these refusals have; its description lists their codes.
pub fn responses(refusals: &[Refusal]) -> BTreeMap<String, RefOr<Response>> {
    documented(refusals.iter().map(|refusal| (refusal.status(), refusal.code(), refusal.titles())))
}

/// The documented response for what is no refusal but our failure.
pub fn fault_response() -> BTreeMap<String, RefOr<Response>> {
    documented([(500, FAULT_CODE, FAULT_TITLES)])
}

type Titles = (&'static str, &'static str);

fn documented(codes: impl IntoIterator<Item = (u16, &'static str, Titles)>) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<(&str, Titles)>> = BTreeMap::new();
    for (status, code, titles) in codes {
        by_status.entry(status).or_default().push((code, titles));
    }
    let response = |codes: Vec<(&str, Titles)>| {
        let lines: Vec<_> = codes.iter().map(|(code, (zh, en))| format!("`{code}`: {zh} / {en}")).collect();
        let examples = codes.iter().map(|(code, _)| (*code, Ref::new(format!("#/components/examples/{code}"))));
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
        let content =
            content.examples_from_iter(examples.map(|(code, example)| (code, RefOr::Ref::<Example>(example))));
        let response = ResponseBuilder::new().description(lines.join("\n\n"));
        response.content("application/problem+json", content.build()).build()
    };
    by_status.into_iter().map(|(status, codes)| (status.to_string(), RefOr::T(response(codes)))).collect()
}

/// What a caller gets in place of an answer: RFC 9457, `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A path of this server that explains the code.
    #[serde(rename = "type")]
    kind: String,
    /// What went wrong, in the caller's language.
    title: String,
    /// The HTTP status.
    status: u16,
    /// A stable word for what went wrong.
    code: String,
    /// More about this case.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The id under which this request stands in the logs.
    request_id: String,
    /// Everything that is wrong with the request, at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

/// One thing that is wrong with the request.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// A JSON pointer (RFC 6901) into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// The query parameter, path part or header.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// A stable word for the rule that is broken.
    rule: String,
    /// What is wrong, in the caller's language.
    detail: String,
}

impl FieldError {
    fn of(place: &Place, rule: &str, (zh, en): (&str, &str), language: Language) -> Self {
        let (pointer, parameter) = match place {
            Place::Body(pointer) => (Some(pointer.clone()), None),
            Place::Query(name) | Place::Path(name) | Place::Header(name) => (None, Some(name.clone())),
        };
        Self { pointer, parameter, rule: rule.to_owned(), detail: language.choose(zh, en).to_owned() }
    }
}

impl Problem {
    fn of(refusal: Refusal, detail: Option<String>, errors: Vec<FieldError>, language: Language, id: String) -> Self {
        let (zh, en) = refusal.titles();
        Self {
            kind: format!("/problems/{}", refusal.code()),
            title: language.choose(zh, en).to_owned(),
            status: refusal.status(),
            code: refusal.code().to_owned(),
            detail,
            request_id: id,
            errors,
        }
    }

    /// Why one of many was refused: as it would have been refused alone.
    pub fn of_one(refused: &Refused, language: Language, request_id: &str) -> Self {
        let error = |one: &Broken| FieldError::of(&one.place, &one.rule, (&one.zh, &one.en), language);
        let errors = refused.violations.iter().map(error).collect();
        Self::of(refused.refusal, refused.detail.clone(), errors, language, request_id.to_owned())
    }
}

/// The id of a request, as its problem documents say it.
pub fn request_id(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map(ToString::to_string).unwrap_or_default()
}

/// An error on its way to the caller.
#[derive(Debug)]
pub struct Failure(pub Error);

/// What a handler returns.
pub type ApiResult<T> = Result<T, Failure>;

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

impl actix_web::ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        let status = self.0.refusal().map_or(500, Refusal::status);
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The middleware `problems` turns this into the document, because only it knows the request.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// The document for an error, in the language and under the id of its request.
pub fn render(request: &HttpRequest, error: &Error) -> HttpResponse {
    let language = Language::of(request);
    let request_id = request_id(request);
    match error {
        Error::Refused { refusal, violations, retry_after, detail } => {
            let error = |one: &Violation| FieldError::of(&one.place, one.rule, (&one.zh, &one.en), language);
            let errors = violations.iter().map(error).collect();
            let problem = Problem::of(*refusal, detail.clone(), errors, language, request_id);
            answer(&problem, language, *retry_after)
        }
        Error::Fault(fault) if fault.is_passing() => {
            tracing::warn!(error = %fault, "a request met a busy database");
            let busy = Error::Refused {
                refusal: Refusal::Unavailable,
                violations: Vec::new(),
                retry_after: Some(Duration::from_secs(1)),
                detail: None,
            };
            render(request, &busy)
        }
        Error::Fault(fault) => {
            tracing::error!(error = %fault, "a request failed");
            let problem = Problem {
                kind: format!("/problems/{FAULT_CODE}"),
                title: language.choose(FAULT_TITLES.0, FAULT_TITLES.1).to_owned(),
                status: 500,
                code: FAULT_CODE.to_owned(),
                detail: None,
                request_id,
                errors: Vec::new(),
            };
            answer(&problem, language, None)
        }
    }
}

fn answer(problem: &Problem, language: Language, retry_after: Option<Duration>) -> HttpResponse {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponseBuilder::new(status);
    if status == StatusCode::UNAUTHORIZED {
        response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    if let Some(after) = retry_after {
        // Whole seconds, rounded up: coming again too early would be refused again.
        response.insert_header((header::RETRY_AFTER, after.as_secs().saturating_add(1)));
    }
    response
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .insert_header((header::CONTENT_LANGUAGE, language.tag()))
        .content_type("application/problem+json")
        .body(serde_json::to_string(problem).unwrap_or_default())
}
