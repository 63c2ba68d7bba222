//! The reader: looks at the record for the clients that were marked, for many of them at once.
//!
//! Promise: one look loads no more than [`ITEMS_MOST`] items and a page, whatever has gathered; clients beyond are looked at
//! next. What cannot be read ends the stream of whom it is read for, and no other.

use std::slice;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::client::{Client, Clients, Look, Next};
use super::{Ending, Hub, pause};
use crate::services::Deps;
use crate::services::inbox::{self, Standing};
use crate::services::refusal::{Error, Result};
use crate::storage::inbox::Item;
use crate::storage::inbox::feed::{self, Reader};
use crate::storage::order;

/// Changes of one client of one look.
const PAGE: usize = 20;
/// Items of one look, beyond which nothing is begun: each may bring the whole text of a notice.
const ITEMS_MOST: usize = 200;
/// How soon the horizon is asked for those who wait for it, and how seldom when it does not move.
const HORIZON_SOONEST: Duration = Duration::from_millis(20);
const HORIZON_LATEST: Duration = Duration::from_secs(1);
/// The wait after a failure.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Looks for whoever is to be looked at, until told to stop.
pub async fn read(deps: Deps, stop: CancellationToken) {
    let hub = &deps.live;
    let mut held = Clients::new();
    let mut wait = HORIZON_SOONEST;
    let mut failing = false;
    while !stop.is_cancelled() {
        let batch = hub.next_batch();
        if !batch.is_empty() {
            let before = held.len();
            let looked = look_at(&deps, &batch, &mut held).await;
            if held.len() > before {
                wait = HORIZON_SOONEST;
            }
            if let Err(error) = &looked {
                if !failing {
                    tracing::warn!(%error, "streams cannot be told what changed");
                }
                pause(&stop, AFTER_FAILURE).await;
            }
            failing = looked.is_err();
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = hub.work.notified() => {}
            () = tokio::time::sleep(wait), if !held.is_empty() => {
                if let Ok(horizon) = order::horizon(deps.db.reader()).await {
                    hub.release(&mut held, horizon);
                }
                wait = (wait * 2).min(HORIZON_LATEST);
            }
        }
    }
}

impl Hub {
    /// Lets those go on whose changes are below the horizon now.
    fn release(&self, held: &mut Clients, horizon: i64) {
        let mut free = Clients::new();
        held.retain(|client| match client.release(horizon) {
            None => true,
            Some(queue) => {
                free.extend(queue.then(|| Arc::clone(client)));
                false
            }
        });
        self.enqueue(free.iter());
    }
}

/// Looks for these clients, for each alone when it cannot be done for all; adds those who must wait for the horizon. When
/// it may be done in a moment, those who were not looked for stand in the queue again.
async fn look_at(deps: &Deps, batch: &[Arc<Client>], held: &mut Clients) -> Result<()> {
    let missed = |some: &[Arc<Client>]| deps.live.enqueue(some.iter().filter(|client| client.missed()));
    match look(deps, batch).await {
        Ok(waiting) => held.extend(waiting),
        Err(error) if !lasts(&error) => {
            missed(batch);
            return Err(error);
        }
        Err(_) => {
            for (at, client) in batch.iter().enumerate() {
                match look(deps, slice::from_ref(client)).await {
                    Ok(waiting) => held.extend(waiting),
                    Err(error) if lasts(&error) => {
                        tracing::error!(user = %client.user, %error, "a stream ends: its changes cannot be read");
                        deps.live.end(client, Ending::Failed);
                    }
                    Err(error) => {
                        missed(batch.get(at..).unwrap_or_default());
                        return Err(error);
                    }
                }
            }
        }
    }
    Ok(())
}

/// Whether the same will fail again.
fn lasts(error: &Error) -> bool {
    !matches!(error, Error::Fault(fault) if fault.is_passing())
}

/// One look for these clients; returns those who must wait for the horizon.
async fn look(deps: &Deps, batch: &[Arc<Client>]) -> Result<Clients> {
    let conn = deps.db.reader();
    let (epoch, at) = (order::epoch(conn).await?, deps.clock.now());
    let mut looked: Vec<(&Arc<Client>, Standing)> = Vec::new();
    for client in batch {
        match client.look() {
            Some(standing) if standing.epoch == epoch => looked.push((client, standing)),
            Some(_) => deps.live.end(client, Ending::ReadInFull),
            None => {}
        }
    }
    // Before the read: what commits in between is above it.
    let horizon = order::horizon(conn).await?;
    let readers: Vec<Reader> =
        looked.iter().map(|(client, standing)| Reader { user: client.user, after: standing.place }).collect();
    let found = feed::changes_of_many(conn, &readers, horizon, i64::try_from(PAGE).unwrap_or(i64::MAX) + 1).await?;
    let mut pages: Vec<Vec<Item>> = readers.iter().map(|_| Vec::new()).collect();
    for (reader, item) in found {
        if let Some(page) = pages.get_mut(reader) {
            page.push(item);
        }
    }
    let (mut items, mut served, mut unserved) = (Vec::new(), Vec::new(), Vec::new());
    for ((client, _), page) in looked.iter().zip(pages) {
        let (size, more) = (page.len().min(PAGE), page.len() > PAGE);
        if size > 0 && (items.len() >= ITEMS_MOST || !deps.live.has_room(items.len(), more)) {
            unserved.push((*client, more));
        } else {
            items.extend(page.into_iter().take(PAGE).map(|item| (client.user, item)));
            served.push((*client, size, more));
        }
    }
    let mut told = inbox::told_to_many(deps, items).await?.into_iter();
    let mut waiting = Clients::new();
    for (client, size, more) in served {
        let changes = told.by_ref().take(size).collect();
        deps.live.given(size);
        let (next, count) = client.arrive(Look { changes, more, horizon, at });
        deps.live.taken(size - count);
        match next {
            Next::Rest => {}
            Next::Queue => deps.live.enqueue([client].into_iter()),
            Next::Hold => waiting.push(Arc::clone(client)),
        }
    }
    deps.live.put_back(&unserved);
    Ok(waiting)
}
