//! Which items of an inbox are asked for.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::page::{Cursor, DEFAULT_LIMIT, MAX_LIMIT};
use crate::services::inbox::ListSelection;

/// A part of an inbox.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InboxQuery {
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u16>,
    /// Where to go on: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 400)]
    cursor: Option<String>,
    /// Only unread items, or only read ones.
    unread: Option<bool>,
    /// The archived items in place of the others.
    archived: Option<bool>,
    /// Only notices in this category or below it.
    #[param(min_length = 1, max_length = 64, pattern = "^[a-zA-Z0-9._-]+$")]
    category: Option<String>,
}

impl InboxQuery {
    /// How many.
    pub fn limit(&self) -> u16 {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
    }

    /// From where; see [`PageQuery`](crate::http::extract::page::PageQuery).
    pub fn cursor(&self) -> Option<Cursor> {
        let none = || Cursor::new("", [""]);
        self.cursor.as_deref().map(|text| text.parse().unwrap_or_else(|_| none()))
    }

    /// Which.
    pub fn selection(&self) -> ListSelection {
        ListSelection { unread: self.unread, archived: self.archived.unwrap_or(false), category: self.category.clone() }
    }
}
