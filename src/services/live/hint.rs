//! What copies tell each other so that streams look at the record: whose inbox has changed, never what has.
//!
//! Promise: of one chunk of a fan-out one hint, whatever its size. A text that is none of ours is nothing: the way that
//! hints take is open to whoever may write there. Not promised: that a hint arrives.

use std::fmt::Write as _;

use uuid::Uuid;

use crate::domain::id::{SessionId, UserId};
use crate::storage::matching::Range;

/// A hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// The inboxes of these users.
    Users {
        /// Whose.
        users: Vec<UserId>,
        /// The stamp of the change.
        stamp: i64,
    },
    /// The inboxes of some users of a range.
    Range {
        /// Whose, perhaps.
        range: Range,
        /// The stamp of the change.
        stamp: i64,
    },
    /// These sessions have ended.
    Ended(Vec<SessionId>),
}

/// The most users or sessions that one line names.
const NAMED: usize = 100;

impl Hint {
    /// The hint as lines of text.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Users { users, stamp } => users
                .chunks(NAMED)
                .map(|some| line(&format!("u {stamp}"), some.iter().map(|id| id.as_uuid())))
                .collect(),
            Self::Range { range, stamp } => {
                let name =
                    |user: Option<UserId>| user.map_or_else(|| "-".to_owned(), |id| id.as_uuid().simple().to_string());
                vec![format!("r {stamp} {} {}", name(range.after), name(range.to))]
            }
            Self::Ended(sessions) => {
                sessions.chunks(NAMED).map(|some| line("s", some.iter().map(|id| id.as_uuid()))).collect()
            }
        }
    }

    /// What a line says; nothing when it is none of ours.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        match kind {
            "u" => {
                let stamp = words.next()?.parse().ok()?;
                let users = ids(words)?.into_iter().map(UserId::from_uuid).collect();
                Some(Self::Users { users, stamp })
            }
            "r" => {
                let stamp = words.next()?.parse().ok()?;
                let mut bound = || match words.next()? {
                    "-" => Some(None),
                    id => Uuid::parse_str(id).ok().map(|id| Some(UserId::from_uuid(id))),
                };
                Some(Self::Range { range: Range { after: bound()?, to: bound()? }, stamp })
            }
            "s" => Some(Self::Ended(ids(words)?.into_iter().map(SessionId::from_uuid).collect())),
            _ => None,
        }
    }
}

fn line(head: &str, ids: impl Iterator<Item = Uuid>) -> String {
    let mut line = head.to_owned();
    for id in ids {
        // Writing to a String cannot fail.
        if write!(line, " {}", id.simple()).is_err() {
            break;
        }
    }
    line
}

fn ids<'a>(words: impl Iterator<Item = &'a str>) -> Option<Vec<Uuid>> {
    words.take(NAMED).map(|word| Uuid::parse_str(word).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_comes_back_from_its_text() {
        let (one, two) = (UserId::new(), UserId::new());
        for hint in [
            Hint::Users { users: vec![one, two], stamp: 7 },
            Hint::Range { range: Range { after: None, to: Some(two) }, stamp: 8 },
            Hint::Range { range: Range { after: Some(one), to: Some(two) }, stamp: 9 },
            Hint::Ended(vec![SessionId::new()]),
        ] {
            let lines = hint.lines();
            assert_eq!(lines.iter().map(|line| Hint::parse(line)).collect::<Vec<_>>(), [Some(hint)]);
        }
        let many = Hint::Users { users: (0..250).map(|_| UserId::new()).collect(), stamp: 1 };
        assert_eq!(many.lines().len(), 3);
    }

    #[test]
    fn what_is_none_of_ours_is_nothing() {
        for text in ["", "u", "u x", "r 1 -", "r 1 a b", "s nonsense", "FLUSHALL", "u 1 00"] {
            assert_eq!(Hint::parse(text), None, "{text}");
        }
    }
}
