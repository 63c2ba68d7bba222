//! The live stream of an inbox: server-sent events (HTML standard, 9.2).
//!
//! Promise: the form of what [`live`] tells, no more: each event is written when the socket takes it, so nothing is
//! buffered here. The first bytes go out at once, so that proxies and clients see that the stream stands.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpRequest, HttpResponse, get};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required, Type};
use utoipa::{IntoParams, ToSchema};

use super::dto::InboxChangeView;
use crate::domain::page::Cursor;
use crate::http::extract::query::Query;
use crate::http::extract::signed_in::SignedIn;
use crate::http::problem::{ApiResult, Failure, problems};
use crate::services::live::{Ending, News, Stream};
use crate::services::refusal::{Error, Place, Violation};
use crate::services::{Deps, inbox, live};
use crate::telemetry::metric;

problems!(
    /// What opening a stream may be answered.
    pub StreamProblems: TooManyStreams, StreamsFull
);

/// How soon a client that was cut comes again, in milliseconds.
const RETRY_MILLIS: u32 = 3_000;

/// Where a stream begins.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// The last change that is known: a `next_cursor` of `/v1/inbox/sync`. `Last-Event-ID` goes before it. Without
    /// either the stream tells what comes from now on.
    #[param(min_length = 1, max_length = 400)]
    cursor: Option<String>,
}

impl StreamQuery {
    fn cursor(&self) -> Option<Cursor> {
        let none = || Cursor::new("", [""]);
        self.cursor.as_deref().map(|text| text.parse().unwrap_or_else(|_| none()))
    }
}

const LAST_EVENT_ID: &str = "Last-Event-ID";

/// `Last-Event-ID`: the last event that the client has; blank counts as none.
#[derive(Debug)]
pub struct LastEventId(Option<Cursor>);

impl FromRequest for LastEventId {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let given = request.headers().get(LAST_EVENT_ID).filter(|value| !value.is_empty());
        let Some(given) = given else { return ready(Ok(Self(None))) };
        let cursor = given.to_str().ok().and_then(|text| text.parse().ok()).filter(inbox::is_cursor);
        ready(cursor.map(|cursor| Self(Some(cursor))).ok_or_else(|| {
            let (zh, en) = ("不是本流的事件编号".to_owned(), "not the id of an event of this stream".to_owned());
            let place = Place::Header(LAST_EVENT_ID.to_owned());
            Error::invalid(vec![Violation { place, rule: "cursor", zh, en }]).into()
        }))
    }
}

/// How the header looks in the document: `params(LastEventId)`.
impl IntoParams for LastEventId {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = ObjectBuilder::new().schema_type(Type::String).max_length(Some(400));
        let description = "已收到的最后一个事件的 `id`，从其后继续，不遗漏。The `id` of the last event that came: the stream goes on \
                           behind it and skips nothing.";
        vec![
            ParameterBuilder::new()
                .name(LAST_EVENT_ID)
                .parameter_in(ParameterIn::Header)
                .required(Required::False)
                .description(Some(description))
                .schema(Some(schema))
                .build(),
        ]
    }
}

/// The data of the event `ready`: everything up to here was told, from here on the stream is live.
#[derive(Serialize, ToSchema)]
pub struct InboxReadyView {
    /// The cursor of this place, which is the event's id too: good for `/v1/inbox/sync` as well.
    cursor: String,
}

/// The data of the last event, `end` or `read_in_full`.
#[derive(Serialize, ToSchema)]
pub struct InboxEndView {
    /// Why the stream ends.
    reason: Ending,
}

/// The live stream.
#[utoipa::path(
    tag = "inbox", operation_id = "stream_inbox", summary = "Watch the inbox",
    description = include_str!("../../../openapi/stream.md"),
    params(StreamQuery, LastEventId), security(("user" = [])),
    responses((status = 200, body = String, content_type = "text/event-stream"), StreamProblems)
)]
#[get("/inbox/stream")]
pub async fn stream_inbox(
    deps: Data<Deps>,
    me: SignedIn,
    query: Query<StreamQuery>,
    last: LastEventId,
) -> ApiResult<HttpResponse> {
    let stream = live::open(&deps, &me, last.0.or(query.0.cursor()).as_ref()).await?;
    let events = stream::unfold(Some(Watched { deps, stream, begun: false }), next);
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        // nginx passes the events on as they come.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(events))
}

struct Watched {
    deps: Data<Deps>,
    stream: Stream,
    begun: bool,
}

/// The next bytes. After the end the stream is dropped.
async fn next(watched: Option<Watched>) -> Option<(Result<Bytes, Infallible>, Option<Watched>)> {
    let mut watched = watched?;
    if !watched.begun {
        watched.begun = true;
        return Some((Ok(Bytes::from(format!("retry: {RETRY_MILLIS}\n\n"))), Some(watched)));
    }
    let news = watched.stream.next().await?;
    let ends = matches!(news, News::End(_));
    let bytes = written(&watched.deps, news);
    Some((Ok(bytes), (!ends).then_some(watched)))
}

/// How news is written.
fn written(deps: &Deps, news: News) -> Bytes {
    match news {
        News::Still => Bytes::from_static(b": still here\n\n"),
        News::End(reason) => {
            let name = if reason == Ending::ReadInFull { "read_in_full" } else { "end" };
            // An empty id: whoever comes again by itself does not come with a cursor that is good for nothing.
            let id = (reason == Ending::ReadInFull).then_some("");
            Bytes::from(event(name, id, &InboxEndView { reason }))
        }
        News::Changes { changes, up_to_date } => {
            let catalogue = deps.catalogue();
            metrics::counter!(metric::STREAM_CHANGES).increment(u64::try_from(changes.len()).unwrap_or(0));
            let mut text = String::new();
            for (cursor, told) in changes {
                let view = InboxChangeView::of(told, &catalogue);
                text.push_str(&event("change", Some(&cursor.to_string()), &view));
            }
            if let Some(cursor) = up_to_date.map(|cursor| cursor.to_string()) {
                text.push_str(&event("ready", Some(&cursor), &InboxReadyView { cursor: cursor.clone() }));
            }
            Bytes::from(text)
        }
    }
}

/// An event. JSON has no line breaks, so its data is one line.
fn event(name: &str, id: Option<&str>, data: &impl Serialize) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    // Our views can always be written.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("{id}event: {name}\ndata: {data}\n\n")
}
