//! Many rows in one statement.
//!
//! Promise: the text of a statement hardly depends on how many rows there are, so that connections need not keep one for
//! each number. On PostgreSQL each column is bound as one array. SQLite has no arrays: rows that are asked for are bound as
//! one JSON text; rows that are inserted, which may be large, are bound cell by cell, in parts of a power of two of them.
//! Not promised: that a text may hold U+0000.

use sea_orm::{ConnectionTrait, DbBackend, Value};
use uuid::Uuid;

use super::sql::Binds;
use super::{DbResult, Tx, execute};

/// Rows of one statement on SQLite, at most; its own limit is 32,766 binds.
const MAX_ROWS: usize = 256;
/// Binds of one statement on SQLite, at most.
const MAX_BINDS: usize = 30_000;
/// Stands for nothing in an array of PostgreSQL, whose elements are all bound as values.
const NO_NUMBER: i64 = i64::MIN;

/// The cells of a column.
#[derive(Debug, Clone)]
pub enum Cells {
    /// Ids.
    Ids(Vec<Uuid>),
    /// Ids, or nothing.
    MaybeIds(Vec<Option<Uuid>>),
    /// Texts.
    Texts(Vec<String>),
    /// Texts that are never blank, or nothing.
    MaybeTexts(Vec<Option<String>>),
    /// Integers.
    Numbers(Vec<i64>),
    /// Integers, or nothing.
    MaybeNumbers(Vec<Option<i64>>),
    /// Bytes.
    Bytes(Vec<Vec<u8>>),
}

