//! What the sandbox channel needs: where it is, and how patient to be.

use std::time::Duration;

use crate::domain::allowance::Limits;
use crate::domain::channel::Repeat;

/// The settings of the sandbox channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where the sandbox is mounted, without a path: `http://127.0.0.1:8080`. Plain `http` is for loopback and for
    /// this process's own address.
    pub base_url: String,
    /// Whether that is this process's own address: what goes there does not leave the machine.
    pub is_own: bool,
    /// How long a connection may take to open. Default 3 s.
    pub connect_timeout: Duration,
    /// How long a call may take from its first byte to the answer's last. Default 10 s.
    pub timeout: Duration,
    /// The most calls at a time. Default 8.
    pub in_flight: usize,
    /// The most recipients of a call, 1 to 500. Default 500.
    pub batch_size: usize,
    /// What to declare a repeat to be. Default safe, as the sandbox deduplicates; tests declare the others.
    pub repeat: Repeat,
    /// What to declare to be taken of us. Default anything; the sandbox itself refuses nothing.
    pub limits: Limits,
    /// Speak HTTP/2 without being asked to; the sandbox must be bound for it. Default HTTP/1.1 with kept connections.
    pub http2: bool,
}

impl Settings {
    /// The defaults, for the sandbox that this process mounts at its own address.
    pub fn own(base_url: impl Into<String>) -> Self {
        Self { is_own: true, ..Self::at(base_url) }
    }

    /// The defaults, for a sandbox at this address.
    pub fn at(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            is_own: false,
            connect_timeout: Duration::from_secs(3),
            timeout: Duration::from_secs(10),
            in_flight: 8,
            batch_size: super::MAX_RECIPIENTS,
            repeat: Repeat::Safe,
            limits: Limits::default(),
            http2: false,
        }
    }
}
