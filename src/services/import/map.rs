//! A map: how the fields of a foreign object become those of a notice.
//!
//! A map is JSON of the shape of a notice's body, with a *rule* where a value belongs:
//!
//! ```json
//! {
//!   "source": { "const": "hnsggzy" },
//!   "source_id": "/noticeId",
//!   "category": { "from": "/industry", "values": { "A01": "construction.a01" }, "default": "construction" },
//!   "published_at": { "from": "/noticeSendTime", "as": "time" },
//!   "amounts": [{ "kind": { "const": "budget" }, "fen": { "from": "/budget", "as": "yuan" } }]
//! }
//! ```
//!
//! A text is a JSON pointer (RFC 6901) into the foreign object. A rule says where its value comes from (`from`, `const`,
//! or `first`: the first of several rules that gives one) and what becomes of it (`values`, `default`, `prefix`,
//! `suffix`, `split`, `as`). `{ "each": pointer, "item": … }` makes a list of a foreign list. What is missing, null or
//! blank is left out, and so is an object or an item of a list in which nothing but constants was found. Numbers become
//! texts everywhere but in `fen`.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map as Fields, Value};

use super::foreign;
use super::form::{Bodies, Convert};
use super::forms::Day;
use crate::services::refusal::Violation;

/// The largest map that is read.
pub const MAX_BYTES: u64 = 1024 * 1024;
/// How deep a map may be; a notice is three deep.
const MAX_DEPTH: usize = 8;

/// A map that can be used.
#[derive(Debug, Clone)]
pub struct Map(Node);

/// Why a text is no map.
#[derive(Debug, thiserror::Error)]
#[error("{at}: {why}")]
pub struct MapError {
    at: String,
    why: String,
}

#[derive(Debug, Clone)]
enum Node {
    Fields(Vec<(String, Node)>),
    List(Vec<Node>),
    Each { from: String, item: Box<Node> },
    First(Vec<Rule>),
}

/// One way to come to a value.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    from: Option<String>,
    #[serde(rename = "const")]
    constant: Option<Value>,
    values: Option<HashMap<String, Value>>,
    default: Option<Value>,
    prefix: Option<String>,
    suffix: Option<String>,
    split: Option<String>,
    #[serde(rename = "as")]
    shape: Option<Shape>,
}

/// What a text is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    /// A time as feeds write it; in China's zone when it names none. A bare date is that day's first instant.
    Time,
    /// The same of something that ends: a bare date is that day's last second.
    Deadline,
    /// A sum in yuan, to be told in fen; what cannot be read for certain is left out.
    Yuan,
    /// Plain text, to be told as HTML: a paragraph for each line.
    Paragraphs,
}

/// A value that was found.
struct Found {
    value: Value,
    /// Whether it comes from the input, and is no constant.
    live: bool,
}

impl Map {
    /// Reads a map.
    pub fn parse(text: &str) -> Result<Self, MapError> {
        let value: Value = serde_json::from_str(text).map_err(|error| wrong("", error))?;
        match node("", &value, 0)? {
            fields @ Node::Fields(_) => Ok(Self(fields)),
            _ => Err(wrong("", "a map is an object of the shape of a notice")),
        }
    }
}

impl Convert for Map {
    fn convert(&self, input: Value) -> Bodies {
        let mut wrong = Vec::new();
        let found = evaluate(&self.0, &input, "", &mut wrong);
        let body = found.map_or_else(|| Value::Object(Fields::new()), |found| found.value);
        Box::new(std::iter::once(if wrong.is_empty() { Ok(body) } else { Err(wrong) }))
    }
}

fn wrong(at: &str, why: impl ToString) -> MapError {
    let at = if at.is_empty() { "the map".to_owned() } else { format!("the map at {at}") };
    MapError { at, why: why.to_string() }
}

fn node(at: &str, value: &Value, depth: usize) -> Result<Node, MapError> {
    if depth > MAX_DEPTH {
        return Err(wrong(at, format!("deeper than {MAX_DEPTH}")));
    }
    match value {
        Value::String(_) => Ok(Node::First(vec![rule(at, value)?])),
        Value::Array(items) => {
            let items = items.iter().enumerate().map(|(place, item)| node(&format!("{at}/{place}"), item, depth + 1));
            Ok(Node::List(items.collect::<Result<_, _>>()?))
        }
        Value::Object(fields) if fields.contains_key("first") => match fields.get("first") {
            Some(Value::Array(rules)) if fields.len() == 1 && !rules.is_empty() => {
                Ok(Node::First(rules.iter().map(|value| rule(at, value)).collect::<Result<_, _>>()?))
            }
            _ => Err(wrong(at, "`first` stands alone and is a list of rules")),
        },
        Value::Object(fields) if fields.contains_key("each") => match (fields.get("each"), fields.get("item")) {
            (Some(Value::String(from)), Some(item)) if fields.len() == 2 => {
                Ok(Node::Each { from: pointer(at, from)?, item: Box::new(node(at, item, depth + 1)?) })
            }
            _ => Err(wrong(at, "`each` is a pointer and stands beside `item` alone")),
        },
        Value::Object(fields) if ["from", "const"].iter().any(|key| fields.contains_key(*key)) => {
            Ok(Node::First(vec![rule(at, value)?]))
        }
        Value::Object(fields) => {
            let each =
                |(name, value): (&String, &Value)| Ok((name.clone(), node(&format!("{at}/{name}"), value, depth + 1)?));
            Ok(Node::Fields(fields.iter().map(each).collect::<Result<_, _>>()?))
        }
        _ => {
            Err(wrong(at, "neither a pointer (a text) nor a rule, an object or a list; a constant is { \"const\": … }"))
        }
    }
}

