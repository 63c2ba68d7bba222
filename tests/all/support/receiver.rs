//! A server of somebody's that webhooks go to: it keeps what it is sent, and answers as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::PATIENCE;

/// What was received.
#[derive(Debug, Clone)]
pub struct Received {
    /// Path and query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Received {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().expect("text")
    }
}

/// How it answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A status, some header lines, and a body.
    Plain(u16, &'static str, String),
    /// A status, and a body that ends with the path that was asked for, as it came.
    Echo(u16, String),
    /// 200, and a body without an end.
    Endless,
    /// A byte of the head now and then.
    Dripping,
    /// Nothing; the connection stays open.
    Silent,
}

impl Reply {
    /// A status and nothing else.
    pub fn status(status: u16) -> Self {
        Self::Plain(status, "", String::new())
    }

    /// 200 and a body, as bots answer.
    pub fn said(body: &str) -> Self {
        Self::Plain(200, "", body.to_owned())
    }
}

/// A server on a port of its own, as long as its test runs.
#[derive(Clone)]
pub struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    received: Mutex<Vec<Received>>,
    /// What comes next; then always the other.
    next: Mutex<(VecDeque<Reply>, Reply)>,
    changed: Notify,
}

impl Receiver {
    /// One that takes everything.
    pub async fn start() -> Self {
        Self::at("127.0.0.1").await
    }

    /// One at another address of this machine.
    pub async fn at(host: &str) -> Self {
        let listener = TcpListener::bind((host, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let next = Mutex::new((VecDeque::new(), Reply::status(200)));
        let state = Arc::new(State { received: Mutex::default(), next, changed: Notify::new() });
        let serving = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&serving);
                tokio::spawn(async move { state.serve(stream).await });
            }
        });
        Self { address, state }
    }

    /// Where it is.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its port, for who finds it by a name.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Answers so the next time.
    pub fn then(&self, reply: Reply) -> &Self {
        self.state.next.lock().expect("replies").0.push_back(reply);
        self
    }

    /// Answers so whenever nothing else was said.
    pub fn always(&self, reply: Reply) -> &Self {
        self.state.next.lock().expect("replies").1 = reply;
        self
    }

    /// What it has received so far.
    pub fn so_far(&self) -> Vec<Received> {
        self.state.received.lock().expect("calls").clone()
    }

    /// What it has received, once that is so much.
    pub async fn received(&self, calls: usize) -> Vec<Received> {
        let enough = async {
            loop {
                let changed = self.state.changed.notified();
                let so_far = self.so_far();
                if so_far.len() >= calls {
                    return so_far;
                }
                changed.await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, enough).await;
        waited.unwrap_or_else(|_| panic!("{} of {calls} calls came", self.so_far().len()))
    }
}

impl State {
    async fn serve(&self, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        while let Some(received) = read(&mut stream, &mut buffer).await {
            let path = received.path.clone();
            self.received.lock().expect("calls").push(received);
            self.changed.notify_waiters();
            let reply = {
                let mut next = self.next.lock().expect("replies");
                next.0.pop_front().unwrap_or_else(|| next.1.clone())
            };
            if answer(&mut stream, reply, &path).await.is_err() {
                return;
            }
        }
    }
}

async fn answer(stream: &mut TcpStream, reply: Reply, path: &str) -> std::io::Result<()> {
    match reply {
        Reply::Echo(status, body) => {
            let length = body.len() + path.len();
            let text = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}{path}");
            stream.write_all(text.as_bytes()).await
        }
        Reply::Plain(status, headers, body) => {
            let length = body.len();
            let text = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
            stream.write_all(text.as_bytes()).await
        }
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            loop {
                stream.write_all(b"400\r\n").await?;
                stream.write_all(&[b'x'; 1024]).await?;
                stream.write_all(b"\r\n").await?;
            }
        }
        Reply::Dripping => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                stream.write_all(b"a").await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Reply::Silent => std::future::pending().await,
    }
}

/// The next request of a connection; nothing when it was closed.
async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Received> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head: Vec<u8> = buffer.drain(..end + 4).collect();
    let head = String::from_utf8(head).expect("a head of text");
    let mut lines = head.trim_end().split("\r\n");
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a path").to_owned();
    let pairs = lines.map(|line| {
        let (name, value) = line.split_once(':').expect("a header");
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        (name, HeaderValue::from_str(value.trim()).expect("a value"))
    });
    let headers: HeaderMap = pairs.collect();
    let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let length: usize = length.unwrap_or_default();
    while buffer.len() < length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    Some(Received { path, headers, body: buffer.drain(..length).collect() })
}
