//! Opening an account, resetting its password, one's own profile.

use actix_web::http::header;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, patch, post, put};

use super::dto::{
    AddressBody, PasswordBody, PasswordResetBody, ProfileBody, ProfileView, RegistrationOptionsView, UserBody,
};
use crate::domain::identity::Purpose;
use crate::http::extract::body::Body;
use crate::http::extract::client::From;
use crate::http::extract::idempotency::IdempotencyKey;
use crate::http::extract::signed_in::SignedIn;
use crate::http::problem::{ApiResult, problems};
use crate::http::session::TokensView;
use crate::services::{Deps, account, confirmation};

problems!(
    /// What asking for a code may be answered.
    pub CodeProblems: RegistrationOff
);
problems!(
    /// What using a code may be answered.
    pub ProofProblems: WrongCode
);
problems!(
    /// What erasing oneself may be answered.
    pub EraseProblems: LastAdmin
);
problems!(
    /// What opening an account may be answered.
    pub RegisterProblems: WrongCode, IdempotencyKeyReused, IdempotencyKeyInUse, SecretShownOnce
);

/// Which ways to register are switched on.
#[utoipa::path(
    tag = "accounts", operation_id = "list_registration_options", summary = "List the ways to register",
    description = "当前可用的注册方式；未配置发送渠道的方式不会列出。Those whose sender is configured.",
    responses((status = 200, body = RegistrationOptionsView))
)]
#[get("/registrations/options")]
pub async fn list_registration_options(deps: Data<Deps>) -> Json<RegistrationOptionsView> {
    Json(RegistrationOptionsView { kinds: deps.codes.kinds() })
}

/// Sends a code to an address.
#[utoipa::path(
    tag = "accounts", operation_id = "start_registration", summary = "Ask for a code to register with",
    description = "发送六位验证码，十分钟内有效，可尝试五次。无论该地址是否已注册，回答都相同。每个地址每小时至多五次。\n\n\
                   Six digits, good for ten minutes and five tries. The answer is the same whether the address has an \
                   account or not. Five codes an hour for an address, 20 from a network address; then 429.",
    request_body = AddressBody, responses((status = 202, description = "On its way"), CodeProblems)
)]
#[post("/registrations")]
pub async fn start_registration(deps: Data<Deps>, from: From, body: Body<AddressBody>) -> ApiResult<HttpResponse> {
    confirmation::request(&deps, body.value.parse()?, Purpose::Register, from.0).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// Opens an account.
#[utoipa::path(
    tag = "accounts", operation_id = "create_user", summary = "Register with a code, and sign in",
    description = "凭验证码开户并登录。回答含令牌，因此带同一 Idempotency-Key 的重复请求得到 409 与用户编号。",
    params(IdempotencyKey), request_body = UserBody,
    responses((status = 201, body = TokensView), RegisterProblems)
)]
#[post("/users")]
pub async fn create_user(
    deps: Data<Deps>,
    from: From,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<UserBody>,
) -> ApiResult<HttpResponse> {
    let new = body.value.parse()?;
    let tokens = account::register(&deps, &new, from.0, key).await?;
    Ok(HttpResponse::Created().insert_header((header::LOCATION, "/v1/me")).json(TokensView::from(tokens)))
}

/// Sends a code to reset a password with.
#[utoipa::path(
    tag = "accounts", operation_id = "start_password_reset", summary = "Ask for a code to reset a password with",
    description = "发送重置密码的验证码。无论该地址是否已注册，回答都相同。\
                   The answer is the same whether the address has an account or not. Five codes an \
                   hour for an address, 20 from a network address; then 429.",
    request_body = AddressBody, responses((status = 202, description = "On its way"), CodeProblems)
)]
#[post("/password-resets")]
pub async fn start_password_reset(deps: Data<Deps>, from: From, body: Body<AddressBody>) -> ApiResult<HttpResponse> {
    confirmation::request(&deps, body.value.parse()?, Purpose::ResetPassword, from.0).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// Resets a password.
#[utoipa::path(
    tag = "accounts", operation_id = "confirm_password_reset", summary = "Reset a password with a code",
    description = "凭验证码设置新密码，并结束该用户的全部会话及其设备。\
                   Ends all sessions of the user and their devices.", request_body = PasswordResetBody,
    responses((status = 204, description = "Done; all sessions have ended"), ProofProblems)
)]
#[post("/password-resets/confirm")]
pub async fn confirm_password_reset(
    deps: Data<Deps>,
    from: From,
    body: Body<PasswordResetBody>,
) -> ApiResult<HttpResponse> {
    let (address, code, password) = body.value.parse()?;
    account::reset_password(&deps, &address, &code, &password, from.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The signed-in user.
#[utoipa::path(
    tag = "accounts", operation_id = "get_me", summary = "Read one's own profile",
    description = "本人资料。\
                   Who is signed in.",
    security(("user" = [])), responses((status = 200, body = ProfileView))
)]
#[get("/me")]
pub async fn get_me(deps: Data<Deps>, me: SignedIn) -> ApiResult<Json<ProfileView>> {
    Ok(Json(account::get_profile(&deps, me.user).await?.into()))
}

/// Changes the signed-in user's name.
#[utoipa::path(
    tag = "accounts", operation_id = "update_me", summary = "Change one's own profile",
    description = "修改昵称。\
                   Changes the display name.",
    security(("user" = [])), request_body = ProfileBody, responses((status = 200, body = ProfileView))
)]
#[patch("/me")]
pub async fn update_me(deps: Data<Deps>, me: SignedIn, body: Body<ProfileBody>) -> ApiResult<Json<ProfileView>> {
    Ok(Json(account::rename(&deps, me.user, &body.value.parse()?).await?.into()))
}

/// Changes the signed-in user's password.
#[utoipa::path(
    tag = "accounts", operation_id = "change_password", summary = "Change one's own password",
    description = "修改密码，并结束本人的其他会话。\
                   Ends all other sessions of the user.", security(("user" = [])), request_body = PasswordBody,
    responses((status = 204, description = "Done; all other sessions have ended"))
)]
#[put("/me/password")]
pub async fn change_password(
    deps: Data<Deps>,
    me: SignedIn,
    from: From,
    body: Body<PasswordBody>,
) -> ApiResult<HttpResponse> {
    let (present, new) = body.value.parse();
    account::change_password(&deps, &me, &present, &new, from.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Erases the signed-in user.
#[utoipa::path(
    tag = "accounts", operation_id = "delete_me", summary = "Erase oneself",
    description = "注销账号：结束会话、设备与订阅，清除昵称与登录地址，不可恢复。该地址可重新注册。最后一名管理员须先指定另一名。",
    security(("user" = [])), responses((status = 204, description = "Erased"), EraseProblems)
)]
#[delete("/me")]
pub async fn delete_me(deps: Data<Deps>, me: SignedIn) -> ApiResult<HttpResponse> {
    account::erase(&deps, me.user).await?;
    Ok(HttpResponse::NoContent().finish())
}
