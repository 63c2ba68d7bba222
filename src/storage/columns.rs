//! Domain types as columns: ids as UUIDs, instants as integers, words as text.

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, QueryResult, TryFromU64, TryGetError, TryGetable, Value};
use uuid::Uuid;

use crate::domain::channel::Channel;
use crate::domain::delivery::{Reason, State};
use crate::domain::device::{EndpointEnd, Platform};
use crate::domain::fanout::{Announce, EditionKind, FanOutState};
use crate::domain::id::*;
use crate::domain::identity::{IdentityKind, Purpose};
use crate::domain::lookup::{TermKind, TermMode};
use crate::domain::notice::NoticeState;
use crate::domain::scheduled::{NotPublished, ScheduledState};
use crate::domain::session::SessionEnd;
use crate::domain::subscription::{Frequency, SubscriptionEnd};
use crate::domain::time::Timestamp;
use crate::domain::user::Role;
use crate::domain::webhook::PauseReason;

macro_rules! column {
    ($name:ident, $inner:ty, $array:ident, $type:expr, $to:expr, $from:expr) => {
        impl From<$name> for Value {
            fn from(value: $name) -> Self {
                let to: fn($name) -> $inner = $to;
                Value::from(to(value))
            }
        }

        impl TryGetable for $name {
            fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
                let from: fn($inner) -> $name = $from;
                <$inner>::try_get_by(row, index).map(from)
            }
        }

        impl ValueType for $name {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                let from: fn($inner) -> $name = $from;
                <$inner as ValueType>::try_from(value).map(from)
            }

            fn type_name() -> String {
                stringify!($name).to_owned()
            }

            fn array_type() -> ArrayType {
                ArrayType::$array
            }

            fn column_type() -> ColumnType {
                $type
            }
        }

        impl Nullable for $name {
            fn null() -> Value {
                <$inner as Nullable>::null()
            }
        }

        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    };
}

macro_rules! id_column {
    ($name:ident, $prefix:literal) => {
        column!($name, Uuid, Uuid, ColumnType::Uuid, $name::as_uuid, $name::from_uuid);
    };
}

for_each_id!(id_column);
column!(Timestamp, i64, BigInt, ColumnType::BigInteger, Timestamp::as_millis, Timestamp::from_millis);

/// A column that holds one of the words of an enum made with `words!`; another word in it is an error, not a panic.
macro_rules! word_column {
    ($name:ident) => {
        impl From<$name> for Value {
            fn from(value: $name) -> Self {
                Value::from(value.as_str())
            }
        }

        impl TryGetable for $name {
            fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
                let word = String::try_get_by(row, index)?;
                word.parse().map_err(|error| TryGetError::DbErr(DbErr::Type(format!("`{word}`: {error}"))))
            }
        }

        impl ValueType for $name {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                <String as ValueType>::try_from(value)?.parse().map_err(|_| ValueTypeErr)
            }

            fn type_name() -> String {
                stringify!($name).to_owned()
            }

            fn array_type() -> ArrayType {
                ArrayType::String
            }

            fn column_type() -> ColumnType {
                ColumnType::Text
            }
        }

        impl Nullable for $name {
            fn null() -> Value {
                <String as Nullable>::null()
            }
        }
    };
}

word_column!(IdentityKind);
word_column!(Purpose);
word_column!(Reason);
word_column!(Role);
word_column!(SessionEnd);
word_column!(Announce);
word_column!(Channel);
word_column!(EditionKind);
word_column!(EndpointEnd);
word_column!(FanOutState);
word_column!(Frequency);
word_column!(NotPublished);
word_column!(NoticeState);
word_column!(PauseReason);
word_column!(Platform);
word_column!(ScheduledState);
word_column!(State);
word_column!(SubscriptionEnd);
word_column!(TermKind);
word_column!(TermMode);
