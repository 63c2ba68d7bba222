//! One notice of the platform. Each fact is looked for in the notice itself, then in its row of a list, its section and
//! its project, under the names that the platform's answers and the data standard (in camel case) have for it.
//!
//! | fields | notice |
//! | --- | --- |
//! | `id` | `source_id`; the source is `hnsggzy` unless one is given |
//! | `noticeName`, `noticeContent`, `noticeSendTime` | title, body, time |
//! | the title's last word; else `bulletinType`, `noticeType` and the method; else `bulletinName` | `notice_type` |
//! | the names of its fields, `tenderProjectType`: which tree; the unified deal code, the project's type: what below it | `category` |
//! | `regionCode`, else `regionName`, else the given one | `region` |
//! | the project's code, unless it only repeats the name; else the platform's id of the project | `project` |
//! | the section's code; without a project the platform's id of the section | `sections` |
//! | `purchaserName`, `tendererName` | `purchaser` |
//! | `purchaserAgencyName`, `tenderAgencyName`, else `bulletinDuty` | `agency`; a code that is the purchaser's is a slip |
//! | `winBidderName`, `bidAmount` with `priceUnit` | `winners` and the award; a bare number there has no known unit |
//! | `controlPrice`; `sectionBudget`, else `programBudget` | `amounts`, in yuan unless they say otherwise |
//! | `bidDocReferEndTime`, `docGetEndTime`, `bidOpenTime` | `deadlines`; times are China's |

use serde_json::{Value, json};

use super::super::html::paragraphs;
use super::super::kind::{by_source_code, by_title, by_words, of_category};
use super::super::read::{Node, short};
use super::super::time::Day;
use super::super::{Draft, Held, party, url};
use super::{Answers, PROJECT_IDS, Placed, SECTION_IDS, any_text, text};
use crate::domain::money;

/// What the platform is called when the caller does not say.
const SOURCE: &str = "hnsggzy";
/// Under which names the catalogue's types keep the platform's codes.
const TYPE_KEYS: [&str; 2] = ["hunan_platform_type", "ccgp_hunan_type"];
/// What the catalogue's categories call construction on the national platform.
const CONSTRUCTION: &str = "01";
/// What they call government procurement.
const PROCUREMENT: &str = "02";

/// A notice with all that its document says about it, the nearest first.
struct Told<'a> {
    layers: Vec<Node<'a>>,
}

impl<'a> Told<'a> {
    fn of(notice: &Node<'a>, answers: &Answers<'a>) -> Self {
        let node = |(value, at): &Placed<'a>| Node::new(value, at.clone(), notice.faults());
        let row = answers.row_of(notice.value()).map(node);
        let section = any_text(notice.value(), &SECTION_IDS).and_then(|id| answers.sections.get(id)).map(node);
        let mut layers: Vec<Node<'a>> = [notice.clone()].into_iter().chain(row).chain(section).collect();
        let named = layers.iter().flat_map(|layer| PROJECT_IDS.iter().filter_map(|name| text(layer.value(), name)));
        let project = named.filter_map(|id| answers.projects.get(id)).map(node).next();
        layers.extend(project);
        Self { layers }
    }

    /// The first field of these names that is there, by layers.
    fn first(&self, names: &[&str]) -> Option<Node<'a>> {
        let mut fields = self.layers.iter().flat_map(|layer| names.iter().map(|name| layer.get(name)));
        fields.find(|field| !field.is_missing())
    }

    fn text(&self, names: &[&str]) -> Option<String> {
        self.first(names).and_then(|field| field.text())
    }

    fn fault(&self, field: &str, rule: &'static str, zh: &str, en: &str) {
        if let Some(notice) = self.layers.first() {
            notice.faults().note(&format!("{}/{field}", notice.at()), rule, zh, en);
        }
    }
}

