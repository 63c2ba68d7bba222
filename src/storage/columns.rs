//! Domain types as columns: ids as UUIDs, instants as integers.

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, QueryResult, TryFromU64, TryGetError, TryGetable, Value};
use uuid::Uuid;

use crate::domain::id::*;
use crate::domain::time::Timestamp;

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
