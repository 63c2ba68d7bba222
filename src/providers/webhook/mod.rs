//! The `webhook` channel: servers of users, spoken to as Standard Webhooks asks, and the bots of group chats.
//!
//! ```text
//!   turns.rs    may this webhook, this host be called now?      (standing.rs: rests after failures)
//!   places.rs   how many calls are under way to this server?
//!   message.rs  the call in the words of its preset, signed     (bots.rs: WeCom, DingTalk, Feishu)
//!   client.rs   the name's addresses are looked up, judged, and connected to: one look-up, one judgement
//!   error.rs    what the answer means for the delivery, and for the host
//!   redact.rs   the words of the answer without what opens
//! ```
//!
//! Promise: no connection is made to an address that `Reach` does not permit, whatever a name resolves to and whenever
//! it changes, because what was judged is what is connected to; redirects are not followed and no proxy is asked. An
//! answer is read to 4 kB and no further, and no call lasts longer than [`Settings::timeout`]. `webhook-id` is the
//! delivery's id, the same at every try. Neither an address nor a secret stands in an error, a log or what is noted.
//! A webhook that hangs, fails or limits costs its own user the wait and nobody else's. Not promised: once only; a
//! receiver drops repeats by `webhook-id`, and a group chat shows them.
//!
//! # What is certain of the bots
//!
//! Read in the services' own documents, or seen in answers that others have published: the forms of the calls, DingTalk's
//! and Feishu's signatures, the limits (20 a minute; Feishu 100 a minute and 5 a second), WeCom's 45009 and 93000,
//! DingTalk's 130101, 300001, 300005 and 310000, Feishu's 9499, 11232, 19021, 19022 and 19024. Known by hearsay only,
//! and so never taken for the end of an address: the other codes that `error.rs` names.

mod bots;
mod client;
mod error;
mod message;
mod places;
mod redact;
mod settings;
mod standing;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

pub use self::settings::{Addresses, Lookup, Settings, system_lookup};
use crate::domain::channel::{Channel, Repeat};
use crate::domain::id::WebhookId;
use crate::domain::message::{CallFailure, Message, Noted, Outcome, Recipient};
use crate::domain::time::Clock;
use crate::domain::webhook::{Preset, Target};
use crate::providers::{Provider, SettingsError};

use self::client::{Client, NoAnswer, Silence};
use self::message::Word;
use self::places::Places;
use self::standing::BUSY;
use self::turns::{Callee, Turns, Wish};

const CHANNEL: Channel = Channel::Webhook;
/// Calls at a time that users set off by hand.
const BY_HAND: usize = 8;
/// How long such a call waits for its turn.
const TURN_WITHIN: Duration = Duration::from_millis(300);

/// The provider of the `webhook` channel.
#[derive(Debug)]
pub struct Webhook {
    client: Client,
    turns: Turns,
    places: Arc<Places>,
    in_flight: usize,
    by_hand: Semaphore,
    clock: Clock,
}

impl Webhook {
    /// Connects to nothing yet; refuses settings that cannot work. The TLS provider must be installed before.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        if settings.in_flight == 0 || settings.per_host == 0 {
            return Err(SettingsError { channel: CHANNEL, reason: "calls at a time: at least 1".to_owned() });
        }
        let places = Places::new(settings.per_host);
        Ok(Self {
            client: Client::new(settings, &places)?,
            turns: Turns::default(),
            places,
            in_flight: settings.in_flight,
            by_hand: Semaphore::new(BY_HAND),
            clock: settings.clock.clone(),
        })
    }

    async fn call_by_hand(&self, word: Word<'_>, to: &Recipient) -> Noted {
        if let Ok(Ok(_turn)) = tokio::time::timeout(TURN_WITHIN, self.by_hand.acquire()).await {
            return self.call(word, to, Wish::ByHand).await;
        }
        let busy = Err(NoAnswer::new(Silence::Busy, "busy"));
        let (outcome, _) = error::judge(Preset::Standard, &busy);
        Noted { outcome, status: None, text: Some("busy".to_owned()) }
    }

    async fn call(&self, word: Word<'_>, to: &Recipient, wish: Wish) -> Noted {
        let Some((target, url)) = read(to) else { return Outcome::TokenGone { certain: false }.into() };
        let callee = Callee { user: to.user, address: to.endpoint, preset: target.preset };
        let request = match message::request(&target, url.clone(), word, to.delivery, self.clock.now()) {
            Ok(request) => request,
            Err(error) => return Outcome::PayloadRefused { code: error.to_string() }.into(),
        };
        let made = request.made.clone();
        let place = self.places.enter(&url);
        let turn = self.turns.begin(&turns::host(&url), callee, wish, Instant::now());
        let answer = self.client.post(request, target.preset).await;
        if matches!(&answer, Err(NoAnswer { silence: Silence::NoConnection | Silence::TooSlow, .. })) {
            self.places.missed(&url);
        }
        drop(place);
        let (outcome, health) = error::judge(target.preset, &answer);
        turn.ended(health);
        let (status, text) = error::note(&target, &made, &answer);
        Noted { outcome, status, text }
    }
}

/// What a recipient is, and where.
fn read(to: &Recipient) -> Option<(Target, Url)> {
    let target = Target::read(to.address.expose())?;
    let url = Url::parse(&target.url).ok()?;
    Some((target, url))
}

#[async_trait]
impl Provider for Webhook {
    fn channel(&self) -> Channel {
        CHANNEL
    }

    fn repeat(&self) -> Repeat {
        Repeat::Visible
    }

    /// One, so that every try has a time of its own, and nobody's outcome waits for another's host.
    fn max_batch(&self) -> usize {
        1
    }

    fn max_in_flight(&self) -> usize {
        self.in_flight
    }

    async fn send(&self, message: &Message, to: &[Recipient]) -> Result<Vec<Outcome>, CallFailure> {
        Ok(self.send_noted(message, to).await?.into_iter().map(|noted| noted.outcome).collect())
    }

    async fn send_noted(&self, message: &Message, to: &[Recipient]) -> Result<Vec<Noted>, CallFailure> {
        Ok(join_all(to.iter().map(|one| self.call(Word::Notice(message), one, Wish::Notice))).await)
    }

    async fn send_by_hand(&self, message: &Message, to: &Recipient) -> Result<Noted, CallFailure> {
        Ok(self.call_by_hand(Word::Notice(message), to).await)
    }

    fn is_one_service(&self) -> bool {
        false
    }

    fn not_before(&self, to: &Recipient) -> Option<Duration> {
        let (target, url) = read(to)?;
        let rests = self.turns.wait(&turns::host(&url), to.endpoint, target.preset, Instant::now());
        rests.max(self.places.is_full(&url).then_some(BUSY))
    }

    async fn test(&self, to: &Recipient) -> Option<Noted> {
        Some(self.call_by_hand(Word::Test(WebhookId::from_uuid(to.endpoint.as_uuid())), to).await)
    }
}
