//! The relay's loop: woken by the database (LISTEN), by a publisher of this process, or after a second.

use std::time::Duration;

use sea_orm::DbBackend;
use sqlx::postgres::PgListener;
use tokio_util::sync::CancellationToken;

use super::pause;
use crate::services::{Deps, fanout};

/// Without a word from anyone the outbox is looked at so often.
const POLL: Duration = Duration::from_secs(1);
/// The wait after a failure.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Rings for what was committed, until told to stop.
pub async fn relay(deps: Deps, stop: CancellationToken) {
    let mut listener = None;
    let mut failing = false;
    while !stop.is_cancelled() {
        if listener.is_none() && deps.db.engine() == DbBackend::Postgres {
            listener = listen(&deps).await;
        }
        match fanout::relay(&deps).await {
            Ok(more) => {
                failing = false;
                if more {
                    continue;
                }
            }
            Err(error) => {
                // Said once, not twice a second for as long as the queue is away.
                if !failing {
                    tracing::warn!(%error, "bells cannot be rung; the outbox keeps them");
                }
                failing = true;
                pause(&stop, AFTER_FAILURE).await;
                continue;
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = deps.fan_out.wake.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            heard = hear(&mut listener) => if !heard { listener = None },
        }
    }
}

async fn listen(deps: &Deps) -> Option<PgListener> {
    let connected = async {
        let mut listener = PgListener::connect(deps.db.url()).await?;
        listener.listen(crate::services::fanout::OUTBOX_CHANNEL).await?;
        Ok::<_, sqlx::Error>(listener)
    };
    match connected.await {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::warn!(%error, "cannot listen to the database; polling instead");
            None
        }
    }
}

/// Waits for a word; `false` when the connection is lost. Without a listener it waits for ever.
async fn hear(listener: &mut Option<PgListener>) -> bool {
    match listener {
        Some(listener) => listener.recv().await.is_ok(),
        None => std::future::pending().await,
    }
}
