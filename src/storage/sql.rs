//! The few phrases in which the two engines differ. Same function, same meaning, one contract test.

use sea_orm::{ConnectionTrait, DbBackend, Value};
use uuid::Uuid;

/// The database's own clock, in milliseconds: leases and due times are granted and judged by it alone. It stands still
/// within a statement, so that an index can be searched by it.
pub fn now(conn: &impl ConnectionTrait) -> &'static str {
    match conn.get_database_backend() {
        DbBackend::Postgres => "(extract(epoch FROM statement_timestamp()) * 1000)::bigint",
        _ => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    }
}

/// A set of UUIDs bound as one value: `id IN (SELECT …)`. `bind` is the placeholder, such as `$1`.
pub fn uuids(conn: &impl ConnectionTrait, bind: &str) -> String {
    match conn.get_database_backend() {
        DbBackend::Postgres => format!("(SELECT unnest({bind}::text[])::uuid)"),
        _ => format!("(SELECT unhex(value) FROM json_each({bind}))"),
    }
}

/// A set of integers bound as one value.
pub fn integers(conn: &impl ConnectionTrait, bind: &str) -> String {
    match conn.get_database_backend() {
        DbBackend::Postgres => format!("(SELECT unnest({bind}::bigint[]))"),
        _ => format!("(SELECT value FROM json_each({bind}))"),
    }
}

/// A set of integers bound as one value, as a table of one column, `number`.
pub fn integer_rows(conn: &impl ConnectionTrait, bind: &str) -> String {
    match conn.get_database_backend() {
        DbBackend::Postgres => format!("(SELECT unnest({bind}::bigint[]) AS number)"),
        _ => format!("(SELECT value AS number FROM json_each({bind}))"),
    }
}

/// A set of texts bound as one value.
pub fn texts(conn: &impl ConnectionTrait, bind: &str) -> String {
    match conn.get_database_backend() {
        DbBackend::Postgres => format!("(SELECT unnest({bind}::text[]))"),
        _ => format!("(SELECT value FROM json_each({bind}))"),
    }
}

/// The value to bind for [`uuids`].
pub fn uuid_set(conn: &impl ConnectionTrait, ids: impl IntoIterator<Item = Uuid>) -> Value {
    let ids: Vec<String> = ids.into_iter().map(|id| id.simple().to_string()).collect();
    text_set(conn, ids)
}

/// The value to bind for [`integers`].
pub fn integer_set(conn: &impl ConnectionTrait, numbers: impl IntoIterator<Item = i64>) -> Value {
    let numbers: Vec<i64> = numbers.into_iter().collect();
    match conn.get_database_backend() {
        DbBackend::Postgres => numbers.into(),
        _ => serde_json::Value::from(numbers).to_string().into(),
    }
}

/// The value to bind for [`texts`].
pub fn text_set(conn: &impl ConnectionTrait, texts: impl IntoIterator<Item = String>) -> Value {
    let texts: Vec<String> = texts.into_iter().collect();
    match conn.get_database_backend() {
        DbBackend::Postgres => texts.into(),
        _ => serde_json::Value::from(texts).to_string().into(),
    }
}

/// Rows locked by others are passed over. SQLite has one writer, so there are none.
pub fn skip_locked(conn: &impl ConnectionTrait) -> &'static str {
    match conn.get_database_backend() {
        DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
        _ => "",
    }
}

/// The rows found are held until the commit; rows that refer to them may still be added. SQLite has one writer.
pub fn for_update(conn: &impl ConnectionTrait) -> &'static str {
    match conn.get_database_backend() {
        DbBackend::Postgres => "FOR NO KEY UPDATE",
        _ => "",
    }
}

/// What a set holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Made by [`uuid_set`].
    Uuids,
    /// Made by [`integer_set`].
    Integers,
    /// Made by [`text_set`].
    Texts,
}

/// Whether a column's value is in a set that is bound as one value. Unlike `IN (SELECT …)` over [`uuids`] and its
/// sisters, this lets PostgreSQL step through an index once for each member.
pub fn is_in(conn: &impl ConnectionTrait, column: &str, bind: &str, of: Of) -> String {
    match (conn.get_database_backend(), of) {
        (DbBackend::Postgres, Of::Uuids) => format!("{column} = ANY({bind}::text[]::uuid[])"),
        (DbBackend::Postgres, Of::Integers) => format!("{column} = ANY({bind}::bigint[])"),
        (DbBackend::Postgres, Of::Texts) => format!("{column} = ANY({bind}::text[])"),
        (_, Of::Uuids) => format!("{column} IN {}", uuids(conn, bind)),
        (_, Of::Integers) => format!("{column} IN {}", integers(conn, bind)),
        (_, Of::Texts) => format!("{column} IN {}", texts(conn, bind)),
    }
}

/// A column of a [`table`], row by row.
#[derive(Debug, Clone)]
pub enum Column {
    /// UUIDs.
    Uuids(Vec<Uuid>),
    /// Integers.
    Integers(Vec<i64>),
}

/// `(SELECT …)` that yields rows of our own, to be joined with: columns of equal length, each with its name.
pub fn table(conn: &impl ConnectionTrait, binds: &mut Binds, columns: Vec<(&str, Column)>) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let columns: Vec<Column> = columns.into_iter().map(|(_, column)| column).collect();
    if conn.get_database_backend() == DbBackend::Postgres {
        let bound = columns.into_iter().map(|column| match column {
            Column::Uuids(ids) => format!("{}::text[]::uuid[]", binds.add(uuid_set(conn, ids))),
            Column::Integers(numbers) => format!("{}::bigint[]", binds.add(integer_set(conn, numbers))),
        });
        let bound: Vec<String> = bound.collect();
        return format!("(SELECT * FROM unnest({}) AS u({}))", bound.join(", "), names.join(", "));
    }
    let selected = names.iter().zip(&columns).enumerate().map(|(place, (name, column))| match column {
        Column::Uuids(_) => format!("unhex(j.value ->> {place}) AS {name}"),
        Column::Integers(_) => format!("j.value ->> {place} AS {name}"),
    });
    let selected: Vec<String> = selected.collect();
    let cells = columns.into_iter().map(|column| -> Vec<serde_json::Value> {
        match column {
            Column::Uuids(ids) => ids.into_iter().map(|id| id.simple().to_string().into()).collect(),
            Column::Integers(numbers) => numbers.into_iter().map(Into::into).collect(),
        }
    });
    let mut cells: Vec<_> = cells.map(Vec::into_iter).collect();
    let mut rows = Vec::new();
    loop {
        let row: Vec<serde_json::Value> = cells.iter_mut().filter_map(Iterator::next).collect();
        if row.is_empty() {
            break;
        }
        rows.push(row);
    }
    let bind = binds.add(serde_json::Value::from(rows).to_string());
    format!("(SELECT {} FROM json_each({bind}) j)", selected.join(", "))
}

/// Whether a text contains another, byte for byte.
pub fn contains(conn: &impl ConnectionTrait, text: &str, part: &str) -> String {
    match conn.get_database_backend() {
        DbBackend::Postgres => format!("strpos({text}, {part}) > 0"),
        _ => format!("instr({text}, {part}) > 0"),
    }
}

/// Values in the order of their placeholders.
#[derive(Debug, Default)]
pub struct Binds(Vec<Value>);

impl Binds {
    /// Adds a value and returns its placeholder.
    pub fn add(&mut self, value: impl Into<Value>) -> String {
        self.0.push(value.into());
        format!("${}", self.0.len())
    }
}

impl IntoIterator for Binds {
    type Item = Value;
    type IntoIter = std::vec::IntoIter<Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
