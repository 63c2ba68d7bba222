//! What a caller got, and what a test says about it.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null when it is none.
    pub json: Value,
}

impl Answer {
    /// Says that the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} answered {}: {}", self.asked, self.status, self.text);
        self
    }

    /// Says that this is a problem document with this code, complete and in its place.
    #[track_caller]
    pub fn problem(self, code: &str) -> Self {
        let Self { asked, status, text, json, .. } = &self;
        assert_eq!(json["code"], code, "{asked} answered {status}: {text}");
        assert_eq!(json["status"], *status, "{asked} speaks of another status: {text}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{asked}: {text}");
        assert_eq!(json["request_id"], self.header("x-request-id"), "{asked}: {text}");
        assert_eq!(json["type"], format!("/problems/{code}"), "{asked}: {text}");
        self
    }

    /// The rule broken at each place of a problem document, as `pointer or parameter → rule`, sorted.
    pub fn violations(&self) -> Vec<(String, String)> {
        let errors = self.json["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let word = |error: &Value, key: &str| error[key].as_str().map(ToOwned::to_owned);
        let place = |error: &Value| word(error, "pointer").or_else(|| word(error, "parameter")).unwrap_or_default();
        let mut found: Vec<_> =
            errors.iter().map(|error| (place(error), word(error, "rule").unwrap_or_default())).collect();
        found.sort();
        found
    }

    /// The value at a JSON pointer; null when there is none.
    pub fn at(&self, pointer: &str) -> &Value {
        self.json.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// The text at a JSON pointer.
    #[track_caller]
    pub fn string(&self, pointer: &str) -> String {
        let found = self.at(pointer).as_str();
        found.unwrap_or_else(|| panic!("{}: no text at {pointer}: {}", self.asked, self.text)).to_owned()
    }

    /// The `items` of a list.
    #[track_caller]
    pub fn items(&self) -> &[Value] {
        let items = self.json["items"].as_array();
        items.unwrap_or_else(|| panic!("{}: not a list: {}", self.asked, self.text))
    }

    /// A header's text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
