//! What the phones show.
//!
//! Promise: per token the last 20 notifications, newest first; one with the same replace key takes the earlier one's
//! place and comes to the top, so a withdrawal stands where its notice stood. Not promised: to outlive the process.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;

use super::generations::Generations;
use crate::domain::id::NoticeId;
use crate::domain::message::MessageKind;
use crate::domain::time::Timestamp;

/// How many notifications a phone shows.
const SHOWN_MAX: usize = 20;

/// The content of a message, shared by all its recipients.
#[derive(Debug, Serialize)]
pub struct About {
    /// The notice.
    pub notice: NoticeId,
    /// Its edition.
    pub revision: i32,
    /// Why it was sent.
    pub kind: MessageKind,
    /// The headline.
    pub title: String,
    /// The summary.
    pub body: String,
    /// What it replaces.
    pub replace_key: String,
    /// What it stands together with.
    pub thread: Option<String>,
    /// Whether it breaks through.
    pub urgent: bool,
    /// What opens when it is tapped.
    pub url: String,
}

/// A notification on a phone.
#[derive(Debug, Clone, Serialize)]
pub struct Notification {
    /// What it says.
    #[serde(flatten, serialize_with = "pointee")]
    pub about: Arc<About>,
    /// When it came.
    pub at: Timestamp,
    /// When the first with its replace key came.
    pub first_at: Timestamp,
    /// How many it has replaced.
    pub replaced: u32,
}

/// What one phone shows.
#[derive(Debug, Clone, Serialize)]
pub struct Phone {
    /// The token.
    #[serde(serialize_with = "pointee")]
    pub token: Arc<str>,
    /// How many messages it has been shown, ever.
    pub received: u64,
    /// What is on the screen, newest first.
    pub notifications: Vec<Notification>,
}

/// As `serde`'s feature `rc` would, which this crate does not ask for.
fn pointee<T: Serialize + ?Sized, S: serde::Serializer>(of: &Arc<T>, serializer: S) -> Result<S::Ok, S::Error> {
    T::serialize(of, serializer)
}

#[derive(Debug, Default)]
struct Screen {
    received: u64,
    shown: VecDeque<Notification>,
}

/// All phones.
#[derive(Debug)]
pub(super) struct Phones(Generations<Arc<str>, Screen>);

impl Phones {
    pub(super) fn new(capacity: usize) -> Self {
        Self(Generations::new(capacity))
    }

    pub(super) fn show(&mut self, token: Arc<str>, about: &Arc<About>, at: Timestamp) {
        let screen = self.0.touch(token);
        screen.received = screen.received.saturating_add(1);
        let same = screen.shown.iter().position(|shown| shown.about.replace_key == about.replace_key);
        let replaced = same.and_then(|place| screen.shown.remove(place));
        let (first_at, replaced) =
            replaced.map_or((at, 0), |before| (before.first_at, before.replaced.saturating_add(1)));
        screen.shown.push_front(Notification { about: Arc::clone(about), at, first_at, replaced });
        screen.shown.truncate(SHOWN_MAX);
    }

    pub(super) fn get(&self, token: &Arc<str>) -> Option<Phone> {
        self.0.get(token).map(|screen| Phone {
            token: Arc::clone(token),
            received: screen.received,
            notifications: screen.shown.iter().cloned().collect(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
