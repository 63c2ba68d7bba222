//! The publisher: its calls go through the door, as anybody's do.

use std::collections::HashMap;
use std::time::Duration;

use chrono::Utc;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::data::{self, Operation};
use crate::app::StartError;
use crate::domain::id::NoticeId;
use crate::domain::time::Timestamp;

/// Every so many notices the publisher calls twice, as one does whose answer was lost on the way.
const REPEAT_EVERY: u64 = 25;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the publisher's calls came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Calls {
    /// All of them.
    pub made: u64,
    /// Notices that were announced.
    pub new: u64,
    /// Notices with the content of another one: stored and not announced.
    pub duplicates: u64,
    /// Corrected editions.
    pub revisions: u64,
    /// Notices taken back.
    pub withdrawals: u64,
    /// The same call once more: answered, and nothing done.
    pub repeats: u64,
    /// Refused or not answered.
    pub refused: u64,
}

/// What the publisher remembers of it.
#[derive(Debug, Default)]
pub struct Played {
    /// What its calls came to.
    pub calls: Calls,
    /// When the call of each revision began.
    pub began: HashMap<(NoticeId, i32), Timestamp>,
    /// Why calls were refused, the first few.
    pub reasons: Vec<String>,
}

/// How many reasons are kept.
const REASONS: usize = 5;

/// How it is played.
#[derive(Debug, Clone, Copy)]
pub struct Tempo {
    /// How many operations; all when there are not so many.
    pub count: usize,
    /// How many a second; 0: one after the other.
    pub rate: f64,
}

/// What an accepted call is answered with.
#[derive(Debug, Deserialize)]
struct Answer {
    id: NoticeId,
    revision: i32,
    duplicate_of: Option<NoticeId>,
}

struct Publisher {
    client: Client,
    url: String,
    key: String,
    /// What a notice is called here, by what its source calls it.
    known: HashMap<String, NoticeId>,
    played: Played,
}

/// Makes the calls; tells after each what they came to so far.
pub async fn play(url: String, key: &str, tempo: Tempo, tell: &watch::Sender<Calls>) -> Result<Played, StartError> {
    let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
    let (known, played) = (HashMap::new(), Played::default());
    let mut publisher = Publisher { client, url, key: key.to_owned(), known, played };
    let mut beat = (tempo.rate > 0.0).then(|| interval(Duration::from_secs_f64(1.0 / tempo.rate)));
    if let Some(beat) = &mut beat {
        beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
    }
    for operation in data::operations(Utc::now()).take(tempo.count) {
        if let Some(beat) = &mut beat {
            beat.tick().await;
        }
        publisher.call(operation?).await;
        tell.send_replace(publisher.played.calls);
    }
    Ok(publisher.played)
}

impl Publisher {
    async fn call(&mut self, operation: Operation) {
        if let Err(reason) = self.make(operation).await {
            self.played.calls.refused += 1;
            if self.played.reasons.len() < REASONS {
                self.played.reasons.push(reason);
            }
        }
    }

    async fn make(&mut self, operation: Operation) -> Result<(), String> {
        match operation {
            Operation::Publish { mut notice } => {
                // The data set says when relative to the start; a notice is published when its turn comes.
                if let Some(fields) = notice.as_object_mut() {
                    fields.insert("published_at".to_owned(), json!(Timestamp::from(Utc::now())));
                }
                let source_id = notice.get("source_id").and_then(Value::as_str).unwrap_or_default().to_owned();
                let answer = self.post("/v1/notices", &notice).await?;
                let announced = answer.duplicate_of.is_none();
                let calls = &mut self.played.calls;
                *(if announced { &mut calls.new } else { &mut calls.duplicates }) += 1;
                self.known.insert(source_id, answer.id);
                if (calls.new + calls.duplicates).is_multiple_of(REPEAT_EVERY) {
                    let again = self.send("/v1/notices", &notice).await?;
                    if again.id != answer.id {
                        return Err(format!("a repeat made {} of {}", again.id, answer.id));
                    }
                    self.played.calls.repeats += 1;
                }
            }
            Operation::Revise { source_id, editorial, notice } => {
                let path = format!("/v1/notices/{}/revisions", self.find(&source_id)?);
                self.post(&path, &json!({ "notice": notice, "editorial": editorial })).await?;
                self.played.calls.revisions += 1;
            }
            Operation::Withdraw { source_id, reason } => {
                let path = format!("/v1/notices/{}/withdrawal", self.find(&source_id)?);
                self.post(&path, &json!({ "reason": reason })).await?;
                self.played.calls.withdrawals += 1;
            }
        }
        Ok(())
    }

    fn find(&mut self, source_id: &str) -> Result<NoticeId, String> {
        let found = self.known.get(source_id).copied();
        if found.is_none() {
            self.played.calls.made += 1;
        }
        found.ok_or_else(|| format!("{source_id} was not accepted before"))
    }

    /// A call whose instant counts.
    async fn post(&mut self, path: &str, body: &Value) -> Result<Answer, String> {
        let began = Timestamp::from(Utc::now());
        let answer = self.send(path, body).await?;
        self.played.began.insert((answer.id, answer.revision), began);
        Ok(answer)
    }

    async fn send(&mut self, path: &str, body: &Value) -> Result<Answer, String> {
        self.played.calls.made += 1;
        let call = self.client.post(format!("{}{path}", self.url)).bearer_auth(&self.key).json(body).send();
        let answer = call.await.map_err(|error| format!("{path}: {error}"))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| format!("{path}: {error}"))?;
        if status != StatusCode::OK && status != StatusCode::CREATED {
            return Err(format!("{path}: {status}: {text}"));
        }
        serde_json::from_str(&text).map_err(|error| format!("{path}: {error}: {text}"))
    }
}
