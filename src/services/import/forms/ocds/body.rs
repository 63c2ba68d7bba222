//! A release's text: what it says in words, in the order in which people want to know it. No labels, for a release may be
//! in any language.

use std::collections::HashSet;

use serde_json::Value;

use super::super::html::{escaped, paragraphs};
use super::super::read::Node;
use super::parts::{Document, MAX_ATTACHMENTS, documents};

/// More items than this are not listed.
const MAX_ITEMS: usize = 200;

/// The body: never empty.
pub fn html(release: &Node<'_>, title: &str) -> String {
    let release = release.value();
    let mut text = Text::default();
    let (tender, planning) = (release.get("tender"), release.get("planning"));
    for part in [tender.and_then(|tender| tender.get("description")), planning.and_then(|plan| plan.get("rationale"))] {
        text.say(part);
    }
    text.say(planning.and_then(|plan| plan.get("budget")).and_then(|budget| budget.get("description")));
    for amendment in list(tender, "amendments") {
        text.say(amendment.get("rationale"));
        text.say(amendment.get("description"));
    }
    for award in list(Some(release), "awards") {
        text.say(award.get("title"));
        text.say(award.get("description"));
        for supplier in list(Some(award), "suppliers") {
            text.say(supplier.get("name"));
        }
    }
    for contract in list(Some(release), "contracts") {
        text.say(contract.get("title"));
        text.say(contract.get("description"));
    }
    let items = [tender].into_iter().chain(list(Some(release), "awards").iter().map(Some));
    let lines: Vec<String> = items.flat_map(|part| list(part, "items")).filter_map(item).collect();
    text.list(lines.into_iter());
    text.list(documents(release).iter().skip(MAX_ATTACHMENTS).map(link));
    if text.html.is_empty() { paragraphs(title) } else { text.html }
}

fn list<'a>(value: Option<&'a Value>, name: &str) -> &'a [Value] {
    value.and_then(|value| value.get(name)).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// What is bought, and how much of it.
fn item(item: &Value) -> Option<String> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::trim).unwrap_or_default().to_owned();
    let description = Some(text(item.get("description"))).filter(|text| !text.is_empty());
    let description = description.or_else(|| Some(text(item.get("classification")?.get("description"))))?;
    let quantity = item.get("quantity").filter(|quantity| quantity.is_number()).map(|quantity| format!(" {quantity}"));
    let unit = text(item.get("unit").and_then(|unit| unit.get("name")));
    Some(escaped(format!("{description}{} {unit}", quantity.unwrap_or_default()).trim()))
        .filter(|line| !line.is_empty())
}

fn link(document: &Document) -> String {
    format!("<a href=\"{}\">{}</a>", escaped(&document.url), escaped(&document.title))
}

/// A body in the making; what was said is not said again.
#[derive(Debug, Default)]
struct Text {
    html: String,
    said: HashSet<String>,
}

impl Text {
    fn say(&mut self, value: Option<&Value>) {
        let Some(text) = value.and_then(Value::as_str) else { return };
        let paragraphs = paragraphs(text);
        if self.said.insert(paragraphs.clone()) {
            self.html.push_str(&paragraphs);
        }
    }

    fn list(&mut self, lines: impl Iterator<Item = String>) {
        let mut items = String::new();
        for line in lines.take(MAX_ITEMS) {
            if self.said.insert(line.clone()) {
                items.push_str(&format!("<li>{line}</li>"));
            }
        }
        if !items.is_empty() {
            self.html.push_str(&format!("<ul>{items}</ul>"));
        }
    }
}
