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
//! `domain/channel.rs` already, or is added there.

#![warn(missing_docs)]

pub mod code_sender;
pub mod sandbox;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

pub use crate::domain::channel::{Channel, Repeat};
use crate::domain::message::{CallFailure, Message, Outcome, Recipient};

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

    /// Sends one message to all recipients: one outcome per recipient, in their order.
    ///
    /// Dropping the future before it ends leaves every recipient maybe delivered.
    async fn send(&self, message: &Message, to: &[Recipient]) -> Result<Vec<Outcome>, CallFailure>;
}

/// What each channel needs; a channel without settings is unconfigured.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The sandbox.
    pub sandbox: Option<sandbox::Settings>,
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
