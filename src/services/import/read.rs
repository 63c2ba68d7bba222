//! From a line to a draft that may be stored, or to why not. All of it takes its time and none of it asks the database.

use std::sync::Arc;

use serde_json::Value;

use super::form::{Bodies, Convert, Converted};
use super::lines::{BYTE_ORDER_MARK, Line, MAX_LINE_BYTES};
use crate::domain::fanout::Announce;
use crate::services::Deps;
use crate::services::notice::{Desk, Draft, Prepared};
use crate::services::refusal::{Error, Refusal, Result, Violation};

/// What holds a body of `POST /v1/notices` against its schema and rules; the door's, because the schema is.
pub type Parse = fn(Value, &Deps) -> Result<Draft>;

/// How lines are read.
#[derive(Clone)]
pub struct Reader {
    /// What the services work with.
    pub deps: Deps,
    /// What drafts are held against.
    pub desk: Desk,
    /// What makes our bodies of what comes in.
    pub convert: Arc<dyn Convert>,
    /// What makes drafts of our bodies.
    pub parse: Parse,
    /// As far as anything is announced at most.
    pub announce: Announce,
}

/// A notice of an input, and where it stood.
#[derive(Debug)]
pub struct Item {
    /// Its line, from 1; 1 in a document.
    pub line: u64,
    /// Its number within the line or the document, from 1, where there are several.
    pub item: Option<u64>,
    /// What its source calls it, as far as that could be read.
    pub source_id: Option<String>,
    /// What it is.
    pub prepared: Prepared,
}

impl Reader {
    /// The notices of a line; none of a blank one.
    pub fn line(&self, line: &Line) -> Result<Vec<Item>> {
        if line.is_blank() {
            return Ok(Vec::new());
        }
        let value = match self.value(line) {
            Ok(value) => value,
            Err(error) => {
                let prepared = Prepared::refused(error)?;
                return Ok(vec![Item { line: line.number, item: None, source_id: None, prepared }]);
            }
        };
        let mut items = Vec::new();
        for converted in self.convert.convert(value) {
            items.push(self.item(line.number, converted)?);
        }
        if items.len() > 1 {
            (1..).zip(&mut items).for_each(|(number, item)| item.item = Some(number));
        }
        Ok(items)
    }

    /// The notices of a document, one by one.
    pub fn document(&self, text: &[u8]) -> Result<Bodies> {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let value = serde_json::from_slice(text);
        let value = value.map_err(|error| Error::refused(Refusal::MalformedJson, error.to_string()))?;
        Ok(self.convert.convert(value))
    }

    /// One notice that was converted.
    pub fn item(&self, line: u64, converted: Converted) -> Result<Item> {
        let (source_id, draft) = match converted {
            Ok(body) => {
                let source_id = body.get("source_id").and_then(Value::as_str);
                let source_id = source_id.map(|id| id.chars().take(MAX_SHOWN).collect());
                (source_id, (self.parse)(body, &self.deps))
            }
            Err(violations) => (None, Err(Error::invalid(violations))),
        };
        let prepared = match draft {
            Ok(draft) => {
                // A line says how far its notice shall be announced, and the import how far at most.
                let announce = draft.announce.min(self.announce);
                Prepared::of(&self.desk, Draft { announce, ..draft })?
            }
            Err(error) => Prepared::refused(error)?,
        };
        Ok(Item { line, item: None, source_id, prepared })
    }

    fn value(&self, line: &Line) -> Result<Value> {
        let refuse = |rule, zh: String, en: String| Error::invalid(vec![Violation::body("", rule, zh, en)]);
        let Some(text) = &line.text else { return Err(too_long()) };
        let text = std::str::from_utf8(text)
            .map_err(|error| refuse("not_utf8", format!("不是 UTF-8 文本：{error}"), format!("not UTF-8: {error}")))?;
        serde_json::from_str(text).map_err(|error| {
            if error.is_eof() && !line.is_ended {
                return refuse(
                    "truncated",
                    format!("最后一行不完整：{error}"),
                    format!("the last line is cut off: {error}"),
                );
            }
            Error::refused(Refusal::MalformedJson, error.to_string())
        })
    }
}

/// The refusal of a line that is too long.
pub fn too_long() -> Error {
    let (zh, en) = (format!("一行最多 {MAX_LINE_BYTES} 字节"), format!("at most {MAX_LINE_BYTES} bytes a line"));
    Error::invalid(vec![Violation::body("", "line_too_long", zh, en)])
}

/// The most characters that are shown of a source id that nobody has checked.
const MAX_SHOWN: usize = 200;
