//! Finding users, giving them roles.

use actix_web::web::{Data, Json};
use actix_web::{get, put};

use super::dto::{RoleBody, UsersQuery, UsersView};
use crate::domain::id::UserId;
use crate::http::account::ProfileView;
use crate::http::extract::body::Body;
use crate::http::extract::id::Id;
use crate::http::extract::query::Query;
use crate::http::extract::signed_in::{Admin, Operator};
use crate::http::problem::{ApiResult, problems};
use crate::services::{Deps, user};

problems!(
    /// What finding users may be answered.
    pub UsersProblems: Forbidden
);
problems!(
    /// What giving a role may be answered.
    pub RoleProblems: Forbidden, NotFound, LastAdmin
);

/// Some users.
#[utoipa::path(
    tag = "operator", operation_id = "list_users", summary = "Find users", params(UsersQuery),
    description = "按昵称或登录地址查找用户，新用户在前。Whoever calls to ask is found by the number that they call from; \
                   addresses are looked in and not shown.", security(("user" = ["operator"])),
    responses((status = 200, body = UsersView), UsersProblems)
)]
#[get("/operator/users")]
pub async fn list_users(deps: Data<Deps>, _: Operator, query: Query<UsersQuery>) -> ApiResult<Json<UsersView>> {
    let Query(query) = query;
    let text = query.q.as_deref().unwrap_or_default();
    let page = user::list(&deps, text, query.limit(), query.cursor()?.as_ref()).await?;
    Ok(Json(page.into()))
}

/// Gives a user a role.
#[utoipa::path(
    tag = "admin", operation_id = "set_user_role", summary = "Give a user a role",
    description = "设置用户角色；五秒内在所有副本生效。不能修改自己的角色，也不能撤去最后一名管理员。",
    security(("user" = ["admin"])), params(("id" = UserId, Path, description = "The user")), request_body = RoleBody,
    responses((status = 200, body = ProfileView), RoleProblems)
)]
#[put("/admin/users/{id}/role")]
pub async fn set_user_role(
    deps: Data<Deps>,
    by: Admin,
    id: Id<UserId>,
    body: Body<RoleBody>,
) -> ApiResult<Json<ProfileView>> {
    Ok(Json(user::set_role(&deps, &by, id.0, body.value.role).await?.into()))
}
