//! When to stop: SIGTERM from whoever runs the process, Ctrl-C from whoever sits before it.

use std::future::Future;
use std::io;

use tokio::signal;

/// The exit code of a process that was ended by SIGINT, as shells count.
const INTERRUPTED: i32 = 130;

/// Listens from now on; what is returned ends at the first signal. A second one ends the process at once.
pub fn stop() -> io::Result<impl Future<Output = ()>> {
    let mut signals = Signals::listen()?;
    let (told, first) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        signals.next().await;
        if told.send(()).is_err() {
            tracing::debug!("nobody waits for a signal any more");
        }
        signals.next().await;
        eprintln!("yizhan: stopped at once");
        std::process::exit(INTERRUPTED);
    });
    Ok(async move {
        if first.await.is_err() {
            // The listener is gone with its runtime: there is nothing left to wait for.
            tracing::debug!("signals are not listened to any more");
        }
    })
}

#[cfg(unix)]
struct Signals {
    interrupt: signal::unix::Signal,
    terminate: signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if let Err(error) = signal::ctrl_c().await {
            tracing::error!(%error, "Ctrl-C is not heard");
            std::future::pending().await
        }
    }
}
