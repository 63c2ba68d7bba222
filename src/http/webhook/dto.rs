//! Webhooks as their users see them. An address and a bot's secret come in and never go out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::delivery::{Reason, State};
use crate::domain::id::{DeliveryId, NoticeId, WebhookId};
use crate::domain::page::Page;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Preset, WebhookState};
use crate::http::extract::body::Rules;
use crate::services::Deps;
use crate::services::operator::{Explained, Try};
use crate::services::refusal::{Violation, violations};
use crate::services::webhook::{self, Change, New, Registration, Shown, Tried};

/// A webhook to be registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookBody {
    /// What is spoken there: `standard` for a receiver that is programmed for it (Standard Webhooks), the others for the
    /// bot of a group chat.
    preset: Preset,
    /// Where it is; `https`, and nowhere in a private network. Keys in it are kept secret.
    #[schema(value_type = WebhookUrl)]
    url: String,
    /// What the user calls it.
    #[schema(min_length = 1, max_length = 50, example = "投标系统")]
    label: String,
    /// What the bot's settings show as the key of its signature; for `dingtalk` and `feishu`, where signing is switched on.
    #[schema(value_type = Option<WebhookSecret>)]
    secret: Option<String>,
}

/// Where a webhook is.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 2048, example = "https://hooks.example.com/yizhan")]
#[expect(dead_code, reason = "stands in the document only")]
pub struct WebhookUrl(String);

/// The secret of a bot.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 256, example = "SEC0123456789abcdef")]
#[expect(dead_code, reason = "stands in the document only")]
pub struct WebhookSecret(String);

impl WebhookBody {
    /// What is asked for.
    pub fn registration(&self) -> Registration {
        let Self { preset, url, label, secret } = self;
        Registration { preset: *preset, url: url.clone(), label: label.clone(), secret: secret.clone() }
    }
}

impl Rules for WebhookBody {
    fn broken(&self, deps: &Deps) -> Vec<Violation> {
        violations(webhook::check(deps, &self.registration()))
    }
}

/// What is to be changed; what is not there stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookChangeBody {
    /// Where it is from now on; what is due goes there, too.
    #[schema(value_type = Option<WebhookUrl>)]
    url: Option<String>,
    /// What the user calls it.
    #[schema(min_length = 1, max_length = 50)]
    label: Option<String>,
    /// What the bot signs with from now on.
    #[schema(value_type = Option<WebhookSecret>)]
    secret: Option<String>,
}

impl WebhookChangeBody {
    /// What is asked for.
    pub fn change(&self) -> Change {
        Change { url: self.url.clone(), label: self.label.clone(), secret: self.secret.clone() }
    }
}

impl Rules for WebhookChangeBody {
    fn broken(&self, deps: &Deps) -> Vec<Violation> {
        violations(webhook::check_change(deps, &self.change()))
    }
}

/// A webhook.
#[derive(Serialize, ToSchema)]
pub struct WebhookView {
    /// Its id.
    pub id: WebhookId,
    /// What is spoken there.
    preset: Preset,
    /// What the user calls it.
    label: String,
    /// Its host and the end of its address, to tell two apart.
    #[schema(example = "https://hooks.example.com/…zhan")]
    url_hint: String,
    /// The end of the secret that signs; nothing where nothing is signed.
    #[schema(example = "…Yq8=")]
    secret_hint: Option<String>,
    /// Until when the secret before it signs too; nothing when it does not.
    previous_secret_until: Option<Timestamp>,
    /// How it stands: `off` when it failed for long (resume it when it is mended), `ended` when the receiver said that
    /// it is no more.
    state: WebhookState,
    /// Since when.
    state_since: Timestamp,
    /// When it was registered.
    created_at: Timestamp,
}

impl WebhookView {
    /// A webhook.
    pub fn of(shown: Shown) -> Self {
        let Shown { id, preset, label, url_hint, secret_hint, .. } = shown;
        let Shown { previous_secret_until, state, state_since, created_at, .. } = shown;
        Self { id, preset, label, url_hint, secret_hint, previous_secret_until, state, state_since, created_at }
    }
}

/// A webhook and its new secret, shown this once.
#[derive(Serialize, ToSchema)]
pub struct NewWebhookView {
    /// What verifies signatures; keep it safe, it is not shown again. Nothing where the bot brought its own or none.
    #[schema(example = "whsec_…")]
    secret: Option<String>,
    /// The webhook.
    pub webhook: WebhookView,
}

impl NewWebhookView {
    /// A webhook with its new secret.
    pub fn of(new: New) -> Self {
        let secret = new.secret.map(|secret| secret.expose().to_owned());
        Self { secret, webhook: WebhookView::of(new.webhook) }
    }
}

