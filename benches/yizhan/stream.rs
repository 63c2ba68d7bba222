//! Streams of inboxes: what a client costs that watches while nothing happens, and how long a notice to everybody takes
//! to the first, the middle and the last of them.
//!
//! Bounded by: memory of the server's connections, which the HTTP library keeps two buffers for; and, for the notice, the
//! fan-out itself: clients hear of a chunk when it has committed, and the last chunk of 100,000 users is the last to
//! commit. What the stream adds: one look at the record for a hundred clients, and each client's JSON. Callers share the
//! cores with the server.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::process::Process;
use crate::table::Table;
use crate::world::{To, World};
use crate::{people, seed};

/// Clients, when files may be opened for so many.
const CLIENTS: usize = 10_000;
/// File descriptors that a process needs beside its clients'.
const OTHERS: usize = 500;
/// Clients that are opened at a time.
const AT_ONCE: usize = 64;
/// How long nothing happens.
const IDLE: Duration = Duration::from_secs(5);
/// How long any client may wait for the notice.
const PATIENCE: Duration = Duration::from_secs(180);
/// Notices that are published to everybody.
const ROUNDS: usize = 3;

pub async fn measure(world: &World, table: &mut Table) {
    let all = seed::users(&world.db).await;
    let room = files().saturating_sub(OTHERS);
    let count = CLIENTS.min(room).min(all.len());
    if count < CLIENTS {
        table
            .say(&format!("streams: {count} clients and not {CLIENTS}: {room} files may be open, {} users", all.len()));
    }
    // Evenly over all users, as chunks are.
    let watching: Vec<Uuid> = all.iter().step_by((all.len() / count).max(1)).take(count).copied().collect();
    let tokens = people::tokens(world, &watching).await;
    let server = world.start(&[("YIZHAN_STREAMS", "100000"), ("YIZHAN_RATE_LIMITS", "off")]);
    let at: SocketAddr = server.url.trim_start_matches("http://").parse().expect("an address");
    let before = server.rss_kib();
    let (heard, mut told) = mpsc::channel::<Instant>(CLIENTS);
    let began = Instant::now();
    let opened = stream::iter(tokens).map(|token| open(at, token)).buffer_unordered(AT_ONCE);
    let opened: Vec<TcpStream> = opened.collect().await;
    let opening = began.elapsed();
    let idle = idle(&server).await;
    let each = (server.rss_kib() - before) / f64::from(u32::try_from(count).unwrap_or(1));
    table.figure(
        &format!("streams, {count} idle"),
        &format!("{each:.1} KiB each"),
        &format!(
            "resident memory; opened in {:.1} s; {idle:.1} % of a core while nothing happens",
            opening.as_secs_f64()
        ),
    );
    for client in opened {
        tokio::spawn(listen(client, heard.clone()));
    }
    let publisher = world.publisher(&server);
    let (mut times, mut last) = (Vec::new(), Duration::ZERO);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let (notice, _) = publisher.publish(To::All, "inbox").await;
        for heard in 0..count {
            let Ok(Some(at)) = tokio::time::timeout(PATIENCE, told.recv()).await else {
                table.say(&format!("streams: {heard} of {count} heard of a notice; {}", ended(&server).await));
                return;
            };
            let took: Duration = at.duration_since(began);
            times.push(took);
            last = last.max(took);
        }
        world.delivered(notice).await;
    }
    let remark = format!(
        "publish call begun to client, audience {}, {ROUNDS} rounds; the last after {:.2} s",
        world.size.users,
        last.as_secs_f64()
    );
    let remark = format!("{remark}; peak memory {:.0} MiB", server.peak_mib());
    table.times(&format!("streams, a notice to {count}"), times, &remark);
}

/// Raises how many files this process, and those that it starts, may open to what the system allows; says how many.
fn files() -> usize {
    let limits = || {
        let text = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap_or_default().to_owned();
        let numbers: Vec<usize> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        (numbers.first().copied().unwrap_or(1_024), numbers.get(1).copied().unwrap_or(1_024))
    };
    let (_, hard) = limits();
    let pid = std::process::id().to_string();
    // Where there is no such program the limit stays as it is.
    drop(Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={hard}:{hard}")]).status());
    limits().0
}

/// What share of a core the server takes while nothing happens.
async fn idle(server: &Process) -> f64 {
    let before = server.cpu_seconds();
    tokio::time::sleep(IDLE).await;
    (server.cpu_seconds() - before) / IDLE.as_secs_f64() * 100.0
}

/// Why streams have ended, as the server counts it.
async fn ended(server: &Process) -> String {
    let metrics =
        reqwest::get(format!("{}/metrics", server.url)).await.expect("an answer").text().await.expect("a text");
    let ended: Vec<&str> = metrics.lines().filter(|line| line.starts_with("yizhan_streams_ended")).collect();
    ended.join(", ")
}

/// Opens a stream and reads until it is live.
async fn open(at: SocketAddr, token: String) -> TcpStream {
    let mut client = TcpStream::connect(at).await.expect("a connection");
    let request = format!("GET /v1/inbox/stream HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n");
    client.write_all(request.as_bytes()).await.expect("a request is sent");
    until(&mut client, &mut Vec::new(), b"event: ready").await;
    client
}

/// Says of every change when it came.
async fn listen(mut client: TcpStream, heard: mpsc::Sender<Instant>) {
    let mut text = Vec::with_capacity(8 * 1_024);
    while until(&mut client, &mut text, b"event: change").await {
        if heard.send(Instant::now()).await.is_err() {
            return;
        }
    }
}

/// Reads until this has come, and leaves what came behind it; `false` at the end.
async fn until(client: &mut TcpStream, text: &mut Vec<u8>, what: &[u8]) -> bool {
    loop {
        if let Some(place) = text.windows(what.len()).position(|some| some == what) {
            text.drain(..place + what.len());
            return true;
        }
        let keep = text.len().min(what.len());
        text.drain(..text.len() - keep);
        if client.read_buf(text).await.unwrap_or(0) == 0 {
            return false;
        }
    }
}
