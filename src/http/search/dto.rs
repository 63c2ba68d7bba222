//! Searches as people ask them.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::id::{NoticeId, PublisherId};
use crate::domain::notice::NoticeState;
use crate::domain::search::{Query, Sort};
use crate::domain::time::Timestamp;
use crate::services::notice::Filter;
use crate::services::search::Search;

/// What is looked for, what it is narrowed to, and which part of it is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words with spaces between them, at most twelve: a notice must have all. `"…"` holds words together, `-` before a
    /// word excludes it.
    #[param(min_length = 1, max_length = 200, example = "市政 工程")]
    q: String,
    /// `relevance`: the words side by side in the title, all of them there, some of them, none; then the newest.
    /// `time`: the newest. By relevance when it is missing.
    #[param(inline)]
    sort: Option<Sort>,
    /// A category with everything below it.
    #[param(min_length = 1, max_length = 64, pattern = "^[a-zA-Z0-9._-]+$", example = "construction")]
    category: Option<String>,
    /// A region with everything below it; former codes are understood.
    #[param(min_length = 6, max_length = 6, pattern = "^[0-9]{6}$", example = "430100")]
    region: Option<String>,
    /// A notice type.
    #[param(min_length = 1, max_length = 64, pattern = "^[a-zA-Z0-9._-]+$", example = "C-TENDER")]
    notice_type: Option<String>,
    /// A stage.
    #[param(min_length = 1, max_length = 64, pattern = "^[a-zA-Z0-9._-]+$", example = "tender")]
    stage: Option<String>,
    /// A project's code.
    #[param(min_length = 1, max_length = 200)]
    project: Option<String>,
    /// A publisher.
    #[param(inline)]
    publisher: Option<PublisherId>,
    /// A source.
    #[param(min_length = 1, max_length = 64, pattern = "^[a-zA-Z0-9._-]+$")]
    source: Option<String>,
    /// The notice that they amend.
    #[param(inline)]
    amends: Option<NoticeId>,
    /// Published at this instant or later.
    #[param(inline)]
    from: Option<Timestamp>,
    /// Published before this instant.
    #[param(inline)]
    to: Option<Timestamp>,
    /// How they stand; both when it is missing.
    #[param(inline)]
    state: Option<NoticeState>,
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u16>,
    /// Where to go on: `next_cursor` of the page before, with the same search.
    #[param(min_length = 1, max_length = 400)]
    pub cursor: Option<String>,
}

impl SearchQuery {
    /// What is looked for.
    pub fn search(&self) -> Search {
        let filter = Filter {
            category: self.category.clone(),
            region: self.region.clone(),
            notice_type: self.notice_type.clone(),
            stage: self.stage.clone(),
            project: self.project.clone(),
            publisher: self.publisher,
            source: self.source.clone(),
            amends: self.amends,
            from: self.from,
            to: self.to,
            state: self.state,
        };
        Search { query: Query::parse(&self.q), filter, sort: self.sort.unwrap_or(Sort::Relevance) }
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
