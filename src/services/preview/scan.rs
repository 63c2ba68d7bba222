//! Looking through what was announced: all of a window, or what the index of words says is worth it.

use std::time::Duration;

use futures_util::StreamExt as _;
use roaring::RoaringBitmap;
use tokio::time::Instant;

use super::Window;
use crate::domain::catalogue::is_probe;
use crate::domain::subscription::Filter;
use crate::domain::time::Timestamp;
use crate::services::refusal::Result;
use crate::services::{Deps, search};
use crate::storage::told::{self, Place, Slice, Strictness, Told};

/// Editions of a slice: what is read between two looks at the clock.
const SLICE: i64 = 2_000;
/// More editions than these are not looked up one by one.
const FEW: u64 = 8_000;
/// Texts that are read between two looks at the clock.
const TEXTS: usize = 64;

/// The editions that may have a filter's words; nothing where looking at all of them is as good, or the only way.
pub(super) async fn saying(deps: &Deps, filter: &Filter) -> Result<Option<RoaringBitmap>> {
    // Probes are not indexed.
    if filter.keywords.is_empty() || filter.categories.iter().any(|code| is_probe(&format!("/{code}/"))) {
        return Ok(None);
    }
    Ok(search::saying(deps, &filter.keywords).await?.filter(|slots| slots.len() <= FEW))
}

/// Looks at what is among these slots as [`all`] does; says the same.
pub(super) async fn among(
    deps: &Deps,
    window: Window,
    (filter, strictness): (&Filter, Strictness),
    slots: &RoaringBitmap,
    budget: Duration,
    mut look: impl FnMut(Told),
) -> Result<(Timestamp, bool)> {
    let conn = deps.db.reader();
    let until = Instant::now() + budget;
    if slots.is_empty() {
        return Ok((window.from, true));
    }
    let slice = Slice { from: (window.from, 0), before: (window.to, i64::MAX) };
    let keys = told::keys(conn, slots.iter().map(i64::from), slice, (filter, strictness)).await?;
    for some in keys.chunks(TEXTS) {
        told::of_keys(conn, some, filter).await?.into_iter().for_each(&mut look);
        if let Some(last) = some.last().filter(|_| Instant::now() >= until) {
            return Ok((after((last.created_at, last.position)), false));
        }
    }
    Ok((window.from, true))
}

/// Goes back through a window slice by slice until it is through or the time is over; says from when on everything was
/// looked at, and whether that is all of it.
pub(super) async fn all(
    deps: &Deps,
    window: Window,
    (filter, strictness): (&Filter, Strictness),
    budget: Duration,
    mut look: impl FnMut(Told),
) -> Result<(Timestamp, bool)> {
    let conn = deps.db.reader();
    let until = Instant::now() + budget;
    let mut before: Place = (window.to, i64::MAX);
    loop {
        let back = told::back(conn, window.from, before, SLICE).await?;
        let from = back.unwrap_or((window.from, 0));
        let mut rows = told::stream(conn, Slice { from, before }, filter, strictness).await?;
        while let Some(told) = rows.next().await {
            let told = told?;
            let place = (told.at, told.position);
            look(told);
            if Instant::now() >= until {
                // They come newest first: whatever is newer than this one was looked at.
                return Ok((after(place), false));
            }
        }
        match back {
            None => return Ok((window.from, true)),
            Some(place) => before = place,
        }
        if Instant::now() >= until {
            return Ok((after(before), false));
        }
    }
}

/// The first instant of which everything was looked at, when a place was come to: others of that instant may be before it.
fn after(place: Place) -> Timestamp {
    place.0 + Duration::from_millis(1)
}
