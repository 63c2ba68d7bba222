//! Subscriptions as their users see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::id::SubscriptionId;
use crate::domain::page::Page;
use crate::domain::subscription::{Amount, Filter, Frequency, Keywords, SubscriptionEnd, UnknownAmount};
use crate::domain::time::Timestamp;
use crate::http::extract::body::Rules;
use crate::http::extract::words::CatalogueCode;
use crate::services::Deps;
use crate::services::refusal::{Violation, violations};
use crate::services::subscription::{self, Change, Edition, Wish};

/// A subscription to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionBody {
    /// What the user calls it.
    #[schema(min_length = 1, max_length = 50, example = "长沙市政工程")]
    name: String,
    /// What the user wants to hear of.
    filter: FilterForm,
    /// How soon. Only `immediate` is offered in this release.
    frequency: Frequency,
}

impl SubscriptionBody {
    /// What is asked for.
    pub fn wish(&self) -> Wish {
        Wish { name: self.name.clone(), filter: self.filter.filter(), frequency: self.frequency }
    }
}

impl Rules for SubscriptionBody {
    fn broken(&self, deps: &Deps) -> Vec<Violation> {
        violations(subscription::check(deps, Some(&self.name), Some(&self.filter.filter())))
    }
}

/// What is to be changed; what is not there stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionChangeBody {
    /// What the user calls it.
    #[schema(min_length = 1, max_length = 50)]
    name: Option<String>,
    /// What the user wants to hear of, in full: another filter begins another edition.
    filter: Option<FilterForm>,
    /// How soon. Only `immediate` is offered in this release.
    frequency: Option<Frequency>,
}

impl SubscriptionChangeBody {
    /// What is asked for.
    pub fn change(&self) -> Change {
        let filter = self.filter.as_ref().map(FilterForm::filter);
        Change { name: self.name.clone(), filter, frequency: self.frequency }
    }
}

impl Rules for SubscriptionChangeBody {
    fn broken(&self, deps: &Deps) -> Vec<Violation> {
        let Change { name, filter, .. } = self.change();
        violations(subscription::check(deps, name.as_deref(), filter.as_ref()))
    }
}

/// For how long nothing is sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseBody {
    /// Until then; within the next year.
    pub until: Timestamp,
}

impl Rules for PauseBody {
    fn broken(&self, deps: &Deps) -> Vec<Violation> {
        violations(subscription::check_pause(deps, self.until))
    }
}

/// A filter: every part that is not empty must hold. At least one part beside `keywords.none` must be there.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FilterForm {
    /// Category codes; one covers everything below it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20, value_type = Vec<CatalogueCode>, example = json!(["construction"]))]
    categories: Vec<String>,
    /// Region codes; one covers everything below it, and what it was called before or after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20, value_type = Vec<CatalogueCode>, example = json!(["430100"]))]
    regions: Vec<String>,
    /// Notice type codes; a notice of one of these types or of one of these stages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20, value_type = Vec<CatalogueCode>, example = json!(["C-TENDER"]))]
    notice_types: Vec<String>,
    /// Stage codes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20, value_type = Vec<CatalogueCode>, example = json!(["tender"]))]
    stages: Vec<String>,
    /// Words of title, project, purchaser or text; width, case, brackets and dashes do not matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    keywords: Option<KeywordsForm>,
    /// The control price, else the budget, else the award.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<AmountForm>,
    /// The purchaser's name or credit code, in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    purchaser: Option<String>,
    /// The project's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100)]
    project: Option<String>,
}

/// A word: at least one Chinese character, or two letters or digits.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 50, example = "市政")]
#[expect(dead_code, reason = "stands in the document only")]
pub struct Keyword(String);

/// Words, each anywhere in the text.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeywordsForm {
    /// At least one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20, value_type = Vec<Keyword>)]
    any: Vec<String>,
    /// All of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10, value_type = Vec<Keyword>)]
    all: Vec<String>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20, value_type = Vec<Keyword>)]
    none: Vec<String>,
}

/// A range of amounts, both ends included.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AmountForm {
    /// The least, in fen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    min_fen: Option<i64>,
    /// The most, in fen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    max_fen: Option<i64>,
    /// Whether notices that name no amount are wanted.
    unknown: UnknownAmount,
}

