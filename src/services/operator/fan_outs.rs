//! How far fan-outs are.

use std::collections::HashMap;

use crate::domain::id::FanOutId;
use crate::domain::page::{Cursor, Page};
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::refusal::{Error, Refusal, Result};
use crate::storage::progress::{self, Chunks, FanOut, Narrowed, OpenChunk};

const FAN_OUTS: &str = "fan_outs";
/// The most unfinished chunks that are shown of one fan-out.
const SHOWN_CHUNKS: i64 = 100;

/// A fan-out and what its chunks add up to.
#[derive(Debug, Clone)]
pub struct Progress {
    /// The fan-out.
    pub fan_out: FanOut,
    /// Its chunks, when it has any.
    pub chunks: Option<Chunks>,
}

/// Fan-outs, the newest first.
pub async fn list_fan_outs(
    deps: &Deps,
    filter: &Narrowed,
    cursor: Option<&Cursor>,
    limit: u16,
) -> Result<Page<Progress>> {
    let after = cursor.map(place).transpose()?;
    let found = progress::list(deps.db.reader(), &Narrowed { after, ..*filter }, i64::from(limit) + 1).await?;
    let page = Page::cut(found, limit, |one| {
        Cursor::new(FAN_OUTS, [one.created_at.as_millis().to_string(), one.id.to_string()])
    });
    let ids: Vec<FanOutId> = page.items.iter().map(|one| one.id).collect();
    let chunks = progress::chunks(deps.db.reader(), &ids).await?;
    let chunks: HashMap<FanOutId, Chunks> = chunks.into_iter().map(|sums| (sums.fan_out_id, sums)).collect();
    Ok(page.map(|fan_out| Progress { chunks: chunks.get(&fan_out.id).copied(), fan_out }))
}

/// A fan-out, and its chunks that are not closed.
pub async fn get_fan_out(deps: &Deps, id: FanOutId) -> Result<(Progress, Vec<OpenChunk>)> {
    let only = Narrowed { id: Some(id), ..Narrowed::default() };
    let found = list_fan_outs(deps, &only, None, 1).await?.items.into_iter().next();
    let found = found.ok_or(Refusal::NotFound)?;
    Ok((found, progress::unfinished(deps.db.reader(), id, SHOWN_CHUNKS).await?))
}

fn place(cursor: &Cursor) -> Result<(Timestamp, FanOutId)> {
    let [at, id] = cursor.parts(FAN_OUTS).map_err(|_| Error::not_a_cursor())?;
    let at = at.parse().map_err(|_| Error::not_a_cursor())?;
    Ok((Timestamp::from_millis(at), id.parse().map_err(|_| Error::not_a_cursor())?))
}
