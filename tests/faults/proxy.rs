//! An address that stays while what is behind it changes, as a virtual address does at a promotion; and that can be cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Passes connections on to whoever is behind it now.
pub struct Proxy {
    address: SocketAddr,
    behind: Arc<AtomicU16>,
    cut: Arc<Notify>,
}

impl Proxy {
    /// One before this port.
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (behind, cut) = (Arc::new(AtomicU16::new(port)), Arc::new(Notify::new()));
        let (to, ends) = (Arc::clone(&behind), Arc::clone(&cut));
        tokio::spawn(async move {
            while let Ok((mut outside, _)) = listener.accept().await {
                let (port, ends) = (to.load(Ordering::SeqCst), Arc::clone(&ends));
                tokio::spawn(async move {
                    let ended = ends.notified();
                    // A refused connection is passed on as a closed one.
                    let Ok(mut inside) = TcpStream::connect(("127.0.0.1", port)).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut outside, &mut inside) => {}
                        () = ended => {}
                    }
                });
            }
        });
        Self { address, behind, cut }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Cuts every connection; new ones go to this port.
    pub fn turn_to(&self, port: u16) {
        self.behind.store(port, Ordering::SeqCst);
        self.cut.notify_waiters();
    }
}
