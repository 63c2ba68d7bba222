//! Throwaway PostgreSQL and Redis, as durable as in production; gone when dropped. What cannot be started is said.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The servers that could be started.
pub struct Servers {
    children: Vec<Child>,
    _folder: Option<TempDir>,
    /// Where PostgreSQL is, with an empty database.
    pub postgres: Option<String>,
    /// Where Redis is.
    pub redis: Option<String>,
    /// What is missing, in words.
    pub missing: Vec<String>,
}

impl Servers {
    /// None: the embedded default needs none.
    pub fn none() -> Self {
        let missing = vec!["PostgreSQL and Redis were not asked for".to_owned()];
        Self { children: Vec::new(), _folder: None, postgres: None, redis: None, missing }
    }

    /// Starts what is installed.
    pub fn start() -> Self {
        let folder = TempDir::with_prefix("yizhan-bench-").expect("a temporary folder");
        open(folder.path());
        let mut servers = Self::none();
        servers.missing.clear();
        match postgres(folder.path()) {
            Ok((child, url)) => {
                servers.children.push(child);
                servers.postgres = Some(url);
            }
            Err(reason) => servers.missing.push(format!("not measured with PostgreSQL: {reason}")),
        }
        match redis(folder.path()) {
            Ok((child, url)) => {
                servers.children.push(child);
                servers.redis = Some(url);
            }
            Err(reason) => servers.missing.push(format!("not measured with Redis: {reason}")),
        }
        servers._folder = Some(folder);
        servers
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.children {
            // SIGINT is PostgreSQL's fast shutdown; Redis ends on it too. If it cannot be sent, the wait would not end.
            let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
            if !sent.is_ok_and(|status| status.success()) {
                drop(child.kill());
            }
            drop(child.wait());
        }
    }
}

fn postgres(folder: &Path) -> Result<(Child, String), String> {
    let bin = postgres_bin().ok_or("it is not installed (Debian: apt install postgresql)")?;
    let (data, port) = (folder.join("postgres"), free_port());
    std::fs::create_dir(&data).map_err(|error| error.to_string())?;
    let user = Unprivileged::find();
    user.give(&data)?;
    let made = user
        .command(&bin.join("initdb"))
        .arg(format!("--pgdata={}/data", data.display()))
        .args(["--username=yizhan", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
        .current_dir(&data)
        .output();
    let made = made.map_err(|error| error.to_string())?;
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).trim().to_owned());
    }
    let child = user
        .command(&bin.join("postgres"))
        .arg("-D")
        .arg(data.join("data"))
        .args(["-p", &port.to_string(), "-k"])
        .arg(&data)
        // fsync and synchronous_commit are on, as they come. Checkpoints by size would only make runs differ.
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=512MB", "-c", "max_wal_size=8GB"])
        .current_dir(&data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let ready = || {
        let asked = ["-q", "-h", "127.0.0.1", "-U", "yizhan", "-p", &port.to_string()].map(str::to_owned);
        Command::new(bin.join("pg_isready")).args(asked).status().is_ok_and(|status| status.success())
    };
    let child = up(child, ready).ok_or("it did not start")?;
    Ok((child, format!("postgres://yizhan@127.0.0.1:{port}/postgres")))
}

/// The directory of PostgreSQL's own programs, newest version first; Debian keeps them out of the path.
fn postgres_bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    let number = |path: &PathBuf| path.iter().rev().nth(1).and_then(|name| name.to_str()?.parse::<u32>().ok());
    found.sort_by_key(number);
    let in_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let mut all = in_path.unwrap_or_default().into_iter().chain(found).rev();
    all.find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
}

fn redis(folder: &Path) -> Result<(Child, String), String> {
    let port = free_port();
    let child = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "yes"])
        .args(["--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--dir"])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|_| "it is not installed (Debian: apt install redis-server)")?;
    let ready = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    let child = up(child, ready).ok_or("it did not start")?;
    Ok((child, format!("redis://127.0.0.1:{port}")))
}

/// Waits until a server answers; nothing when it ends before.
fn up(mut child: Child, ready: impl Fn() -> bool) -> Option<Child> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && child.try_wait().is_ok_and(|ended| ended.is_none()) {
        if ready() {
            return Some(child);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(child.kill());
    drop(child.wait());
    None
}

/// A port where nobody listens now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Lets another user pass through to its own folder.
fn open(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("permissions of our own folder");
}

/// PostgreSQL refuses to run as root: the user that it runs as then, with its group.
struct Unprivileged(Option<(String, String)>);

impl Unprivileged {
    fn find() -> Self {
        let asked = |of: &[&str]| {
            let answer = Command::new("id").args(of).stderr(Stdio::null()).output().ok()?;
            answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).trim().to_owned())
        };
        if asked(&["-u"]).as_deref() != Some("0") {
            return Self(None);
        }
        let user = if asked(&["postgres"]).is_some() { "postgres" } else { "nobody" };
        Self(asked(&["-g", user]).map(|group| (user.to_owned(), group)))
    }

    fn give(&self, folder: &Path) -> Result<(), String> {
        let Some((user, _)) = &self.0 else { return Ok(()) };
        let given = Command::new("chown").arg(user).arg(folder).status().map_err(|error| error.to_string())?;
        if given.success() { Ok(()) } else { Err(format!("{user} was not given {}", folder.display())) }
    }

    fn command(&self, program: &Path) -> Command {
        let Some((user, group)) = &self.0 else { return Command::new(program) };
        let mut command = Command::new("setpriv");
        let identity = [format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".to_owned()];
        command.args(identity).arg(program);
        command
    }
}
