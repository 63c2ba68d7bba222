//! How the domain's words look in the document: strings of a closed set.

use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::catalogue::Level;
use crate::domain::fanout::{Announce, EditionKind};
use crate::domain::identity::IdentityKind;
use crate::domain::notice::{AmountKind, DeadlineKind, NoticeState};
use crate::domain::user::Role;

macro_rules! word_schema {
    ($($name:ident),+ $(,)?) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some($name::WORDS.iter().copied())).into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

word_schema!(Announce, AmountKind, DeadlineKind, EditionKind, IdentityKind, Level, NoticeState, Role);