/// Rows, column by column; all columns are of the same length.
#[derive(Debug, Clone, Default)]
pub struct Rows(Vec<(&'static str, Cells)>);

impl Rows {
    /// The same rows with another column.
    pub fn with(mut self, name: &'static str, cells: Cells) -> Self {
        self.0.push((name, cells));
        self
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.first().map_or(0, |(_, cells)| cells.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn names(&self) -> String {
        self.0.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// A `SELECT` of these rows, with the columns under their names. They come in no promised order.
    pub fn select(self, conn: &impl ConnectionTrait, binds: &mut Binds) -> String {
        match conn.get_database_backend() {
            DbBackend::Postgres => self.arrays(binds),
            _ => self.json(binds),
        }
    }

    fn json(&self, binds: &mut Binds) -> String {
        let shown = self.0.iter().enumerate().map(|(number, (name, cells))| match cells {
            Cells::Ids(_) | Cells::MaybeIds(_) | Cells::Bytes(_) => format!("unhex(value->>{number}) AS {name}"),
            _ => format!("value->>{number} AS {name}"),
        });
        let shown = shown.collect::<Vec<_>>().join(", ");
        let row = |row| self.0.iter().map(|(_, cells)| cells.json(row)).collect::<Vec<serde_json::Value>>();
        let rows = serde_json::Value::from((0..self.len()).map(row).collect::<Vec<_>>());
        format!("SELECT {shown} FROM json_each({})", binds.add(rows.to_string()))
    }

    fn arrays(self, binds: &mut Binds) -> String {
        let (mut shown, mut arrays, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for (number, (name, cells)) in self.0.into_iter().enumerate() {
            let (value, kind, none) = cells.array();
            shown.push(match none {
                Some(none) => format!("NULLIF(c{number}, {none}) AS {name}"),
                None => format!("c{number} AS {name}"),
            });
            arrays.push(format!("{}::{kind}[]", binds.add(value)));
            names.push(format!("c{number}"));
        }
        format!("SELECT {} FROM unnest({}) AS u({})", shown.join(", "), arrays.join(", "), names.join(", "))
    }

    fn cells(&self, range: std::ops::Range<usize>, binds: &mut Binds) -> String {
        let named = self.0.iter().enumerate().map(|(number, (name, _))| format!("column{} AS {name}", number + 1));
        let shown: Vec<String> = named.collect();
        let mut rows = Vec::with_capacity(range.len());
        for row in range {
            let cells: Vec<String> = self.0.iter().map(|(_, cells)| binds.add(cells.cell(row))).collect();
            rows.push(format!("({})", cells.join(", ")));
        }
        format!("SELECT {} FROM (VALUES {})", shown.join(", "), rows.join(", "))
    }
}

impl Cells {
    fn len(&self) -> usize {
        match self {
            Self::Ids(cells) => cells.len(),
            Self::MaybeIds(cells) => cells.len(),
            Self::Texts(cells) => cells.len(),
            Self::MaybeTexts(cells) => cells.len(),
            Self::Numbers(cells) => cells.len(),
            Self::MaybeNumbers(cells) => cells.len(),
            Self::Bytes(cells) => cells.len(),
        }
    }

    /// All cells as one value, the type of each, and what stands for nothing.
    fn array(self) -> (Value, &'static str, Option<String>) {
        match self {
            Self::Ids(cells) => (cells.into(), "uuid", None),
            Self::MaybeIds(cells) => {
                let cells: Vec<Uuid> = cells.into_iter().map(Option::unwrap_or_default).collect();
                (cells.into(), "uuid", Some(format!("'{}'::uuid", Uuid::nil())))
            }
            Self::Texts(cells) => (cells.into(), "text", None),
            Self::MaybeTexts(cells) => {
                let cells: Vec<String> = cells.into_iter().map(Option::unwrap_or_default).collect();
                (cells.into(), "text", Some("''".to_owned()))
            }
            Self::Numbers(cells) => (cells.into(), "bigint", None),
            Self::MaybeNumbers(cells) => {
                let cells: Vec<i64> = cells.into_iter().map(|cell| cell.unwrap_or(NO_NUMBER)).collect();
                (cells.into(), "bigint", Some(format!("({NO_NUMBER})")))
            }
            Self::Bytes(cells) => (cells.into(), "bytea", None),
        }
    }

    /// Bytes and ids as hexadecimal digits.
    fn json(&self, row: usize) -> serde_json::Value {
        let hex = |id: &Uuid| id.simple().to_string();
        match self {
            Self::Ids(cells) => cells.get(row).map(hex).into(),
            Self::MaybeIds(cells) => cells.get(row).and_then(Option::as_ref).map(hex).into(),
            Self::Texts(cells) => cells.get(row).cloned().into(),
            Self::MaybeTexts(cells) => cells.get(row).cloned().flatten().into(),
            Self::Numbers(cells) => cells.get(row).copied().into(),
            Self::MaybeNumbers(cells) => cells.get(row).copied().flatten().into(),
            Self::Bytes(cells) => {
                cells.get(row).map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()).into()
            }
        }
    }

    fn cell(&self, row: usize) -> Value {
        match self {
            Self::Ids(cells) => cells.get(row).copied().into(),
            Self::MaybeIds(cells) => cells.get(row).copied().flatten().into(),
            Self::Texts(cells) => cells.get(row).cloned().into(),
            Self::MaybeTexts(cells) => cells.get(row).cloned().flatten().into(),
            Self::Numbers(cells) => cells.get(row).copied().into(),
            Self::MaybeNumbers(cells) => cells.get(row).copied().flatten().into(),
            Self::Bytes(cells) => cells.get(row).cloned().into(),
        }
    }
}

/// Inserts rows into a table, under the names of their columns.
pub async fn insert(tx: &Tx, table: &str, rows: Rows) -> DbResult<()> {
    let (count, names) = (rows.len(), rows.names());
    if count == 0 {
        return Ok(());
    }
    if tx.get_database_backend() == DbBackend::Postgres {
        let mut binds = Binds::default();
        let select = rows.select(&**tx, &mut binds);
        return execute(&**tx, &format!("INSERT INTO {table} ({names}) {select}"), binds).await.map(|_| ());
    }
    let most = (MAX_BINDS / rows.0.len().max(1)).clamp(1, MAX_ROWS);
    let mut begin = 0;
    while begin < count {
        let some = (count - begin).min(most);
        let end = begin + (1 << some.ilog2());
        let mut binds = Binds::default();
        let select = rows.cells(begin..end, &mut binds);
        execute(&**tx, &format!("INSERT INTO {table} ({names}) {select}"), binds).await?;
        begin = end;
    }
    Ok(())
}
