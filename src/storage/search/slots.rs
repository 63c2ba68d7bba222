//! Which document a slot belongs to.

use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::storage::{DbResult, all};

/// A document and the slot under which it is indexed now.
#[derive(Debug, Clone, Copy, FromQueryResult)]
pub struct Slot {
    /// Its slot.
    pub slot: i64,
    /// Its number.
    pub doc: i64,
    /// The revision that was indexed; of one later than the first there was another slot before.
    pub revision: i64,
}

/// The next slots that belong to a document, in their order.
pub async fn after(conn: &impl ConnectionTrait, slot: i64, count: i64) -> DbResult<Vec<Slot>> {
    let text = "SELECT slot, doc, revision FROM search_documents WHERE slot > $1 ORDER BY slot LIMIT $2";
    all(conn, text, [slot.into(), count.into()]).await
}
