//! Answers of the Hunan trading platform (湖南省公共资源交易), as its pages fetch them.
//!
//! Four kinds of answer are known by their shape, whatever their lists are called:
//!
//! | answer | known by | what becomes of it |
//! | --- | --- | --- |
//! | notices of a section, announcements | objects with `noticeName` and `noticeContent` | each a notice |
//! | search list | objects with `noticeName` alone | tells region and type of a notice of the same section and name |
//! | project | an object with a project's name or code | tells project, purchaser, agency, budget |
//! | sections | objects with a section's name or code | tell section, sums, category |
//!
//! A notice alone says neither region nor purchaser, so answers belong together: a JSON array of answers is one document,
//! in which notices find what their list, project and section say. A row of a list without its notice is refused: it has
//! neither a text nor an id of its own, and the notice would come a second time as another one.
//!
//! What each field becomes stands in [`notice`].

mod notice;

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::read::{Faults, Node, is_missing, short};
use super::{Given, Held, Item};
use crate::domain::catalogue::Catalogue;

/// How answers call the section that a notice or a row belongs to.
const SECTION_IDS: [&str; 3] = ["governmentPurchaseSectionInformationId", "constructionSectionId", "bidSectionId"];
/// How they call its project.
const PROJECT_IDS: [&str; 4] =
    ["constructionTenderId", "governmentPurchasementProjectInformationId", "tenderProjectId", "projectId"];
/// What only a section has.
const SECTION_MARKS: [&str; 4] = ["purchaseSectionCode", "purchaseSectionName", "bidSectionCode", "bidSectionName"];
/// What only a project has.
const PROJECT_MARKS: [&str; 3] = ["purchaseProjectName", "purchaseProjectCode", "tenderProjectName"];

/// A value, and where it stands.
type Placed<'a> = (&'a Value, String);

/// What a document holds, taken apart.
#[derive(Debug, Default)]
struct Answers<'a> {
    notices: Vec<Placed<'a>>,
    rows: Vec<Placed<'a>>,
    /// Where the row with a section and a name stands among them.
    by_key: HashMap<(&'a str, &'a str), usize>,
    projects: HashMap<&'a str, Placed<'a>>,
    sections: HashMap<&'a str, Placed<'a>>,
    failed: Vec<Item>,
}

/// The notices of a document.
pub fn notices(document: &Value, catalogue: &Catalogue, given: &Given) -> Vec<Item> {
    let mut answers = Answers::default();
    match document {
        Value::Array(parts) if !parts.iter().any(is_notice_or_row) => {
            parts.iter().enumerate().for_each(|(place, part)| answers.read(part, &format!("/{place}")));
        }
        Value::Array(parts) => answers.list(parts, ""),
        _ => answers.read(document, ""),
    }
    let held = Held { catalogue, given };
    let mut items: Vec<Item> = answers.notices.iter().map(|(value, at)| one(value, at, &answers, held)).collect();
    let (zh, en) = (
        "列表中的一行不是公告：没有正文和自己的编号，请与公告接口的返回一起导入",
        "a row of a list is no notice: it has no text and no id of its own; hand its notice in together with it",
    );
    let lone = answers.lone_rows();
    items.extend(lone.iter().map(|at| Item::refused(at, "row_alone", zh, en)));
    items.append(&mut answers.failed);
    if items.is_empty() {
        let (zh, en) = if answers.projects.is_empty() && answers.sections.is_empty() {
            ("没有公告", "there is no notice in it")
        } else {
            ("只有项目，没有公告：请与公告接口的返回一起导入", "a project without its notices: hand them in together")
        };
        items.push(Item::refused("", "no_notice", zh, en));
    }
    items
}

fn one(value: &Value, at: &str, answers: &Answers<'_>, held: Held<'_>) -> Item {
    let faults = Faults::default();
    let made = notice::notice(&Node::new(value, at, &faults), answers, held);
    let found = faults.into_inner();
    Item { at: at.to_owned(), notice: if found.is_empty() { Ok(made) } else { Err(found) } }
}

fn is_notice_or_row(value: &Value) -> bool {
    value.get("noticeName").is_some()
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// The first of these fields that holds a text.
fn any_text<'a>(value: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| text(value, name))
}

/// What a row of a list and its notice have in common.
fn key(value: &Value) -> Option<(&str, &str)> {
    any_text(value, &SECTION_IDS).zip(text(value, "noticeName"))
}

impl<'a> Answers<'a> {
    /// Takes an answer apart: the envelope, then what its data holds.
    fn read(&mut self, answer: &'a Value, at: &str) {
        let code = answer.get("code").map(ToString::to_string).unwrap_or_default();
        let failed =
            answer.get("success") == Some(&Value::Bool(false)) || !["", "0", "200"].contains(&code.trim_matches('"'));
        let (data, at) = match answer.get("data") {
            Some(data) => (data, format!("{at}/data")),
            None => (answer, at.to_owned()),
        };
        if failed && is_missing(data) {
            let said = short(text(answer, "msg").unwrap_or_default());
            let (zh, en) = (format!("平台返回了错误：{said}"), format!("the platform answered with an error: {said}"));
            return self.failed.push(Item::refused(&at, "failed_answer", &zh, &en));
        }
        match data {
            Value::Array(list) => self.list(list, &at),
            Value::Object(_) if is_notice_or_row(data) => self.list(std::slice::from_ref(data), &at),
            Value::Object(fields) => {
                for (name, field) in fields {
                    let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                    match field {
                        Value::Array(list) => self.list(list, &at),
                        _ => self.fact(field, at),
                    }
                }
            }
            _ => {}
        }
    }

    fn list(&mut self, list: &'a [Value], at: &str) {
        for (place, value) in list.iter().enumerate() {
            let at = format!("{at}/{place}");
            if !is_notice_or_row(value) {
                self.fact(value, at);
            } else if value.get("noticeContent").is_some() {
                self.notices.push((value, at));
            } else {
                if let Some(key) = key(value) {
                    self.by_key.entry(key).or_insert(self.rows.len());
                }
                self.rows.push((value, at));
            }
        }
    }

    /// A project or a section, by its id.
    fn fact(&mut self, value: &'a Value, at: String) {
        let Some(id) = text(value, "id") else { return };
        let has = |marks: &[&str]| marks.iter().any(|mark| value.get(mark).is_some());
        if has(&SECTION_MARKS) {
            self.sections.insert(id, (value, at));
        } else if has(&PROJECT_MARKS) {
            self.projects.insert(id, (value, at));
        }
    }

    /// Where rows stand whose notice is not in the document.
    fn lone_rows(&self) -> Vec<String> {
        let keys: HashSet<_> = self.notices.iter().filter_map(|(notice, _)| key(notice)).collect();
        let lone = self.rows.iter().filter(|(row, _)| key(row).is_none_or(|key| !keys.contains(&key)));
        lone.map(|(_, at)| at.clone()).collect()
    }

    /// The row of a list that speaks of this notice.
    fn row_of(&self, notice: &Value) -> Option<&Placed<'a>> {
        self.rows.get(*self.by_key.get(&key(notice)?)?)
    }
}
