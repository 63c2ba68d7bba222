//! Reading the catalogue; no sign-in is needed.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

use super::dto::{CategoriesView, NoticeTypesView, RegionsQuery, RegionsView, ResolvedRegionView};
use crate::http::conditional::{self, IfNoneMatch};
use crate::http::extract::query::Query;
use crate::http::problem::{ApiResult, problems};
use crate::services::{Deps, Refusal};

problems!(
    /// What asking for one thing of the catalogue may be answered.
    pub CatalogueProblems: NotFound
);

/// All categories.
#[utoipa::path(
    tag = "catalogue", operation_id = "list_categories", summary = "List all categories",
    description = "分类树：订阅上级分类即包含其全部下级。A parent covers its children. Strong ETag; 304 while unchanged.",
    responses((status = 200, body = CategoriesView), (status = 304, description = "Unchanged"))
)]
#[get("/categories")]
pub async fn list_categories(deps: Data<Deps>, known: IfNoneMatch) -> HttpResponse {
    let catalogue = deps.catalogue();
    conditional::answer(&known, catalogue.digest(), || CategoriesView::of(&catalogue))
}

/// Some regions.
#[utoipa::path(
    tag = "catalogue", operation_id = "list_regions", summary = "List or find regions", params(RegionsQuery),
    description = "行政区划：不带参数返回各省；`parent` 返回下级；`q` 按名称或代码查找（含已撤销的）。",
    responses((status = 200, body = RegionsView), (status = 304, description = "Unchanged"))
)]
#[get("/regions")]
pub async fn list_regions(deps: Data<Deps>, query: Query<RegionsQuery>, known: IfNoneMatch) -> HttpResponse {
    let catalogue = deps.catalogue();
    conditional::answer(&known, catalogue.digest(), || RegionsView::of(&catalogue, &query.0))
}

/// What a region code means today.
#[utoipa::path(
    tag = "catalogue", operation_id = "get_region", summary = "Resolve a region code",
    description = "区划代码的现行含义：已撤销的代码指向其继任者；未知代码按最长已知前缀归入上级并标明 `fallback`。",
    params(("code" = String, Path, description = "Six digits", example = "430124")),
    responses((status = 200, body = ResolvedRegionView), (status = 304, description = "Unchanged"), CatalogueProblems)
)]
#[get("/regions/{code}")]
pub async fn get_region(deps: Data<Deps>, code: Path<String>, known: IfNoneMatch) -> ApiResult<HttpResponse> {
    let catalogue = deps.catalogue();
    let resolved = catalogue.resolve(&code).ok_or(Refusal::NotFound)?;
    let region = catalogue.region(&resolved.code).ok_or(Refusal::NotFound)?;
    let view = || ResolvedRegionView::of(code.into_inner(), &resolved, region);
    Ok(conditional::answer(&known, catalogue.digest(), view))
}

/// All notice types.
#[utoipa::path(
    tag = "catalogue", operation_id = "list_notice_types", summary = "List all notice types and stages",
    description = "公告类型及其所处阶段。Subscriptions choose types, or stages that cover them.",
    responses((status = 200, body = NoticeTypesView), (status = 304, description = "Unchanged"))
)]
#[get("/notice-types")]
pub async fn list_notice_types(deps: Data<Deps>, known: IfNoneMatch) -> HttpResponse {
    let catalogue = deps.catalogue();
    conditional::answer(&known, catalogue.digest(), || NoticeTypesView::of(&catalogue))
}
