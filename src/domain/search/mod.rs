//! Finding: what a search asks for, and by which tokens notices are found.
//!
//! Promise: a notice is found by a word when its text contains the word, both folded: the same rule by which words of
//! subscriptions are matched, so that a search shows what a subscription with its words would bring. Whatever the
//! script, a word of two characters is found as surely as a longer one. Everything here is the same for both engines:
//! the index is blocks of bytes ([`block`]) that say which documents have which tokens.
//!
//! Not promised: stems, synonyms, other spellings than those that folding makes equal; and of a text longer than
//! [`MAX_TEXT_CHARS`] the rest is not looked at.

pub mod block;
mod marks;
mod plan;
mod query;
mod sets;
mod tokens;

pub use marks::{Fragment, MAX_SNIPPET_CHARS, mark, snippet};
pub use plan::{Sort, Stream, Tier, by_time, streams};
pub use query::{MAX_WORDS, Query, Word};
pub use sets::{Sets, every};
pub use tokens::{MAX_TEXT_CHARS, Token, Tokens};