fn rule(at: &str, value: &Value) -> Result<Rule, MapError> {
    let value = match value {
        Value::String(from) => serde_json::json!({ "from": from }),
        other => other.clone(),
    };
    let rule: Rule = serde_json::from_value(value).map_err(|error| wrong(at, error))?;
    match (&rule.from, &rule.constant) {
        (Some(from), None) => pointer(at, from).map(|_| rule),
        (None, Some(_)) => Ok(rule),
        _ => Err(wrong(at, "a rule has either `from` or `const`")),
    }
}

fn pointer(at: &str, text: &str) -> Result<String, MapError> {
    match text.is_empty() || text.starts_with('/') {
        true => Ok(text.to_owned()),
        false => Err(wrong(at, format!("`{text}` is no JSON pointer: it begins with `/`"))),
    }
}

/// What a node comes to for an input; what is wrong is added to `wrong`. `base` is where `input` stands in the whole.
fn evaluate(node: &Node, input: &Value, base: &str, wrong: &mut Vec<Violation>) -> Option<Found> {
    match node {
        Node::Fields(fields) => {
            let (mut object, mut live) = (Fields::new(), false);
            for (name, node) in fields {
                let Some(mut found) = evaluate(node, input, base, wrong) else { continue };
                if name != "fen" {
                    found.value = foreign::in_words(found.value);
                }
                live |= found.live;
                object.insert(name.clone(), found.value);
            }
            live.then_some(Found { value: Value::Object(object), live })
        }
        Node::List(nodes) => {
            let found: Vec<Found> = nodes.iter().filter_map(|node| evaluate(node, input, base, wrong)).collect();
            list(found)
        }
        Node::Each { from, item } => {
            let items = input.pointer(from).and_then(Value::as_array)?;
            let each = items.iter().enumerate();
            list(each.filter_map(|(n, value)| evaluate(item, value, &format!("{base}{from}/{n}"), wrong)).collect())
        }
        Node::First(rules) => {
            let mut missing = None;
            for rule in rules {
                match rule.apply(input, base) {
                    Ok(Some(found)) => return Some(found),
                    Ok(None) => {}
                    Err(violation) => missing = Some(violation),
                }
            }
            wrong.extend(missing);
            None
        }
    }
}

fn list(found: Vec<Found>) -> Option<Found> {
    let live = found.iter().any(|item| item.live);
    let items: Vec<Value> = found.into_iter().map(|item| foreign::in_words(item.value)).collect();
    (!items.is_empty()).then_some(Found { value: Value::Array(items), live })
}

impl Rule {
    fn apply(&self, input: &Value, base: &str) -> Result<Option<Found>, Violation> {
        if let Some(constant) = &self.constant {
            return Ok(Some(Found { value: constant.clone(), live: false }));
        }
        let from = self.from.as_deref().unwrap_or_default();
        let default = || self.default.clone().map(|value| Found { value, live: false });
        let Some(value) = input.pointer(from).filter(|value| !foreign::is_blank(value)) else { return Ok(default()) };
        if let Some(values) = &self.values {
            let word = foreign::word(value);
            let found = values.get(word.trim()).cloned().map(|value| Found { value, live: true });
            let at = format!("{base}{from}");
            return found.or_else(default).map(Some).ok_or_else(|| foreign::not_in_table(&at, &word));
        }
        let shaped =
            self.shape(value).map_err(|(rule, zh, en)| Violation::body(format!("{base}{from}"), rule, zh, en))?;
        Ok(shaped.map(|value| Found { value, live: true }).or_else(default))
    }

