//! The calls: one HTTP client whose names are looked up and judged here, bounded in time and in what it reads.
//!
//! The client asks [`Guarded`] for the addresses of a name when it opens a connection, and connects to one of those; a
//! kept connection leads where it was opened to. So nothing lies between the judgement and the connection, and a name
//! that answers otherwise the second time is judged a second time. A numeric host is judged right before each call,
//! because the client asks nobody about it.

use std::error::Error as _;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use tokio::time::Instant;

use super::CHANNEL;
use super::message::Request;
use super::places::Places;
use super::settings::{Lookup, Settings};
use crate::domain::webhook::{Preset, Reach};
use crate::providers::{SettingsError, wire};

/// An answer is read so far, in bytes: enough for a bot's answer, and for whoever looks for what went wrong.
const ANSWER_MAX_BYTES: usize = 4 * 1024;
/// How long the words of a server are waited for whose status has been heard.
const WORDS_WITHIN: Duration = Duration::from_millis(500);
/// How long an unused connection is kept: less than servers keep theirs, so that few calls meet a closed one.
const POOL_IDLE: Duration = Duration::from_secs(4);
/// Unused connections of one host.
const POOL_IDLE_PER_HOST: usize = 4;
/// The most headers of an answer.
const HEADERS_MAX: usize = 64;

/// The connection to everybody.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    reach: Reach,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// Why nothing came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// The address may not be connected to.
    Forbidden,
    /// There was no connection; nothing was sent.
    NoConnection,
    /// It took too long.
    TooSlow,
    /// It ended in the middle.
    Broken,
    /// We have too much to do ourselves; nothing was sent.
    Busy,
}

/// A call without an answer, and the innermost word about it.
#[derive(Debug)]
pub(super) struct NoAnswer {
    pub(super) silence: Silence,
    pub(super) text: String,
}

impl NoAnswer {
    pub(super) fn new(silence: Silence, text: impl Into<String>) -> Self {
        Self { silence, text: text.into() }
    }
}

/// The address of a name to connect to, if all of its addresses may be connected to.
struct Guarded {
    reach: Reach,
    lookup: Lookup,
    places: Arc<Places>,
}

/// A name has an address that may not be connected to.
#[derive(Debug, thiserror::Error)]
#[error("address not allowed")]
struct Forbidden;

/// Too many names are being looked up, or too many calls are under way to where this one leads.
#[derive(Debug, thiserror::Error)]
#[error("busy")]
struct Busy;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, reach) = ((self.lookup)(name.as_str().to_owned()), self.reach.clone());
        let places = Arc::clone(&self.places);
        Box::pin(async move {
            let found = match found.await {
                Err(error) if error.kind() == ErrorKind::ResourceBusy => return Err(Busy.into()),
                found => found?,
            };
            // One inner address among others is no slip: who mixes them wants to be lucky.
            if found.iter().any(|address| !reach.permits(*address)) {
                return Err(Forbidden.into());
            }
            if found.is_empty() {
                return Err(std::io::Error::from(ErrorKind::NotFound).into());
            }
            let address = places.lead(name.as_str(), &found, Instant::now()).ok_or(Busy)?;
            let addresses: Addrs = Box::new(std::iter::once(SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

impl Client {
    pub(super) fn new(settings: &Settings, places: &Arc<Places>) -> Result<Self, SettingsError> {
        let places = Arc::clone(places);
        let guarded = Guarded { reach: settings.reach.clone(), lookup: settings.lookup.clone(), places };
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .https_only(!settings.reach.http)
            .http1_only()
            .http1_max_headers(HEADERS_MAX)
            .tcp_nodelay(true)
            .referer(false)
            .user_agent(concat!("Yizhan/", env!("CARGO_PKG_VERSION"), " (webhook)"))
            .timeout(settings.timeout)
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(POOL_IDLE_PER_HOST)
            .dns_resolver(guarded)
            .build()
            .map_err(|error| SettingsError { channel: CHANNEL, reason: error.to_string() })?;
        Ok(Self { http, reach: settings.reach.clone() })
    }

    pub(super) async fn post(&self, request: Request, preset: Preset) -> Result<Answer, NoAnswer> {
        if let Err(error) = self.reach.check_parsed(&request.url) {
            return Err(NoAnswer::new(Silence::Forbidden, error.rule()));
        }
        let mut call = self.http.post(request.url).header(CONTENT_TYPE, "application/json").body(request.body);
        for (name, value) in request.headers {
            call = call.header(name, value);
        }
        let mut response = call.send().await.map_err(no_answer)?;
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|value| wire::retry_after(value, Utc::now()));
        let mut answer = Answer { status: response.status().as_u16(), retry_after, body: Vec::new() };
        let read = read(&mut response, &mut answer.body);
        if preset == Preset::Standard {
            // The status has said it all; whoever dawdles over the rest has answered nevertheless.
            if !matches!(tokio::time::timeout(WORDS_WITHIN, read).await, Ok(Ok(()))) {
                tracing::trace!("an answer was not read to its end");
            }
        } else {
            read.await.map_err(no_answer)?;
        }
        Ok(answer)
    }
}

/// Reads as far as answers are read.
async fn read(response: &mut reqwest::Response, body: &mut Vec<u8>) -> reqwest::Result<()> {
    while let Some(part) = response.chunk().await? {
        let room = ANSWER_MAX_BYTES.saturating_sub(body.len());
        body.extend(part.iter().take(room));
        if part.len() >= room {
            break;
        }
    }
    Ok(())
}

/// Tells apart by whether the request may have arrived. The error itself names the address and is not kept.
#[expect(clippy::needless_pass_by_value, reason = "stands where a function of the error is asked for")]
fn no_answer(error: reqwest::Error) -> NoAnswer {
    let (mut innermost, mut source) = (String::new(), error.source());
    while let Some(cause) = source {
        if cause.is::<Forbidden>() {
            return NoAnswer::new(Silence::Forbidden, "private");
        }
        if cause.is::<Busy>() {
            return NoAnswer::new(Silence::Busy, "busy");
        }
        innermost = cause.to_string();
        source = cause.source();
    }
    let silence = match () {
        () if error.is_timeout() && !error.is_connect() => Silence::TooSlow,
        () if error.is_connect() => Silence::NoConnection,
        () => Silence::Broken,
    };
    NoAnswer::new(silence, innermost)
}