/// Some webhooks.
#[derive(Serialize, ToSchema)]
pub struct WebhooksView {
    /// The newest first.
    items: Vec<WebhookView>,
    /// Where to go on; nothing at the end.
    next_cursor: Option<String>,
}

impl WebhooksView {
    /// A page.
    pub fn of(page: Page<Shown>) -> Self {
        let next_cursor = page.next.as_ref().map(ToString::to_string);
        Self { items: page.items.into_iter().map(WebhookView::of).collect(), next_cursor }
    }
}

/// What a webhook answered while its user waited.
#[derive(Serialize, ToSchema)]
pub struct WebhookAnswerView {
    /// `accepted`, or a word for why not: `failed`, `no_answer`, `throttled`, `payload`, `gone`, `unknown_answer`.
    #[schema(example = "accepted")]
    outcome: &'static str,
    /// The `webhook-id` that it was sent with.
    webhook_id: DeliveryId,
    /// The revision of the notice that was sent; nothing for a test.
    #[schema(example = 1)]
    revision: Option<i32>,
    /// The HTTP status; nothing when there was no answer.
    status: Option<u16>,
    /// How many milliseconds it took.
    latency_ms: u64,
    /// The beginning of the answer's words, without what opens.
    answer: Option<String>,
}

impl WebhookAnswerView {
    /// An answer.
    pub fn of(tried: Tried) -> Self {
        let latency = tried.ended_at.since(tried.began_at).as_millis();
        Self {
            outcome: tried.outcome,
            webhook_id: tried.delivery,
            revision: tried.revision,
            status: tried.status,
            latency_ms: u64::try_from(latency).unwrap_or(u64::MAX),
            answer: tried.text,
        }
    }
}

/// One try of a delivery to a webhook.
#[derive(Serialize, ToSchema)]
pub struct WebhookAttemptView {
    /// 1 for the first.
    number: i64,
    /// `accepted`, or a word for why not; nothing when whoever tried did not live to write it down.
    outcome: Option<String>,
    /// The HTTP status; nothing when there was no answer.
    status: Option<i64>,
    /// How many milliseconds it took.
    latency_ms: Option<u64>,
    /// The beginning of the answer's words, without what opens; or why there was none.
    answer: Option<String>,
    /// When it began.
    began_at: Option<Timestamp>,
}

impl WebhookAttemptView {
    fn of(one: Try) -> Self {
        let Try { number, outcome, detail, status, began_at, ended_at } = one;
        let latency = began_at.zip(ended_at).map(|(began_at, ended_at)| ended_at.since(began_at).as_millis());
        let latency_ms = latency.and_then(|latency| u64::try_from(latency).ok());
        Self { number, outcome, status, latency_ms, answer: detail, began_at }
    }
}

/// A delivery to a webhook: one revision of a notice.
#[derive(Serialize, ToSchema)]
pub struct WebhookDeliveryView {
    /// Its `webhook-id`, the same at every try.
    webhook_id: DeliveryId,
    /// The notice.
    notice_id: NoticeId,
    /// Its revision.
    revision: i64,
    /// How it stands.
    state: State,
    /// Why, where it needs saying.
    reason: Option<Reason>,
    /// Every try, in order.
    attempts: Vec<WebhookAttemptView>,
    /// When the newest outcome was known.
    decided_at: Timestamp,
    /// When the next try is due.
    due_at: Option<Timestamp>,
}

impl WebhookDeliveryView {
    fn of(explained: Explained) -> Self {
        let Explained { delivery, tries } = explained;
        let revision = i32::try_from(delivery.revision).unwrap_or(i32::MAX);
        Self {
            webhook_id: DeliveryId::of(delivery.notice_id, revision, delivery.endpoint_id),
            notice_id: delivery.notice_id,
            revision: delivery.revision,
            state: delivery.state,
            reason: delivery.reason,
            attempts: tries.into_iter().map(WebhookAttemptView::of).collect(),
            decided_at: delivery.decided_at,
            due_at: delivery.due_at,
        }
    }
}

/// Some deliveries to a webhook.
#[derive(Serialize, ToSchema)]
pub struct WebhookDeliveriesView {
    /// Those of the newest notice first.
    items: Vec<WebhookDeliveryView>,
    /// Where to go on; nothing at the end.
    next_cursor: Option<String>,
}

impl WebhookDeliveriesView {
    /// A page.
    pub fn of(page: Page<Explained>) -> Self {
        let next_cursor = page.next.as_ref().map(ToString::to_string);
        Self { items: page.items.into_iter().map(WebhookDeliveryView::of).collect(), next_cursor }
    }
}
