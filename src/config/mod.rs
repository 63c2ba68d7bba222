//! Configuration: data, read once, refused early.
//!
//! Every variable is read here and nowhere else; each stands in `.env.example` with its default and what it changes in
//! the world (a test compares). All errors are reported at once; a variable that begins with `YIZHAN_` and is not known
//! is one of them, so that a slip of the pen does not go unnoticed.

pub mod accounts;
pub mod env;
pub mod holdings;
pub mod limits;
pub mod live;
pub mod log;
pub mod notifier;
pub mod webhooks;

use std::net::SocketAddr;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::domain::allowance::Limits;
use crate::services;
use crate::storage;
use env::{Env, EnvError};

/// A mebibyte.
const MIB: u64 = 1024 * 1024;

/// Everything that can be told from outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Under which address the world finds this server.
    pub public_url: Option<String>,
    /// Where the embedded default keeps its files.
    pub data_dir: PathBuf,
    /// The database.
    pub storage: storage::Settings,
    /// Redis, when processes share one; its address may hold a password.
    pub redis: Option<SecretString>,
    /// Rate limits.
    pub limits: services::limits::Settings,
    /// The streams of inboxes.
    pub live: services::live::Settings,
    /// How much one user may have.
    pub holdings: services::holdings::Settings,
    /// Accounts and their tokens.
    pub accounts: accounts::Accounts,
    /// What the process says about itself.
    pub log: log::Log,
    /// The key that this machine publishes with, for commands.
    pub publisher_key: Option<SecretString>,
    /// The password of the probe's user, for commands.
    pub probe_password: Option<SecretString>,
    /// Where a probe raises its alarm, for commands; the address may hold a key.
    pub probe_alarm: Option<SecretString>,
    /// How the notifier is run.
    pub notifier: notifier::Notifier,
    /// Where webhooks may lead.
    pub webhooks: webhooks::Webhooks,
    /// Which part of the work this process does.
    pub roles: Roles,
    /// Whether the sandbox stands in for the providers.
    pub sandbox: bool,
    /// How much memory public answers may be kept in.
    pub answers_bytes: u64,
    /// What searches may keep, and how far they look at a time: no variable tells that, for it changes nothing that is found.
    pub search: services::search::Settings,
}

/// Which part of the work a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// Answers HTTP.
    pub api: bool,
    /// Plans, matches, delivers.
    pub notifier: bool,
    /// Sweeps, prunes.
    pub scheduler: bool,
}

impl Config {
    /// Reads the environment.
    pub fn from_env() -> Result<Self, EnvError> {
        Self::read(Env::of_process())
    }

    /// Reads these variables.
    pub fn read(mut env: Env) -> Result<Self, EnvError> {
        let config = Self::of(&mut env);
        config.contradictions(&mut env);
        env.finish()?;
        Ok(config)
    }

    /// What cannot both be so; each error names both values.
    fn contradictions(&self, env: &mut Env) {
        let Self { notifier, live, storage, roles, .. } = self;
        let (grace, budget) = (notifier.grace, notifier.send_budget);
        if roles.notifier && grace < budget {
            let grace = grace.as_secs();
            let text = format!("{grace} s are over before YIZHAN_SEND_BUDGET_MILLIS={}", budget.as_millis());
            env.refuse("YIZHAN_SHUTDOWN_GRACE_SECONDS", &text);
        }
        if live.streams > 0 && live.per_user > live.streams {
            let text = format!("{} for one user are more than YIZHAN_STREAMS={} for all", live.per_user, live.streams);
            env.refuse("YIZHAN_STREAMS_PER_USER", &text);
        }
        let pool = usize::try_from(storage.pool).unwrap_or(usize::MAX);
        if roles.notifier && !storage.is_sqlite() && notifier.concurrency > pool {
            let text = format!("{} at a time need more than YIZHAN_DATABASE_POOL={pool}", notifier.concurrency);
            env.refuse("YIZHAN_NOTIFIER_CONCURRENCY", &text);
        }
        if !self.sandbox && notifier.sandbox.log_file.is_some() {
            env.refuse("YIZHAN_SANDBOX_LOG", "is of this process's sandbox, and YIZHAN_SANDBOX=off");
        }
        if let Limits { rate: Some(rate), quota: Some(quota) } = notifier.sandbox_limits
            && quota.messages < rate.burst()
        {
            let text = format!("{rate} allows more at once than YIZHAN_SANDBOX_QUOTA={} a day", quota.messages);
            env.refuse("YIZHAN_SANDBOX_RATE", &text);
        }
    }

