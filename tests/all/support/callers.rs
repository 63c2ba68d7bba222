//! People and systems that call: anonymous, user, publisher, operator, admin. All share one way to ask.

use reqwest::Method;
use serde_json::Value;

use super::answer::Answer;

/// Somebody who calls, with what they show at the door.
#[derive(Debug, Clone)]
pub struct Caller {
    http: reqwest::Client,
    base: String,
    bearer: Option<String>,
}

impl Caller {
    /// Somebody without credentials.
    pub fn new(base: String) -> Self {
        // A connection for each request: an idle one would hold up the server's orderly stop.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).no_proxy().build().expect("an HTTP client");
        Self { http, base, bearer: None }
    }

    /// The same caller, showing this token or key.
    pub fn bearing(&self, token: impl Into<String>) -> Self {
        Self { bearer: Some(token.into()), ..self.clone() }
    }

    /// The same caller at another copy of the application.
    pub fn at(&self, base: String) -> Self {
        Self { base, ..self.clone() }
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[]).await
    }

    /// Creates or does.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string()), &[]).await
    }

    /// Creates or does, safely repeatable.
    pub async fn post_once(&self, path: &str, key: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string()), &[("idempotency-key", key)]).await
    }

    /// Replaces.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body.to_string()), &[]).await
    }

    /// Changes.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body.to_string()), &[]).await
    }

    /// Ends.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, &[]).await
    }

    /// Sends anything; `body` goes out as it is, called JSON unless a header says otherwise.
    pub async fn send(&self, method: Method, path: &str, body: Option<String>, headers: &[(&str, &str)]) -> Answer {
        let asked = format!("{method} {path}");
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.bearer {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                request = request.header("content-type", "application/json");
            }
            request = request.body(body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{asked} got no answer: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap_or_else(|error| panic!("{asked} was cut off: {error:?}"));
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { asked, status, headers, text, json }
    }
}
