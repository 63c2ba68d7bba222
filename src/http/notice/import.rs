//! Notices without end: a stream of lines in, a stream of lines out.
//!
//! Promise: the server holds a few hundred lines at a time, however many there are. The answer begins with the first line
//! and ends with `summary`, or with `failed` when what came in broke off or the database went away; without either the
//! connection was cut. What was told with `progress` is stored.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_ENCODING;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, post};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

use super::dto::read_notice;
use crate::domain::fanout::Announce;
use crate::domain::notice::Existing;
use crate::domain::page::Cursor;
use crate::http::extract::body::{JSON, is_of_type};
use crate::http::extract::publisher_key::PublisherCaller;
use crate::http::extract::query::Query;
use crate::http::language::Language;
use crate::http::problem::{self, ApiResult, Failure, Problem};
use crate::services::import::forms::Given;
use crate::services::import::{self, Convert, Counts, Ending, Event, Form, Place, Settings};
use crate::services::notice::Refused;
use crate::services::refusal::{Error, Refusal, Result, Violation};
use crate::services::{CanFail as _, Deps};

/// The media type of both streams.
pub const NDJSON: &str = "application/x-ndjson";
/// How long nothing may come in before the import ends.
const IDLE: Duration = Duration::from_secs(60);
/// Lines of the answer that wait for a slow reader.
const WAITING: usize = 256;
/// The name under which an import's place is told.
const PLACE: &str = "import";
/// How long whoever sends may not read the answer.
const UNREAD: Duration = Duration::from_secs(60);

/// How an import is done.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// As far as notices are announced at most, `none` when it is missing; a line's own `announce` may say less.
    #[param(inline)]
    announce: Option<Announce>,
    /// What is done with a notice that is known and says something else now: `refuse` when it is missing.
    #[param(inline)]
    existing: Option<Existing>,
    /// The form in which notices come in: our own when it is missing.
    #[param(inline)]
    form: Option<Form>,
    /// Where a foreign form names no source.
    #[param(min_length = 1, max_length = 64, pattern = "^[a-zA-Z0-9._-]+$", example = "hnsggzy")]
    source: Option<String>,
    /// Where a foreign form names no category.
    #[param(min_length = 1, max_length = 64, pattern = "^[a-zA-Z0-9._-]+$", example = "construction")]
    category: Option<String>,
    /// Where a foreign form names no region.
    #[param(min_length = 6, max_length = 6, pattern = "^[0-9]{6}$", example = "430000")]
    region: Option<String>,
    /// Where a foreign form names no notice type.
    #[param(min_length = 1, max_length = 64, pattern = "^[a-zA-Z0-9._-]+$", example = "C-TENDER")]
    notice_type: Option<String>,
    /// Says what would become of each, and stores nothing.
    dry_run: Option<bool>,
    /// Goes on where an import was cut off: `resume` of the last progress that was heard. Send what comes after its
    /// lines (documents); what was stored and not told any more counts as made by this call.
    #[param(min_length = 1, max_length = 400)]
    resume: Option<String>,
}

impl ImportQuery {
    fn settings(&self) -> Result<Settings> {
        Ok(Settings {
            announce: self.announce.unwrap_or(Announce::None),
            existing: self.existing.unwrap_or(Existing::Refuse),
            dry_run: self.dry_run.unwrap_or(false),
            after: self.resume.as_deref().map(place).transpose()?,
        })
    }

    /// What makes our bodies of what comes in.
    fn converter(self, deps: &Deps) -> Arc<dyn Convert> {
        let Self { form, source, category, region, notice_type, .. } = self;
        let given = Given { source, category, region, notice_type };
        Arc::from(form.unwrap_or(Form::Yizhan).converter(deps.catalogue(), given))
    }
}

