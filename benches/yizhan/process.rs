//! The server under measurement: the release binary, a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A process of Yizhan. Killed when it is dropped.
pub struct Process {
    child: Child,
    /// Where it answers.
    pub url: String,
}

/// Its command, with nothing of this process's environment.
pub fn command(environment: &[(String, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yizhan"));
    command.env_clear().envs(environment.iter().cloned()).stdin(Stdio::null());
    command
}

impl Process {
    /// Starts it and waits until it says where it listens.
    pub fn start(environment: &[(String, String)]) -> Self {
        let mut child = command(environment).stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
        let address = lines.by_ref().find_map(|line| line.split_once("http://").map(|(_, rest)| rest.to_owned()));
        let url = format!("http://{}", address.expect("the server listens").trim());
        // The pipe must not fill up.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url }
    }

    /// The most memory that it ever had, in MiB.
    pub fn peak_mib(&self) -> f64 {
        self.kib("VmHWM:") / 1024.0
    }

    /// The memory that it has now, in KiB.
    pub fn rss_kib(&self) -> f64 {
        self.kib("VmRSS:")
    }

    /// The time that it has had of all cores together, in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // Behind the name, which may hold spaces: utime and stime are the 12th and 13th, in hundredths (proc(5)).
        let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: f64 = rest.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok()).sum();
        ticks / 100.0
    }

    fn kib(&self, name: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|text| text.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
        kib.unwrap_or(f64::NAN)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // That it has ended already is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
