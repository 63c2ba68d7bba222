//! How the domain's words look in the document: strings of a closed set.

use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::catalogue::Level;
use crate::domain::channel::{Channel, Repeat};
use crate::domain::completion::SuggestionKind;
use crate::domain::delivery::{Reason, State};
use crate::domain::device::Platform;
use crate::domain::explanation::{Counted, Outcome};
use crate::domain::fanout::{Announce, EditionKind, FanOutState};
use crate::domain::identity::IdentityKind;
use crate::domain::message::MessageKind;
use crate::domain::notice::{AmountKind, DeadlineKind, Effect, Existing, FeedChange, HandedIn, NoticeState};
use crate::domain::scheduled::{NotPublished, ScheduledState};
use crate::domain::search::Sort;
use crate::domain::stream::Ending;
use crate::domain::subscription::{Frequency, How, Part, SubscriptionEnd, UnknownAmount};
use crate::domain::template::BlankKind;
use crate::domain::user::Role;
use crate::domain::webhook::{Preset, WebhookState};
use crate::services::import::Form;

/// What words mean, as a list.
fn meaning((whole, each): (&str, &[(&str, &str)])) -> String {
    let line = |(word, means): &(&str, &str)| format!("- `{word}`: {}", means.trim());
    let lines: Vec<_> = each.iter().map(line).collect();
    format!("{}\n\n{}", whole.trim(), lines.join("\n"))
}

macro_rules! word_schema {
    ($($name:ident),+ $(,)?) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .enum_values(Some($name::WORDS.iter().copied()))
                    .description(Some(meaning($name::MEANING)))
                    .into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

word_schema!(Announce, AmountKind, DeadlineKind, EditionKind, IdentityKind, Level, MessageKind, NoticeState, Role);
word_schema!(Effect, Existing, Form, HandedIn);
word_schema!(
    Ending,
    FanOutState,
    FeedChange,
    NotPublished,
    Outcome,
    Preset,
    Reason,
    ScheduledState,
    Sort,
    State,
    SuggestionKind,
    WebhookState
);
word_schema!(BlankKind, Channel, Counted, Frequency, How, Part, Platform, Repeat, SubscriptionEnd, UnknownAmount);

/// A code of the catalogue.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 64, pattern = "^[a-zA-Z0-9._-]+$", example = "430100")]
#[expect(dead_code, reason = "stands in the document only")]
pub struct CatalogueCode(String);
