//! The `sandbox` channel: messages to this product's own stand-in for providers (`crate::sandbox`, over HTTP).
//!
//! Promise: the idempotency key of a recipient is its delivery's id, so the sandbox shows a repeat once. Not promised:
//! anything about real phones. The channel goes through a real connection on purpose: what works here has met time-outs,
//! cut connections, throttling and refusals.

mod client;
mod error;
mod message;
mod settings;

use async_trait::async_trait;

pub use self::settings::Settings;
use crate::domain::allowance::Limits;
use crate::domain::channel::{Channel, Repeat};
use crate::domain::message::{CallFailure, Message, Outcome, Recipient};
use crate::providers::{Provider, SettingsError};

use self::client::Client;
use self::message::{BatchAnswer, BatchCall, Item, SingleCall};

const CHANNEL: Channel = Channel::Sandbox;
/// The most recipients that the sandbox takes in a call.
const MAX_RECIPIENTS: usize = 500;

/// The provider of the `sandbox` channel.
#[derive(Debug)]
pub struct Sandbox {
    client: Client,
    repeat: Repeat,
    batch_size: usize,
    in_flight: usize,
    limits: Limits,
}

impl Sandbox {
    /// Connects to nothing yet; refuses settings that cannot work. The TLS provider must be installed before.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            client: Client::new(settings)?,
            repeat: settings.repeat,
            batch_size: settings.batch_size,
            in_flight: settings.in_flight,
            limits: settings.limits,
        })
    }

    async fn send_one(&self, message: &Message, to: &Recipient) -> Result<Vec<Outcome>, CallFailure> {
        let answer = self.client.single(&SingleCall::new(message, to)).await?;
        match serde_json::from_slice::<Item>(&answer.body).ok().and_then(|item| error::item(answer.status, item)) {
            Some(outcome) => Ok(vec![outcome]),
            None if answer.status == 200 => Err(error::malformed(answer.status, "answer_malformed")),
            None => Err(error::call(&answer)),
        }
    }

    async fn send_many(&self, message: &Message, to: &[Recipient]) -> Result<Vec<Outcome>, CallFailure> {
        let answer = self.client.batch(&BatchCall::new(message, to)).await?;
        if answer.status != 200 {
            return Err(error::call(&answer));
        }
        let malformed = |code| error::malformed(answer.status, code);
        let BatchAnswer { results } =
            serde_json::from_slice(&answer.body).map_err(|_| malformed("answer_malformed"))?;
        if results.len() != to.len() {
            return Err(malformed("answer_length"));
        }
        Ok(results.into_iter().filter_map(|item| error::item(answer.status, item)).collect())
    }
}

#[async_trait]
impl Provider for Sandbox {
    fn channel(&self) -> Channel {
        CHANNEL
    }

    fn repeat(&self) -> Repeat {
        self.repeat
    }

    fn max_batch(&self) -> usize {
        self.batch_size
    }

    fn max_in_flight(&self) -> usize {
        self.in_flight
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    async fn send(&self, message: &Message, to: &[Recipient]) -> Result<Vec<Outcome>, CallFailure> {
        match to {
            [] => Ok(Vec::new()),
            [one] => self.send_one(message, one).await,
            many if many.len() > self.batch_size => Err(CallFailure::Refused { code: "batch_too_large".to_owned() }),
            many => self.send_many(message, many).await,
        }
    }
}
