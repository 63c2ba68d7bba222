//! The calls: one HTTP client, bounded in time and in what it reads.

use chrono::Utc;
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use serde::Serialize;
use std::time::Duration;

use super::{CHANNEL, MAX_RECIPIENTS, Settings, error};
use crate::domain::message::CallFailure;
use crate::providers::{SettingsError, wire};

/// An answer longer than this is not read to its end. 500 results have about 40 kB.
const ANSWER_MAX_BYTES: usize = 1024 * 1024;
/// How long an unused connection is kept: less than servers keep theirs, so that few calls meet a closed one.
const POOL_IDLE: Duration = Duration::from_secs(4);

/// The connection to one sandbox.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    batch: Url,
    single: Url,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

impl Client {
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let wrong = |reason: String| SettingsError { channel: CHANNEL, reason };
        let base = Url::parse(&settings.base_url).map_err(|error| wrong(format!("base URL: {error}")))?;
        if base.scheme() != "https" && !(base.scheme() == "http" && (settings.is_own || is_loopback(&base))) {
            return Err(wrong("base URL: plain http is for loopback only, and no other scheme than https".to_owned()));
        }
        if !(1..=MAX_RECIPIENTS).contains(&settings.batch_size) || settings.in_flight == 0 {
            return Err(wrong(format!("batch size is 1 to {MAX_RECIPIENTS}, in flight at least 1")));
        }
        let route = |path: &str| base.join(path).map_err(|error| wrong(format!("base URL: {error}")));
        let mut http = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .tcp_nodelay(true)
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(settings.in_flight);
        http = if settings.http2 { http.http2_prior_knowledge() } else { http.http1_only() };
        Ok(Self {
            http: http.build().map_err(|error| wrong(error.to_string()))?,
            batch: route("/sandbox/v1/messages:batch")?,
            single: route("/sandbox/v1/messages")?,
        })
    }

    pub(super) async fn batch(&self, call: &impl Serialize) -> Result<Answer, CallFailure> {
        self.post(&self.batch, call).await
    }

    pub(super) async fn single(&self, call: &impl Serialize) -> Result<Answer, CallFailure> {
        self.post(&self.single, call).await
    }

    async fn post(&self, url: &Url, call: &impl Serialize) -> Result<Answer, CallFailure> {
        let body = serde_json::to_vec(call)
            .map_err(|error| CallFailure::Refused { code: format!("not to be written as JSON: {error}") })?;
        let request = self.http.post(url.clone()).header(CONTENT_TYPE, "application/json").body(body);
        let mut response = request.send().await.map_err(|error| error::transport(&error))?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| wire::retry_after(value, Utc::now()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| error::transport(&error))? {
            if body.len().saturating_add(chunk.len()) > ANSWER_MAX_BYTES {
                return Err(error::malformed(status, "answer_too_large"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, retry_after, body })
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
