//! Server-sent events as a client reads them.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::{Caller, PATIENCE};

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Its id, when it has one.
    pub id: Option<String>,
    /// Its data.
    pub data: Value,
}

/// Whether an answer is a stream of events.
pub fn is_stream(headers: &HeaderMap) -> bool {
    headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// A stream has no end: its text up to the end of its first chunk that holds an event.
pub async fn until_an_event(mut response: reqwest::Response) -> String {
    let mut text = String::new();
    while !(text.contains("event: ") && text.ends_with("\n\n")) {
        let chunk = tokio::time::timeout(PATIENCE, response.chunk()).await.expect("an event comes").expect("a stream");
        text.push_str(std::str::from_utf8(&chunk.expect("a stream that goes on")).expect("text"));
    }
    text
}

/// The events of a text.
pub fn events(text: &str) -> Vec<Event> {
    let line = |block: &str, name: &str| {
        block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned)).or_else(|| {
            block.lines().any(|line| line == format!("{name}:") || line == format!("{name}: ")).then(String::new)
        })
    };
    let event = |block: &str| {
        let data = line(block, "data")?;
        let data = serde_json::from_str(&data).expect("the data of an event is JSON");
        Some(Event { name: line(block, "event")?, id: line(block, "id"), data })
    };
    text.split("\n\n").filter_map(event).collect()
}

/// An open stream of an inbox.
pub struct Watch {
    response: reqwest::Response,
    text: String,
    waiting: VecDeque<Event>,
    /// Signs of life so far.
    pub heartbeats: usize,
}

impl Watch {
    /// Opens a stream behind an event, or from now on.
    pub async fn open(caller: &Caller, last: Option<&str>) -> Self {
        let request = caller.request(reqwest::Method::GET, "/v1/inbox/stream");
        let request = last.into_iter().fold(request, |request, id| request.header("last-event-id", id));
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert!(is_stream(response.headers()));
        Self { response, text: String::new(), waiting: VecDeque::new(), heartbeats: 0 }
    }

    /// A header of the answer.
    pub fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The next event; nothing at the end of the stream.
    pub async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("an event, or the end")
    }

    /// The next event, when one comes within so long.
    pub async fn next_within(&mut self, wait: Duration) -> Option<Event> {
        tokio::time::timeout(wait, self.read()).await.ok().flatten()
    }

    /// Reads until there was so many a sign of life.
    pub async fn until_heartbeats(&mut self, count: usize) {
        while self.heartbeats < count {
            assert!(self.more().await, "the stream goes on");
        }
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn more(&mut self) -> bool {
        let Some(chunk) = self.response.chunk().await.expect("a stream that is not cut off") else { return false };
        self.text.push_str(std::str::from_utf8(&chunk).expect("text"));
        while let Some(end) = self.text.find("\n\n") {
            let block: String = self.text.drain(..end + 2).collect();
            self.heartbeats += usize::from(block.starts_with(':'));
            self.waiting.extend(events(&block));
        }
        true
    }
}
