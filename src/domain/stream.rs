//! The live stream of an inbox.

use super::words::words;

words! {
    /// Why a stream ends.
    Ending {
        /// The cursor is older than what is kept, or of another database: read in full.
        ReadInFull = "read_in_full",
        /// The access token has ended: come again with a new one.
        TokenExpired = "token_expired",
        /// The session has ended: sign in.
        SessionEnded = "session_ended",
        /// Too little was taken for too long: come again.
        TooSlow = "too_slow",
        /// The changes cannot be read; whoever runs this is told. Come again, later.
        Failed = "failed",
        /// This copy stops: come again.
        ShuttingDown = "shutting_down",
    }
}
