//! People and systems that call: anonymous, user, publisher, operator, admin. All share one way to ask.

use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use yizhan::domain::id::{SessionId, UserId};
use yizhan::domain::user::Role;
use yizhan::services::{Result, session};
use yizhan::storage::user;

use super::answer::Answer;
use super::app::TestApp;

impl TestApp {
    /// Somebody without credentials.
    pub fn anonymous(&self) -> Caller {
        Caller::new(self.url(""))
    }

    /// A new user, signed in.
    pub async fn user(&self) -> Person {
        self.person(Role::User).await
    }

    /// A new user with the role that is reserved for those who look after a publisher, signed in.
    pub async fn keeper(&self) -> Person {
        self.person(Role::Publisher).await
    }

    /// A new operator, signed in.
    pub async fn operator(&self) -> Person {
        self.person(Role::Operator).await
    }

    /// A new admin, signed in.
    pub async fn admin(&self) -> Person {
        self.person(Role::Admin).await
    }

    /// A new publisher that calls with a key that reaches everything.
    pub async fn publisher(&self) -> Caller {
        self.publisher_within(json!({})).await
    }

    /// A new publisher whose key reaches no further than `scope`: `sources`, `categories`, `regions`.
    pub async fn publisher_within(&self, mut scope: Value) -> Caller {
        let admin = self.admin().await;
        let name = format!("发布方 {}", UserId::new());
        let publisher = admin.post("/v1/admin/publishers", json!({ "name": name })).await.expect(201);
        scope["name"] = json!("测试");
        let path = format!("/v1/admin/publishers/{}/keys", publisher.string("/id"));
        let key = admin.post(&path, scope).await.expect(201);
        self.anonymous().bearing(key.string("/secret"))
    }

    /// Seeded, because registering costs a password's hash; `account.rs` comes through the door.
    async fn person(&self, role: Role) -> Person {
        let signed_in = self.inside(async move |deps| -> Result<_> {
            let (id, now) = (UserId::new(), deps.clock.now());
            let name = "测试".parse().expect("a name");
            let begun = deps.db.write(async |tx| -> Result<_> {
                user::insert(tx, id, &name, role, now).await?;
                session::begin(tx, id, role, "tests", now).await
            });
            session::sign(&deps, &begun.await?).await
        });
        let tokens = signed_in.await.expect("a user who is signed in");
        let caller = self.anonymous().bearing(tokens.access_token.expose_secret());
        Person { id: tokens.user, session: tokens.session, caller }
    }
}

/// A caller who is a user.
#[derive(Debug, Clone)]
pub struct Person {
    /// The user.
    pub id: UserId,
    /// Signed in by.
    pub session: SessionId,
    caller: Caller,
}

impl std::ops::Deref for Person {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

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

    /// What this caller shows at the door.
    pub fn bearer(&self) -> Option<&str> {
        self.bearer.as_deref()
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

    /// A request that shows what this caller shows, for what is not read to its end.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        self.bearer.iter().fold(request, |request, token| request.bearer_auth(token))
    }

    /// Sends anything; `body` goes out as it is, called JSON unless a header says otherwise.
    pub async fn send(&self, method: Method, path: &str, body: Option<String>, headers: &[(&str, &str)]) -> Answer {
        let asked = format!("{method} {path}");
        let has_body = method != Method::HEAD;
        let mut request = self.request(method, path);
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
        let text = if has_body && super::stream::is_stream(&headers) {
            super::stream::until_an_event(response).await
        } else {
            response.text().await.unwrap_or_else(|error| panic!("{asked} was cut off: {error:?}"))
        };
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { asked, status, headers, text, json }
    }
}
