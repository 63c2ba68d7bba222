//! What was found, as everybody reads it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::catalogue::Catalogue;
use crate::domain::completion::SuggestionKind;
use crate::domain::search::Fragment;
use crate::http::notice::NoticeItemView;
use crate::services::search::{Hit, Results, Suggestion, Total};

/// Some notices that were found.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchView {
    /// The best first.
    items: Vec<FoundNoticeView>,
    /// How many there are in all.
    total: TotalView,
    /// Where to go on; nothing at the end.
    next_cursor: Option<String>,
}

impl SearchView {
    /// A page.
    pub fn of(found: Results, catalogue: &Catalogue) -> Self {
        let Total { count, exact } = found.total;
        let next_cursor = found.page.next.as_ref().map(ToString::to_string);
        let items = found.page.items.into_iter().map(|hit| FoundNoticeView::of(hit, catalogue)).collect();
        Self { items, total: TotalView { count, exact }, next_cursor }
    }
}

/// How many results there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct TotalView {
    /// So many are known, those of earlier pages included.
    count: u64,
    /// Whether these are all; else there are at least so many.
    exact: bool,
}

/// A notice that was found, without its body.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundNoticeView {
    #[serde(flatten)]
    item: NoticeItemView,
    /// Where the words are.
    highlights: HighlightsView,
}

impl FoundNoticeView {
    fn of(hit: Hit, catalogue: &Catalogue) -> Self {
        let view = |fragments: Vec<Fragment>| fragments.into_iter().map(FragmentView::of).collect();
        let highlights = HighlightsView { title: view(hit.title), text: view(hit.text) };
        Self { item: NoticeItemView::of(hit.summary, catalogue), highlights }
    }
}

/// Where the words are. It is text, not HTML: escape it like any other.
#[derive(Debug, Serialize, ToSchema)]
pub struct HighlightsView {
    /// The whole title in parts.
    title: Vec<FragmentView>,
    /// The part of the text that has most of the words, in parts; nothing once the notice is withdrawn.
    text: Vec<FragmentView>,
}

/// A part of a text.
#[derive(Debug, Serialize, ToSchema)]
pub struct FragmentView {
    /// What it says.
    #[schema(example = "市政")]
    text: String,
    /// Whether it is one of the words.
    hit: bool,
}

impl FragmentView {
    fn of(Fragment { text, hit }: Fragment) -> Self {
        Self { text, hit }
    }
}

/// Some suggestions.
#[derive(Debug, Serialize, ToSchema)]
pub struct SuggestionsView {
    /// The likeliest first.
    items: Vec<SuggestionView>,
}

impl SuggestionsView {
    /// Suggestions.
    pub fn of(suggestions: Vec<Suggestion>) -> Self {
        let items = suggestions.into_iter().map(|Suggestion { text, kind }| SuggestionView { text, kind });
        Self { items: items.collect() }
    }
}

/// A suggestion.
#[derive(Debug, Serialize, ToSchema)]
pub struct SuggestionView {
    /// What may be searched for.
    #[schema(example = "黑臭水体治理")]
    text: String,
    /// What it is.
    kind: SuggestionKind,
}
