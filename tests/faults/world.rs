//! What a fault happens to: real processes on one database, and a sandbox that outlives them all.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix_web::{App, HttpServer};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};
use yizhan::sandbox::{self, SandboxState};

use crate::all::support::{Caller, Database, prepare};

/// Users of a fan-out in these tests.
pub const USERS: u32 = 20_000;
/// How long a whole fan-out may take on a busy machine, faults and leases included.
const PATIENCE: Duration = Duration::from_secs(120);

/// The providers' side of the wire, in the test's own process: its log is the witness.
pub struct Witness {
    pub state: SandboxState,
    pub url: String,
}

impl Witness {
    pub fn start() -> Self {
        let settings = sandbox::Settings { log_capacity: 400_000, ..sandbox::Settings::default() };
        let state = SandboxState::new(settings).expect("a sandbox");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mounted = state.clone();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                HttpServer::new(move || App::new().service(sandbox::scope(mounted.clone())))
                    .workers(1)
                    .disable_signals()
                    .listen(listener)
                    .expect("the port is ours")
                    .run()
                    .await
            })
        });
        Self { state, url }
    }
}

/// One process of Yizhan. Killed when it is dropped.
pub struct Process {
    child: Child,
    /// Where it answers.
    pub url: String,
}

impl Process {
    /// Waits until the process has ended by itself.
    pub async fn ended(&mut self) {
        wait("the process has ended", async || self.child.try_wait().expect("a status").is_some()).await;
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill runs").success(), "the signal was sent");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // That it has ended already is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A database with a publisher and many subscribers, a witness, and what is needed to start processes.
pub struct World {
    pub database: Arc<Database>,
    pub witness: Witness,
    pub conn: DatabaseConnection,
    pub key: String,
    number: AtomicU32,
}

impl World {
    /// A world with [`USERS`] subscribers, each with a phone.
    pub async fn new() -> Self {
        Self::of(USERS).await
    }

    /// A world with so many subscribers.
    pub async fn of(users: u32) -> Self {
        prepare();
        let witness = Witness::start();
        let database = Arc::new(Database::fresh().await);
        let conn = database.connect().await;
        seed(&conn, users).await;
        let world = Self { database, witness, conn, key: String::new(), number: AtomicU32::new(0) };
        let key = world.publisher_key();
        Self { key, ..world }
    }

    /// Lets one of the subscribers follow another category too.
    pub async fn subscribe_one_to(&self, category: &str) {
        let id = if self.shared() { "gen_random_uuid()" } else { "randomblob(16)" };
        let one = "(SELECT * FROM subscriptions ORDER BY user_id LIMIT 1) s";
        for statement in [
            format!(
                "INSERT INTO subscriptions (id, subscription_id, user_id, name, filter, frequency, notice_types, \
                   stages, unknown_amount, started_position, created_at, started_at) \
                 SELECT {id}, {id}, user_id, 'one', '{{\"categories\":[\"{category}\"]}}', 'immediate', '', '', \
                   true, 0, 0, 0 FROM {one}"
            ),
            format!(
                "INSERT INTO subscription_keys (term_id, category, region, user_id, subscription, subscription_id, \
                   started_position, notice_types, stages, unknown_amount, more_terms) \
                 SELECT 0, '{category}', '', user_id, id, subscription_id, 0, '', '', true, false FROM subscriptions \
                 WHERE name = 'one'"
            ),
        ] {
            self.conn.execute_unprepared(&statement).await.expect("a subscription");
        }
    }

    /// Whether several processes can share the database.
    pub fn shared(&self) -> bool {
        self.conn.get_database_backend() == DbBackend::Postgres
    }

    fn command(&self, roles: &str) -> Command {
        let folder = self.database.folder.path().join(format!("p{}", self.number.fetch_add(1, Ordering::Relaxed)));
        // One process at a time holds the embedded database; the lock stands beside it.
        let folder = if self.shared() { folder } else { self.database.folder.path().to_owned() };
        let mut command = Command::new(env!("CARGO_BIN_EXE_yizhan"));
        command
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("DATABASE_URL", &self.database.url)
            .env("YIZHAN_DATA_DIR", folder)
            .env("YIZHAN_LISTEN", "127.0.0.1:0")
            .env("YIZHAN_ROLES", roles)
            .env("YIZHAN_RATE_LIMITS", "off")
            .env("YIZHAN_DATABASE_POOL", "8")
            .env("YIZHAN_SQLITE_SYNCHRONOUS", "normal")
            .env("YIZHAN_SANDBOX_URL", &self.witness.url)
            .stdin(Stdio::null());
        if let Some(redis) = &self.database.redis_url {
            command.env("REDIS_URL", redis);
        }
        command
    }

    fn publisher_key(&self) -> String {
        let made = self.command("api").args(["publisher", "create", "--name", "faults"]).output();
        let made = String::from_utf8(made.expect("the command runs").stdout).expect("a key");
        made.split_whitespace().find(|word| word.starts_with("yzk_")).expect("a key").to_owned()
    }

    /// Starts a process and waits until it listens.
    pub fn start(&self, roles: &str, environment: &[(&str, &str)]) -> Process {
        let mut command = self.command(roles);
        command.envs(environment.iter().copied()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the process starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its log")).lines().map_while(Result::ok);
        let mut seen = Vec::new();
        let address = lines.by_ref().find_map(|line| {
            let plain = without_colours(&line);
            seen.push(plain.clone());
            plain
                .contains("listening")
                .then(|| plain.split("address=").nth(1)?.split_whitespace().next().map(str::to_owned))?
        });
        let url = format!("http://{}", address.unwrap_or_else(|| panic!("no word of listening:\n{}", seen.join("\n"))));
        // The pipe must not fill up.
        std::thread::spawn(move || lines.for_each(drop));
        Process { child, url }
    }

    /// Starts a process that refuses to serve, and says what it said.
    pub fn refused_start(&self, roles: &str, environment: &[(&str, &str)]) -> String {
        let ended = self.command(roles).envs(environment.iter().copied()).output().expect("the process runs");
        assert!(!ended.status.success(), "it must not serve");
        String::from_utf8_lossy(&ended.stderr).into_owned()
    }

    /// A publisher that calls this process.
    pub fn publisher(&self, at: &Process) -> Caller {
        Caller::new(at.url.clone()).bearing(self.key.clone())
    }

    /// The number that a query counts, as `n`.
    pub async fn count(&self, sql: &str) -> i64 {
        let statement = Statement::from_string(self.conn.get_database_backend(), sql);
        let row = self.conn.query_one_raw(statement).await.expect("a query").expect("a row");
        row.try_get("", "n").expect("a number")
    }

    /// The database's own clock, by which leases are judged.
    pub async fn database_now(&self) -> i64 {
        self.count(&format!("SELECT {} AS n", yizhan::storage::sql::now(&self.conn))).await
    }

    /// Waits until every fan-out is finished and nothing is due.
    pub async fn settled(&self, fan_outs: i64) {
        wait("all is delivered", async || {
            self.count("SELECT count(*) AS n FROM fan_outs WHERE finished_at IS NOT NULL").await == fan_outs
                && self.count("SELECT count(*) AS n FROM deliveries WHERE state IN ('due', 'sending')").await == 0
        })
        .await;
    }

    /// Waits until the witness has received so many messages.
    pub async fn received(&self, messages: u64) {
        wait("the witness has received them", async || self.witness.state.stats().received >= messages).await;
    }

    /// The audit: everyone has it once in the inbox, every phone was shown it once, every repeat had its first's key.
    pub async fn audit_everyone_once(&self) {
        let users = i64::from(USERS);
        assert_eq!(self.count("SELECT count(*) AS n FROM inbox_items").await, users, "inbox items");
        let accepted = "SELECT count(*) AS n FROM deliveries WHERE state = 'accepted'";
        assert_eq!(self.count(accepted).await, users, "accepted deliveries");
        assert_eq!(self.count("SELECT count(*) AS n FROM deliveries").await, users, "deliveries");
        let stats = self.witness.state.stats();
        assert_eq!(stats.keys_forgotten, 0, "the witness remembers every key");
        assert_eq!(stats.unique, u64::from(USERS), "different messages at the witness");
        assert_eq!(stats.shown, u64::from(USERS), "messages that phones showed");
        assert_eq!(stats.shown_again, 0, "messages shown twice");
        assert_eq!(stats.received, stats.unique + stats.repeats, "every repeat carried its first's key");
        println!("    repeats at the provider: {} of {}", stats.repeats, stats.received);
    }
}

/// Waits for something that gives no signal of its own.
pub async fn wait(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !done().await {
        assert!(tokio::time::Instant::now() < deadline, "waited {PATIENCE:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A notice that all subscribers of [`seed`] want.
pub fn notice(source_id: &str) -> Value {
    json!({
        "source": "faults", "source_id": source_id, "title": format!("道路工程施工招标公告 {source_id}"),
        "category": "construction.a02", "region": "430104", "notice_type": "C-TENDER",
        "body_html": format!("<p>{source_id}</p>"),
    })
}

fn without_colours(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    first + &parts.map(|part| part.split_once('m').map_or("", |(_, rest)| rest)).collect::<String>()
}

/// Users with one subscription to all construction notices and one phone each, in a few statements.
async fn seed(conn: &DatabaseConnection, users: u32) {
    let (id, hex, series) = match conn.get_database_backend() {
        DbBackend::Postgres => {
            ("gen_random_uuid()", "replace(id::text, '-', '')", format!("generate_series(1, {users}) s"))
        }
        _ => (
            "randomblob(16)",
            "lower(hex(id))",
            format!(
                "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {users}) SELECT n FROM s) s"
            ),
        ),
    };
    for statement in [
        format!(
            "INSERT INTO users (id, display_name, role, created_at) SELECT {id}, 'reader', 'user', 0 FROM {series}"
        ),
        format!(
            "INSERT INTO subscriptions (id, subscription_id, user_id, name, filter, frequency, notice_types, stages, \
               unknown_amount, started_position, created_at, started_at) \
             SELECT {id}, {id}, id, 'all', '{{\"categories\":[\"construction\"]}}', 'immediate', '', '', true, 0, 0, 0 \
             FROM users WHERE display_name = 'reader'"
        ),
        "INSERT INTO subscription_keys (term_id, category, region, user_id, subscription, subscription_id, \
           started_position, notice_types, stages, unknown_amount, more_terms) \
         SELECT 0, 'construction', '', user_id, id, subscription_id, 0, '', '', true, false FROM subscriptions"
            .to_owned(),
        format!(
            "INSERT INTO endpoints (id, user_id, channel, address, created_at) \
             SELECT {id}, id, 'sandbox', 'sbx-' || {hex}, 0 FROM users WHERE display_name = 'reader'"
        ),
    ] {
        conn.execute_unprepared(&statement).await.expect("a seed");
    }
}