/// The body of a notice; what is wrong with it is noted.
pub(super) fn notice(own: &Node<'_>, answers: &Answers<'_>, held: Held<'_>) -> Value {
    let told = Told::of(own, answers);
    let (id, title) = (own.get("id").required(), own.get("noticeName").required());
    let sent = own.get("noticeSendTime");
    let published_at = sent.required().and_then(|_| sent.instant(Day::Begins));
    let category = category(&told, held);
    let kind = category.as_deref().and_then(|category| kind(&told, category, title.as_deref()?, held));
    let mut draft = Draft::default();
    draft.set("source", Some(held.given.source.as_deref().unwrap_or(SOURCE)));
    draft.set("source_id", id);
    draft.set("title", title.as_deref());
    draft.set("category", category);
    draft.set("region", region(&told, held));
    draft.set("notice_type", kind);
    draft.set("published_at", published_at.map(|at| at.to_string()));
    let project = project(&told);
    draft.list("sections", sections(&told, project.is_some()));
    draft.set("project", project);
    parties(&told, &mut draft);
    draft.list("amounts", amounts(&told));
    draft.list("deadlines", deadlines(&told));
    draft.set("source_url", told.text(&["url", "noticeUrl"]).and_then(url));
    let content = own.get("noticeContent").text().or_else(|| title.map(|title| paragraphs(&title)));
    draft.set("body_html", content);
    Value::Object(draft.0)
}

fn parties(told: &Told<'_>, draft: &mut Draft) {
    let purchaser = told.text(&["purchaserName", "tendererName"]);
    let purchaser_code = told.text(&["purchaserCode", "tendererCode"]);
    let agency = told.text(&["purchaserAgencyName", "tenderAgencyName", "bulletinDuty"]);
    let agency = agency.filter(|agency| Some(agency) != purchaser.as_ref());
    let agency_code = told.text(&["purchaserAgencyCode", "tenderAgencyCode"]);
    let agency_code = agency_code.filter(|code| Some(code) != purchaser_code.as_ref());
    draft.set("purchaser", purchaser.map(|name| party(name, purchaser_code)));
    draft.set("agency", agency.map(|name| party(name, agency_code)));
    let winner = told.text(&["winBidderName"]).map(|name| party(name, told.text(&["winBidderCode"])));
    draft.list("winners", winner.into_iter().collect());
}

fn category(told: &Told<'_>, held: Held<'_>) -> Option<String> {
    let all = held.catalogue.categories();
    let notice = told.layers.first().and_then(|notice| notice.value().as_object());
    let named = |part: &str| notice.is_some_and(|fields| fields.keys().any(|name| name.starts_with(part)));
    let business = told.text(&["tenderProjectType"]).unwrap_or_default();
    let national = if named("government") || business.starts_with("GOVERNMENT") {
        Some(PROCUREMENT)
    } else if named("construction") || business.starts_with("CONSTRUCTION") {
        Some(CONSTRUCTION)
    } else {
        None
    };
    let tree = all.iter().find(|category| national.is_some() && category.national_code.as_deref() == national);
    let deal_code = told.text(&["unifiedDealCode"]);
    let standard = deal_code.as_deref().and_then(|code| code.split('-').next()).map(str::to_owned);
    let standard = standard.or_else(|| told.text(&["industryCode", "tenderProjectClassifyCode"]));
    let kind = told.text(&["projectType"]).unwrap_or(business);
    let finer = tree.and_then(|tree| {
        let mut below = all.iter().filter(|category| category.parent.as_ref() == Some(&tree.code));
        below.find(|category| {
            (standard.is_some() && category.standard_code == standard) || kind.starts_with(&category.name_zh)
        })
    });
    let own = finer.or(tree).map(|category| category.code.clone());
    let category = own.or_else(|| held.given.category.clone());
    if category.is_none() {
        let zh = "看不出业务类型，请用 --category 指明分类";
        told.fault(
            "tenderProjectType",
            "no_category",
            zh,
            "its business is not said: name the category with --category",
        );
    }
    category
}

