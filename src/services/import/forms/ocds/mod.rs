//! The Open Contracting Data Standard: release packages, record packages, single releases and records.
//!
//! A *release* is what we call a notice: an immutable event of a *contracting process*, which is what we call a project.
//!
//! | release | notice |
//! | --- | --- |
//! | `ocid`, its registered prefix (`ocds-213czf`) | `source`, unless one is given |
//! | `ocid` and `id`: an id is unique within its process only | `source_id`: the id when it begins with the ocid, else `ocid/id` |
//! | `ocid` | `project.code` |
//! | `tag`; of several, what stands furthest in a process's life | `notice_type`: see [`kind`] |
//! | `date`; required, for a notice without its date would be told as new | `published_at` |
//! | `tender.title`, else that of the contract, the award, the plan, or of an earlier release of the process in the document | `title` |
//! | `tender.mainProcurementCategory` | `category`: the one below the given one (government procurement when none is given) |
//! | the purchaser's address, when it names a region of the catalogue | `region`, else the given one |
//! | `buyer`, else the procuring entity | `purchaser` |
//! | `tender.procuringEntity`, when it is somebody else | `agency` |
//! | suppliers of awards that stand | `winners` |
//! | `planning.budget.amount`, `tender.value`, values of awards that stand, else of contracts | `amounts`; 0 says nothing |
//! | `tender.tenderPeriod.endDate`, `enquiryPeriod.endDate`, `bidOpening.date` | `deadlines` |
//! | `tender.lots`, or `relatedLots` of the awards | `sections`: as `ocid-lot`, for a lot's number is its process's own |
//! | `tender.amendments[].amendsReleaseID`, when that release stands before it in the document | `amends` |
//! | descriptions, amendments, awards, contracts, items | `body_html` |
//! | the tender, award or contract notice among the documents | `source_url` |
//! | every document with an address | `attachments`; beyond 50, links at the end of `body_html` |
//!
//! A compiled release is no event but a state; it is read as what it came to last. Of a record its releases are read, and
//! its compiled release when there is no release but links: nothing is fetched.

mod body;
mod kind;
mod parts;
mod release;

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::read::{Faults, Node};
use super::{Given, Held, Item};
use crate::domain::catalogue::Catalogue;

/// What earlier releases of a document said.
#[derive(Debug, Default)]
struct Seen {
    /// The title of each process.
    titles: HashMap<String, String>,
    /// The source ids of the notices that were made.
    source_ids: HashSet<String>,
}

/// The notices of a document.
pub fn notices(document: &Value, catalogue: &Catalogue, given: &Given) -> Vec<Item> {
    let held = Held { catalogue, given };
    let mut seen = Seen::default();
    let mut items = Vec::new();
    match document {
        Value::Array(parts) => {
            for (place, part) in parts.iter().enumerate() {
                package(part, &format!("/{place}"), held, &mut seen, &mut items);
            }
        }
        _ => package(document, "", held, &mut seen, &mut items),
    }
    if items.is_empty() {
        items.push(Item::refused("", "no_release", "没有 OCDS 发布（release）", "there is no OCDS release in it"));
    }
    items
}

/// A package, a record or a release.
fn package(part: &Value, at: &str, held: Held<'_>, seen: &mut Seen, items: &mut Vec<Item>) {
    let list = |name: &str| part.get(name).and_then(Value::as_array);
    if let Some(records) = list("records") {
        for (place, each) in records.iter().enumerate() {
            record(each, &format!("{at}/records/{place}"), held, seen, items);
        }
    } else if part.get("compiledRelease").is_some() || (part.get("ocid").is_some() && list("releases").is_some()) {
        record(part, at, held, seen, items);
    } else if let Some(releases) = list("releases") {
        for (place, each) in releases.iter().enumerate() {
            one(each, format!("{at}/releases/{place}"), held, seen, items);
        }
    } else {
        one(part, at.to_owned(), held, seen, items);
    }
}

/// A record: its releases; when it only links to them, what they came to.
fn record(record: &Value, at: &str, held: Held<'_>, seen: &mut Seen, items: &mut Vec<Item>) {
    let releases = record.get("releases").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_link = |release: &Value| release.get("url").is_some() && release.get("ocid").is_none();
    let mut held_here = releases.iter().enumerate().filter(|(_, release)| !is_link(release)).peekable();
    if held_here.peek().is_some() {
        for (place, each) in held_here {
            one(each, format!("{at}/releases/{place}"), held, seen, items);
        }
    } else if let Some(compiled) = record.get("compiledRelease") {
        one(compiled, format!("{at}/compiledRelease"), held, seen, items);
    } else {
        let (zh, en) =
            ("只有发布的链接，请导入其指向的发布包", "links to releases only: import the packages that they point to");
        items.push(Item::refused(&format!("{at}/releases"), "only_links", zh, en));
    }
}

fn one(value: &Value, at: String, held: Held<'_>, seen: &mut Seen, items: &mut Vec<Item>) {
    let faults = Faults::default();
    let made = release::notice(&Node::new(value, at.clone(), &faults), held, seen);
    let found = faults.into_inner();
    let notice = match made {
        Some(notice) if found.is_empty() => {
            seen.source_ids.extend(notice.get("source_id").and_then(Value::as_str).map(str::to_owned));
            Ok(notice)
        }
        _ => Err(found),
    };
    items.push(Item { at, notice });
}
