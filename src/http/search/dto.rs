//! Searches as people ask them.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::search::{Query, Sort};
use crate::http::extract::narrowed::narrowed_query;
use crate::services::search::Search;

narrowed_query! {
    /// What is looked for, what it is narrowed to, and which part of it is wanted.
    pub struct SearchQuery {
        /// Words with spaces between them, at most twelve: a notice must have all. `"…"` holds words together, `-` before a
        /// word excludes it.
        #[param(min_length = 1, max_length = 200, example = "市政 工程")]
        q: String,
        /// `relevance`: the words side by side in the title, all of them there, some of them, none; then the newest.
        /// `time`: the newest. By relevance when it is missing.
        #[param(inline)]
        sort: Option<Sort>,
    }
}

impl SearchQuery {
    /// What is looked for.
    pub fn search(&self) -> Search {
        let sort = self.sort.unwrap_or(Sort::Relevance);
        Search { query: Query::parse(&self.q), filter: self.filter(), sort }
    }
}

/// What somebody has begun to type.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SuggestionsQuery {
    /// The beginning of a word.
    #[param(min_length = 1, max_length = 100, example = "黑臭")]
    pub q: String,
    /// How many at most.
    #[param(minimum = 1, maximum = 20, default = 10)]
    limit: Option<u16>,
}

impl SuggestionsQuery {
    /// How many.
    pub fn limit(&self) -> usize {
        usize::from(self.limit.unwrap_or(10).clamp(1, 20))
    }
}
