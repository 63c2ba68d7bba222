//! Making and ending publishers and keys.

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, post};

use super::dto::{
    NewPublisherKeyView, PublisherBody, PublisherKeyBody, PublisherKeysView, PublisherView, PublishersView,
};
use crate::domain::id::{PublisherId, PublisherKeyId};
use crate::http::extract::body::Body;
use crate::http::extract::id::Id;
use crate::http::extract::idempotency::IdempotencyKey;
use crate::http::extract::page::PageQuery;
use crate::http::extract::query::Query;
use crate::http::extract::signed_in::Admin;
use crate::http::problem::{ApiResult, problems};
use crate::services::idempotency::Call;
use crate::services::{Deps, Refusal, publisher};

problems!(
    /// What making a publisher may be answered.
    pub CreatePublisherProblems: Forbidden, NameTaken, IdempotencyKeyReused, IdempotencyKeyInUse
);
problems!(
    /// What making a key may be answered.
    pub CreateKeyProblems: Forbidden, NotFound, SecretShownOnce, IdempotencyKeyReused, IdempotencyKeyInUse
);
problems!(
    /// What asking for one publisher may be answered.
    pub PublisherProblems: Forbidden, NotFound
);
problems!(
    /// What asking for a list may be answered.
    pub ListProblems: Forbidden
);

/// Makes a publisher.
#[utoipa::path(
    tag = "publishers", operation_id = "create_publisher", summary = "Create a publisher",
    description = "新建发布方。A publisher hands notices in with keys; make one for it next.",
    request_body = PublisherBody, security(("user" = ["admin"])),
    params(IdempotencyKey),
    responses((status = 201, body = PublisherView, headers(("Location" = String))), CreatePublisherProblems)
)]
#[post("/admin/publishers")]
pub async fn create_publisher(
    deps: Data<Deps>,
    admin: Admin,
    key: IdempotencyKey,
    body: Body<PublisherBody>,
) -> ApiResult<HttpResponse> {
    let call = Call { caller: admin.user.to_string(), key: key.0, digest: body.digest };
    let id = publisher::create(&deps, &call, &body.value.name).await?;
    let view = PublisherView::of(publisher::get(&deps, id).await?);
    Ok(HttpResponse::Created().insert_header((LOCATION, format!("/v1/admin/publishers/{id}"))).json(view))
}

/// All publishers.
#[utoipa::path(
    tag = "publishers", operation_id = "list_publishers", summary = "List publishers",
    description = "发布方列表，含已停用的。Ended ones too.", params(PageQuery), security(("user" = ["admin"])),
    responses((status = 200, body = PublishersView), ListProblems)
)]
#[get("/admin/publishers")]
pub async fn list_publishers(deps: Data<Deps>, _: Admin, query: Query<PageQuery>) -> ApiResult<Json<PublishersView>> {
    let page = publisher::list(&deps, query.0.cursor().as_ref(), query.0.limit()).await?;
    Ok(Json(PublishersView::of(page)))
}

/// A publisher.
#[utoipa::path(
    tag = "publishers", operation_id = "get_publisher", summary = "Get a publisher", description = "发布方详情。",
    params(("id" = PublisherId, Path)), security(("user" = ["admin"])),
    responses((status = 200, body = PublisherView), PublisherProblems)
)]
#[get("/admin/publishers/{id}")]
pub async fn get_publisher(deps: Data<Deps>, _: Admin, id: Id<PublisherId>) -> ApiResult<Json<PublisherView>> {
    Ok(Json(PublisherView::of(publisher::get(&deps, id.0).await?)))
}

/// Ends a publisher.
#[utoipa::path(
    tag = "publishers", operation_id = "end_publisher", summary = "End a publisher and all its keys",
    description = "停用发布方及其全部密钥；已发布的公告保留。\
                   What it published stays.", params(("id" = PublisherId, Path)), security(("user" = ["admin"])),
    responses((status = 204, description = "Ended"), PublisherProblems)
)]
#[delete("/admin/publishers/{id}")]
pub async fn end_publisher(deps: Data<Deps>, _: Admin, id: Id<PublisherId>) -> ApiResult<HttpResponse> {
    publisher::end(&deps, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Makes a key.
#[utoipa::path(
    tag = "publishers", operation_id = "create_publisher_key", summary = "Create a key for a publisher",
    description = "新建密钥，可限定来源、分类与行政区划；`secret` 只显示这一次。A repeat with the same \
                   Idempotency-Key is refused with the key's id.",
    request_body = PublisherKeyBody, security(("user" = ["admin"])),
    params(("id" = PublisherId, Path), IdempotencyKey),
    responses((status = 201, body = NewPublisherKeyView, headers(("Location" = String))), CreateKeyProblems)
)]
#[post("/admin/publishers/{id}/keys")]
pub async fn create_publisher_key(
    deps: Data<Deps>,
    admin: Admin,
    id: Id<PublisherId>,
    key: IdempotencyKey,
    body: Body<PublisherKeyBody>,
) -> ApiResult<HttpResponse> {
    let call = Call { caller: admin.user.to_string(), key: key.0, digest: body.digest };
    let scope = body.value.scope();
    let new = publisher::create_key(&deps, &call, id.0, &body.value.name, &scope).await?;
    let location = format!("/v1/admin/publishers/{}/keys/{}", id.0, new.info.row.id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(NewPublisherKeyView::of(new)))
}

/// A publisher's keys.
#[utoipa::path(
    tag = "publishers", operation_id = "list_publisher_keys", summary = "List a publisher's keys",
    description = "密钥列表，含已停用的，不含密钥本身。\
                   Ended ones too; without the secrets.",
    params(("id" = PublisherId, Path), PageQuery), security(("user" = ["admin"])),
    responses((status = 200, body = PublisherKeysView), PublisherProblems)
)]
#[get("/admin/publishers/{id}/keys")]
pub async fn list_publisher_keys(
    deps: Data<Deps>,
    _: Admin,
    id: Id<PublisherId>,
    query: Query<PageQuery>,
) -> ApiResult<Json<PublisherKeysView>> {
    let page = publisher::keys(&deps, id.0, query.0.cursor().as_ref(), query.0.limit()).await?;
    Ok(Json(PublisherKeysView::of(page)))
}

/// Ends a key.
#[utoipa::path(
    tag = "publishers", operation_id = "end_publisher_key", summary = "End a key",
    description = "停用密钥，数秒内在所有副本生效。Within seconds in all copies.",
    params(("id" = PublisherId, Path), ("key" = PublisherKeyId, Path)), security(("user" = ["admin"])),
    responses((status = 204, description = "Ended"), PublisherProblems)
)]
#[delete("/admin/publishers/{id}/keys/{key}")]
pub async fn end_publisher_key(deps: Data<Deps>, _: Admin, path: Path<(String, String)>) -> ApiResult<HttpResponse> {
    let (owner, key) = path.into_inner();
    let owner: PublisherId = owner.parse().map_err(|_| Refusal::NotFound)?;
    let key: PublisherKeyId = key.parse().map_err(|_| Refusal::NotFound)?;
    publisher::end_key(&deps, owner, key).await?;
    Ok(HttpResponse::NoContent().finish())
}
