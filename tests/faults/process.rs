//! One process of Yizhan, as an operator has it: it is started, signalled, watched by its log, and it dies.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::world::wait;

/// What a process may say on average, in a trouble that lasts.
const LINES_A_SECOND: usize = 10;
/// Over how long that average is taken.
const WINDOW: Duration = Duration::from_secs(5);

/// A line of a process's log, and when it was read.
type Line = (Instant, String);

/// A running process. Killed when it is dropped.
pub struct Process {
    child: Child,
    /// Where it answers.
    pub url: String,
    log: Arc<Mutex<Vec<Line>>>,
}

impl Process {
    /// Starts a process and waits until it listens.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the process starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its log")).lines().map_while(Result::ok);
        let log: Arc<Mutex<Vec<Line>>> = Arc::default();
        let heard = Arc::clone(&log);
        let hear = move |line: &str| {
            let plain = without_colours(line);
            heard.lock().expect("a log").push((Instant::now(), plain.clone()));
            plain
        };
        let address = lines.by_ref().find_map(|line| {
            let plain = hear(&line);
            plain
                .contains("listening")
                .then(|| plain.split("address=").nth(1)?.split_whitespace().next().map(str::to_owned))?
        });
        let url = address.map(|address| format!("http://{address}"));
        // The pipe must not fill up.
        std::thread::spawn(move || {
            for line in lines {
                hear(&line);
            }
        });
        let process = Self { child, url: url.clone().unwrap_or_default(), log };
        assert!(url.is_some(), "no word of listening:\n{}", process.said().join("\n"));
        process
    }

    /// Its number, by which the system knows it, and with which the name begins under which it leases.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the process has ended by itself, and says how.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        wait("the process has ended", async || {
            status = self.child.try_wait().expect("a status");
            status.is_some()
        })
        .await;
        status.expect("a status")
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a status").is_some()
    }

    /// Kills it as `kill -9` does, and returns when it is gone.
    pub fn kill(&mut self) {
        self.child.kill().expect("it could be killed");
        self.child.wait().expect("it is gone");
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(sent.expect("kill runs").success(), "the signal was sent");
    }

    /// Tells it to stop in order.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended().await
    }

    /// How many files and connections it may have open.
    pub fn limit_files(&self, most: u64) {
        let pid = self.pid().to_string();
        let set = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={most}:")]).status();
        assert!(set.expect("prlimit runs").success(), "the limit was set");
    }

    /// How many it has open.
    pub fn open_files(&self) -> u64 {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("it runs");
        u64::try_from(folder.count()).expect("a number")
    }

    /// What it occupies in memory, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    /// Whether it stands still, as after SIGSTOP.
    pub fn is_stopped(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        status.lines().any(|line| line.starts_with("State:") && line.contains("(stopped)"))
    }

    /// What it has said so far.
    pub fn said(&self) -> Vec<String> {
        self.log.lock().expect("a log").iter().map(|(_, line)| line.clone()).collect()
    }

    /// Whether it has said something with this in it.
    pub fn has_said(&self, words: &str) -> bool {
        self.log.lock().expect("a log").iter().any(|(_, line)| line.contains(words))
    }

    /// The most lines of any five seconds of its life: a trouble that lasts must not flood a log. The line of each call that
    /// was answered is its caller's doing.
    pub fn assert_calm(&self) {
        let log: Vec<Line> =
            self.log.lock().expect("a log").iter().filter(|(_, line)| !line.contains(": answered ")).cloned().collect();
        for (first, (from, _)) in log.iter().enumerate() {
            let window: Vec<&Line> = log[first..].iter().take_while(|(at, _)| *at - *from < WINDOW).collect();
            let said = || window.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n");
            assert!(window.len() < LINES_A_SECOND * 5, "{} lines in {WINDOW:?}:\n{}", window.len(), said());
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = self.said();
            println!("---- the last of {} said:\n{}", self.pid(), said[said.len().saturating_sub(30)..].join("\n"));
        }
        // That it has ended already is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn without_colours(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    first + &parts.map(|part| part.split_once('m').map_or("", |(_, rest)| rest)).collect::<String>()
}