    /// Reads these variables and leaves the errors with them.
    pub fn of(env: &mut Env) -> Self {
        let data_dir: PathBuf = env.parsed("YIZHAN_DATA_DIR", "./data");
        let default_url = format!("sqlite://{}/yizhan.db", data_dir.display());
        let url = env.secret("DATABASE_URL").unwrap_or(default_url);
        if !url.starts_with("sqlite:") && !url.starts_with("postgres:") && !url.starts_with("postgresql:") {
            env.refuse("DATABASE_URL", "must begin with sqlite:, postgres: or postgresql:");
        }
        let synchronous = env.choice(
            "YIZHAN_SQLITE_SYNCHRONOUS",
            "full",
            &[("full", storage::Synchronous::Full), ("normal", storage::Synchronous::Normal)],
        );
        let storage = storage::Settings::new(url, env.within("YIZHAN_DATABASE_POOL", 16, 2..=500), synchronous);
        Self {
            listen: env.parsed("YIZHAN_LISTEN", "127.0.0.1:8080"),
            public_url: public_url(env),
            data_dir,
            redis: redis(env, &storage),
            limits: limits::read(env),
            live: live::read(env),
            log: log::read(env),
            holdings: holdings::read(env),
            accounts: accounts::read(env),
            storage,
            publisher_key: env.secret("YIZHAN_PUBLISHER_KEY").map(SecretString::from),
            probe_password: env.secret("YIZHAN_PROBE_PASSWORD").map(SecretString::from),
            probe_alarm: env.secret("YIZHAN_PROBE_ALARM").map(SecretString::from),
            notifier: notifier::read(env),
            webhooks: webhooks::read(env),
            roles: roles(env),
            sandbox: env.choice("YIZHAN_SANDBOX", "off", &[("on", true), ("off", false)]),
            answers_bytes: MIB * env.within("YIZHAN_ANSWERS_MIB", 32, 0..=65_536),
            search: services::search::Settings {
                bytes: MIB * env.within("YIZHAN_SEARCH_MIB", 16, 0..=65_536),
                ..services::search::Settings::default()
            },
        }
    }
}

/// An address that paths can be put behind.
fn public_url(env: &mut Env) -> Option<String> {
    let url = env.secret("YIZHAN_PUBLIC_URL")?;
    let url = url.trim_end_matches('/').to_owned();
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    if rest.is_empty() || rest.contains(|c: char| c.is_whitespace() || c.is_control() || "?#<>\"".contains(c)) {
        env.refuse("YIZHAN_PUBLIC_URL", "must be an address such as https://notices.example.com");
    }
    Some(url)
}

fn roles(env: &mut Env) -> Roles {
    let text: String = env.parsed("YIZHAN_ROLES", "api,notifier,scheduler");
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    let known = ["api", "notifier", "scheduler"];
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        env.refuse("YIZHAN_ROLES", &format!("`{unknown}` is none of api, notifier, scheduler"));
    }
    let has = |role: &str| names.contains(&role);
    Roles { api: has("api"), notifier: has("notifier"), scheduler: has("scheduler") }
}

/// The queue in Redis beside the record in SQLite would be two files that a backup cannot hold together.
fn redis(env: &mut Env, storage: &storage::Settings) -> Option<SecretString> {
    let url = env.secret("REDIS_URL")?;
    if !url.starts_with("redis:") && !url.starts_with("rediss:") {
        env.refuse("REDIS_URL", "must begin with redis: or rediss:");
    }
    if storage.is_sqlite() {
        env.refuse("REDIS_URL", "goes with PostgreSQL only; DATABASE_URL names SQLite: unset one or change the other");
    }
    Some(SecretString::from(url))
}
