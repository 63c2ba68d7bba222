//! What changed between two editions of a notice: for each field from what to what; for the body the lines.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::html::{self, Body};
use crate::domain::notice::{Content, NoticeState};

/// The name of the body's text among the fields.
const BODY: &str = "body";
/// The name of the addresses that the body links to.
const LINKS: &str = "links";
/// The name of the files.
const ATTACHMENTS: &str = "attachments";

/// A field that differs. For `body` the sides are the lines that went and that came, for `links` the addresses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The field's name.
    pub field: String,
    /// What it was.
    pub from: Value,
    /// What it is.
    pub to: Value,
}

/// The most lines that are shown of each side.
const MAX_LINES: usize = 20;
/// The most characters that are shown of a line.
const MAX_LINE_CHARS: usize = 200;
/// Bodies that differ in more lines than this are compared no closer: the table of the comparison would be too large.
const MAX_COMPARED: usize = 400;

/// Everything that differs.
pub fn changes(old: (&Content, &Body), new: (&Content, &Body)) -> Vec<Change> {
    let fields = |content: &Content| match serde_json::to_value(content) {
        Ok(Value::Object(mut fields)) => {
            // None are not stored; here they are an empty list, as every other list is.
            fields.entry(ATTACHMENTS).or_insert_with(|| Value::Array(Vec::new()));
            fields
        }
        _ => serde_json::Map::new(),
    };
    let (from, to) = (fields(old.0), fields(new.0));
    let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let side = |fields: &serde_json::Map<String, Value>, name: &str| fields.get(name).cloned().unwrap_or_default();
    let differing = names.into_iter().filter(|name| from.get(*name) != to.get(*name));
    let mut changes: Vec<Change> =
        differing.map(|name| Change { field: name.clone(), from: side(&from, name), to: side(&to, name) }).collect();
    changes.extend(body_change(&old.1.text, &new.1.text));
    changes.extend(links_change(&html::links(&old.1.html), &html::links(&new.1.html)));
    changes
}

impl Change {
    /// Whether it may be shown of a notice in this state: of one that was withdrawn, nothing of its body or
    /// its files.
    pub fn is_shown(&self, state: NoticeState) -> bool {
        state == NoticeState::Published || ![BODY, LINKS, ATTACHMENTS].contains(&self.field.as_str())
    }
}

fn links_change(old: &[String], new: &[String]) -> Option<Change> {
    let beside = |of: &[String], other: &[String]| {
        let alone: Vec<&str> = of.iter().filter(|link| !other.contains(link)).map(String::as_str).collect();
        shown(&alone)
    };
    // Each is looked for among all others: bodies with more links than this are not asked.
    let same = old == new || old.len() > MAX_COMPARED || new.len() > MAX_COMPARED;
    (!same).then(|| Change { field: LINKS.to_owned(), from: beside(old, new), to: beside(new, old) })
}

fn body_change(old: &str, new: &str) -> Option<Change> {
    if old == new {
        return None;
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same_start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old, new) = (old.get(same_start..).unwrap_or_default(), new.get(same_start..).unwrap_or_default());
    let same_end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let old = old.get(..old.len().saturating_sub(same_end)).unwrap_or_default();
    let new = new.get(..new.len().saturating_sub(same_end)).unwrap_or_default();
    let (gone, come) = if old.len() > MAX_COMPARED || new.len() > MAX_COMPARED {
        (old.to_vec(), new.to_vec())
    } else {
        unmatched(old, new)
    };
    Some(Change { field: BODY.to_owned(), from: shown(&gone), to: shown(&come) })
}

/// The lines of each side that are not in the longest common subsequence.
fn unmatched<'a>(old: &[&'a str], new: &[&'a str]) -> (Vec<&'a str>, Vec<&'a str>) {
    // lengths[i][j]: how many lines old[i..] and new[j..] have in common, in order.
    let mut lengths = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    let at =
        |lengths: &[Vec<usize>], i: usize, j: usize| lengths.get(i).and_then(|row| row.get(j)).copied().unwrap_or(0);
    for (i, line) in old.iter().enumerate().rev() {
        for (j, other) in new.iter().enumerate().rev() {
            let length = if line == other {
                at(&lengths, i + 1, j + 1) + 1
            } else {
                at(&lengths, i + 1, j).max(at(&lengths, i, j + 1))
            };
            if let Some(cell) = lengths.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = length;
            }
        }
    }
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    while let (Some(line), Some(other)) = (old.get(i), new.get(j)) {
        if line == other {
            (i, j) = (i + 1, j + 1);
        } else if at(&lengths, i + 1, j) >= at(&lengths, i, j + 1) {
            gone.push(*line);
            i += 1;
        } else {
            come.push(*other);
            j += 1;
        }
    }
    gone.extend(old.get(i..).unwrap_or_default());
    come.extend(new.get(j..).unwrap_or_default());
    (gone, come)
}

fn shown(lines: &[&str]) -> Value {
    let mut shown: Vec<String> =
        lines.iter().take(MAX_LINES).map(|line| line.chars().take(MAX_LINE_CHARS).collect()).collect();
    if lines.len() > MAX_LINES {
        shown.push(format!("… (+{})", lines.len() - MAX_LINES));
    }
    Value::from(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_went_and_came_are_shown() {
        let change = body_change("一\n二\n三\n四", "一\n二改\n三\n四\n五").expect("a change");
        assert_eq!(change.from, Value::from(vec!["二"]));
        assert_eq!(change.to, Value::from(vec!["二改", "五"]));
        assert_eq!(body_change("一", "一"), None);
    }

    #[test]
    fn what_is_shown_is_bounded() {
        let long: Vec<String> = (0..5_000).map(|number| format!("{number}{}", "x".repeat(500))).collect();
        let change = body_change("", &long.join("\n")).expect("a change");
        let lines = change.to.as_array().expect("lines");
        assert_eq!(lines.len(), MAX_LINES + 1);
        assert!(lines.iter().all(|line| line.as_str().is_some_and(|line| line.chars().count() <= MAX_LINE_CHARS)));
    }
}
