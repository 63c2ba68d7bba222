//! Foreign forms: what other systems hand out, as bodies of our own notices.
//!
//! Promise: a form is pure. It reads one JSON document that was bounded and parsed before, and makes of each notice in it
//! the body that `POST /v1/notices` takes, or says which fields stop it, all of them at once, by their JSON pointers into
//! the document. Nothing is guessed: what a record does not say is taken from what the caller gave ([`Given`]), or the
//! record is refused. Not promised: that a body keeps the schema (an over-long title is refused there, by its field).
//!
//! What a form leaves out of a record is left out silently only where a subscriber loses nothing: contacts, transactions,
//! milestones. A deadline or a sum that is there and cannot be read stops its record, or stays in its own words.

mod html;
pub mod hunan;
mod kind;
pub mod ocds;
mod read;
mod time;

use serde_json::{Map, Value, json};

pub(super) use time::{Day, instant};

use crate::domain::catalogue::Catalogue;
use crate::services::refusal::Violation;

/// What stands in for what a record does not say.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The source that all of them come from, whatever they say.
    pub source: Option<String>,
    /// The category of those that name none. A record's own word refines it: see each form.
    pub category: Option<String>,
    /// The region of those that name none.
    pub region: Option<String>,
    /// The notice type of those that name none.
    pub notice_type: Option<String>,
}

/// What a document held at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Where: a JSON pointer.
    pub at: String,
    /// The body of a notice, or why there is none.
    pub notice: Result<Value, Vec<Violation>>,
}

impl Item {
    /// There is no notice here.
    fn refused(at: &str, rule: &'static str, zh: &str, en: &str) -> Self {
        Self { at: at.to_owned(), notice: Err(vec![Violation::body(at, rule, zh, en)]) }
    }
}

/// What every record of a document is held against.
#[derive(Debug, Clone, Copy)]
struct Held<'a> {
    catalogue: &'a Catalogue,
    given: &'a Given,
}

/// A body in the making: what is unknown is left out.
#[derive(Debug, Default)]
struct Draft(Map<String, Value>);

impl Draft {
    fn set(&mut self, field: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.0.insert(field.to_owned(), value.into());
        }
    }

    /// Sets a list, unless it is empty.
    fn list(&mut self, field: &str, values: Vec<Value>) {
        self.set(field, (!values.is_empty()).then_some(values));
    }
}

/// A party's body.
fn party(name: String, code: Option<String>) -> Value {
    let mut party = json!({ "name": name });
    // A code is what another system calls somebody: one that we cannot keep is left out, the name stays.
    if let Some(code) = code.filter(|code| code.chars().count() <= MAX_PARTY_CODE)
        && let Some(fields) = party.as_object_mut()
    {
        fields.insert("code".to_owned(), code.into());
    }
    party
}

/// The longest code of a party that a notice keeps, in characters.
const MAX_PARTY_CODE: usize = 64;
/// The longest address that a notice keeps, in characters.
const MAX_URL: usize = 2_000;

/// An address that a notice may keep.
fn url(text: String) -> Option<String> {
    let fits = (8..=MAX_URL).contains(&text.chars().count());
    let web = text.starts_with("https://") || text.starts_with("http://");
    let plain = !text.chars().any(|letter| letter.is_whitespace() || matches!(letter, '<' | '>'));
    (fits && web && plain).then_some(text)
}

#[cfg(test)]
pub(in crate::services) mod tests {
    use super::*;
    use crate::domain::catalogue::Documents;

    /// The catalogue that Yizhan comes with.
    pub fn catalogue() -> Catalogue {
        let documents = Documents {
            categories: serde_json::from_str(include_str!("../../../reference/categories.json")).unwrap(),
            regions: serde_json::from_str(include_str!("../../../reference/regions.json")).unwrap(),
            notice_types: serde_json::from_str(include_str!("../../../reference/notice_types.json")).unwrap(),
            stages: serde_json::from_str(include_str!("../../../reference/stages.json")).unwrap(),
        };
        Catalogue::new(documents, "test").unwrap()
    }

    #[test]
    fn only_what_a_browser_can_open_is_an_address() {
        assert!(url("https://example.org/a".to_owned()).is_some());
        for text in ["/relative", "ftp://example.org/", "http://", "javascript:alert(1)", "https://a b/"] {
            assert_eq!(url(text.to_owned()), None, "{text}");
        }
    }
}
