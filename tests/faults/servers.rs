//! Servers of a test's own, which can be away, restarted, filled up and promoted.

use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::world::wait;

/// A port where nobody listens now.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// A Redis without persistence.
pub struct OwnRedis {
    child: Child,
    /// Where it listens.
    pub port: u16,
    _folder: TempDir,
}

impl OwnRedis {
    /// One that refuses to write when it is full.
    pub async fn start(port: u16) -> Self {
        Self::start_with(port, "noeviction").await
    }

    /// One with another policy.
    pub async fn start_with(port: u16, policy: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--maxmemory-policy", policy])
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server runs");
        let redis = Self { child, port, _folder: folder };
        wait("Redis answers", async || redis.try_say(&["PING"]).await.is_ok()).await;
        redis
    }

    /// Where a Redis on this port is.
    pub fn url(port: u16) -> String {
        format!("redis://127.0.0.1:{port}/0")
    }

    /// Says something to it, and returns its answer.
    pub async fn say(&self, words: &[&str]) -> redis::Value {
        self.try_say(words).await.unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    async fn try_say(&self, words: &[&str]) -> redis::RedisResult<redis::Value> {
        let client = redis::Client::open(Self::url(self.port))?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut connection).await
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A PostgreSQL of a test's own.
pub struct OwnPostgres {
    child: Option<Child>,
    port: u16,
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl OwnPostgres {
    /// A new cluster, running; its processes have these variables too.
    pub async fn start(environment: &[(String, String)]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let home = folder.path().join("pg");
        std::fs::create_dir(&home).expect("a folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("permissions");
        if let Some(user) = servant() {
            let given = Command::new("chown").arg(user).arg(&home).status().expect("chown runs");
            assert!(given.success(), "the folder is the server's");
        }
        let mut server = Self { child: None, port: free_port(), folder, environment: environment.to_vec() };
        let made = server
            .command("initdb")
            .args(["--username=yizhan", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            .arg("--pgdata")
            .arg(home.join("data"))
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        server.begin().await;
        server
    }

    /// Where its database is.
    pub fn url(&self) -> String {
        format!("postgres://yizhan@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it, and waits until it answers.
    pub async fn begin(&mut self) {
        let home = self.home();
        let log = File::options().create(true).append(true).open(self.folder.path().join("log")).expect("a log");
        let mut command = self.command("postgres");
        command
            .envs(self.environment.iter().cloned())
            .arg("-D")
            .arg(home.join("data"))
            .arg("-k")
            .arg(&home)
            .args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=60"])
            .args(["-c", "fsync=off", "-c", "shared_buffers=64MB"])
            .stdout(log.try_clone().expect("a log"))
            .stderr(log);
        self.child = Some(command.spawn().expect("postgres runs"));
        let port = self.port.to_string();
        wait("PostgreSQL answers", async || {
            let asked = self.command("pg_isready").args(["-q", "-h", "127.0.0.1", "-p", &port]).status();
            asked.is_ok_and(|status| status.success())
        })
        .await;
    }

    /// Ends it with a signal, `INT` (it cuts everybody off) or `QUIT` (as if the power had gone), and waits for its end.
    pub async fn end(&mut self, signal: &str) {
        let mut child = self.child.take().expect("it runs");
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
        assert!(sent.expect("kill runs").success(), "the signal was sent");
        wait("PostgreSQL has ended", async || child.try_wait().expect("a status").is_some()).await;
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("pg")
    }

    /// One of PostgreSQL's own programs. They refuse to run as root.
    fn command(&self, program: &str) -> Command {
        let program = programs().join(program);
        let mut command = match servant() {
            None => Command::new(program),
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", user, "--regid", user, "--clear-groups"]).arg(program);
                command
            }
        };
        command.current_dir(self.folder.path()).env("HOME", self.home());
        command
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        // Not SIGKILL: that would leave its children behind.
        drop(Command::new("kill").arg("-QUIT").arg(child.id().to_string()).status());
        drop(child.wait());
    }
}

/// Who runs the server when the tests run as root.
fn servant() -> Option<&'static str> {
    let root = std::fs::metadata("/proc/self").map(|of| std::os::unix::fs::MetadataExt::uid(&of) == 0);
    root.unwrap_or(false).then_some("postgres")
}

/// Where PostgreSQL's programs are; Debian keeps them out of the path.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions
        .map(|entry| entry.path())
        .filter(|path| path.join("bin/initdb").exists())
        .max_by_key(|path| number(path));
    if let Some(newest) = newest {
        return newest.join("bin");
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).find(|folder| folder.join("initdb").exists());
    found.expect("initdb is installed; scripts/test sees to it")
}
