//! What a release names: parties, sums, deadlines, documents.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::super::read::Node;
use super::super::time::Day;
use super::super::{party, url};
use crate::domain::money;

/// Somebody that a release names.
#[derive(Debug, Clone)]
pub struct Party {
    id: Option<String>,
    name: String,
    code: Option<String>,
    /// The names of where it is, the finest first, and where they stand.
    pub place: Option<(Vec<String>, String)>,
}

impl Party {
    /// As a notice has it.
    pub fn body(&self) -> Value {
        party(self.name.clone(), self.code.clone())
    }

    fn is(&self, other: &Self) -> bool {
        self.name == other.name || (self.id.is_some() && self.id == other.id)
    }
}

/// The parties of a release.
#[derive(Debug)]
pub struct Parties<'a> {
    release: &'a Node<'a>,
    parties: Vec<Node<'a>>,
    by_id: HashMap<String, usize>,
}

impl<'a> Parties<'a> {
    /// Those of this release.
    pub fn of(release: &'a Node<'a>) -> Self {
        let parties = release.get("parties").items();
        let ids = parties.iter().enumerate().filter_map(|(place, party)| Some((party.get("id").text()?, place)));
        let by_id = ids.collect();
        Self { release, parties, by_id }
    }

    /// Who buys.
    pub fn purchaser(&self) -> Option<Party> {
        let buyer = self.named(&self.release.get("buyer")).or_else(|| self.in_role("buyer").into_iter().next());
        buyer.or_else(|| self.procuring_entity())
    }

    /// Who handles it for the purchaser.
    pub fn agency(&self, purchaser: Option<&Party>) -> Option<Party> {
        self.procuring_entity().filter(|entity| purchaser.is_some_and(|purchaser| !purchaser.is(entity)))
    }

    fn procuring_entity(&self) -> Option<Party> {
        let named = self.named(&self.release.get("tender").get("procuringEntity"));
        named.or_else(|| self.in_role("procuringEntity").into_iter().next())
    }

    /// Who won: candidates of a pending award have not.
    pub fn winners(&self) -> Vec<Value> {
        let awards = self.release.get("awards").items();
        let stands = awards.iter().filter(|award| stands(award));
        let mut winners: Vec<Party> =
            stands.flat_map(|award| award.get("suppliers").items()).filter_map(|each| self.named(&each)).collect();
        if awards.is_empty() && !self.release.get("contracts").is_missing() {
            winners = self.in_role("supplier");
        }
        let mut known = HashSet::new();
        let bodies = winners.iter().map(Party::body);
        bodies.filter(|body| known.insert(body.to_string())).collect()
    }

    fn in_role(&self, role: &str) -> Vec<Party> {
        let has = |party: &&Node<'a>| party.get("roles").items().iter().any(|own| own.text().as_deref() == Some(role));
        self.parties.iter().filter(has).filter_map(|party| self.named(party)).collect()
    }

    /// The party that a reference names: by its id among the parties, or by what it says itself, as releases of 1.0 do.
    fn named(&self, reference: &Node<'a>) -> Option<Party> {
        let id = reference.get("id").text();
        let listed = id.as_ref().and_then(|id| self.by_id.get(id)).and_then(|place| self.parties.get(*place));
        let says = |field: &str| {
            let own = reference.get(field);
            if own.is_missing() { listed.map_or(own, |party| party.get(field)) } else { own }
        };
        let name = says("name").text().or_else(|| says("identifier").get("legalName").text())?;
        let address = says("address");
        let names: Vec<String> = ["locality", "region"].iter().filter_map(|part| address.get(part).text()).collect();
        Some(Party { id, name, code: code(&says("identifier")), place: Some((names, address.at().to_owned())) })
    }
}

