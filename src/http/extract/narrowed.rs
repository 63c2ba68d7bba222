//! Query parameters of lists of notices: what they are narrowed to, the same wherever notices are listed or found.
//!
//! A macro, because a query that refuses what it does not know cannot have its fields in a struct inside it: serde's
//! `flatten` and `deny_unknown_fields` exclude each other.

/// A query with these fields, those that narrow a list of notices, and those that say which page is wanted.
macro_rules! narrowed_query {
    ($(#[$about:meta])* pub struct $query:ident { $($(#[$said:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $query {
            $($(#[$said])* $field: $type,)*
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
            publisher: Option<$crate::domain::id::PublisherId>,
            /// A source.
            #[param(min_length = 1, max_length = 64, pattern = "^[a-zA-Z0-9._-]+$")]
            source: Option<String>,
            /// The notice that they amend.
            #[param(inline)]
            amends: Option<$crate::domain::id::NoticeId>,
            /// Published at this instant or later.
            #[param(inline)]
            from: Option<$crate::domain::time::Timestamp>,
            /// Published before this instant.
            #[param(inline)]
            to: Option<$crate::domain::time::Timestamp>,
            /// How they stand; both when it is missing.
            #[param(inline)]
            state: Option<$crate::domain::notice::NoticeState>,
            /// How many at most.
            #[param(minimum = 1, maximum = 100, default = 20)]
            pub limit: Option<u16>,
            /// Where to go on: `next_cursor` of the page before, with the same query otherwise.
            #[param(min_length = 1, max_length = 400)]
            pub cursor: Option<String>,
        }

        impl $query {
            /// What the notices are narrowed to.
            pub fn filter(&self) -> $crate::services::notice::Filter {
                $crate::services::notice::Filter {
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
                }
            }
        }
    };
}

pub(in crate::http) use narrowed_query;
