//! The connection itself: a peer that takes nothing is cut.

use std::any::Any;
use std::time::Duration;

use actix_web::rt::net::TcpStream;

use crate::services::refusal::CanFail as _;

/// A peer that acknowledges nothing of what was sent to it for so long is taken to be gone, also when it says that it
/// has no room. Without this the system would try for a quarter of an hour, and a stream's place would be taken as long.
const TAKES_NOTHING: Duration = Duration::from_secs(30);

/// Sees to a connection that was just made.
pub fn tend(connection: &dyn Any) {
    #[cfg(target_os = "linux")]
    if let Some(stream) = connection.downcast_ref::<TcpStream>() {
        let socket = socket2::SockRef::from(stream);
        socket.set_tcp_user_timeout(Some(TAKES_NOTHING)).can_fail("the system's own patience holds");
    }
}
