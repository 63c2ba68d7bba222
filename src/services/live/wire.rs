//! Hints between copies: through Redis where there is one, else through PostgreSQL.
//!
//! Promise: one connection that listens, whatever the number of clients. Each copy says now and then that the way is
//! open, so that a connection which has died silently is noticed within [`SILENCE`]; whoever has listened to nothing
//! looks at everybody. Hints that cannot be told are dropped.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::hint::Hint;
use super::pause;
use crate::services::Deps;
use crate::services::refusal::{Error, Result};
use crate::storage::hint::{self, MAX_BYTES};
use crate::telemetry::metric;

/// How often a copy that has nothing to tell says that it is there.
const TICK: Duration = Duration::from_secs(5);
/// After so long without a word the way is taken to be closed.
const SILENCE: Duration = Duration::from_secs(16);
/// The wait before the next try.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Hints that are told at once.
const AT_ONCE: usize = 256;

/// Tells other copies what this one has to tell, until told to stop.
pub async fn publish(deps: Deps, stop: CancellationToken) {
    let told = deps.live.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    let (true, Some(mut told)) = (deps.live.shared, told) else { return };
    let mut failing = false;
    while let Some(hints) = stop.run_until_cancelled(next(&mut told)).await {
        for text in texts(&deps.live.name, &hints) {
            match tell(&deps, &text).await {
                Ok(()) => failing = false,
                Err(error) => {
                    metrics::counter!(metric::HINTS_LOST).increment(1);
                    if !failing {
                        tracing::warn!(%error, "hints cannot be told to other copies; their streams look by themselves");
                    }
                    failing = true;
                }
            }
        }
    }
}

/// What is to be told; nothing after a while.
async fn next(told: &mut Receiver<Hint>) -> Vec<Hint> {
    let mut hints = Vec::new();
    // Nobody drops the sender as long as there is a hub; the time-out is the tick.
    let waited = timeout(TICK, told.recv_many(&mut hints, AT_ONCE)).await;
    if matches!(waited, Ok(0)) {
        std::future::pending::<()>().await;
    }
    hints
}

/// The hints as texts of bounded size, each behind the name of who tells; at least one, which may say nothing.
fn texts(name: &str, hints: &[Hint]) -> Vec<String> {
    let head = format!("{name}\n");
    let mut texts = vec![head.clone()];
    for line in hints.iter().flat_map(Hint::lines) {
        match texts.last_mut() {
            Some(last) if last.len() + line.len() < MAX_BYTES => {
                last.push_str(&line);
                last.push('\n');
            }
            _ => texts.push(format!("{head}{line}\n")),
        }
    }
    texts
}

async fn tell(deps: &Deps, text: &str) -> Result<()> {
    match deps.kv.bus() {
        Some(bus) => bus.publish(text).await.map_err(|error| Error::broken(error.to_string())),
        None => Ok(hint::notify(deps.db.writer(), text).await?),
    }
}

/// Hears what other copies tell, until told to stop.
pub async fn hear(deps: Deps, stop: CancellationToken) {
    if !deps.live.shared {
        return;
    }
    let mut failing = false;
    while !stop.is_cancelled() {
        let since = Instant::now();
        let heard = stop.run_until_cancelled(listen(&deps)).await;
        if let Some(Err(error)) = heard
            && !failing
        {
            tracing::warn!(%error, "hints of other copies are not heard; streams look by themselves");
            failing = true;
        }
        failing &= since.elapsed() < SILENCE;
        pause(&stop, AFTER_FAILURE).await;
    }
}

/// Hears until the way is closed.
async fn listen(deps: &Deps) -> Result<()> {
    let mut hints = open(deps).await?;
    // Before this nothing was heard.
    deps.live.mark_all();
    loop {
        let heard = timeout(SILENCE, hints.next()).await.map_err(|_| Error::broken("no copy has said a word"))?;
        let text = heard.ok_or_else(|| Error::broken("the connection was lost"))?;
        let mut lines = text.lines();
        // What this copy has told itself it has marked already.
        if lines.next() != Some(deps.live.name.as_str()) {
            lines.filter_map(Hint::parse).for_each(|hint| deps.live.apply(&hint));
        }
    }
}

async fn open(deps: &Deps) -> Result<BoxStream<'static, String>> {
    if let Some(bus) = deps.kv.bus() {
        return bus.listen().await.map_err(|error| Error::broken(error.to_string()));
    }
    let listener = hint::listen(&deps.db).await?;
    let heard = futures_util::stream::unfold(listener, |mut listener| async move {
        // Lost is lost, with or without an error.
        let text = listener.next().await.ok().flatten()?;
        Some((text, listener))
    });
    Ok(heard.boxed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::UserId;

    #[test]
    fn texts_are_bounded_and_hold_every_hint() {
        let hints: Vec<Hint> = (0..AT_ONCE)
            .map(|stamp| Hint::Users {
                users: (0..100).map(|_| UserId::new()).collect(),
                stamp: i64::try_from(stamp).expect("small"),
            })
            .collect();
        let texts = texts("me", &hints);
        assert!(texts.iter().all(|text| text.len() <= MAX_BYTES));
        let back: Vec<Hint> = texts.iter().flat_map(|text| text.lines()).filter_map(Hint::parse).collect();
        assert_eq!(back, hints);
        assert_eq!(super::texts("me", &[]), ["me\n".to_owned()], "a sign of life");
    }
}
