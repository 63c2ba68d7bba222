//! One release: one notice.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::super::read::Node;
use super::super::time::Day;
use super::super::{Draft, Held};
use super::parts::{Document, MAX_ATTACHMENTS, Parties, amounts, deadlines, documents, notice_url};
use super::{Seen, body, kind};

/// The body of the notice that a release is; `None` when a fault was noted that stops it.
pub fn notice(release: &Node<'_>, held: Held<'_>, seen: &mut Seen) -> Option<Value> {
    if !release.value().is_object() {
        release.fault("type", "OCDS 发布应为对象", "a release is an object");
        return None;
    }
    let (ocid, id) = (release.get("ocid").required(), release.get("id").required());
    let published_at = release.get("date").required().and_then(|_| release.get("date").instant(Day::Begins));
    let tender = release.get("tender");
    let parties = Parties::of(release);
    let purchaser = parties.purchaser();
    let category = category(&tender, held);
    let region = region(release, purchaser.as_ref().and_then(|party| party.place.clone()), held);
    let tags = kind::tags(release);
    let title = title(release, ocid.as_deref(), seen);
    let chosen = match (&category, &title) {
        (Some(category), Some(title)) => kind::choose(release, &tags, category, title, held),
        _ => None,
    };
    let (ocid, id) = (ocid?, id?);
    let source = source(release, &ocid, held);
    let source_id = source_id(&ocid, &id);

    let mut draft = Draft::default();
    draft.set("source", source);
    draft.set("source_id", Some(source_id.as_str()));
    draft.set("title", title.as_deref());
    draft.set("category", category);
    draft.set("region", region);
    draft.set("notice_type", chosen);
    draft.set("published_at", published_at.map(|at| at.to_string()));
    let name = tender.get("title").text();
    draft.set("project", Some(name.map_or_else(|| json!({"code": ocid}), |name| json!({"code": ocid, "name": name}))));
    draft.list("sections", sections(release, &ocid));
    draft.set("amends", amended(&tender, &ocid, seen));
    draft.set("purchaser", purchaser.as_ref().map(|party| party.body()));
    draft.set("agency", parties.agency(purchaser.as_ref()).map(|party| party.body()));
    draft.list("winners", parties.winners());
    draft.list("amounts", amounts(release));
    draft.list("deadlines", deadlines(&tender));
    let files = documents(release.value());
    draft.list("attachments", files.iter().take(MAX_ATTACHMENTS).map(Document::attachment).collect());
    draft.set("source_url", notice_url(release));
    draft.set("body_html", Some(body::html(release, title.as_deref().unwrap_or_default())));
    if let Some(title) = title {
        seen.titles.entry(ocid).or_insert(title);
    }
    Some(Value::Object(draft.0))
}

/// The system that it comes from: the publisher's registered prefix.
fn source(release: &Node<'_>, ocid: &str, held: Held<'_>) -> Option<String> {
    if let Some(source) = &held.given.source {
        return Some(source.clone());
    }
    let ocid = ocid.to_ascii_lowercase();
    let mut parts = ocid.splitn(3, '-');
    let (standard, prefix) = (parts.next(), parts.next().unwrap_or_default());
    let registered = standard == Some("ocds") && prefix.len() == 6 && prefix.bytes().all(|b| b.is_ascii_alphanumeric());
    if !registered {
        release.get("ocid").fault(
            "no_prefix",
            "ocid 没有登记的前缀（ocds-xxxxxx），请用 --source 指明来源",
            "no registered prefix (ocds-xxxxxx): name the source with --source",
        );
    }
    registered.then(|| format!("ocds-{prefix}"))
}

/// What the source calls the notice: a release's id is unique within its process only.
fn source_id(ocid: &str, id: &str) -> String {
    if id.starts_with(ocid) { id.to_owned() } else { format!("{ocid}/{id}") }
}

