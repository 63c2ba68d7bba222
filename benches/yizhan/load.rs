//! Callers who wait for nothing but the server: kept connections, requests written beforehand, answers read to their
//! end and no further.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::table::Rate;

/// Connections, each with one request at a time.
pub const CONNECTIONS: usize = 64;

/// A request as it goes over the wire.
pub fn request(path: &str, if_none_match: Option<&str>) -> Vec<u8> {
    let known = if_none_match.map(|etag| format!("if-none-match: {etag}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\naccept: */*\r\n{known}\r\n").into_bytes()
}

/// Answers a second with this status, each connection going through the requests from a place of its own.
pub async fn rate(at: SocketAddr, requests: Vec<Vec<u8>>, status: &'static str, time: Duration) -> f64 {
    let requests = Arc::new(requests);
    let began = Instant::now();
    let until = began + time;
    let callers = (0..CONNECTIONS).map(|number| {
        let requests = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut connection = Connection::open(at).await;
            let mut answers = 0_u32;
            let from_own_place = requests.iter().cycle().skip(number * requests.len() / CONNECTIONS);
            for request in from_own_place {
                if Instant::now() >= until {
                    break;
                }
                let head = connection.call(request).await;
                assert!(head.get(9..12) == Some(status.as_bytes()), "{}", String::from_utf8_lossy(&head));
                answers += 1;
            }
            answers
        })
    });
    let mut times = 0;
    for caller in callers.collect::<Vec<_>>() {
        times += caller.await.expect("a caller");
    }
    Rate { times, took: began.elapsed() }.per_second()
}

/// A kept connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(at: SocketAddr) -> Self {
        let stream = TcpStream::connect(at).await.expect("a connection");
        stream.set_nodelay(true).expect("a connection of our own");
        Self { stream, buffer: Vec::with_capacity(64 * 1024) }
    }

    /// The body of the last answer.
    pub fn body(&self) -> &[u8] {
        let end = self.buffer.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
        self.buffer.get(end..).unwrap_or_default()
    }

    /// Sends a request, waits for its whole answer, returns its head.
    pub async fn call(&mut self, request: &[u8]) -> Vec<u8> {
        self.stream.write_all(request).await.expect("a request is sent");
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.expect("an answer");
            assert!(read > 0, "the connection was closed");
            let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let (head, body) = self.buffer.split_at(end + 4);
            let length = header(head, "content-length").and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
            if body.len() >= length {
                return head.to_vec();
            }
        }
    }
}

/// What a header of a head says.
pub fn header(head: &[u8], name: &str) -> Option<String> {
    let text = std::str::from_utf8(head).ok()?;
    let of = |line: &str| {
        let (given, value) = line.split_once(':')?;
        given.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    };
    text.lines().find_map(of)
}
