//! The verbs of the trade. Each opens its own transaction; nothing leaves the building inside one.

#![warn(missing_docs)]

use std::sync::Arc;

use crate::domain::catalogue::Catalogue;
use crate::domain::time::Clock;
use crate::kv::Kv;
use crate::providers::code_sender::CodeSenders;
use crate::storage::Db;

pub mod account;
pub mod answers;
pub mod catalogue;
pub mod confirmation;
pub mod device;
pub mod fanout;
pub mod guesses;
pub mod health;
pub mod holdings;
pub mod housekeeping;
pub mod idempotency;
pub mod import;
pub mod inbox;
pub mod keys;
pub mod limits;
pub mod live;
pub mod name;
pub mod notice;
pub mod operator;
pub mod password;
pub mod preview;
pub mod publisher;
pub mod reach;
pub mod refusal;
pub mod search;
pub mod session;
pub mod startup;
pub mod subscription;
pub mod user;
pub mod views;
pub mod webhook;

pub use refusal::{CanFail, Error, Fault, OnConflict, Refusal, Result};

/// What every service works with. Cheap to clone; one for the whole process.
#[derive(Clone)]
pub struct Deps(Arc<Parts>);

/// The parts that [`Deps`] hands out.
pub struct Parts {
    /// Public answers, kept for a moment.
    pub answers: answers::Answers,
    /// The record.
    pub db: Db,
    /// The catalogue; see [`Deps::catalogue`].
    pub catalogue: catalogue::Current,
    /// What time it is.
    pub clock: Clock,
    /// What this copy is.
    pub copy: health::Identity,
    /// How much one user may have.
    pub holdings: holdings::Settings,
    /// What processes share and may lose.
    pub kv: Kv,
    /// How far searches look at a time.
    pub search: search::Settings,
    /// What this copy keeps of the index of words.
    pub index: search::Index,
    /// How much is allowed in general.
    pub limits: limits::Settings,
    /// The streams of this copy.
    pub live: live::Hub,
    /// Turns at trying filters out.
    pub previews: tokio::sync::Semaphore,
    /// What this copy knows about publishers' keys.
    pub publisher_keys: publisher::Keys,
    /// How codes reach people.
    pub codes: CodeSenders,
    /// Under which address the world finds this server, when it was told.
    pub public_url: Option<String>,
    /// The engine room.
    pub fan_out: fanout::Engine,
    /// How common the scopes of lists are.
    pub scope_rows: notice::ScopeRows,
    /// What this copy knows about sessions.
    pub sessions: session::Sessions,
    /// How webhooks are treated.
    pub webhooks: webhook::Settings,
    /// How often notices were read here.
    pub views: views::Views,
}

impl Deps {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// A notice was published, revised or withdrawn, and that is committed: whoever waits for it is told.
    pub fn notice_changed(&self) {
        self.answers.changed();
        self.fan_out.wake.notify_one();
    }

    /// The catalogue as it is now.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.0.catalogue.get()
    }
}

impl std::ops::Deref for Deps {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
