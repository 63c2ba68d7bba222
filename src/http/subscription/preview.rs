//! Trying a filter before it is saved, and filters to begin with.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::dto::FilterForm;
use crate::domain::catalogue::Catalogue;
use crate::domain::id::NoticeId;
use crate::domain::subscription::{How, Part};
use crate::domain::template::{Blank, BlankKind, Template};
use crate::domain::time::Timestamp;
use crate::http::conditional::{self, IfNoneMatch};
use crate::http::extract::body::{Body, Rules};
use crate::http::extract::signed_in::SignedIn;
use crate::http::notice::NoticeItemView;
use crate::http::problem::{ApiResult, problems};
use crate::services::preview::{Advice, Hit, Preview, Rate, templates};
use crate::services::refusal::{Violation, violations};
use crate::services::{Deps, preview, subscription};

problems!(
    /// What trying a filter may be answered.
    pub PreviewProblems: FilterEmpty
);

/// A filter to be tried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewBody {
    /// What the user wants to hear of, as in a subscription.
    filter: FilterForm,
}

impl Rules for PreviewBody {
    fn broken(&self, deps: &Deps) -> Vec<Violation> {
        violations(subscription::check(deps, None, Some(&self.filter.filter())))
    }
}

/// What a subscription with this filter, made when the time begins, would have brought.
#[derive(Serialize, ToSchema)]
pub struct PreviewView {
    /// When the time begins: 30 days ago, or when the first notice was announced.
    from: Timestamp,
    /// When it ends: now.
    to: Timestamp,
    /// Whether everything in between was looked at. Else there was no time: counts are at least so many.
    exact: bool,
    /// Everything from here on was looked at; the figures a day are those of this time.
    counted_from: Timestamp,
    /// How many notices would have come.
    notices: u32,
    /// How many of them match themselves.
    matched: u32,
    /// How many come only because they amend one that came.
    followed: u32,
    /// How many come on an average day from Monday to Friday, holidays not considered; less than a day counts as one.
    per_working_day: f64,
    /// How many come on an average Saturday or Sunday; 0 when there was none.
    per_day_off: f64,
    /// The same by stage.
    by_stage: Vec<StageRateView>,
    /// The newest 20.
    latest: Vec<PreviewHitView>,
    /// What could be changed about the filter when nothing would come, or more than anybody reads; else empty.
    suggestions: Vec<FilterSuggestionView>,
}

/// How many notices of a stage come.
#[derive(Serialize, ToSchema)]
pub struct StageRateView {
    /// The stage.
    stage: String,
    /// How many would have come.
    notices: u32,
    /// How many come on an average day from Monday to Friday.
    per_working_day: f64,
}

/// A notice that would have come.
#[derive(Serialize, ToSchema)]
pub struct PreviewHitView {
    /// The notice as it stands now.
    notice: NoticeItemView,
    /// The revision that would have come first.
    revision: i64,
    /// The words of the filter that stand in it.
    words: Vec<String>,
    /// The notice for whose sake it comes, when it does not match itself.
    follows: Option<NoticeId>,
}

/// A change of the filter, and what it would bring.
#[derive(Serialize, ToSchema)]
pub struct FilterSuggestionView {
    /// The part to be changed.
    part: Part,
    /// In which way.
    how: How,
    /// The whole filter as it would be then.
    filter: FilterForm,
    /// How many notices it would have brought, amendments that only follow aside.
    notices: u32,
    /// How many of them on an average day from Monday to Friday.
    per_working_day: f64,
    /// Whether everything was looked at; else there are at least so many.
    exact: bool,
}

impl PreviewView {
    fn of(preview: Preview, catalogue: &Catalogue) -> Self {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let Rate { count: notices, per_working_day, per_day_off } = preview.rate;
        let stage = |(stage, rate): (String, Rate)| StageRateView {
            stage,
            notices: rate.count,
            per_working_day: rate.per_working_day,
        };
        let hit = |Hit { notice, revision, words, follows }| PreviewHitView {
            notice: NoticeItemView::of(notice, catalogue),
            revision,
            words,
            follows,
        };
        Self {
            from: preview.from,
            to: preview.to,
            exact: preview.exact,
            counted_from: preview.counted_from,
            notices,
            matched: count(preview.matched),
            followed: count(preview.followed),
            per_working_day,
            per_day_off,
            by_stage: preview.by_stage.into_iter().map(stage).collect(),
            latest: preview.latest.into_iter().map(hit).collect(),
            suggestions: preview.advice.into_iter().map(FilterSuggestionView::of).collect(),
        }
    }
}

