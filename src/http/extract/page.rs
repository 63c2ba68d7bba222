//! Which part of a list: how many, from where.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::page::{Cursor, DEFAULT_LIMIT, MAX_LIMIT};

/// A part of a list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u16>,
    /// Where to go on: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 400)]
    cursor: Option<String>,
}

impl PageQuery {
    /// How many.
    pub fn limit(&self) -> u16 {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
    }

    /// From where. A text that is no cursor becomes one of no list, which the list itself then refuses.
    pub fn cursor(&self) -> Option<Cursor> {
        let none = || Cursor::new("", [""]);
        self.cursor.as_deref().map(|text| text.parse().unwrap_or_else(|_| none()))
    }
}
