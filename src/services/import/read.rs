//! From pieces to drafts that may be stored, or to why not. All of it takes its time and none of it asks the database.

use std::iter::Peekable;
use std::sync::Arc;

use serde_json::Value;

use super::cut::{MAX_DOCUMENT_BYTES, MAX_DOCUMENT_VALUES, MAX_LINE_BYTES, Piece};
use super::form::{Bodies, Convert, Converted, Unit};
use crate::domain::fanout::Announce;
use crate::services::Deps;
use crate::services::notice::{Desk, Draft, Prepared};
use crate::services::refusal::{Error, Refusal, Result, Violation};

/// What holds a body of `POST /v1/notices` against its schema and rules; the door's, because the schema is.
pub type Parse = fn(Value, &Deps) -> Result<Draft>;

/// How pieces are read.
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
    /// Its line or document, from 1.
    pub line: u64,
    /// Its number within that, from 1, where there are several.
    pub item: Option<u64>,
    /// What its source calls it, as far as that could be read.
    pub source_id: Option<String>,
    /// What it is.
    pub prepared: Prepared,
}

/// Pieces that are read little by little: one document may hold more notices than memory should.
pub struct Reading {
    reader: Reader,
    pieces: std::vec::IntoIter<Piece>,
    open: Option<Open>,
    /// Notices of the first piece that were stored before.
    passed: u64,
}

/// The piece at hand.
struct Open {
    number: u64,
    bodies: Peekable<Bodies>,
    /// How many of its notices were read.
    read: u64,
}

/// Notices that were read at once.
pub struct Batch {
    /// They.
    pub items: Vec<Item>,
    /// Pieces that are read to their end with them.
    pub pieces: u64,
    /// How many notices of the piece after those they hold, and what came before them.
    pub within: u64,
    /// What is not read yet.
    pub rest: Option<Reading>,
}

impl Reading {
    /// Begins to read, after so many notices of the first piece.
    pub fn new(reader: Reader, pieces: Vec<Piece>, passed: u64) -> Self {
        Self { reader, pieces: pieces.into_iter(), open: None, passed }
    }

    /// Reads so many notices at most.
    pub fn batch(mut self, count: usize) -> Result<Batch> {
        let (mut items, mut pieces) = (Vec::with_capacity(count), 0);
        while items.len() < count {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => match self.pieces.next() {
                    None => break,
                    Some(piece) => match self.open(&piece)? {
                        Ok(open) => open,
                        Err(refused) => {
                            items.push(refused);
                            pieces += 1;
                            continue;
                        }
                    },
                },
            };
            if let Some(converted) = open.bodies.next() {
                open.read += 1;
                let several = open.read > 1 || open.bodies.peek().is_some();
                let item = self.reader.item(open.number, converted)?;
                items.push(Item { item: several.then_some(open.read), ..item });
            }
            if open.bodies.peek().is_some() {
                self.open = Some(open);
            } else {
                pieces += 1;
            }
        }
        let within = self.open.as_ref().map_or(0, |open| open.read);
        let is_left = self.open.is_some() || self.pieces.len() > 0;
        Ok(Batch { items, pieces, within, rest: is_left.then_some(self) })
    }

    /// Opens a piece; or what is told of one that cannot be read.
    fn open(&mut self, piece: &Piece) -> Result<std::result::Result<Open, Item>> {
        let bodies: Bodies = if piece.is_blank() {
            Box::new(std::iter::empty())
        } else {
            match self.reader.value(piece) {
                Ok(value) => self.reader.convert.convert(value),
                Err(error) => {
                    let prepared = Prepared::refused(error)?;
                    return Ok(Err(Item { line: piece.number, item: None, source_id: None, prepared }));
                }
            }
        };
        let mut bodies = bodies.peekable();
        let read = std::mem::take(&mut self.passed);
        (0..read).for_each(|_| drop(bodies.next()));
        Ok(Ok(Open { number: piece.number, bodies, read }))
    }
}

impl Reader {
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

    fn value(&self, piece: &Piece) -> Result<Value> {
        let refuse = |rule, zh: String, en: String| Error::invalid(vec![Violation::body("", rule, zh, en)]);
        let Some(text) = &piece.text else { return Err(too_large(self.convert.unit())) };
        let text = std::str::from_utf8(text)
            .map_err(|error| refuse("not_utf8", format!("不是 UTF-8 文本：{error}"), format!("not UTF-8: {error}")))?;
        serde_json::from_str(text).map_err(|error| {
            if error.is_eof() && !piece.is_ended {
                return refuse("truncated", format!("末尾不完整：{error}"), format!("its end is missing: {error}"));
            }
            // The parser counts lines within the piece: of a line they say nothing.
            let said = error.to_string();
            let detail = match (self.convert.unit(), said.rsplit_once(" at line ")) {
                (Unit::Line, Some((what, _))) => format!("{what} at column {}", error.column()),
                _ => said,
            };
            Error::refused(Refusal::MalformedJson, detail)
        })
    }
}

/// The refusal of a piece that is too large.
pub fn too_large(unit: Unit) -> Error {
    let (rule, zh, en) = match unit {
        Unit::Line => (
            "line_too_long",
            format!("一行最多 {MAX_LINE_BYTES} 字节"),
            format!("at most {MAX_LINE_BYTES} bytes a line"),
        ),
        Unit::Document => (
            "document_too_large",
            format!("一个文档最多 {MAX_DOCUMENT_BYTES} 字节、{MAX_DOCUMENT_VALUES} 个值"),
            format!("at most {MAX_DOCUMENT_BYTES} bytes and {MAX_DOCUMENT_VALUES} values a document"),
        ),
    };
    Error::invalid(vec![Violation::body("", rule, zh, en)])
}

/// The most characters that are shown of a source id that nobody has checked.
const MAX_SHOWN: usize = 200;
