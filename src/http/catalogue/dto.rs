//! The catalogue as callers see it.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::catalogue::{Catalogue, Category, Level, NoticeType, Region, ResolvedRegion, Stage, path_codes};
use crate::domain::fold::fold;

/// The most regions that one answer holds.
const MAX_REGIONS: usize = 100;

/// All categories.
#[derive(Serialize, ToSchema)]
pub struct CategoriesView {
    /// Parents before children, in their order.
    items: Vec<CategoryView>,
}

/// What is traded.
#[derive(Serialize, ToSchema)]
pub struct CategoryView {
    /// Its code.
    #[schema(example = "construction.a02")]
    code: String,
    /// The category that it is part of.
    #[schema(example = "construction")]
    parent: Option<String>,
    /// Its name in Chinese.
    #[schema(example = "市政")]
    name_zh: String,
    /// Its name in English.
    #[schema(example = "Municipal works")]
    name_en: String,
    /// Its number on the national platform.
    national_code: Option<String>,
    /// Its letters in the data standard of the trading platforms.
    standard_code: Option<String>,
}

/// Which regions: the children of `parent`, or those that `q` finds, or else all provinces.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RegionsQuery {
    /// The code of the region whose parts are wanted.
    #[param(min_length = 6, max_length = 6, pattern = "^[0-9]{6}$", example = "430100")]
    parent: Option<String>,
    /// Part of a name, or the beginning of a code. Retired regions are found too.
    #[param(min_length = 1, max_length = 40, example = "宁乡")]
    q: Option<String>,
}

/// Some regions.
#[derive(Serialize, ToSchema)]
pub struct RegionsView {
    /// At most 100, by code.
    items: Vec<RegionView>,
}

/// A region (GB/T 2260).
#[derive(Serialize, ToSchema)]
pub struct RegionView {
    /// Its six digits.
    #[schema(example = "430182")]
    code: String,
    /// Its full name.
    #[schema(example = "宁乡市")]
    name_zh: String,
    /// Its name for a crowded screen.
    #[schema(example = "宁乡")]
    short_name: String,
    /// Its name in English, where there is one.
    name_en: Option<String>,
    /// The region that it is part of.
    #[schema(example = "430100")]
    parent: Option<String>,
    /// How large it is.
    level: Level,
    /// Not to be offered any more, but understood.
    retired: bool,
    /// The code that took over.
    successor: Option<String>,
}

/// What a region code means today.
#[derive(Serialize, ToSchema)]
pub struct ResolvedRegionView {
    /// The code that was asked for.
    #[schema(example = "430124")]
    code: String,
    /// The region of today.
    region: RegionView,
    /// The code is not known; `region` is the longest known prefix of it.
    fallback: bool,
    /// Every code under which a notice of this region is found: its ancestors', its own, and those that each took over.
    path: Vec<String>,
}

/// All notice types and the stages that they belong to.
#[derive(Serialize, ToSchema)]
pub struct NoticeTypesView {
    /// The types.
    items: Vec<NoticeTypeView>,
    /// The stages, in the order of a project's life.
    stages: Vec<StageView>,
}

/// Where a notice stands in its project's life.
#[derive(Serialize, ToSchema)]
pub struct NoticeTypeView {
    /// Its code.
    #[schema(example = "C-TENDER")]
    code: String,
    /// The category whose notices have it.
    #[schema(example = "construction")]
    category: String,
    /// Its name in Chinese.
    #[schema(example = "招标公告")]
    name_zh: String,
    /// Its name in English.
    #[schema(example = "Tender notice")]
    name_en: String,
    /// The stage that it belongs to.
    #[schema(example = "tender")]
    stage: String,
    /// Its number on the national platform.
    national_code: Option<String>,
    /// The release tag of the Open Contracting Data Standard that fits best.
    ocds_tag: Option<String>,
    /// Its notices name a deadline.
    has_deadline: bool,
    /// Its notices are sent ahead of others.
    urgent: bool,
    /// Its notices amend earlier ones.
    amends: bool,
}

/// A step in the life of a project.
#[derive(Serialize, ToSchema)]
pub struct StageView {
    /// Its code.
    #[schema(example = "tender")]
    code: String,
    /// Its name in Chinese.
    #[schema(example = "招标采购")]
    name_zh: String,
    /// Its name in English.
    #[schema(example = "Call")]
    name_en: String,
}

impl CategoriesView {
    /// Everything that the catalogue has.
    pub fn of(catalogue: &Catalogue) -> Self {
        Self { items: catalogue.categories().iter().map(CategoryView::of).collect() }
    }
}

impl CategoryView {
    fn of(category: &Category) -> Self {
        let Category { code, parent, name_zh, name_en, national_code, standard_code, sort: _ } = category.clone();
        Self { code, parent, name_zh, name_en, national_code, standard_code }
    }
}

impl RegionsView {
    /// The regions that were asked for.
    pub fn of(catalogue: &Catalogue, query: &RegionsQuery) -> Self {
        let words = query.q.as_deref().map(fold);
        let wanted = |region: &&Region| match (&query.parent, &words) {
            (None, None) => region.parent.is_none() && !region.retired,
            (parent, None) => region.parent == *parent && !region.retired,
            (None, Some(words)) => is_called(region, words),
            (parent, Some(words)) => region.parent == *parent && is_called(region, words),
        };
        Self { items: catalogue.regions().iter().filter(wanted).take(MAX_REGIONS).map(RegionView::of).collect() }
    }
}

fn is_called(region: &Region, words: &str) -> bool {
    let english = region.name_en.as_deref().map(fold).unwrap_or_default();
    region.code.starts_with(words) || fold(&region.name).contains(words) || english.starts_with(words)
}

impl RegionView {
    /// A region.
    pub fn of(region: &Region) -> Self {
        let Region { code, name, short_name, name_en, parent, level, retired, successor } = region.clone();
        Self { code, name_zh: name, short_name, name_en, parent, level, retired, successor }
    }
}

impl ResolvedRegionView {
    /// What `code` was resolved to.
    pub fn of(code: String, resolved: &ResolvedRegion, region: &Region) -> Self {
        let path = path_codes(&resolved.path).map(str::to_owned).collect();
        Self { code, region: RegionView::of(region), fallback: resolved.fallback, path }
    }
}

impl NoticeTypesView {
    /// Everything that the catalogue has.
    pub fn of(catalogue: &Catalogue) -> Self {
        let items = catalogue.notice_types().iter().map(NoticeTypeView::of).collect();
        let stages = catalogue.stages().iter().map(StageView::of).collect();
        Self { items, stages }
    }
}

impl NoticeTypeView {
    fn of(kind: &NoticeType) -> Self {
        let NoticeType { code, category, name_zh, name_en, stage, national_code, ocds_tag, .. } = kind.clone();
        let NoticeType { has_deadline, urgent, amends, .. } = *kind;
        Self { code, category, name_zh, name_en, stage, national_code, ocds_tag, has_deadline, urgent, amends }
    }
}

impl StageView {
    fn of(stage: &Stage) -> Self {
        let Stage { code, name_zh, name_en, sort: _ } = stage.clone();
        Self { code, name_zh, name_en }
    }
}
