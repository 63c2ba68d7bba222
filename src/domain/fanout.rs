//! Fan-out: the carrying of one notice revision to all its matches.

use super::words::words;

words! {
    /// What an edition of a notice is.
    EditionKind {
        /// The first.
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
