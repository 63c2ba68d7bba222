//! Signing in, staying signed in, signing out.

use actix_web::http::header;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post};

use super::dto::{JwksView, RefreshBody, SessionBody, SessionView, SessionsView, TokensView};
use crate::domain::id::SessionId;
use crate::domain::session::SessionEnd;
use crate::http::extract::body::Body;
use crate::http::extract::client::From;
use crate::http::extract::id::Id;
use crate::http::extract::idempotency::IdempotencyKey;
use crate::http::extract::signed_in::SignedIn;
use crate::http::problem::{ApiResult, problems};
use crate::services::{Deps, account, session};

problems!(
    /// What signing in may be answered.
    pub SignInProblems: WrongCredentials, IdempotencyKeyReused, IdempotencyKeyInUse, SecretShownOnce
);
problems!(
    /// What refreshing may be answered.
    pub RefreshProblems: RefreshTokenInvalid, RefreshTokenReused
);
problems!(
    /// What ending a session may be answered.
    pub SessionProblems: NotFound
);

/// Signs in.
#[utoipa::path(
    tag = "sessions", operation_id = "create_session", summary = "Sign in",
    description = "登录，开始一个会话。地址未知与密码错误的回答相同。\
                   An unknown address is answered like a wrong password. Ten wrong ones for an \
                   address from one network address: 429 for fifteen minutes.",
    params(IdempotencyKey), request_body = SessionBody,
    responses((status = 201, body = TokensView), SignInProblems)
)]
#[post("/sessions")]
pub async fn create_session(
    deps: Data<Deps>,
    from: From,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<SessionBody>,
) -> ApiResult<HttpResponse> {
    let who = body.value.parse()?;
    let tokens = account::sign_in(&deps, &who, from.0, key).await?;
    let location = format!("/v1/sessions/{}", tokens.session);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(TokensView::from(tokens)))
}

/// New tokens.
#[utoipa::path(
    tag = "sessions", operation_id = "refresh_session", summary = "Exchange a refresh token for new tokens",
    description = "换取新令牌。刷新令牌只能使用一次；再次使用旧令牌将结束整个会话。\n\n\
                   A refresh token works once: store the new one before using the old one's answer. Using an older one \
                   ends the session.",
    request_body = RefreshBody, responses((status = 200, body = TokensView), RefreshProblems)
)]
#[post("/sessions/refresh")]
pub async fn refresh_session(deps: Data<Deps>, body: Body<RefreshBody>) -> ApiResult<Json<TokensView>> {
    Ok(Json(session::refresh(&deps, &body.value.parse()).await?.into()))
}

/// The living sessions of the signed-in user.
#[utoipa::path(
    tag = "sessions", operation_id = "list_sessions", summary = "List one's own sessions",
    description = "本人的全部有效会话。\
                   Those that have not ended, this one marked `current`.",
    security(("user" = [])), responses((status = 200, body = SessionsView))
)]
#[get("/sessions")]
pub async fn list_sessions(deps: Data<Deps>, me: SignedIn) -> ApiResult<Json<SessionsView>> {
    let sessions = session::list(&deps, me.user).await?;
    let items = sessions.into_iter().map(|session| SessionView::of(session, me.session)).collect();
    Ok(Json(SessionsView { items }))
}

/// Signs out.
#[utoipa::path(
    tag = "sessions", operation_id = "delete_current_session", summary = "Sign out",
    description = "退出登录：结束本会话及其设备。Ends this session and its devices.", security(("user" = [])),
    responses((status = 204, description = "Ended"))
)]
#[delete("/sessions/current")]
pub async fn delete_current_session(deps: Data<Deps>, me: SignedIn) -> ApiResult<HttpResponse> {
    session::end(&deps, me.user, me.session, SessionEnd::SignedOut).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends a session.
#[utoipa::path(
    tag = "sessions", operation_id = "delete_session", summary = "End one of one's own sessions",
    description = "结束本人的某个会话及其设备；五秒内在所有副本生效。",
    security(("user" = [])), params(("id" = SessionId, Path, description = "The session")),
    responses((status = 204, description = "Ended"), SessionProblems)
)]
#[delete("/sessions/{id}")]
pub async fn delete_session(deps: Data<Deps>, me: SignedIn, id: Id<SessionId>) -> ApiResult<HttpResponse> {
    session::end(&deps, me.user, id.0, SessionEnd::Revoked).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The keys that access tokens are signed with.
#[utoipa::path(
    tag = "sessions", operation_id = "get_jwks", summary = "Read the keys that access tokens are signed with",
    description = "访问令牌的验签公钥（RFC 7517）。Read it again when a token names a key that is not in it.",
    responses((status = 200, body = JwksView))
)]
#[get("/.well-known/jwks.json")]
pub async fn get_jwks(deps: Data<Deps>) -> ApiResult<HttpResponse> {
    let keys = deps.sessions.keys.public(&deps.db).await?;
    let keys = keys.into_iter().map(Into::into).collect();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "public, max-age=30")).json(JwksView { keys }))
}