/// An import's place as it was told.
pub fn place(text: &str) -> Result<Place> {
    let cursor: Option<Cursor> = text.parse().ok();
    let place = cursor.and_then(|cursor| {
        let [position, within] = cursor.parts(PLACE).ok()?;
        Some(Place { position: position.parse().ok()?, within: within.parse().ok()? })
    });
    let wrong = || Violation::query("resume", "cursor", "不是导入进度", "not a place of an import");
    place.ok_or_else(|| Error::invalid(vec![wrong()]))
}

/// A body that is read as it comes.
pub struct Incoming(Payload);

impl FromRequest for Incoming {
    type Error = Failure;
    type Future = Ready<std::result::Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let encoding = request.headers().get(CONTENT_ENCODING).map(|value| value.as_bytes());
        // A few bytes can be made to unfold into any number of them.
        if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
            let plain = Error::refused(Refusal::UnsupportedMediaType, "Content-Encoding: identity");
            return ready(Err(plain.into()));
        }
        if !is_of_type(request, NDJSON) && !is_of_type(request, JSON) {
            return ready(Err(Error::refused(Refusal::UnsupportedMediaType, NDJSON).into()));
        }
        ready(Ok(Self(payload.take())))
    }
}

impl Incoming {
    /// What comes in, and why no more does: nothing came for too long, or the caller is gone.
    fn bytes(self) -> impl Stream<Item = std::result::Result<Bytes, Refusal>> {
        stream::unfold(self.0, |mut payload| async move {
            let part = match tokio::time::timeout(IDLE, payload.next()).await {
                Err(_) => Err(Refusal::BodyTooSlow),
                Ok(next) => next?.map_err(|_| Refusal::Unavailable),
            };
            Some((part, payload))
        })
    }
}

/// A line of the answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ImportEventView {
    /// A notice was refused, or a line that is none.
    Refused {
        /// Its line, from 1; its document, where those are read.
        line: u64,
        /// Its number within that, from 1, where there are several.
        #[serde(skip_serializing_if = "Option::is_none")]
        item: Option<u64>,
        /// What its source calls it, as far as that could be read.
        #[serde(skip_serializing_if = "Option::is_none")]
        source_id: Option<String>,
        /// Why, as a single call would have been answered.
        problem: Problem,
    },
    /// So much is done, and stored unless it is a dry run.
    Progress {
        /// So much.
        #[serde(flatten)]
        counts: CountsView,
        /// Where an import that is cut off goes on.
        resume: String,
    },
    /// The end: all that came in is done.
    Summary {
        /// What it came to.
        #[serde(flatten)]
        counts: CountsView,
    },
    /// The end: it could not go on.
    Failed {
        /// What is done.
        #[serde(flatten)]
        counts: CountsView,
        /// Why it could not.
        problem: Problem,
    },
}

/// What an import came to so far.
#[derive(Debug, Serialize, ToSchema)]
pub struct CountsView {
    /// Lines that are done, blank ones too; documents, where those are read.
    lines: u64,
    /// Notices that are new.
    created: u64,
    /// Notices that were known.
    unchanged: u64,
    /// Notices that have another revision now.
    revised: u64,
    /// Notices, or lines that are none, that were not stored.
    refused: u64,
}

impl From<Counts> for CountsView {
    fn from(Counts { lines, created, unchanged, revised, refused }: Counts) -> Self {
        Self { lines, created, unchanged, revised, refused }
    }
}

/// Who is told of an import, and how.
#[derive(Debug, Clone)]
pub struct Listener {
    /// In which language.
    pub language: Language,
    /// The request's id.
    pub request_id: String,
}

impl Listener {
    /// What is told of an event.
    pub fn view(&self, event: Event) -> ImportEventView {
        match event {
            Event::Refused { line, item, source_id, refused } => {
                ImportEventView::Refused { line, item, source_id, problem: self.problem(&refused) }
            }
            Event::Progress { counts, place: Place { position, within } } => {
                let resume = Cursor::new(PLACE, [position.to_string(), within.to_string()]).to_string();
                ImportEventView::Progress { counts: counts.into(), resume }
            }
        }
    }

