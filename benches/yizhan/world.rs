//! What is measured: a database with many users and notices, and who publishes to it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use yizhan::domain::id::NoticeId;
use yizhan::storage::{self, Db};

use crate::Size;
use crate::process::{self, Process};
use crate::provider::Provider;
use crate::seed;

/// How long any fan-out may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// A pair of database and queue.
pub struct Pair {
    pub name: &'static str,
    url: String,
    redis: Option<String>,
    folder: TempDir,
}

impl Pair {
    /// SQLite and a table: needs nothing.
    pub fn embedded() -> Self {
        let folder = TempDir::with_prefix("yizhan-bench-").expect("a temporary folder");
        let url = format!("sqlite://{}/yizhan.db", folder.path().display());
        Self { name: "SQLite", url, redis: None, folder }
    }

    /// PostgreSQL, with Redis when there is one.
    pub fn postgres(url: &str, redis: Option<&str>) -> Self {
        let name = if redis.is_some() { "PostgreSQL and Redis" } else { "PostgreSQL" };
        let folder = TempDir::with_prefix("yizhan-bench-").expect("a temporary folder");
        Self { name, url: url.to_owned(), redis: redis.map(str::to_owned), folder }
    }

    /// The environment of a process that works on this pair; everything else is as it comes.
    pub fn environment(&self) -> Vec<(String, String)> {
        let given = [
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("DATABASE_URL", self.url.clone()),
            ("REDIS_URL", self.redis.clone().unwrap_or_default()),
            ("YIZHAN_DATA_DIR", self.folder.path().display().to_string()),
            ("YIZHAN_LISTEN", "127.0.0.1:0".to_owned()),
            ("YIZHAN_LOG", "warn".to_owned()),
        ];
        given.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

/// Whom a notice concerns.
#[derive(Debug, Clone, Copy)]
pub enum To {
    /// Every user.
    All,
    /// One user.
    One,
    /// The users of [`webhooks`](crate::webhooks).
    Webhooks,
}

/// A seeded database, a sandbox, and a publisher's key.
pub struct World {
    pub pair: Pair,
    pub size: Size,
    pub provider: Provider,
    /// The product's own way to the database, with the durability of production.
    pub db: Db,
    /// What the inboxes held before, in words.
    pub prefilled: String,
    key: String,
}

impl World {
    /// Lays everything down.
    pub async fn new(pair: Pair, size: Size) -> Self {
        // The product's own command makes the schema and the reference data.
        let made = process::command(&pair.environment()).args(["publisher", "create", "--name", "bench"]).output();
        let made = String::from_utf8(made.expect("the command runs").stdout).expect("a key");
        let key = made.split_whitespace().find(|word| word.starts_with("yzk_")).expect("a key").to_owned();
        let settings = storage::Settings::new(pair.url.clone(), 8, storage::Synchronous::Full);
        let db = Db::connect(&settings).await.expect("the database answers");
        seed::rows(&db, size).await;
        let (users, took) = seed::inboxes(&db, size).await;
        let prefilled = format!("inboxes of {users} users pre-filled with 100 items each in {} s", took.as_secs());
        Self { provider: Provider::start(), pair, size, db, prefilled, key }
    }

    /// The key of whoever publishes.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Starts a server that works on this world, with further variables.
    pub fn start(&self, further: &[(&str, &str)]) -> Process {
        let mut environment = self.pair.environment();
        environment.push(("YIZHAN_SANDBOX_URL".to_owned(), self.provider.url.clone()));
        environment.extend(further.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Process::start(&environment)
    }

    /// Somebody who publishes at a server.
    pub fn publisher(&self, at: &Process) -> Publisher {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().expect("a client");
        Publisher { http, url: format!("{}/v1/notices", at.url), key: self.key.clone(), number: &NUMBER }
    }

    /// The number that a query finds, as `n`.
    pub async fn number(&self, sql: &str, notice: NoticeId) -> Option<i64> {
        let statement = storage::statement(self.db.reader(), sql, [notice.into()]);
        let row = self.db.reader().query_one_raw(statement).await.expect("a query")?;
        row.try_get("", "n").expect("a number")
    }

    /// Waits until a notice's fan-out has ended and nothing of it is due any more.
    pub async fn delivered(&self, notice: NoticeId) {
        let finished = "SELECT count(*) AS n FROM fan_outs WHERE notice_id = $1 AND finished_at IS NOT NULL";
        let due = "SELECT count(*) AS n FROM deliveries WHERE state IN ('due', 'sending') AND notice_id = $1";
        let until = Instant::now() + PATIENCE;
        while self.number(finished, notice).await != Some(1) || self.number(due, notice).await != Some(0) {
            assert!(Instant::now() < until, "a fan-out did not end within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A publishing system.
pub struct Publisher {
    http: reqwest::Client,
    url: String,
    key: String,
    number: &'static AtomicU32,
}

impl Publisher {
    /// Publishes a notice; says how long the call took.
    pub async fn publish(&self, to: To, announce: &str) -> (NoticeId, Duration) {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let (category, notice_type) = match to {
            To::All => ("construction.a02", "C-TENDER"),
            To::One => ("other.rural", "O-NOTICE"),
            To::Webhooks => ("mining-right.extraction", "M-OFFER"),
        };
        let body = "<p>本招标项目已由有关部门批准建设，现对该项目的施工进行公开招标。</p>".repeat(20);
        let notice = json!({
            "source": "bench", "source_id": format!("live-{number}"), "title": format!("道路工程施工招标公告 {number}"),
            "category": category, "region": "430102", "notice_type": notice_type, "announce": announce,
            "body_html": format!("{body}<p>{number}</p>"),
        });
        let began = Instant::now();
        let request = self.http.post(&self.url).bearer_auth(&self.key).header("content-type", "application/json");
        let answer = request.body(notice.to_string()).send().await.expect("an answer");
        let (status, text) = (answer.status(), answer.text().await.expect("a whole answer"));
        let took = began.elapsed();
        assert_eq!(status, 201, "{text}");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        let id = answer.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        (id.expect("the notice's id"), took)
    }
}
