//! Scheduled notice (定时公告): a notice that was handed in to be published at an instant to come.

use super::words::words;

words! {
    /// How a scheduled notice stands. Only `scheduled` can change.
    ScheduledState {
        /// It waits for its time.
        Scheduled = "scheduled",
        /// It was published when its time had come.
        Published = "published",
        /// It was not: what held when it was handed in held no longer.
        Refused = "refused",
        /// Its publisher took it back before its time.
        Cancelled = "cancelled",
    }
}

words! {
    /// Why a scheduled notice was not published when its time had come.
    NotPublished {
        /// The key that handed it in, or its publisher, had ended.
        KeyEnded = "key_ended",
        /// The key did not reach its source, category or region any more.
        OutOfScope = "out_of_scope",
        /// Its category, region or notice type was no longer in the catalogue.
        CatalogueChanged = "catalogue_changed",
        /// Its natural key had been taken by a notice with other content.
        SourceIdTaken = "source_id_taken",
        /// The notice that it amends was not there.
        AmendedNoticeUnknown = "amended_notice_unknown",
        /// The notice that has its natural key had as many revisions as are allowed.
        TooManyRevisions = "too_many_revisions",
    }
}
