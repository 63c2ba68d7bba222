//! `yizhan probe`: proves from outside that what is published reaches a phone, again and again, and raises an alarm when it
//! does not.
//!
//! Promise: it knows nothing but the API, a publisher's key and a user's password, and goes the whole way: it publishes a
//! notice in the category `probe`, waits until its user's inbox has it and, with --hook, until the push has arrived at its own
//! door, which listens for that user's webhook. What it publishes stands in no list, feed or search, and reaches nobody who
//! does not subscribe to `probe` by name. Not promised: anything about channels other than webhooks.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer, web};
use clap::Args;
use reqwest::{Client, Method};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::StartError;
use crate::cli::signal;
use crate::config::Config;
use crate::domain::catalogue::PROBE;
use crate::domain::identity::IdentityKind;
use crate::workers::pause;

/// How often the inbox is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long one call may take.
const CALL: Duration = Duration::from_secs(15);
/// An alarm that nobody heeds is raised again after so many more misses.
const AGAIN: u32 = 12;

/// What is probed, and how.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Where the server is, as clients find it.
    #[arg(long)]
    server: String,
    /// The mailbox or phone number of the probe's user; the password comes from YIZHAN_PROBE_PASSWORD.
    #[arg(long)]
    user: String,
    /// Under which address the server finds this probe's door, such as https://probe.example.com/; without it, inboxes are
    /// probed and pushes are not.
    #[arg(long, requires = "listen")]
    hook: Option<String>,
    /// Where the door listens.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Again after so many seconds; 0: once, and it fails when the probe does.
    #[arg(long, default_value_t = 0)]
    every: u64,
    /// How many seconds a notice may take.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    within: u64,
    /// The alarm is raised at so many misses in a row, at the first where the probe runs once; it goes to
    /// YIZHAN_PROBE_ALARM.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    misses: u32,
}

/// Does it.
pub async fn run(options: Options) -> Result<(), StartError> {
    let config = Config::from_env()?;
    let key = config.publisher_key.ok_or("YIZHAN_PUBLISHER_KEY is missing: the key that probes are published with")?;
    let password = config.probe_password.ok_or("YIZHAN_PROBE_PASSWORD is missing: the password of --user")?;
    let stop = CancellationToken::new();
    let (told, stopping) = (signal::stop()?, stop.clone());
    tokio::spawn(async move {
        told.await;
        stopping.cancel();
    });
    let (sender, heard) = mpsc::channel(64);
    let door = options.listen.map(|address| open(address, sender)).transpose()?;
    let client = Client::builder().timeout(CALL).build()?;
    let mut probe = Probe { client, key, password, alarm: config.probe_alarm, heard, options };
    let ended = probe.go_on(&stop).await;
    if let Some(door) = door {
        door.stop(false).await;
    }
    ended
}

