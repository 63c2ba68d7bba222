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
        limit_of(self.limit)
    }

    /// From where.
    pub fn cursor(&self) -> Option<Cursor> {
        cursor_of(self.cursor.as_deref())
    }
}

/// How many a `limit` asks for.
pub fn limit_of(limit: Option<u16>) -> u16 {
    limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
}

/// The place that a `cursor` names. A text that is no cursor becomes one of no list, which every list then refuses.
pub fn cursor_of(text: Option<&str>) -> Option<Cursor> {
    text.map(|text| text.parse().unwrap_or_else(|_| Cursor::new("", [""])))
}
