//! Users as those who look after them see them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::id::UserId;
use crate::domain::page::{Cursor, DEFAULT_LIMIT, Page};
use crate::domain::time::Timestamp;
use crate::domain::user::Role;
use crate::http::extract::body::Rules;
use crate::services::account::User;
use crate::services::refusal::{Error, Result, Violation};

/// Which users.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UsersQuery {
    /// Part of a name or of an address.
    #[param(min_length = 1, max_length = 100, example = "李")]
    pub q: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u16>,
    /// Where the page before ended.
    #[param(min_length = 1, max_length = 400)]
    pub cursor: Option<String>,
}

impl UsersQuery {
    /// How many at most.
    pub fn limit(&self) -> u16 {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }

    /// Where the page before ended.
    pub fn cursor(&self) -> Result<Option<Cursor>> {
        self.cursor.as_deref().map(str::parse).transpose().map_err(|_| {
            Error::invalid(vec![Violation::query("cursor", "cursor", "游标无效", "not a cursor of this list")])
        })
    }
}

/// Some users.
#[derive(Serialize, ToSchema)]
pub struct UsersView {
    /// The newest first.
    items: Vec<UserView>,
    /// Where to go on; null at the end.
    next_cursor: Option<String>,
}

impl From<Page<User>> for UsersView {
    fn from(page: Page<User>) -> Self {
        let next_cursor = page.next.map(|cursor| cursor.to_string());
        Self { items: page.items.into_iter().map(UserView::from).collect(), next_cursor }
    }
}

/// A user.
#[derive(Serialize, ToSchema)]
pub struct UserView {
    /// The user's id.
    id: UserId,
    /// The name that others see.
    #[schema(example = "李雷")]
    display_name: String,
    /// What the user may do.
    role: Role,
    /// Since when.
    created_at: Timestamp,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self { id: user.id, display_name: user.display_name, role: user.role, created_at: user.created_at }
    }
}

/// What a user may do from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleBody {
    /// The role.
    pub role: Role,
}

impl Rules for RoleBody {}
