//! Text messages, through whatever HTTP interface the operator's provider has: address, method and body are templates
//! in which `{phone}` and `{code}` are filled in, escaped as the content type asks.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, redirect};
use secrecy::{ExposeSecret as _, SecretString};

use super::{CodeSender, Letter, SendError};
use crate::domain::identity::Address;

/// How long a request may take, answer included.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How much of an answer is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// How a body is escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `application/json`: placeholders stand inside strings.
    Json,
    /// `application/x-www-form-urlencoded`.
    Urlencoded,
}

impl Form {
    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Urlencoded => "application/x-www-form-urlencoded",
        }
    }

    fn escape(self, text: &str) -> String {
        match self {
            Self::Json => {
                let quoted = serde_json::Value::from(text).to_string();
                quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
            }
            Self::Urlencoded => percent(text),
        }
    }
}

/// Where text messages go.
#[derive(Debug, Clone)]
pub struct Settings {
    /// May hold placeholders and credentials.
    pub url: SecretString,
    /// Whether the request has a body.
    pub post: bool,
    /// The body, with placeholders.
    pub body: SecretString,
    /// The body for a person who has an account already, with `{phone}`; without it nothing is sent then.
    pub known_body: Option<SecretString>,
    /// How the bodies are escaped.
    pub form: Form,
    /// The header `Authorization`.
    pub authorization: Option<SecretString>,
    /// What an answer must contain to count as accepted, beside a status of 2xx.
    pub accepted: Option<String>,
}

/// Sends text messages.
pub struct Sms {
    client: Client,
    settings: Settings,
}

impl Sms {
    /// A sender with these settings.
    pub fn new(settings: &Settings) -> Result<Self, SendError> {
        let client = Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).build();
        let client = client.map_err(|error| SendError(error.without_url().to_string()))?;
        Ok(Self { client, settings: settings.clone() })
    }

    async fn post(&self, phone: &str, code: &str, body: &str) -> Result<(), SendError> {
        let settings = &self.settings;
        let url = fill(settings.url.expose_secret(), phone, code, percent);
        let method = if settings.post { Method::POST } else { Method::GET };
        let mut request = self.client.request(method, url);
        if settings.post {
            let body = fill(body, phone, code, |text| settings.form.escape(text));
            request = request.header(CONTENT_TYPE, settings.form.content_type()).body(body);
        }
        if let Some(authorization) = &settings.authorization {
            let value = HeaderValue::from_str(authorization.expose_secret());
            let mut value = value.map_err(|_| SendError("the authorization is no header".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        // The address holds the number and may hold credentials.
        let failed = |error: reqwest::Error| SendError(error.without_url().to_string());
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let mut answer = Vec::new();
        while let Some(part) = response.chunk().await.map_err(failed)? {
            answer.extend_from_slice(&part);
            if answer.len() > MAX_ANSWER_BYTES {
                return Err(SendError("the answer is too long".to_owned()));
            }
        }
        let says_so = settings.accepted.as_ref().is_none_or(|text| String::from_utf8_lossy(&answer).contains(text));
        match (status.is_success(), says_so) {
            (true, true) => Ok(()),
            (true, false) => Err(SendError("the answer does not say that it was accepted".to_owned())),
            (false, _) => Err(SendError(format!("the provider answered {status}"))),
        }
    }
}

#[async_trait]
impl CodeSender for Sms {
    async fn send(&self, to: &Address, letter: &Letter) -> Result<(), SendError> {
        match (letter, &self.settings.known_body) {
            (Letter::Code { code, .. }, _) => {
                self.post(to.as_str(), code.expose_secret(), self.settings.body.expose_secret()).await
            }
            (Letter::HasAccount, Some(body)) => self.post(to.as_str(), "", body.expose_secret()).await,
            (Letter::HasAccount, None) => Ok(()),
        }
    }
}

/// Fills the placeholders in one pass, so that nothing filled in is taken for a placeholder.
fn fill(template: &str, phone: &str, code: &str, escape: impl Fn(&str) -> String) -> String {
    let mut filled = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (value, tail) = if let Some(tail) = after.strip_prefix("phone}") {
            (escape(phone), tail)
        } else if let Some(tail) = after.strip_prefix("code}") {
            (escape(code), tail)
        } else {
            ("{".to_owned(), after)
        };
        filled.push_str(&value);
        rest = tail;
    }
    filled.push_str(rest);
    filled
}

fn percent(text: &str) -> String {
    let sane = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes().map(|byte| if sane(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_escaped_as_the_form_asks() {
        let json =
            fill(r#"{"to":"{phone}","vars":{"c":"{code}"}}"#, "+8613800138000", "1\"", |text| Form::Json.escape(text));
        assert_eq!(json, r#"{"to":"+8613800138000","vars":{"c":"1\""}}"#);
        let form = fill("to={phone}&c={code}", "+8613800138000", "{phone}", |text| Form::Urlencoded.escape(text));
        assert_eq!(form, "to=%2B8613800138000&c=%7Bphone%7D");
    }
}
