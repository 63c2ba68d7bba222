//! A stream as its handler holds it: opened, read, dropped.

use std::sync::Arc;

use super::client::Client;
use super::{Ending, News};
use crate::domain::page::Cursor;
use crate::services::Deps;
use crate::services::inbox::Standing;
use crate::services::refusal::{Refusal, Result};
use crate::services::session::Caller;
use crate::storage::order;

/// An open stream. It is forgotten when this is dropped.
pub struct Stream {
    deps: Deps,
    client: Arc<Client>,
    over: bool,
}

/// Opens a stream of the caller's inbox: of what comes after a cursor of its changes; without one, of what comes from
/// now on. Refuses when there are too many. A cursor that has expired opens a stream that says so and ends.
pub async fn open(deps: &Deps, by: &Caller, after: Option<&Cursor>) -> Result<Stream> {
    let conn = deps.db.reader();
    let (epoch, now) = (order::epoch(conn).await?, deps.clock.now());
    let standing = match after.map(|cursor| Standing::at(cursor, epoch, now - deps.holdings.inbox_retention)) {
        None => Ok(Standing::below(order::horizon(conn).await?, epoch, now)),
        Some(Err(error)) if error.refusal() == Some(Refusal::CursorExpired) => Err(Ending::ReadInFull),
        Some(standing) => Ok(standing?),
    };
    let ended = standing.err();
    let start = standing.unwrap_or_else(|_| Standing::below(0, epoch, now));
    let client = Arc::new(Client::new(by.user, by.session, by.until, start));
    deps.live.admit(&client)?;
    let stream = Stream { deps: deps.clone(), client, over: false };
    match ended {
        Some(ending) => deps.live.end(&stream.client, ending),
        None => deps.live.enqueue([&stream.client].into_iter().filter(|client| client.mark(None))),
    }
    Ok(stream)
}

impl Stream {
    /// What is to be told next; waits for it. Nothing after the end.
    pub async fn next(&mut self) -> Option<News> {
        if self.over {
            return None;
        }
        let live = &self.deps.live;
        let heartbeat = tokio::time::sleep(live.settings.heartbeat);
        tokio::pin!(heartbeat);
        loop {
            if let Some((news, count, queue)) = self.client.take() {
                live.taken(count);
                live.enqueue(queue.then_some(&self.client).into_iter());
                self.over = matches!(news, News::End(_));
                return Some(news);
            }
            tokio::select! {
                () = self.client.news() => {}
                () = &mut heartbeat => return Some(News::Still),
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Nobody is told: whoever was there has gone.
        if let Some(waited) = self.client.end(Ending::ShuttingDown) {
            self.deps.live.taken(waited);
            self.deps.live.forget(&self.client);
        }
    }
}
