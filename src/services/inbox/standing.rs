//! Where a reader of an inbox's changes stands: the cursor of `/v1/inbox/sync` and of the stream.

use crate::domain::id::NoticeId;
use crate::domain::page::Cursor;
use crate::domain::time::Timestamp;
use crate::services::refusal::{Error, Refusal, Result};
use crate::storage::inbox::Place;

/// The changes of an inbox, in cursors.
const CHANGES: &str = "inbox-sync";

/// Where a reader of changes stands.
#[derive(Debug, Clone, Copy)]
pub(in crate::services) struct Standing {
    /// The order that its place is one of.
    pub epoch: i64,
    /// The last change that it knows; nothing: none.
    pub place: Option<Place>,
    /// When it was told so: for as long as tombstones are kept it misses none.
    pub at: Timestamp,
}

impl Standing {
    /// As callers keep it.
    pub fn cursor(self) -> Cursor {
        let (stamp, notice) = match self.place {
            Some(place) => (place.stamp.to_string(), place.notice.to_string()),
            None => (String::new(), String::new()),
        };
        Cursor::new(CHANGES, [self.epoch.to_string(), self.at.as_millis().to_string(), stamp, notice])
    }

    /// Where a cursor says that its reader stands. Refuses what is none, and one of another order or from before
    /// `oldest`: its reader must read in full.
    pub fn at(cursor: &Cursor, epoch: i64, oldest: Timestamp) -> Result<Self> {
        let standing = Self::of(cursor).ok_or_else(Error::not_a_cursor)?;
        let expired = standing.at <= oldest || standing.epoch != epoch;
        if expired { Err(Refusal::CursorExpired.into()) } else { Ok(standing) }
    }

    /// Behind everything below a horizon: a reader who wants to hear of what comes, and of nothing else.
    pub fn below(horizon: i64, epoch: i64, at: Timestamp) -> Self {
        let last = NoticeId::from_uuid(uuid::Uuid::max());
        Self { epoch, place: Some(Place { stamp: horizon - 1, notice: last }), at }
    }

    fn of(cursor: &Cursor) -> Option<Self> {
        let [epoch, at, stamp, notice] = cursor.parts::<4>(CHANGES).ok()?;
        let place = match (stamp, notice) {
            ("", "") => None,
            (stamp, notice) => Some(Place { stamp: stamp.parse().ok()?, notice: notice.parse().ok()? }),
        };
        Some(Self { epoch: epoch.parse().ok()?, place, at: Timestamp::from_millis(at.parse().ok()?) })
    }
}

/// Whether this is a cursor of an inbox's changes, expired or not.
pub fn is_cursor(cursor: &Cursor) -> bool {
    Standing::of(cursor).is_some()
}
