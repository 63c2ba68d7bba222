//! The reader: looks at the record for the clients that were marked, for many of them at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::client::{Client, Clients, Look, Next};
use super::{Ending, Hub, WAITING_MOST, pause};
use crate::services::Deps;
use crate::services::inbox::{self, Standing};
use crate::services::refusal::Result;
use crate::storage::inbox::Item;
use crate::storage::inbox::feed::{self, Reader};
use crate::storage::order;

/// Clients of one look.
const AT_ONCE: usize = 100;
/// Changes of one client of one look.
const PAGE: usize = 20;
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
            match look(&deps, &batch).await {
                Ok(waiting) => {
                    failing = false;
                    if !waiting.is_empty() {
                        held.extend(waiting);
                        wait = HORIZON_SOONEST;
                    }
                }
                Err(error) => {
                    hub.enqueue(batch.iter().filter(|client| client.missed()));
                    if !failing {
                        tracing::warn!(%error, "streams cannot be told what changed");
                    }
                    failing = true;
                    pause(&stop, AFTER_FAILURE).await;
                }
            }
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
    /// The next ones to be looked at; none while too much waits already.
    fn next_batch(&self) -> Clients {
        if self.waiting.load(Ordering::Relaxed) >= WAITING_MOST {
            return Clients::new();
        }
        let mut queue = self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = queue.len().min(AT_ONCE);
        queue.drain(..count).collect()
    }

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
    let sizes: Vec<usize> = pages.iter().map(Vec::len).collect();
    let owned = looked.iter().zip(pages).flat_map(|((client, _), page)| {
        let user = client.user;
        page.into_iter().take(PAGE).map(move |item| (user, item))
    });
    let mut told = inbox::told_to_many(deps, owned.collect()).await?.into_iter();
    let mut waiting = Clients::new();
    for ((client, _), size) in looked.iter().zip(sizes) {
        let changes = told.by_ref().take(size.min(PAGE)).collect();
        let (next, count) = client.arrive(Look { changes, more: size > PAGE, horizon, at });
        deps.live.waiting.fetch_add(count, Ordering::Relaxed);
        match next {
            Next::Rest => {}
            Next::Queue => deps.live.enqueue([*client].into_iter()),
            Next::Hold => waiting.push(Arc::clone(client)),
        }
    }
    Ok(waiting)
}
