//! The keeper: once a second, what no hint says: tokens that have ended, clients that take nothing; and of each client once
//! in a while, however busy it is, whether its session lives and what its inbox has, because hints may be lost.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::client::{Client, Clients};
use super::{Ending, pause};
use crate::services::Deps;
use crate::services::refusal::Result;
use crate::storage::session;

/// How often it goes round.
pub const KEEP_EVERY: Duration = Duration::from_secs(1);
/// Sessions that are asked for at once.
const AT_ONCE: usize = 1_000;

/// Goes round until told to stop.
pub async fn keep(deps: Deps, stop: CancellationToken) {
    let mut failing = false;
    while pause(&stop, KEEP_EVERY).await {
        match round(&deps).await {
            Ok(()) => failing = false,
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "it cannot be asked whether the sessions of streams live");
                }
                failing = true;
            }
        }
    }
}

async fn round(deps: &Deps) -> Result<()> {
    let (live, now) = (&deps.live, deps.clock.now());
    let all: Clients = live.streams().all().cloned().collect();
    live.cut(&all);
    let mut unasked = Clients::new();
    for client in all {
        if client.until <= now {
            live.end(&client, Ending::TokenExpired);
        } else if client.is_unasked(live.settings.look_every) {
            unasked.push(client);
        }
    }
    for some in unasked.chunks(AT_ONCE) {
        look_up(deps, some).await?;
    }
    Ok(())
}

/// Ends the streams whose sessions have ended, and has the others looked at.
async fn look_up(deps: &Deps, clients: &[Arc<Client>]) -> Result<()> {
    let sessions = clients.iter().map(|client| client.session);
    let living = session::living(deps.db.reader(), sessions, deps.clock.now()).await?;
    let (stay, leave): (Vec<&Arc<Client>>, Vec<_>) =
        clients.iter().partition(|client| living.contains(&client.session));
    leave.into_iter().for_each(|client| deps.live.end(client, Ending::SessionEnded));
    deps.live.enqueue(stay.into_iter().filter(|client| client.lives()));
    Ok(())
}