    /// What is told of the end.
    pub fn end(&self, (counts, ending): (Counts, Ending)) -> ImportEventView {
        let counts = counts.into();
        let failed = |counts, refused: &Refused| ImportEventView::Failed { counts, problem: self.problem(refused) };
        let plain = |refusal| Refused { refusal, violations: Vec::new(), detail: None };
        match ending {
            Ending::Whole | Ending::Unheard => ImportEventView::Summary { counts },
            Ending::BrokenOff(refusal) => failed(counts, &plain(refusal)),
            Ending::Failed(error) => match Refused::of(error) {
                Ok(refused) => failed(counts, &refused),
                Err(fault) => {
                    tracing::error!(error = %fault, "an import failed");
                    failed(counts, &plain(Refusal::Unavailable))
                }
            },
        }
    }

    fn problem(&self, refused: &Refused) -> Problem {
        Problem::of_one(refused, self.language, &self.request_id)
    }
}

/// Imports notices.
#[utoipa::path(
    tag = "publishing", operation_id = "import_notices", summary = "Import notices without end as a stream of lines",
    description = "流式导入公告（NDJSON，每行一条，每行至多 2 MiB），默认不通知任何人（`announce`）。回答也是逐行的流，请边发边读：被拒绝的行\
                   （行号与原因）、进度、最后为 `summary`，或中止时的 `failed`。一行有误不影响其他。可从头重发：已有的计为 `unchanged`；以最近一次 \
                   `progress` 的 `resume` 续传，计数与未中断时相同。不支持 `Idempotency-Key` 与压缩。`form` 为整份文件的格式（见 docs/forms.md）以 \
                   `application/json` 提交，至多 64 MiB。\n\nEach line is a body of `publish_notice`, at most 2 MiB; a \
                   line that is refused hinders no other. The answer is a stream of lines too, which begins at once: each \
                   refused line with its number and problem, the progress, and at the end `summary`, or `failed`. Read it \
                   while you send. Natural keys make the call safe to repeat from the start; `resume` goes on with the \
                   same figures. It takes no `Idempotency-Key`, and no compressed bodies. A form that reads documents \
                   takes them one after the other, each of at most 64 MiB and 2,000,000 values.",
    request_body(content = String, content_type = "application/x-ndjson"), security(("publisher" = [])),
    params(ImportQuery),
    responses((status = 200, body = ImportEventView, content_type = "application/x-ndjson"))
)]
#[post("/import")]
pub async fn import_notices(
    deps: Data<Deps>,
    caller: PublisherCaller,
    query: Query<ImportQuery>,
    incoming: Incoming,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    let (settings, convert) = (query.0.settings()?, query.0.converter(&deps));
    let listener = Listener { language: Language::of(&request), request_id: problem::request_id(&request) };
    let (say, hear) = mpsc::channel(WAITING);
    actix_web::rt::spawn(async move {
        // Nothing is read while nobody hears what became of it; who never listens holds nothing for ever.
        let tell = async |event| {
            let told = tokio::time::timeout(UNREAD, say.send(line(&listener.view(event)))).await;
            told.is_ok_and(|told| told.is_ok())
        };
        let parse: import::Parse = read_notice;
        let how = (settings, convert, parse);
        let ended = import::run(&deps, &caller, how, incoming.bytes(), tell).await;
        let ended = line(&listener.end(ended));
        say.send_timeout(ended, UNREAD).await.can_fail("whoever does not listen any more needs no summary");
    });
    let lines = stream::unfold(hear, |mut hear| async move { Some((Ok::<_, Infallible>(hear.recv().await?), hear)) });
    Ok(HttpResponse::Ok().content_type(NDJSON).streaming(lines))
}

fn line(view: &ImportEventView) -> Bytes {
    let mut text = serde_json::to_string(view).unwrap_or_default();
    text.push('\n');
    text.into()
}