impl FilterSuggestionView {
    fn of(advice: Advice) -> Self {
        let Advice { part, how, filter, notices, per_working_day, exact } = advice;
        Self { part, how, filter: FilterForm::of(filter), notices, per_working_day, exact }
    }
}

/// Tries a filter.
#[utoipa::path(
    tag = "subscriptions", operation_id = "preview_subscription", summary = "Try a filter before saving it",
    description = "试订阅：以同样的匹配规则，计算此条件在近 30 天会带来哪些公告、平均每个工作日多少条，列出最近 20 条及命中的词；\
                   一条也没有或每个工作日上百条时，给出放宽或收窄的建议及其效果。不保存任何内容，每分钟至多 30 次。What a \
                   subscription with this filter would have brought in the last 30 days, by the matcher that carries \
                   notices; nothing is saved. `exact` says whether all of it was looked at.",
    request_body = PreviewBody, security(("user" = [])),
    responses((status = 200, body = PreviewView), PreviewProblems)
)]
#[post("/subscriptions/preview")]
pub async fn preview_subscription(
    deps: Data<Deps>,
    me: SignedIn,
    body: Body<PreviewBody>,
) -> ApiResult<Json<PreviewView>> {
    let preview = preview::preview(&deps, me.user, &body.value.filter.filter()).await?;
    Ok(Json(PreviewView::of(preview, &deps.catalogue())))
}

/// Filters to begin with.
#[derive(Serialize, ToSchema)]
pub struct TemplatesView {
    /// In the order in which they are offered.
    items: Vec<TemplateView>,
}

/// A filter to begin with.
#[derive(Serialize, ToSchema)]
pub struct TemplateView {
    /// Its name for machines.
    code: String,
    /// Its name in Chinese, good for the subscription too.
    name_zh: String,
    /// Its name in English.
    name_en: String,
    /// What it is for, in Chinese.
    description_zh: String,
    /// What it is for, in English.
    description_en: String,
    /// What of the filter is fixed.
    filter: FilterForm,
    /// What the user fills in.
    blanks: Vec<BlankView>,
}

/// Something that the user fills in.
#[derive(Serialize, ToSchema)]
pub struct BlankView {
    /// Where its value stands in the filter: a JSON pointer (RFC 6901). Lists and objects on the way are made; a list
    /// may take more values than one.
    pointer: String,
    /// What is filled in.
    kind: BlankKind,
    /// What to ask for, in Chinese.
    name_zh: String,
    /// What to ask for, in English.
    name_en: String,
    /// Whether it must be filled in.
    required: bool,
}

impl TemplateView {
    fn of(template: &Template) -> Self {
        let Template { code, name_zh, name_en, description_zh, description_en, filter, blanks } = template.clone();
        let blank = |Blank { pointer, kind, name_zh, name_en, required }| BlankView {
            pointer,
            kind,
            name_zh,
            name_en,
            required,
        };
        let blanks = blanks.into_iter().map(blank).collect();
        Self { code, name_zh, name_en, description_zh, description_en, filter: FilterForm::of(filter), blanks }
    }
}

/// Filters to begin with.
#[utoipa::path(
    tag = "subscriptions", operation_id = "list_subscription_templates", summary = "List filters to begin with",
    description = "常用订阅模板：`filter` 为固定条件，`blanks` 为待用户填写的部分（JSON 指针指明位置）。填好后即可试订阅或新建订阅。\
                   Fill each blank at its pointer, then try or save the filter. Strong ETag; 304 while unchanged.",
    security(("user" = [])),
    responses((status = 200, body = TemplatesView), (status = 304, description = "Unchanged"))
)]
#[get("/subscriptions/templates")]
pub async fn list_subscription_templates(deps: Data<Deps>, _me: SignedIn, known: IfNoneMatch) -> HttpResponse {
    let catalogue = deps.catalogue();
    conditional::answer(&known, &templates::version(&catalogue), || TemplatesView {
        items: templates::offered(&catalogue).map(TemplateView::of).collect(),
    })
}
