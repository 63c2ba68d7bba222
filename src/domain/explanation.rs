//! What became of a notice for a user, in one word.

use super::words::words;

words! {
    /// What became of a notice for a user.
    Outcome {
        /// It is in the inbox.
        Received = "received",
        /// It was in the inbox, and the user threw it away.
        Removed = "removed",
        /// It comes: a subscription matched, or the user has what it amends, and the inbox is not filled yet.
        UnderWay = "under_way",
        /// It was announced to nobody.
        NotAnnounced = "not_announced",
        /// A filter matches that the user had not saved yet when it was published.
        TooLate = "too_late",
        /// A filter matches that the user had ended or changed before it was published.
        Ended = "ended",
        /// No filter of the user matches.
        NoMatch = "no_match",
        /// The user had no subscription.
        NoSubscription = "no_subscription",
    }
}

words! {
    /// Whether an edition of a subscription counted when a notice was published, by their positions in the order of
    /// commits.
    Counted {
        /// It did.
        Yes = "yes",
        /// It began after that.
        NotYet = "not_yet",
        /// It had ended before.
        NoLonger = "no_longer",
    }
}
