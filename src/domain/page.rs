//! Pages of lists: how many, from where.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What a caller gets when it does not say how many.
pub const DEFAULT_LIMIT: u16 = 20;
/// The most that one answer holds.
pub const MAX_LIMIT: u16 = 100;

/// Some items, and where the next ones begin.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where to go on; `None` at the end of a list.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page of what a query for `limit + 1` rows found: the surplus row only says that there is more.
    pub fn cut(mut items: Vec<T>, limit: u16, cursor: impl Fn(&T) -> Cursor) -> Self {
        let limit = usize::from(limit);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }

    /// The same page of something else.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

/// A place in a list; opaque to callers. It names its list, so that one list's cursor is no other's.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor {
    list: String,
    parts: Vec<String>,
}

/// The text is no cursor of this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub struct CursorError;

/// The longest cursor that is looked at.
const MAX_CHARS: usize = 400;

impl Cursor {
    /// A cursor of the list with this name.
    pub fn new(list: &str, parts: impl IntoIterator<Item = impl fmt::Display>) -> Self {
        Self { list: list.to_owned(), parts: parts.into_iter().map(|part| part.to_string()).collect() }
    }

    /// The parts of a cursor, when it is one of this list and has so many.
    pub fn parts<const N: usize>(&self, list: &str) -> Result<[&str; N], CursorError> {
        if self.list != list {
            return Err(CursorError);
        }
        let parts: Vec<&str> = self.parts.iter().map(String::as_str).collect();
        parts.try_into().map_err(|_| CursorError)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = format!("{}\n{}", self.list, self.parts.join("\n"));
        f.write_str(&URL_SAFE_NO_PAD.encode(plain))
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:?}", self.list, self.parts)
    }
}

impl std::str::FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text.len() > MAX_CHARS {
            return Err(CursorError);
        }
        let plain = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let plain = String::from_utf8(plain).map_err(|_| CursorError)?;
        let mut lines = plain.split('\n').map(str::to_owned);
        let list = lines.next().ok_or(CursorError)?;
        Ok(Self { list, parts: lines.collect() })
    }
}
