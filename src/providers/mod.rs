//! The world outside: what a provider is, and which ones are configured.
//!
//! Promise: a provider says what became of each recipient in `domain::message`'s words, one outcome per recipient, in
//! order. It classifies; when to try again, and what that means for a delivery, the house decides. A provider's answer
//! is bounded in size and time before it is read. Not promised: exactly once; see [`Provider::repeat`].
//!
//! # To add a channel
//!
//! Write five files in `providers/<channel>/`, the same for every channel:
//!
//! | file | holds |
//! | --- | --- |
//! | `mod.rs` | the promise, the struct, `impl Provider` |
//! | `settings.rs` | `Settings` with a default and a doc for each field; credentials are secrets, base URLs are settings |
//! | `message.rs` | a `Message` in the provider's words (cut to its limits), and its answer |
//! | `client.rs` | the calls: connections, access tokens, bounded reading |
//! | `error.rs` | the provider's statuses and codes → `Outcome`, `CallFailure` |
//!
//! then three lines here: its `mod`, its field of [`Settings`], its line in [`Registry::new`]. Its name stands in
//! `domain/channel.rs` already, or is added there; what it is told from outside is read in `config/` and put into its
//! settings in `app.rs`. [`sandbox`] is a channel with one service behind all recipients and calls to many at a time;
//! [`webhook`] is one whose recipients are servers of their own: what else a channel may say of itself, from
//! [`Provider::send_noted`] on, is said there and has a default for everybody else.

#![warn(missing_docs)]

pub mod code_sender;
pub mod sandbox;
pub mod webhook;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::allowance::Limits;
pub use crate::domain::channel::{Channel, Repeat};
use crate::domain::message::{CallFailure, Message, Noted, Outcome, Recipient};

/// The service behind a channel.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The channel it serves.
    fn channel(&self) -> Channel;

    /// What a repeat of the same delivery is to the receiver.
    fn repeat(&self) -> Repeat;

    /// The most recipients of one [`send`](Self::send), at least 1. The caller slices.
    fn max_batch(&self) -> usize;

    /// The most sends at a time, at least 1. The caller holds to it.
    fn max_in_flight(&self) -> usize;

    /// What the provider takes of us: messages a second, messages a day. The caller holds to it, all processes together.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Sends one message to all recipients: one outcome per recipient, in their order.
    ///
    /// Dropping the future before it ends leaves every recipient maybe delivered.
    async fn send(&self, message: &Message, to: &[Recipient]) -> Result<Vec<Outcome>, CallFailure>;

    /// The same, with what each recipient itself answered, on channels where recipients are servers of their own: what
    /// is noted is kept with every try, good ones too.
    async fn send_noted(&self, message: &Message, to: &[Recipient]) -> Result<Vec<Noted>, CallFailure> {
        Ok(self.send(message, to).await?.into_iter().map(Noted::from).collect())
    }

    /// The same for one recipient whose user asked for it, and may ask again at will: it takes no turn from what is due,
    /// and what it finds says nothing of other recipients.
    async fn send_by_hand(&self, message: &Message, to: &Recipient) -> Result<Noted, CallFailure> {
        let noted = self.send_noted(message, std::slice::from_ref(to)).await?.into_iter().next();
        Ok(noted.unwrap_or_else(|| Outcome::Failed.into()))
    }

    /// Whether one service stands behind all recipients, so that how it answers for one says something of the others.
    /// Where it does not, a slow or failing answer slows nobody else.
    fn is_one_service(&self) -> bool {
        true
    }

    /// How long it is until this recipient may be sent to, where recipients have limits or failures of their own; nothing:
    /// now. Asked right before a send; a batch waits for the longest of its recipients.
    fn not_before(&self, _to: &Recipient) -> Option<Duration> {
        None
    }

    /// Sends something that says no more than that messages arrive; nothing where a channel has no such thing.
    async fn test(&self, _to: &Recipient) -> Option<Noted> {
        None
    }
}

/// What each channel needs; a channel without settings is unconfigured.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The sandbox.
    pub sandbox: Option<sandbox::Settings>,
    /// Webhooks: servers of users, and bots of group chats.
    pub webhook: Option<webhook::Settings>,
}

/// The settings of a channel cannot work.
#[derive(Debug, thiserror::Error)]
#[error("channel {channel}: {reason}")]
pub struct SettingsError {
    /// The channel.
    pub channel: Channel,
    /// What is wrong, for whoever wrote the settings.
    pub reason: String,
}

/// The configured providers by channel.
#[derive(Clone, Default)]
pub struct Registry(BTreeMap<Channel, Arc<dyn Provider>>);

impl Registry {
    /// The providers that the settings configure; without any, the registry is empty and every delivery is held.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let mut registry = Self::default();
        registry.add(settings.sandbox.as_ref().map(sandbox::Sandbox::new))?;
        registry.add(settings.webhook.as_ref().map(webhook::Webhook::new))?;
        Ok(registry)
    }

    fn add<P: Provider + 'static>(&mut self, made: Option<Result<P, SettingsError>>) -> Result<(), SettingsError> {
        if let Some(provider) = made {
            self.insert(Arc::new(provider?));
        }
        Ok(())
    }

    /// Puts a provider in its channel's place; tests bring their own this way.
    pub fn insert(&mut self, provider: Arc<dyn Provider>) {
        self.0.insert(provider.channel(), provider);
    }

    /// The provider of a channel, when it is configured.
    pub fn get(&self, channel: Channel) -> Option<Arc<dyn Provider>> {
        self.0.get(&channel).cloned()
    }

    /// Whether the channel has what it needs to send.
    pub fn configured(&self, channel: Channel) -> bool {
        self.0.contains_key(&channel)
    }

    /// Whether a configured channel is of this repeat class.
    pub fn any(&self, repeat: Repeat) -> bool {
        self.0.values().any(|provider| provider.repeat() == repeat)
    }

    /// The configured channels.
    pub fn channels(&self) -> impl Iterator<Item = Channel> + '_ {
        self.0.keys().copied()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.channels()).finish()
    }
}