/// The title: of the call; else of what was agreed last; else what an earlier release of the process was called.
fn title(release: &Node<'_>, ocid: Option<&str>, seen: &Seen) -> Option<String> {
    let first = |list: &str| release.get(list).items().iter().find_map(|item| item.get("title").text());
    let planning = release.get("planning");
    let title = release.get("tender").get("title").text();
    let title = title.or_else(|| first("contracts")).or_else(|| first("awards"));
    // The project extension makes an object of it.
    let project = planning.get("project");
    let title =
        title.or_else(|| if project.value().is_object() { project.get("title").text() } else { project.text() });
    let title = title.or_else(|| planning.get("budget").get("project").text());
    let title = title.or_else(|| seen.titles.get(ocid?).cloned());
    if title.is_none() {
        let (zh, en) =
            ("没有标题，同一文件中此前的发布也没有", "no title, and none in an earlier release of the document");
        release.get("tender").get("title").fault("required", zh, en);
    }
    title
}

/// Works, goods and services are what the standard tells apart; in which tree they stand is for the caller to say.
fn category(tender: &Node<'_>, held: Held<'_>) -> Option<String> {
    let catalogue = held.catalogue;
    // The codes of the data standard (公共资源交易平台系统数据规范) for goods, works and services.
    let standard = match tender.get("mainProcurementCategory").text().as_deref() {
        Some("goods") => Some("D01"),
        Some("works") => Some("D02"),
        Some("services") => Some("D03"),
        _ => None,
    };
    let own = standard.and_then(|code| {
        catalogue.categories().iter().find(|category| category.standard_code.as_deref() == Some(code))
    });
    match (own, &held.given.category) {
        (Some(own), Some(given)) => {
            let path = catalogue.category_path(&own.code).unwrap_or_default();
            let below = path.contains(&format!("/{given}/"));
            Some(if below { own.code.clone() } else { given.clone() })
        }
        (Some(own), None) => Some(own.code.clone()),
        (None, Some(given)) => Some(given.clone()),
        (None, None) => {
            let (zh, en) = (
                "不是 goods、works 或 services，请用 --category 指明分类",
                "neither goods, works nor services: name the category with --category",
            );
            tender.get("mainProcurementCategory").fault("no_category", zh, en);
            None
        }
    }
}

fn region(release: &Node<'_>, place: Option<(Vec<String>, String)>, held: Held<'_>) -> Option<String> {
    let (names, at) = place.unwrap_or_else(|| (Vec::new(), release.at().to_owned() + "/buyer"));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let own = held.catalogue.region_of(&names).map(|region| region.code.clone());
    let region = own.or_else(|| held.given.region.clone());
    if region.is_none() {
        let (zh, en) = (
            "地址中没有目录里的行政区划，请用 --region 指明",
            "its address names no region of the catalogue: name one with --region",
        );
        Node::new(&Value::Null, at, release.faults()).fault("no_region", zh, en);
    }
    region
}

/// The lots that it speaks of: those of its awards, else all of its tender.
fn sections(release: &Node<'_>, ocid: &str) -> Vec<Value> {
    let related = release.get("awards").items().into_iter().flat_map(|award| award.get("relatedLots").items());
    let mut lots: Vec<String> = related.filter_map(|lot| lot.text()).collect();
    if lots.is_empty() {
        let all = release.get("tender").get("lots").items();
        lots = all.iter().filter_map(|lot| lot.get("id").text()).collect();
    }
    let mut known = HashSet::new();
    let codes = lots.into_iter().map(|lot| if lot.starts_with(ocid) { lot } else { format!("{ocid}-{lot}") });
    codes.filter(|code| known.insert(code.clone())).map(Value::from).collect()
}

/// The release that it amends, when it is one that was read before; else our own search finds it by its project.
fn amended(tender: &Node<'_>, ocid: &str, seen: &Seen) -> Option<String> {
    let amendments = tender.get("amendments").items();
    let named = amendments.iter().rev().filter_map(|each| each.get("amendsReleaseID").text());
    named.map(|id| source_id(ocid, &id)).find(|id| seen.source_ids.contains(id))
}