/// An identifier as one word: a credit code as it is, another register's number behind the register's name.
fn code(identifier: &Node<'_>) -> Option<String> {
    let id = identifier.get("id").text()?;
    let credit_code = id.len() == 18 && id.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    let scheme = identifier.get("scheme").text().filter(|scheme| {
        !credit_code && scheme.len() <= 20 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    Some(scheme.map_or_else(|| id.clone(), |scheme| format!("{scheme}-{id}")))
}

/// Whether somebody has won by this award.
fn stands(award: &Node<'_>) -> bool {
    !matches!(award.get("status").text().as_deref(), Some("pending" | "cancelled" | "unsuccessful"))
}

/// The sums that a release names.
pub fn amounts(release: &Node<'_>) -> Vec<Value> {
    let (planning, tender) = (release.get("planning"), release.get("tender"));
    let budget = amount(&planning.get("budget").get("amount"), "budget");
    let control_price = amount(&tender.get("value"), "control_price");
    let mut amounts: Vec<Value> = budget.into_iter().chain(control_price).collect();
    let awards = release.get("awards").items();
    let mut sums: Vec<Value> =
        awards.iter().filter(|award| stands(award)).filter_map(|award| amount(&award.get("value"), "award")).collect();
    if awards.is_empty() {
        sums = release.get("contracts").items().iter().filter_map(|each| amount(&each.get("value"), "award")).collect();
    }
    amounts.append(&mut sums);
    amounts
}

/// A sum: `null` and 0 say nothing, and neither does a number without a currency.
fn amount(value: &Node<'_>, kind: &str) -> Option<Value> {
    let number = value.get("amount").text()?;
    let currency = value.get("currency").text()?.to_ascii_uppercase();
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        let (zh, en) = ("不是 ISO 4217 货币代码", "not a currency code of ISO 4217");
        value.get("currency").fault("currency", zh, en);
        return None;
    }
    let fen = money::minor(&number, &currency);
    if fen == Some(0) {
        return None;
    }
    Some(json!({"kind": kind, "fen": fen, "currency": currency, "text": format!("{number} {currency}")}))
}

/// The deadlines that a tender names.
pub fn deadlines(tender: &Node<'_>) -> Vec<Value> {
    let named = [
        ("bid", tender.get("tenderPeriod").get("endDate")),
        ("enquiry", tender.get("enquiryPeriod").get("endDate")),
        ("opening", tender.get("bidOpening").get("date")),
    ];
    let known = named.iter().filter_map(|(kind, node)| Some((kind, node.instant(Day::Ends)?)));
    known.map(|(kind, at)| json!({"kind": kind, "at": at.to_string()})).collect()
}

/// A document that can be fetched.
#[derive(Debug, PartialEq, Eq)]
pub struct Document {
    /// What it is called.
    pub title: String,
    /// Where it is.
    pub url: String,
    kind: String,
    media_type: Option<String>,
}

impl Document {
    /// As a notice has it.
    pub fn attachment(&self) -> Value {
        let name: String = self.title.chars().take(MAX_NAME).collect();
        let mut attachment = json!({"name": name, "url": self.url});
        if let (Some(fields), Some(media_type)) = (attachment.as_object_mut(), &self.media_type) {
            fields.insert("media_type".to_owned(), media_type.as_str().into());
        }
        attachment
    }
}

/// The most files that a notice names; what is beyond is linked to in its body.
pub const MAX_ATTACHMENTS: usize = 50;
/// The longest name of a file, in characters.
const MAX_NAME: usize = 300;

/// A media type such as `application/pdf`; a bare `pdf` is none.
fn media_type_of(text: &str) -> Option<String> {
    let (kind, form) = text.split_once('/')?;
    let plain =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b));
    (plain(kind) && plain(form) && text.len() <= 255).then(|| text.to_owned())
}

/// The documents that a release names, the newest stage first, each address once. What cannot be fetched is left out.
pub fn documents(release: &Value) -> Vec<Document> {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let part = |name: &str| list(release.get(name));
    let of = |part: &Value| list(part.get("documents"));
    let implementation = |part: &Value| part.get("implementation").map(of).unwrap_or_default();
    let contracts = part("contracts").iter().flat_map(|each| [of(each), implementation(each)].concat()).collect();
    let awards = part("awards").iter().flat_map(of).collect();
    let single = |name: &str| release.get(name).map(of).unwrap_or_default();
    let all: [Vec<Value>; 4] = [contracts, awards, single("tender"), single("planning")];
    let mut documents: Vec<Document> = Vec::new();
    for document in all.concat() {
        let text = |name: &str| document.get(name).and_then(Value::as_str).map(|text| text.trim().to_owned());
        let Some(url) = text("url").and_then(url) else { continue };
        if documents.iter().all(|known| known.url != url) && documents.len() < MAX_DOCUMENTS {
            let title = text("title").filter(|title| !title.is_empty()).unwrap_or_else(|| url.clone());
            let (kind, media_type) = (text("documentType").unwrap_or_default(), text("format"));
            documents.push(Document { title, url, kind, media_type: media_type.and_then(|text| media_type_of(&text)) });
        }
    }
    documents
}

/// More documents than this are not read.
const MAX_DOCUMENTS: usize = 200;

/// Where the source shows the notice.
pub fn notice_url(release: &Node<'_>) -> Option<String> {
    let shows = ["contractNotice", "awardNotice", "tenderNotice", "plannedProcurementNotice"];
    documents(release.value()).into_iter().find(|each| shows.contains(&each.kind.as_str())).map(|each| each.url)
}
