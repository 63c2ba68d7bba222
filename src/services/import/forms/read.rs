//! Reading foreign JSON field by field: every value knows where it stands, and what is wrong is noted, not thrown.
//!
//! Promise: nothing here panics or recurses, whatever the document holds. Feeds write `null`, `""`, `[]` and `{}` for
//! what they do not know: all of them count as missing. A value of another type than is asked for is refused by its
//! place, for what cannot be read may be a deadline.

use std::cell::RefCell;

use serde_json::Value;

use crate::domain::time::Timestamp;
use crate::services::import::forms::time;
use crate::services::refusal::{MAX_VIOLATIONS, Violation};

/// What was found wrong with one item.
#[derive(Debug, Default)]
pub struct Faults(RefCell<Vec<Violation>>);

impl Faults {
    /// Notes a fault; the first [`MAX_VIOLATIONS`] are kept, each place once.
    pub fn note(&self, pointer: &str, rule: &'static str, zh: impl Into<String>, en: impl Into<String>) {
        let fault = Violation::body(pointer, rule, zh, en);
        if let Ok(mut found) = self.0.try_borrow_mut()
            && found.len() < MAX_VIOLATIONS
            && !found.iter().any(|known| known.place == fault.place)
        {
            found.push(fault);
        }
    }

    /// All of them.
    pub fn into_inner(self) -> Vec<Violation> {
        self.0.into_inner()
    }
}

/// A value, where it stands, and where its faults are noted.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    value: &'a Value,
    at: String,
    faults: &'a Faults,
}

impl<'a> Node<'a> {
    /// The value that stands at `at`.
    pub fn new(value: &'a Value, at: impl Into<String>, faults: &'a Faults) -> Self {
        Self { value, at: at.into(), faults }
    }

    /// Where it stands: a JSON pointer.
    pub fn at(&self) -> &str {
        &self.at
    }

    /// The value itself.
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// Where faults are noted.
    pub fn faults(&self) -> &'a Faults {
        self.faults
    }

    /// Whether a feed says nothing here.
    pub fn is_missing(&self) -> bool {
        is_missing(self.value)
    }

    /// Notes that something is wrong here.
    pub fn fault(&self, rule: &'static str, zh: impl Into<String>, en: impl Into<String>) {
        self.faults.note(&self.at, rule, zh, en);
    }

    fn wrong_type(&self, wanted: &str) {
        self.fault("type", format!("类型应为 {wanted}"), format!("must be of type {wanted}"));
    }

    /// A field of an object; missing when this is missing.
    pub fn get(&self, name: &str) -> Self {
        let value = match self.value {
            Value::Object(fields) => fields.get(name).unwrap_or(&Value::Null),
            _ => {
                if !self.is_missing() {
                    self.wrong_type("object");
                }
                &Value::Null
            }
        };
        Self { value, at: format!("{}/{}", self.at, name.replace('~', "~0").replace('/', "~1")), faults: self.faults }
    }

    /// A text, trimmed; numbers count as what they are written as.
    pub fn text(&self) -> Option<String> {
        match self.value {
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => {
                if !self.is_missing() {
                    self.wrong_type("string");
                }
                None
            }
        }
    }

    /// A text that must be there.
    pub fn required(&self) -> Option<String> {
        let text = self.text();
        if self.is_missing() {
            self.fault("required", "缺少该字段", "this field is required");
        }
        text
    }

    /// The items of an array; a lone value that should be an array counts as its only item.
    pub fn items(&self) -> Vec<Self> {
        match self.value {
            Value::Array(items) => {
                let node = |(place, value)| Self::new(value, format!("{}/{place}", self.at), self.faults);
                items.iter().enumerate().map(node).collect()
            }
            _ if self.is_missing() => Vec::new(),
            _ => vec![self.clone()],
        }
    }

    /// An instant; without an offset it is China's time, and a bare date ends with its last second when it ends
    /// something.
    pub fn instant(&self, day: time::Day) -> Option<Timestamp> {
        let text = self.text()?;
        let instant = time::instant(&text, day);
        if instant.is_none() {
            self.fault("time", format!("无法识别的时间：{}", short(&text)), format!("not a time: {}", short(&text)));
        }
        instant
    }
}

/// Whether a feed says nothing with this value.
pub fn is_missing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// As much of a foreign text as an error shows.
pub fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_feeds_write_for_nothing_is_missing() {
        let faults = Faults::default();
        let document = json!({"a": null, "b": " ", "c": [], "d": {}, "e": 0, "f": "x"});
        let node = Node::new(&document, "", &faults);
        assert!(["a", "b", "c", "d", "g"].iter().all(|name| node.get(name).is_missing()));
        assert_eq!((node.get("e").text(), node.get("f").text()), (Some("0".to_owned()), Some("x".to_owned())));
        assert_eq!(node.get("a").get("deep").get("deeper").text(), None);
        assert!(faults.into_inner().is_empty());
    }

    #[test]
    fn a_value_of_another_type_is_refused_by_its_place() {
        let faults = Faults::default();
        let document = json!({"a/b": [true], "c": "x", "d": "soon"});
        let node = Node::new(&document, "/0", &faults);
        node.get("a/b").items().iter().for_each(|item| assert_eq!(item.text(), None));
        assert_eq!(node.get("c").get("e").text(), None);
        assert_eq!(node.get("d").instant(time::Day::Begins), None);
        node.get("e").required();
        let faults: Vec<String> = faults.into_inner().iter().map(|fault| format!("{:?}", fault.place)).collect();
        assert_eq!(faults, ["Body(\"/0/a~1b/0\")", "Body(\"/0/c\")", "Body(\"/0/d\")", "Body(\"/0/e\")"]);
    }
}
