//! The index: segments, each the tokens of a stretch of slots, cut into blocks.
//!
//! Promise: a segment is listed in the transaction in which its blocks are written, and taken off the list in the one in
//! which they go, so a statement that asks the list and the blocks together sees each slot, whoever makes several segments
//! into one meanwhile.

use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};

use crate::domain::search::block::{Block, Broken};
use crate::storage::rows::{self, Cells, Rows};
use crate::storage::sql::{self, Binds, Column, Of};
use crate::storage::{DbError, DbResult, Tx, all, execute, value};

/// A stretch of slots whose tokens were turned round together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Segment {
    /// What its blocks know it by.
    pub id: i64,
    /// Its first slot.
    pub first_slot: i64,
    /// Its last one.
    pub last_slot: i64,
}

impl Segment {
    /// How many slots it spans.
    pub fn span(&self) -> i64 {
        self.last_slot - self.first_slot + 1
    }
}

/// All segments, in the order of their slots.
pub async fn list(conn: &impl ConnectionTrait) -> DbResult<Vec<Segment>> {
    all(conn, "SELECT id, first_slot, last_slot FROM search_segments ORDER BY first_slot", []).await
}

/// Lists a segment; returns its id.
pub async fn open(tx: &Tx, first_slot: i64, last_slot: i64) -> DbResult<i64> {
    let text = "INSERT INTO search_segments (first_slot, last_slot) VALUES ($1, $2) RETURNING id AS value";
    value(&**tx, text, [first_slot.into(), last_slot.into()]).await
}

/// Writes blocks of a segment.
pub async fn write(tx: &Tx, segment: i64, blocks: Vec<Block>) -> DbResult<()> {
    let rows = Rows::default()
        .with("segment", Cells::Numbers(vec![segment; blocks.len()]))
        .with("token", Cells::Numbers(blocks.iter().map(|block| block.first).collect()))
        .with("block", Cells::Bytes(blocks.into_iter().map(|block| block.bytes).collect()));
    rows::insert(tx, "search_index", rows).await
}

/// Takes segments off the list, with their blocks.
pub async fn remove(tx: &Tx, segments: &[Segment]) -> DbResult<()> {
    for (table, column) in [("search_index", "segment"), ("search_segments", "id")] {
        let text = format!("DELETE FROM {table} WHERE {}", sql::is_in(&**tx, column, "$1", Of::Integers));
        execute(&**tx, &text, [sql::integer_set(&**tx, segments.iter().map(|segment| segment.id))]).await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct BlockRow {
    token: i64,
    block: Vec<u8>,
}

/// The next blocks of a segment, after the one that begins with this token.
pub async fn blocks(tx: &Tx, segment: i64, after: i64, count: i64) -> DbResult<Vec<Block>> {
    let text =
        "SELECT token, block FROM search_index WHERE segment = $1 AND token > $2 ORDER BY segment, token LIMIT $3";
    let rows: Vec<BlockRow> = all(&**tx, text, [segment.into(), after.into(), count.into()]).await?;
    Ok(rows.into_iter().map(|row| Block { first: row.token, bytes: row.block }).collect())
}

/// What is asked of the index: the slots of a range of tokens.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The first token and the last.
    pub range: (i64, i64),
    /// Up to this slot they are known.
    pub known: i64,
}

/// A block that may have what was asked for.
#[derive(Debug)]
pub struct Answer {
    /// The place of what was asked for.
    pub asked: i64,
    /// From which slot on the block's are counted.
    pub first_slot: i64,
    /// The block.
    pub block: Block,
}

impl FromQueryResult for Answer {
    fn from_query_result(row: &sea_orm::QueryResult, prefix: &str) -> Result<Self, DbErr> {
        let block = Block { first: row.try_get(prefix, "token")?, bytes: row.try_get(prefix, "block")? };
        Ok(Self { asked: row.try_get(prefix, "asked")?, first_slot: row.try_get(prefix, "first_slot")?, block })
    }
}

/// The blocks that have what is asked for, of all segments that go beyond what is known, in one look.
pub async fn find(conn: &impl ConnectionTrait, asked: &[Asked]) -> DbResult<Vec<Answer>> {
    let each = |number: fn(&Asked) -> i64| Column::Integers(asked.iter().map(number).collect());
    let mut binds = Binds::default();
    let columns = vec![
        ("place", Column::Integers((0..).zip(asked).map(|(place, _)| place).collect())),
        ("low", each(|asked| asked.range.0)),
        ("high", each(|asked| asked.range.1)),
        ("known", each(|asked| asked.known)),
    ];
    let asked = sql::table(conn, &mut binds, columns);
    // The block in which a range begins is the last one that begins before it. CROSS JOIN: each block is looked up.
    let text = format!(
        "SELECT w.place AS asked, w.first_slot, b.token, b.block FROM ( \
           SELECT q.place, q.low, q.high, s.id, s.first_slot, COALESCE((SELECT MAX(x.token) FROM search_index x \
             WHERE x.segment = s.id AND x.token <= q.low), q.low) AS begins \
           FROM {asked} q CROSS JOIN search_segments s WHERE s.last_slot > q.known) w \
         CROSS JOIN search_index b WHERE b.segment = w.id AND b.token >= w.begins AND b.token <= w.high"
    );
    all(conn, &text, binds).await
}

impl From<Broken> for DbError {
    fn from(broken: Broken) -> Self {
        Self::Fault(DbErr::Type(broken.to_string()))
    }
}