/// The probe's own door: whatever is brought is kept to be looked at.
fn open(address: SocketAddr, sender: mpsc::Sender<Bytes>) -> Result<ServerHandle, StartError> {
    let make = move || App::new().app_data(Data::new(sender.clone())).default_service(web::to(take));
    let server = HttpServer::new(make).workers(1).disable_signals().bind(address)?.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

async fn take(sender: Data<mpsc::Sender<Bytes>>, body: Bytes) -> HttpResponse {
    match sender.try_send(body) {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}

struct Probe {
    client: Client,
    key: SecretString,
    password: SecretString,
    alarm: Option<SecretString>,
    heard: mpsc::Receiver<Bytes>,
    options: Options,
}

/// How long it took from the acceptance on.
struct Took {
    inbox: Duration,
    push: Option<Duration>,
}

impl Probe {
    async fn go_on(&mut self, stop: &CancellationToken) -> Result<(), StartError> {
        let mut misses = 0;
        let once = self.options.every == 0;
        loop {
            let missed = match self.round().await {
                Ok(Took { inbox, push }) => {
                    let push = push.map(|took| format!(", pushed within {took:.1?}")).unwrap_or_default();
                    println!("ok: in the inbox within {inbox:.1?}{push}");
                    None
                }
                Err(error) => Some(error.to_string()),
            };
            if let Some(why) = missed {
                misses += 1;
                eprintln!("missed ({misses} in a row): {why}");
                let due = misses == self.options.misses || (misses > self.options.misses && misses % AGAIN == 0);
                if once || due {
                    self.raise(&format!("探测失败 {misses} 次 {misses} probes missed: {why}")).await;
                }
                if once {
                    return Err(why.into());
                }
            } else {
                if misses >= self.options.misses {
                    self.raise("探测恢复 the probe succeeds again").await;
                }
                misses = 0;
            }
            if once || !pause(stop, Duration::from_secs(self.options.every)).await {
                return Ok(());
            }
        }
    }

    /// Tells the alarm's receiver: one body that group bots (WeCom, DingTalk, Feishu) show and programs can read.
    async fn raise(&self, what: &str) {
        let Some(url) = &self.alarm else { return };
        let text = format!("驿站 Yizhan {}: {what}", self.options.server);
        let body = json!({
            "msgtype": "text", "text": { "content": text }, "msg_type": "text", "content": { "text": text },
            "alarm": "yizhan_probe", "server": self.options.server, "at": chrono::Utc::now(),
        });
        let told = self.client.post(url.expose_secret()).json(&body).send().await.and_then(|it| it.error_for_status());
        if let Err(error) = told {
            eprintln!("the alarm could not be raised: {}", error.without_url());
        }
    }

    /// One notice, all the way.
    async fn round(&mut self) -> Result<Took, StartError> {
        let identity = if self.options.user.contains('@') { IdentityKind::Email } else { IdentityKind::Phone };
        let sign_in = json!({
            "kind": identity, "address": self.options.user, "password": self.password.expose_secret(), "client": "probe",
        });
        let session = self.call(Method::POST, "/v1/sessions", None, Some(sign_in)).await?;
        let token = SecretString::from(text(&session, "/access_token")?);
        let took = self.carried(&token).await;
        let left = self.call(Method::DELETE, "/v1/sessions/current", Some(&token), None).await;
        first_failure(took, left)
    }

    async fn carried(&mut self, token: &SecretString) -> Result<Took, StartError> {
        self.subscribe(token).await?;
        let webhook = match self.options.hook.clone() {
            Some(url) => Some(self.hook(token, &url).await?),
            None => None,
        };
        let took = self.published(token).await;
        let Some(id) = webhook else { return took };
        let ended = self.call(Method::DELETE, &format!("/v1/webhooks/{id}"), Some(token), None).await;
        first_failure(took, ended)
    }

    async fn published(&mut self, token: &SecretString) -> Result<Took, StartError> {
        let first = async |path: &str, field: &str| {
            let list = self.call(Method::GET, path, None, None).await?;
            text(&list, &format!("/items/0/{field}"))
        };
        let id = Uuid::now_v7();
        let notice = json!({
            "source": PROBE, "source_id": id.to_string(), "title": format!("探测 Probe {id}"), "category": PROBE,
            "region": first("/v1/regions", "code").await?, "notice_type": first("/v1/notice-types", "code").await?,
            "body_html": format!("<p>探测：公告发布后能否送达 Probe: {id}</p>"), "announce": "push",
        });
        let accepted = self.call(Method::POST, "/v1/notices", Some(&self.key), Some(notice)).await?;
        let (notice, began) = (text(&accepted, "/id")?, Instant::now());
        let took = self.arrived(token, &notice, began).await?;
        self.call(Method::DELETE, &format!("/v1/inbox/{notice}"), Some(token), None).await?;
        Ok(took)
    }

    async fn arrived(&mut self, token: &SecretString, notice: &str, began: Instant) -> Result<Took, StartError> {
        let until = began + Duration::from_secs(self.options.within);
        let (mut inbox, mut push) = (None, None);
        loop {
            while let Ok(body) = self.heard.try_recv() {
                push = push.or_else(|| String::from_utf8_lossy(&body).contains(notice).then(|| began.elapsed()));
            }
            if inbox.is_none() && self.has(token, notice).await? {
                inbox = Some(began.elapsed());
            }
            match (inbox, push, &self.options.hook) {
                (Some(inbox), push @ Some(_), _) | (Some(inbox), push, None) => return Ok(Took { inbox, push }),
                _ if Instant::now() < until => tokio::time::sleep(LOOK_EVERY).await,
                (None, ..) => return Err(format!("{notice} is not in the inbox after {:.0?}", began.elapsed()).into()),
                _ => return Err(format!("the push of {notice} has not arrived after {:.0?}", began.elapsed()).into()),
            }
        }
    }

    async fn has(&self, token: &SecretString, notice: &str) -> Result<bool, StartError> {
        let answer = self.client.get(self.url(&format!("/v1/inbox/{notice}")));
        let answer = answer.bearer_auth(token.expose_secret()).send().await?;
        match answer.status().as_u16() {
            200 => Ok(true),
            404 => Ok(false),
            status => Err(format!("the inbox was answered {status}").into()),
        }
    }

    /// The subscription that nothing but probes satisfies.
    async fn subscribe(&self, token: &SecretString) -> Result<(), StartError> {
        let all = self.call(Method::GET, "/v1/subscriptions?limit=100", Some(token), None).await?;
        if !items(&all).any(|one| one.pointer("/filter/categories") == Some(&json!([PROBE]))) {
            let wish = json!({ "name": "探测", "filter": { "categories": [PROBE] }, "frequency": "immediate" });
            self.call(Method::POST, "/v1/subscriptions", Some(token), Some(wish)).await?;
        }
        Ok(())
    }

    /// The webhook that leads to this probe's door, made anew; one that an earlier probe left behind is ended.
    async fn hook(&self, token: &SecretString, url: &str) -> Result<String, StartError> {
        let all = self.call(Method::GET, "/v1/webhooks?limit=100", Some(token), None).await?;
        for old in items(&all).filter(|one| one.pointer("/label") == Some(&json!(PROBE))) {
            let path = format!("/v1/webhooks/{}", text(old, "/id")?);
            self.call(Method::DELETE, &path, Some(token), None).await?;
        }
        let wanted = json!({ "preset": "standard", "url": url, "label": PROBE });
        text(&self.call(Method::POST, "/v1/webhooks", Some(token), Some(wanted)).await?, "/webhook/id")
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.options.server.trim_end_matches('/'))
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        bearer: Option<&SecretString>,
        body: Option<Value>,
    ) -> Result<Value, StartError> {
        let what = format!("{method} {path}");
        let mut call = self.client.request(method, self.url(path));
        if let Some(bearer) = bearer {
            call = call.bearer_auth(bearer.expose_secret());
        }
        if let Some(body) = body {
            call = call.json(&body);
        }
        let answer = call.send().await.map_err(|error| format!("{what}: {error}"))?;
        let (status, said) = (answer.status(), answer.text().await.unwrap_or_default());
        if !status.is_success() {
            return Err(format!("{what} was answered {status}: {said}").into());
        }
        Ok(serde_json::from_str(&said).unwrap_or(Value::Null))
    }
}

/// Whatever tidying up comes to, what failed first is told.
fn first_failure(took: Result<Took, StartError>, tidied: Result<Value, StartError>) -> Result<Took, StartError> {
    let took = took?;
    tidied.map(|_| took)
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.get("items").and_then(Value::as_array).into_iter().flatten()
}

fn text(value: &Value, pointer: &str) -> Result<String, StartError> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(ToOwned::to_owned).ok_or_else(|| format!("an answer has no {pointer}").into())
}
