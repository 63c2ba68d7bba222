//! Registering, changing and removing devices.

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post};

use super::dto::{DeviceBody, DeviceChangeBody, DeviceView, DevicesView};
use crate::domain::id::DeviceId;
use crate::http::extract::body::Body;
use crate::http::extract::id::Id;
use crate::http::extract::idempotency::IdempotencyKey;
use crate::http::extract::page::PageQuery;
use crate::http::extract::query::Query;
use crate::http::extract::signed_in::SignedIn;
use crate::http::problem::{ApiResult, problems};
use crate::services::idempotency::Call;
use crate::services::{Deps, device};

problems!(
    /// What registering a device may be answered.
    pub RegisterDeviceProblems: DeviceLimitReached, IdempotencyKeyReused, IdempotencyKeyInUse
);
problems!(
    /// What changing a device may be answered.
    pub ChangeDeviceProblems: NotFound, ChannelUnknown
);
problems!(
    /// What asking for one device may be answered.
    pub DeviceProblems: NotFound
);

/// Registers a device.
#[utoipa::path(
    tag = "devices", operation_id = "register_device", summary = "Register a device",
    description = "登记设备，属于当前会话；会话结束则设备随之停用。同一令牌重复登记是同一设备（200）；令牌登记到另一用户名下时，\
                   原用户的登记随即失效。Registering the same token again is the same device and answers 200.",
    request_body = DeviceBody, security(("user" = [])),
    params(IdempotencyKey),
    responses(
        (status = 201, body = DeviceView, headers(("Location" = String))),
        (status = 200, body = DeviceView, description = "The device was registered already"),
        RegisterDeviceProblems
    )
)]
#[post("/devices")]
pub async fn register_device(
    deps: Data<Deps>,
    me: SignedIn,
    key: IdempotencyKey,
    body: Body<DeviceBody>,
) -> ApiResult<HttpResponse> {
    let call = Call { caller: me.user.to_string(), key: key.0, digest: body.digest };
    let registered = device::register(&deps, me.user, me.session, &call, &body.value.registration()).await?;
    let mut answer = if registered.is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    let view = DeviceView::of(registered.device);
    Ok(answer.insert_header((LOCATION, format!("/v1/devices/{}", view.id))).json(view))
}

/// The user's devices.
#[utoipa::path(
    tag = "devices", operation_id = "list_devices", summary = "List devices",
    description = "我的设备，新的在前。The newest first.", params(PageQuery), security(("user" = [])),
    responses((status = 200, body = DevicesView))
)]
#[get("/devices")]
pub async fn list_devices(deps: Data<Deps>, me: SignedIn, query: Query<PageQuery>) -> ApiResult<Json<DevicesView>> {
    let page = device::list(&deps, me.user, query.0.cursor().as_ref(), query.0.limit()).await?;
    Ok(Json(DevicesView::of(page)))
}

/// A device.
#[utoipa::path(
    tag = "devices", operation_id = "get_device", summary = "Get a device", description = "设备详情。One device.",
    params(("id" = DeviceId, Path)), security(("user" = [])),
    responses((status = 200, body = DeviceView), DeviceProblems)
)]
#[get("/devices/{id}")]
pub async fn get_device(deps: Data<Deps>, me: SignedIn, id: Id<DeviceId>) -> ApiResult<Json<DeviceView>> {
    Ok(Json(DeviceView::of(device::get(&deps, me.user, id.0).await?)))
}

/// Changes a device.
#[utoipa::path(
    tag = "devices", operation_id = "change_device", summary = "Change a device",
    description = "修改设备名称或更换推送令牌。Another name, or the push token that the system gave anew.",
    request_body = DeviceChangeBody, params(("id" = DeviceId, Path)), security(("user" = [])),
    responses((status = 200, body = DeviceView), ChangeDeviceProblems)
)]
#[patch("/devices/{id}")]
pub async fn change_device(
    deps: Data<Deps>,
    me: SignedIn,
    id: Id<DeviceId>,
    body: Body<DeviceChangeBody>,
) -> ApiResult<Json<DeviceView>> {
    Ok(Json(DeviceView::of(device::change(&deps, me.user, id.0, &body.value.change()).await?)))
}

/// Removes a device.
#[utoipa::path(
    tag = "devices", operation_id = "remove_device", summary = "Remove a device",
    description = "移除设备，不再向其推送。\
                   Nothing more is pushed to it.", params(("id" = DeviceId, Path)), security(("user" = [])),
    responses((status = 204, description = "Removed"), DeviceProblems)
)]
#[delete("/devices/{id}")]
pub async fn remove_device(deps: Data<Deps>, me: SignedIn, id: Id<DeviceId>) -> ApiResult<HttpResponse> {
    device::remove(&deps, me.user, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
