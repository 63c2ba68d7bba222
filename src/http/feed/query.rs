//! Which part of the feed is asked for.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::id::PublisherId;
use crate::domain::page::Cursor;
use crate::http::extract::page::{cursor_of, limit_of};
use crate::services::notice::Filter;

/// What the feed is narrowed to, and which part of it is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FeedQuery {
    /// A category with everything below it.
    #[param(min_length = 1, max_length = 64, pattern = "^[a-zA-Z0-9._-]+$", example = "construction")]
    pub category: Option<String>,
    /// A region with everything below it; former codes are understood.
    #[param(min_length = 6, max_length = 6, pattern = "^[0-9]{6}$", example = "430100")]
    pub region: Option<String>,
    /// A notice type.
    #[param(min_length = 1, max_length = 64, pattern = "^[a-zA-Z0-9._-]+$", example = "C-TENDER")]
    pub notice_type: Option<String>,
    /// A stage.
    #[param(min_length = 1, max_length = 64, pattern = "^[a-zA-Z0-9._-]+$", example = "tender")]
    stage: Option<String>,
    /// A publisher.
    #[param(inline)]
    publisher: Option<PublisherId>,
    /// A source.
    #[param(min_length = 1, max_length = 64, pattern = "^[a-zA-Z0-9._-]+$")]
    source: Option<String>,
    /// How many at most. A page whose bodies are long holds fewer.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u16>,
    /// Where to go on: it belongs to the feed, and to the filters, that gave it.
    #[param(min_length = 1, max_length = 400)]
    cursor: Option<String>,
}

impl FeedQuery {
    /// What the feed is narrowed to.
    pub fn filter(&self) -> Filter {
        Filter {
            category: self.category.clone(),
            region: self.region.clone(),
            notice_type: self.notice_type.clone(),
            stage: self.stage.clone(),
            publisher: self.publisher,
            source: self.source.clone(),
            ..Filter::default()
        }
    }

    /// How many.
    pub fn limit(&self) -> u16 {
        limit_of(self.limit)
    }

    /// From where.
    pub fn cursor(&self) -> Option<Cursor> {
        cursor_of(self.cursor.as_deref())
    }

    /// The same query at another cursor, or at the beginning.
    pub fn at(&self, cursor: Option<&Cursor>) -> String {
        let text = |value: &Option<String>| value.clone();
        let pairs = [
            ("category", text(&self.category)),
            ("region", text(&self.region)),
            ("notice_type", text(&self.notice_type)),
            ("stage", text(&self.stage)),
            ("publisher", self.publisher.map(|id| id.to_string())),
            ("source", text(&self.source)),
            ("limit", self.limit.map(|limit| limit.to_string())),
            ("cursor", cursor.map(ToString::to_string)),
        ];
        let given: Vec<_> = pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        // Names and texts can always be written.
        let query = serde_urlencoded::to_string(given).unwrap_or_default();
        if query.is_empty() { query } else { format!("?{query}") }
    }
}