impl FilterForm {
    pub(super) fn filter(&self) -> Filter {
        let keywords = self.keywords.as_ref().map(|words| Keywords {
            any: words.any.clone(),
            all: words.all.clone(),
            none: words.none.clone(),
        });
        let amount = self.amount.as_ref().map(|amount| Amount {
            min_fen: amount.min_fen,
            max_fen: amount.max_fen,
            unknown: amount.unknown,
        });
        Filter {
            categories: self.categories.clone(),
            regions: self.regions.clone(),
            notice_types: self.notice_types.clone(),
            stages: self.stages.clone(),
            keywords: keywords.unwrap_or_default(),
            amount,
            purchaser: self.purchaser.clone(),
            project: self.project.clone(),
        }
    }

    /// A filter as it is shown.
    pub fn of(filter: Filter) -> Self {
        let Keywords { any, all, none } = filter.keywords;
        let empty = any.is_empty() && all.is_empty() && none.is_empty();
        let amount = |Amount { min_fen, max_fen, unknown }: Amount| AmountForm { min_fen, max_fen, unknown };
        Self {
            categories: filter.categories,
            regions: filter.regions,
            notice_types: filter.notice_types,
            stages: filter.stages,
            keywords: (!empty).then_some(KeywordsForm { any, all, none }),
            amount: filter.amount.map(amount),
            purchaser: filter.purchaser,
            project: filter.project,
        }
    }
}

/// A subscription as it stands now.
#[derive(Serialize, ToSchema)]
pub struct SubscriptionView {
    /// Its id, the same across its editions.
    pub id: SubscriptionId,
    /// What the user calls it.
    name: String,
    /// What the user wants to hear of.
    filter: FilterForm,
    /// How soon.
    frequency: Frequency,
    /// Until when nothing is sent for it; nothing when it is not paused.
    paused_until: Option<Timestamp>,
    /// When it was made.
    created_at: Timestamp,
    /// Since when it has this filter.
    filter_since: Timestamp,
}

impl SubscriptionView {
    /// A subscription.
    pub fn of(edition: Edition) -> Self {
        Self {
            id: edition.subscription,
            name: edition.name,
            filter: FilterForm::of(edition.filter),
            frequency: edition.frequency,
            paused_until: edition.paused_until,
            created_at: edition.created_at,
            filter_since: edition.started_at,
        }
    }
}

/// Some subscriptions.
#[derive(Serialize, ToSchema)]
pub struct SubscriptionsView {
    /// The newest first.
    items: Vec<SubscriptionView>,
    /// Where to go on; nothing at the end.
    next_cursor: Option<String>,
}

impl SubscriptionsView {
    /// A page.
    pub fn of(page: Page<Edition>) -> Self {
        let next_cursor = page.next.as_ref().map(ToString::to_string);
        Self { items: page.items.into_iter().map(SubscriptionView::of).collect(), next_cursor }
    }
}

/// One edition of a subscription: its filter from one instant to another.
#[derive(Serialize, ToSchema)]
pub struct SubscriptionEditionView {
    /// What the user called it last.
    name: String,
    /// What the user wanted to hear of.
    filter: FilterForm,
    /// Since when.
    started_at: Timestamp,
    /// Until when; nothing for the edition that holds.
    ended_at: Option<Timestamp>,
    /// Why it ended.
    ended_reason: Option<SubscriptionEnd>,
}

/// Some editions of a subscription.
#[derive(Serialize, ToSchema)]
pub struct SubscriptionEditionsView {
    /// The newest first.
    items: Vec<SubscriptionEditionView>,
    /// Where to go on; nothing at the end.
    next_cursor: Option<String>,
}

impl SubscriptionEditionsView {
    /// A page.
    pub fn of(page: Page<Edition>) -> Self {
        let next_cursor = page.next.as_ref().map(ToString::to_string);
        let view = |edition: Edition| SubscriptionEditionView {
            name: edition.name,
            filter: FilterForm::of(edition.filter),
            started_at: edition.started_at,
            ended_at: edition.ended_at,
            ended_reason: edition.ended_reason,
        };
        Self { items: page.items.into_iter().map(view).collect(), next_cursor }
    }
}