/// A title says last what a notice is; the tab that it stood under may be the wrong one.
fn kind(told: &Told<'_>, category: &str, title: &str, held: Held<'_>) -> Option<String> {
    let kinds = of_category(held.catalogue, category);
    let code = told.text(&["bulletinType"]).or_else(|| told.text(&["noticeType"])).unwrap_or_default();
    let of_code = by_source_code(&kinds, &TYPE_KEYS, &code);
    let method = told.text(&["purchaserMode", "tenderType", "zhaobiaofangshi"]).unwrap_or_default();
    let name = told.text(&["bulletinName"]).unwrap_or_default();
    let found = by_title(&kinds, title)
        .or_else(|| if of_code.len() > 1 { by_words(&of_code, &method) } else { None })
        .or_else(|| of_code.first().copied())
        .or_else(|| by_title(&kinds, &code))
        .or_else(|| by_title(&kinds, &name));
    let found = found.map(|kind| kind.code.clone()).or_else(|| held.given.notice_type.clone());
    if found.is_none() {
        let code = short(&code);
        let zh = format!("分类 {category} 没有与“{code}”对应的公告类型，请用 --notice-type 指明");
        let en = format!("no notice type of {category} for `{code}`: name one with --notice-type");
        told.fault("bulletinType", "no_notice_type", &zh, &en);
    }
    found
}

fn region(told: &Told<'_>, held: Held<'_>) -> Option<String> {
    let code = told.text(&["regionCode"]).filter(|code| held.catalogue.resolve(code).is_some());
    // 湖南省 comes back for a name that is not known: then the given region says more.
    let named = told.text(&["regionName"]).and_then(|name| held.catalogue.region_of(&[&name, "湖南省"]));
    let named = named.filter(|region| region.parent.is_some()).map(|region| region.code.clone());
    let region = code.or(named).or_else(|| held.given.region.clone());
    if region.is_none() {
        let zh = "没有行政区划，请用 --region 指明，或与列表、项目一起导入";
        let en = "no region: name one with --region, or hand it in with its list or project";
        told.fault("regionCode", "no_region", zh, en);
    }
    region
}

/// The project: its code, unless somebody wrote the name there, too; else what the platform calls it.
fn project(told: &Told<'_>) -> Option<Value> {
    let name = told.text(&["purchaseProjectName", "tenderProjectName"]);
    let code = told.text(&["purchaseProjectCode", "tenderProjectCode"]).filter(|code| Some(code) != name.as_ref());
    let code = code.or_else(|| told.text(&PROJECT_IDS))?;
    Some(name.map_or_else(|| json!({"code": code}), |name| json!({"code": code, "name": name})))
}

fn sections(told: &Told<'_>, has_project: bool) -> Vec<Value> {
    let codes = told.text(&["purchaseSectionCode", "bidSectionCode", "bidSectionCodes"]);
    let codes = codes.or_else(|| if has_project { None } else { told.text(&SECTION_IDS) }).unwrap_or_default();
    let codes = codes.split([',', ';', '，', '；', '、']).map(str::trim).filter(|code| !code.is_empty());
    codes.map(Value::from).collect()
}

fn amounts(told: &Told<'_>) -> Vec<Value> {
    let sum = |kind: &str, names: &[&str]| {
        let text = told.text(names)?;
        // 0 is what a form says that nobody filled in.
        (money::fen(&text) != Some(0)).then(|| json!({"kind": kind, "text": short(&text)}))
    };
    let won = told.text(&["bidAmount"]).map(|number| match told.text(&["priceUnit"]) {
        Some(unit) if unit.ends_with('元') => format!("{}{unit}", short(&number)),
        _ if money::minor(&number, "CNY").is_some() => format!("{}（单位不详）", short(&number)),
        _ => short(&number),
    });
    let won = won.map(|text| json!({"kind": "award", "text": text}));
    let budget = sum("budget", &["sectionBudget", "programBudget", "budget"]);
    let control_price = sum("control_price", &["controlPrice", "bidControlPrice"]);
    budget.into_iter().chain(control_price).chain(won).collect()
}

fn deadlines(told: &Told<'_>) -> Vec<Value> {
    let named: [(&str, &[&str]); 3] = [
        ("document", &["docGetEndTime"]),
        ("bid", &["bidDocReferEndTime"]),
        ("opening", &["bidOpenTime", "bidOpeningTimeStart"]),
    ];
    let known = named.iter().filter_map(|(kind, names)| Some((kind, told.first(names)?.instant(Day::Ends)?)));
    known.map(|(kind, at)| json!({"kind": kind, "at": at.to_string()})).collect()
}
