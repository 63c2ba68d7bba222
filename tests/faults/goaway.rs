//! A provider's front over HTTP/2 that ends its connections while calls are under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use h2::Reason;
use h2::server::SendResponse;
use tokio::net::{TcpListener, TcpStream};

/// How a connection ends.
#[derive(Debug, Clone, Copy)]
pub enum Ending {
    /// GOAWAY; what was taken is answered.
    Gently,
    /// GOAWAY with an error; what was taken is not answered.
    Abruptly,
    /// No word; what was taken is not answered.
    Unanswered,
}

/// A connection ends after so many calls.
const CALLS: usize = 6;

/// The front of a provider.
pub struct Front {
    /// Where it is.
    pub url: String,
    ended: Arc<AtomicUsize>,
}

impl Front {
    /// One that passes calls on to this provider, whose first connections end so, and whose further ones stay.
    pub async fn before(behind: &str, endings: &[Ending]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let ended = Arc::new(AtomicUsize::new(0));
        let (behind, mut endings, count) = (behind.to_owned(), endings.to_vec(), Arc::clone(&ended));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let ending = (!endings.is_empty()).then(|| endings.remove(0));
                let (behind, count) = (behind.clone(), Arc::clone(&count));
                tokio::spawn(async move { serve(stream, &behind, ending, &count).await });
            }
        });
        Self { url, ended }
    }

    /// How many connections it has ended.
    pub fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TcpStream, behind: &str, ending: Option<Ending>, ended: &AtomicUsize) {
    let Ok(mut connection) =
        h2::server::Builder::new().initial_window_size(1 << 20).handshake::<_, Bytes>(stream).await
    else {
        return;
    };
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut calls = 0;
    while let Some(Ok((request, answer))) = connection.accept().await {
        calls += 1;
        let last = ending.is_some() && calls == CALLS;
        let (http, behind) = (http.clone(), behind.to_owned());
        let passing = tokio::spawn(pass(http, behind, request, answer));
        match ending.filter(|_| last) {
            Some(Ending::Gently) => {
                ended.fetch_add(1, Ordering::SeqCst);
                connection.graceful_shutdown();
            }
            Some(Ending::Abruptly) => {
                ended.fetch_add(1, Ordering::SeqCst);
                connection.abrupt_shutdown(Reason::INTERNAL_ERROR);
            }
            Some(Ending::Unanswered) => {
                ended.fetch_add(1, Ordering::SeqCst);
                // The call reaches the provider while the connection is gone.
                drop(connection);
                drop(passing.await);
                return;
            }
            None => {}
        }
    }
}

/// Passes a call on, and its answer back.
async fn pass(
    http: reqwest::Client,
    behind: String,
    request: http::Request<h2::RecvStream>,
    mut answer: SendResponse<Bytes>,
) -> Option<()> {
    let path = request.uri().path().to_owned();
    let mut incoming = request.into_body();
    let mut body = BytesMut::new();
    while let Some(part) = incoming.data().await {
        let part = part.ok()?;
        incoming.flow_control().release_capacity(part.len()).ok()?;
        body.extend_from_slice(&part);
    }
    let call = http.post(format!("{behind}{path}")).header("content-type", "application/json").body(body.freeze());
    let passed = call.send().await.ok()?;
    let status = passed.status().as_u16();
    let text = passed.bytes().await.ok()?;
    let head = http::Response::builder().status(status).header("content-type", "application/json").body(()).ok()?;
    answer.send_response(head, false).ok()?.send_data(text, true).ok()
}
