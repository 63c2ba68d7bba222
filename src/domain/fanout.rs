//! Fan-out: the carrying of one notice revision to all its matches.

use super::words::words;

words! {
    /// What an edition of a notice is.
    EditionKind {
        /// The first; or a later one that says the same and is announced where the earlier ones were not.
        Notice = "notice",
        /// A corrected one: users see the item again, unread.
        Revision = "revision",
        /// A corrected one whose change does not matter: only those not yet reached get the new text.
        Editorial = "editorial",
        /// The end: whoever was pushed the notice is told.
        Withdrawal = "withdrawal",
    }
}

words! {
    /// How far a notice is announced.
    Announce {
        /// Not at all: it can be read, nobody is told.
        None = "none",
        /// To inboxes only.
        Inbox = "inbox",
        /// To inboxes and endpoints.
        Push = "push",
    }
}

words! {
    /// How far a fan-out has come.
    FanOutState {
        /// Its audience is not known in full yet.
        Open = "open",
        /// All its chunks are made.
        Planned = "planned",
        /// All its chunks are closed.
        Done = "done",
    }
}

/// How soon a fan-out's turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Withdrawals, amendments, deadlines.
    Urgent,
    /// The rest.
    Normal,
    /// Imports.
    Bulk,
}

impl Lane {
    /// Every lane, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Normal, Self::Bulk];

    /// Its number in the database.
    pub const fn number(self) -> i64 {
        match self {
            Self::Urgent => 0,
            Self::Normal => 1,
            Self::Bulk => 2,
        }
    }

    /// The lane with this number; an unknown one waits with the last.
    pub const fn of(number: i64) -> Self {
        match number {
            0 => Self::Urgent,
            1 => Self::Normal,
            _ => Self::Bulk,
        }
    }

    /// Its name in keys, metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }
}

/// How soon the work of a dead worker moves on; the living one renews it three times within.
pub const LEASE: std::time::Duration = std::time::Duration::from_secs(3);
/// Users of a chunk: small enough that a repeat after a crash is short, large enough that its row costs nothing.
pub const CHUNK_USERS: usize = 1_000;
/// Outcomes are committed in slices of at most so many …
pub const SLICE_ROWS: usize = 1_000;
/// … or after this time, so that a crash repeats only what was sent since.
pub const SLICE_EVERY: std::time::Duration = std::time::Duration::from_millis(100);
/// How old the gate's word may be when a send begins.
pub const GATE_AGE: std::time::Duration = std::time::Duration::from_millis(500);
/// How many chunks of one fan-out are rung at a time: the next fan-out's turn comes after so many.
pub const WINDOW: i64 = 4;