    fn shape(&self, value: &Value) -> foreign::Shaped {
        match self.shape {
            Some(Shape::Time) => return foreign::time(&foreign::word(value), Day::Begins),
            Some(Shape::Deadline) => return foreign::time(&foreign::word(value), Day::Ends),
            Some(Shape::Yuan) => return Ok(foreign::yuan(value)),
            Some(Shape::Paragraphs) => return Ok(Some(foreign::paragraphs(&foreign::word(value)).into())),
            None => {}
        }
        if let Some(split) = &self.split {
            let parts = foreign::word(value);
            let parts = parts.split(split.as_str()).map(str::trim).filter(|part| !part.is_empty());
            return Ok(Some(parts.map(Value::from).collect()));
        }
        if self.prefix.is_none() && self.suffix.is_none() {
            return Ok(Some(value.clone()));
        }
        let side = |text: &Option<String>| text.clone().unwrap_or_default();
        Ok(Some(format!("{}{}{}", side(&self.prefix), foreign::word(value), side(&self.suffix)).into()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mapped(map: Value, input: Value) -> Result<Value, Vec<(crate::services::refusal::Place, &'static str)>> {
        let map = Map::parse(&map.to_string()).expect("a map");
        let mut bodies = map.convert(input);
        let body = bodies.next().expect("one body");
        assert!(bodies.next().is_none());
        body.map_err(|wrong| wrong.into_iter().map(|violation| (violation.place, violation.rule)).collect())
    }

    #[test]
    fn fields_are_found_by_pointers_and_what_is_blank_is_left_out() {
        let map = json!({ "source": { "const": "s" }, "source_id": "/id", "title": "/a/b", "amends": "/none" });
        let body = mapped(map, json!({ "id": 7, "a": { "b": " 标题 " }, "none": "  " }));
        assert_eq!(body, Ok(json!({ "source": "s", "source_id": "7", "title": " 标题 " })));
    }

    #[test]
    fn an_object_of_constants_alone_is_left_out() {
        let map = json!({ "amounts": [{ "kind": { "const": "award" }, "fen": { "from": "/yuan", "as": "yuan" } }],
            "sections": ["/section"], "project": { "code": "/code", "name": { "const": "x" } } });
        assert_eq!(mapped(map.clone(), json!({})), Ok(json!({})));
        let full = mapped(map, json!({ "yuan": 246786.62, "section": "S-1", "code": "P" }));
        let project = json!({ "code": "P", "name": "x" });
        let amounts = json!([{ "kind": "award", "fen": 24_678_662 }]);
        assert_eq!(full, Ok(json!({ "amounts": amounts, "sections": ["S-1"], "project": project })));
    }

    #[test]
    fn a_table_turns_words_into_codes_and_says_what_it_lacks() {
        let rule = json!({ "from": "/k", "values": { "A": "a", "1": "one" } });
        assert_eq!(mapped(json!({ "category": rule }), json!({ "k": "A" })), Ok(json!({ "category": "a" })));
        assert_eq!(mapped(json!({ "category": rule }), json!({ "k": 1 })), Ok(json!({ "category": "one" })));
        let lacks = mapped(json!({ "category": rule }), json!({ "k": "B" })).expect_err("not in the table");
        assert_eq!(lacks, [(crate::services::refusal::Place::Body("/k".to_owned()), "not_in_table")]);
        let first = json!({ "category": { "first": [rule, "/other"] } });
        assert_eq!(mapped(first.clone(), json!({ "k": "B", "other": "o" })), Ok(json!({ "category": "o" })));
        assert!(mapped(first, json!({ "k": "B" })).is_err());
    }

    #[test]
    fn what_ends_on_a_day_ends_with_it() {
        let map =
            json!({ "published_at": { "from": "/at", "as": "time" }, "until": { "from": "/at", "as": "deadline" } });
        let body = mapped(map.clone(), json!({ "at": "2026年3月1日" }));
        assert_eq!(
            body,
            Ok(json!({ "published_at": "2026-02-28T16:00:00.000Z", "until": "2026-03-01T15:59:59.000Z" }))
        );
        let body = mapped(map.clone(), json!({ "at": "2026年3月1日9时" }));
        assert_eq!(
            body,
            Ok(json!({ "published_at": "2026-03-01T01:00:00.000Z", "until": "2026-03-01T01:00:00.000Z" }))
        );
        assert!(mapped(map, json!({ "at": "见招标文件" })).is_err());
    }

    #[test]
    fn lists_are_made_of_lists_and_of_joined_texts() {
        let map = json!({ "winners": { "each": "/w", "item": { "name": "/n" } },
            "sections": { "from": "/s", "split": ";" }, "x": "/list" });
        let body = mapped(map, json!({ "w": [{ "n": "甲" }, {}, { "n": "乙" }], "s": "1; 2;", "list": ["a"] }));
        let winners = json!([{ "name": "甲" }, { "name": "乙" }]);
        assert_eq!(body, Ok(json!({ "winners": winners, "sections": ["1", "2"], "x": ["a"] })));
    }

    #[test]
    fn what_is_no_map_is_said_with_its_place() {
        let refused = |map: Value| Map::parse(&map.to_string()).expect_err("no map").to_string();
        assert_eq!(refused(json!([])), "the map: a map is an object of the shape of a notice");
        assert!(refused(json!({ "title": "name" })).starts_with("the map at /title: `name` is no JSON pointer"));
        assert!(refused(json!({ "title": { "from": "/a", "form": 1 } })).contains("unknown field `form`"));
        assert!(refused(json!({ "title": { "from": "/a", "const": 1 } })).contains("either `from` or `const`"));
        assert!(refused(json!({ "project": { "code": 7 } })).starts_with("the map at /project/code"));
    }
}
