//! Many notices in one call, each with an outcome of its own.
//!
//! The call as a whole is refused only for what is wrong with the whole; what is wrong with a notice is in its outcome,
//! so items are held against their schema one by one, by the very schema that the document shows.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::dto::{NoticeBody, read_notice};
use super::views::PublishedView;
use crate::domain::notice::{Existing, HandedIn};
use crate::http::extract::body::{self, Rules};
use crate::http::extract::idempotency::IdempotencyKey;
use crate::http::extract::publisher_key::PublisherCaller;
use crate::http::language::Language;
use crate::http::problem::{self, ApiResult, Failure, Problem, problems};
use crate::services::Deps;
use crate::services::idempotency::Call;
use crate::services::notice::{self, Bulk, Desk, Outcome, Prepared};
use crate::services::refusal::{Error, Result};

/// The most bytes of a call: sixteen kilobytes for each of so many.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

problems!(
    /// What publishing many may be answered as a whole.
    pub BatchProblems: IdempotencyKeyReused, IdempotencyKeyInUse
);

/// Notices that are handed in together.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands in the document only: what is read is an `Envelope`")]
pub struct NoticesBody {
    /// At most 500, in the order in which they are published. Each is checked by itself.
    #[schema(min_items = 1, max_items = 500)]
    notices: Vec<NoticeBody>,
    /// What is done with a notice that is known and says something else now: `refuse` as `publish_notice` does, `revise`
    /// as `put_notice` does.
    #[schema(default = "refuse")]
    existing: Option<Existing>,
}

/// The same, but for what is in the notices.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Envelope {
    #[schema(min_items = 1, max_items = 500)]
    #[serde(rename = "notices")]
    _notices: Vec<Value>,
    existing: Option<Existing>,
}

impl Rules for Envelope {}

/// The body of a call: its notices apart from the rest, not looked at yet.
pub struct Batch {
    notices: Vec<Value>,
    existing: Existing,
    digest: [u8; 32],
}

impl FromRequest for Batch {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = body::is_of_type(request, body::JSON);
        let (payload, deps) = (payload.take(), request.app_data::<Data<Deps>>().cloned());
        Box::pin(async move {
            let bytes = body::read_json(is_json, payload, MAX_BYTES).await?;
            let deps = deps.ok_or_else(|| Error::broken("the services are not mounted"))?;
            Ok(aside(move || Self::read(&bytes, &deps)).await??)
        })
    }
}

impl Batch {
    fn read(bytes: &[u8], deps: &Deps) -> Result<Self> {
        let mut whole = body::value(bytes)?;
        let items = whole.get_mut("notices").and_then(Value::as_array_mut);
        // Null stands for each while the whole is looked at: what is in them is their own affair.
        let notices = items.map_or_else(Vec::new, |items| {
            let nothing = vec![Value::Null; items.len()];
            std::mem::replace(items, nothing)
        });
        let Envelope { existing, .. } = body::check(whole, deps)?;
        Ok(Self { notices, existing: existing.unwrap_or(Existing::Refuse), digest: Sha256::digest(bytes).into() })
    }
}

/// Does what takes its time on a thread that nobody waits for.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::broken(error.to_string()))
}

/// What became of each.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutcomesView {
    /// In the order of the notices that were handed in.
    outcomes: Vec<OutcomeView>,
}

/// What became of one.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutcomeView {
    /// In a word.
    status: HandedIn,
    /// What is stored, as `publish_notice` answers; nothing when it was refused.
    notice: Option<PublishedView>,
    /// Why it was refused, as `publish_notice` would have said; pointers are into the notice.
    problem: Option<Problem>,
}

impl OutcomeView {
    fn of(outcome: Outcome, language: Language, request_id: &str) -> Self {
        let status = outcome.status();
        match outcome {
            Outcome::Published(published) => Self { status, notice: Some(published.into()), problem: None },
            Outcome::Refused(refused) => {
                Self { status, notice: None, problem: Some(Problem::of_one(&refused, language, request_id)) }
            }
        }
    }
}

/// Publishes many notices.
#[utoipa::path(
    tag = "publishing", operation_id = "publish_notices", summary = "Publish up to 500 notices in one call",
    description = "批量发布公告：按给出的次序、在一个事务中逐条发布，`outcomes` 与之一一对应：`created`、`unchanged`、`revised`（补发通知，\
                   或 `existing: revise` 时内容已变）或 `refused` 及其原因（指针指向该条公告内部）。一条有误不影响其他，整体仍为 200。请求体至多 \
                   8 MiB。更多或历史公告请用 `import_notices`。\n\nEach notice is published as `publish_notice` would, in the \
                   order given and in one transaction; each has an outcome: `created`, `unchanged`, `revised` (the same \
                   content announced further, or other content with `existing: revise`) or `refused` with its own \
                   problem. At most 8 MiB. For more, or for old notices, see `import_notices`.",
    request_body = NoticesBody, security(("publisher" = [])),
    params(IdempotencyKey),
    responses((status = 200, body = OutcomesView), BatchProblems)
)]
#[post("/batch")]
pub async fn publish_notices(
    deps: Data<Deps>,
    caller: PublisherCaller,
    key: IdempotencyKey,
    batch: Batch,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    let call = Call { caller: caller.publisher.to_string(), key: key.0, digest: batch.digest };
    let how = Bulk { existing: batch.existing, lane: None };
    let (desk, known) = (Desk::open(&deps, &caller), deps.clone());
    let prepared = aside(move || prepare(batch.notices, &desk, &known)).await??;
    let outcomes = notice::publish_all(&deps, &caller, &call, &prepared, how).await?;
    let (language, id) = (Language::of(&request), problem::request_id(&request));
    let outcomes = outcomes.into_iter().map(|outcome| OutcomeView::of(outcome, language, &id)).collect();
    Ok(HttpResponse::Ok().json(OutcomesView { outcomes }))
}

fn prepare(notices: Vec<Value>, desk: &Desk, deps: &Deps) -> Result<Vec<Prepared>> {
    let one = |value| match read_notice(value, deps) {
        Ok(draft) => Prepared::of(desk, draft),
        Err(error) => Prepared::refused(error),
    };
    notices.into_iter().map(one).collect()
}
