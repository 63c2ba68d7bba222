//! Notice (公告): one published announcement, and what it says.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::fold::{fold, fold_code};
use super::time::Timestamp;
use super::words::words;

words! {
    /// How a notice stands.
    NoticeState {
        /// It holds.
        Published = "published",
        /// It was taken back; its reason is shown, its body is not.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// What happened to a notice, for those who follow the feed.
    FeedChange {
        /// It was published, or announced further.
        New = "new",
        /// It was published and amends another one.
        Amendment = "amendment",
        /// It was corrected.
        Revised = "revised",
        /// It was taken back.
        Withdrawn = "withdrawn",
        /// A correction took it out of what is asked for.
        Left = "left",
    }
}

words! {
    /// What became of a notice that was handed in with others.
    HandedIn {
        /// It is new.
        Created = "created",
        /// It was known, and says what it said.
        Unchanged = "unchanged",
        /// It was known, and has another revision now.
        Revised = "revised",
        /// It was not stored.
        Refused = "refused",
    }
}

words! {
    /// What a call did to a notice that is stored.
    Effect {
        /// It is new.
        Created = "created",
        /// Nothing.
        Unchanged = "unchanged",
        /// It has another revision now: corrected, withdrawn, or announced further.
        Revised = "revised",
    }
}

words! {
    /// What is done with a notice that is known and says something else now.
    Existing {
        /// It is refused, as when it is published alone.
        Refuse = "refuse",
        /// It becomes the next revision, as when it is put by its source id.
        Revise = "revise",
    }
}

words! {
    /// What a sum is.
    AmountKind {
        /// What may be spent (预算).
        Budget = "budget",
        /// The highest price that is accepted (最高限价, 控制价).
        ControlPrice = "control_price",
        /// What it went for (中标, 成交金额).
        Award = "award",
    }
}

words! {
    /// What ends at an instant.
    DeadlineKind {
        /// Handing in bids (投标截止).
        Bid = "bid",
        /// Getting the documents (文件获取).
        Document = "document",
        /// Asking (质疑).
        Enquiry = "enquiry",
        /// Registering (报名).
        Registration = "registration",
        /// Waiting for the opening (开标).
        Opening = "opening",
        /// Objecting (异议).
        Objection = "objection",
    }
}

/// What ties the notices of one procurement together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its code as the source writes it.
    pub code: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A purchaser, an agency, a winner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Its name.
    pub name: String,
    /// Its credit code (统一社会信用代码).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// A sum. Unknown is its own case, never 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// What it is.
    pub kind: AmountKind,
    /// How much, in fen; `None` when the text cannot be read.
    pub fen: Option<i64>,
    /// ISO 4217.
    pub currency: String,
    /// As the source writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Something that ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// What ends.
    pub kind: DeadlineKind,
    /// When.
    pub at: Timestamp,
}

/// A file that belongs to a notice and lies elsewhere: the tender documents, a bill of quantities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// What people see.
    pub name: String,
    /// Where it lies.
    pub url: String,
    /// Its SHA-256, in lower-case hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// How large it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<i64>,
    /// What it is, such as `application/pdf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

impl Attachment {
    /// What of it is content: its name and its digest, which names the file wherever it lies; without one its address and
    /// size, for another address may be another file.
    fn said(&self) -> impl Ord + Serialize {
        let address = if self.sha256.is_some() { None } else { Some((self.url.as_str(), self.size_bytes)) };
        (fold(&self.name), self.sha256.as_deref(), address)
    }
}

/// What one edition of a notice says, but for its body: the `document` of a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Its title.
    pub title: String,
    /// The code of its category.
    pub category: String,
    /// The code of its region as the source gave it.
    pub region: String,
    /// What the region was taken for, when its code is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_fallback: Option<String>,
    /// The code of its notice type.
    pub notice_type: String,
    /// Its project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Project>,
    /// The codes of its sections (标段).
    #[serde(default)]
    pub sections: Vec<String>,
    /// Who buys or sells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchaser: Option<Party>,
    /// Who handles it for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agency: Option<Party>,
    /// Who won.
    #[serde(default)]
    pub winners: Vec<Party>,
    /// The sums that it names.
    #[serde(default)]
    pub amounts: Vec<Amount>,
    /// The deadlines that it names.
    #[serde(default)]
    pub deadlines: Vec<Deadline>,
    /// The files that belong to it. Left out when there are none, so that what was stored before there were any keeps
    /// its hash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// Where the source shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
}

impl Content {
    /// What filters compare: the control price, else the budget, else the award; `None` when none is known.
    pub fn amount_fen(&self) -> Option<i64> {
        let known = |kind| self.amounts.iter().filter(move |amount| amount.kind == kind).find_map(Amount::yuan_fen);
        known(AmountKind::ControlPrice).or_else(|| known(AmountKind::Budget)).or_else(|| known(AmountKind::Award))
    }

    /// Until when bids are taken.
    pub fn bid_deadline(&self) -> Option<Timestamp> {
        self.deadlines.iter().filter(|deadline| deadline.kind == DeadlineKind::Bid).map(|deadline| deadline.at).max()
    }

    /// The project's code, folded; what ties notices together.
    pub fn project_key(&self) -> Option<String> {
        self.project.as_ref().map(|project| fold_code(&project.code)).filter(|key| !key.is_empty())
    }

    /// The sections' codes, folded, each once.
    pub fn section_keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.sections.iter().map(|code| fold_code(code)).collect();
        keys.retain(|key| !key.is_empty());
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The purchaser's name and credit code, folded; what subscriptions to a purchaser compare.
    pub fn purchaser_keys(&self) -> Vec<String> {
        let Some(purchaser) = &self.purchaser else { return Vec::new() };
        let code = purchaser.code.as_deref().map(fold_code);
        std::iter::once(fold(&purchaser.name)).chain(code).filter(|key| !key.is_empty()).collect()
    }

    /// The text that words are looked for in.
    pub fn folded(&self, body_text: &str) -> String {
        let project = self.project.as_ref().and_then(|project| project.name.as_deref()).unwrap_or_default();
        let purchaser = self.purchaser.as_ref().map(|purchaser| purchaser.name.as_str()).unwrap_or_default();
        fold(&format!("{}\n{project}\n{purchaser}\n{body_text}", self.title))
    }

    /// What of a notice is shown wherever it is listed, also when it is withdrawn, folded: title, project, codes and
    /// everybody who is named.
    pub fn head(&self) -> String {
        let mut parts = vec![self.title.as_str()];
        if let Some(project) = &self.project {
            parts.extend([project.code.as_str()].into_iter().chain(project.name.as_deref()));
        }
        parts.extend(self.sections.iter().map(String::as_str));
        for party in self.purchaser.iter().chain(&self.agency).chain(&self.winners) {
            parts.extend([party.name.as_str()].into_iter().chain(party.code.as_deref()));
        }
        fold(&parts.join("\n"))
    }

    /// Names what the notice says, however it is spaced, written or ordered, wherever it stands: the same text under
    /// another id or at another address has the same hash. `folded` is what [`Content::folded`] made of it.
    ///
    /// The title is part of it, for a short body (见附件) may be anybody's; the notice's own region in square brackets before
    /// it is not, for each site puts it there or does not: `is_own_region` knows what that is called. Names of project and
    /// purchaser stand in the folded text.
    pub fn hash(&self, folded: &str, is_own_region: impl Fn(&str) -> bool) -> [u8; 32] {
        let party = |party: &Party| (fold(&party.name), party.code.as_deref().map(fold_code));
        let amount = |amount: &Amount| {
            let unread = if amount.fen.is_some() { None } else { amount.text.as_deref().map(fold) };
            (amount.kind.as_str(), amount.currency.clone(), amount.fen, unread)
        };
        let structured = (
            (&self.category, &self.region, &self.notice_type),
            (self.project_key(), self.section_keys()),
            (
                self.purchaser.as_ref().map(party),
                self.agency.as_ref().map(party),
                sorted(self.winners.iter().map(party)),
            ),
            sorted(self.amounts.iter().map(amount)),
            sorted(self.deadlines.iter().map(|deadline| (deadline.kind.as_str(), deadline.at))),
            sorted(self.attachments.iter().map(Attachment::said)),
        );
        let structured = serde_json::to_vec(&structured).unwrap_or_default();
        let title = fold(&self.title);
        let (title, rest) = match folded.strip_prefix(title.as_str()) {
            Some(rest) => (fold(without_region(&self.title, is_own_region)), rest),
            None => (String::new(), folded),
        };
        let text = format!("{title}{rest}").replace(' ', "");
        Sha256::new().chain_update(structured).chain_update([0]).chain_update(text).finalize().into()
    }
}

/// Each once, in order.
fn sorted<T: Ord>(values: impl Iterator<Item = T>) -> std::collections::BTreeSet<T> {
    values.collect()
}

/// A title without the region that a site puts before it in square brackets: `[月湖区]`, `【省本级】`. Anything else there
/// says something: `【暂停】`, `【第二次】`, another region.
fn without_region(title: &str, is_own_region: impl Fn(&str) -> bool) -> &str {
    let bracketed = title.trim().strip_prefix(['[', '［', '【']).and_then(|rest| rest.split_once([']', '］', '】']));
    match bracketed {
        Some((name, rest)) if is_own_region(name.trim()) && !rest.trim().is_empty() => rest.trim(),
        _ => title.trim(),
    }
}

impl Amount {
    fn yuan_fen(&self) -> Option<i64> {
        if self.currency == "CNY" { self.fen } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(attachments: Vec<Attachment>) -> Content {
        let document = r#"{"title":"t","category":"c","region":"430000","notice_type":"C-TENDER"}"#;
        let stored: Content = serde_json::from_str(document).expect("a document of before");
        Content { attachments, ..stored }
    }

    fn file(url: &str, sha256: Option<&str>) -> Attachment {
        let sha256 = sha256.map(ToOwned::to_owned);
        Attachment {
            name: "招标文件.pdf".to_owned(),
            url: url.to_owned(),
            sha256,
            size_bytes: Some(1),
            media_type: None,
        }
    }

    #[test]
    fn a_notice_without_files_is_stored_and_named_as_before_there_were_any() {
        let stored = serde_json::to_string(&content(Vec::new())).expect("JSON");
        assert!(!stored.contains("attachments"), "{stored}");
    }

    #[test]
    fn a_digest_names_a_file_wherever_it_lies() {
        let nowhere = |_: &str| false;
        let hash = |file: Attachment| content(vec![file]).hash("t", nowhere);
        let (here, there) = ("https://a.example/1", "https://b.example/1");
        assert_eq!(hash(file(here, Some("ab"))), hash(file(there, Some("ab"))));
        assert_ne!(hash(file(here, Some("ab"))), hash(file(here, Some("cd"))));
        assert_ne!(hash(file(here, None)), hash(file(there, None)));
        assert_ne!(hash(file(here, None)), content(Vec::new()).hash("t", nowhere));
    }

    #[test]
    fn a_region_that_a_site_puts_before_a_title_is_no_part_of_it() {
        let table = [
            ("[月湖区]污染修复工程招标公告", "污染修复工程招标公告"),
            (" 【省本级】 家具采购", "家具采购"),
            ("【暂停】家具采购", "【暂停】家具采购"),
            ("【第二次】家具采购", "【第二次】家具采购"),
            ("[2026-17]家具采购", "[2026-17]家具采购"),
            ("（芙蓉区）家具采购", "（芙蓉区）家具采购"),
            ("[月湖区]", "[月湖区]"),
            ("[月湖区", "[月湖区"),
            ("[余江区]家具采购", "[余江区]家具采购"),
            ("【高级】家具采购", "【高级】家具采购"),
        ];
        for (title, expected) in table {
            assert_eq!(without_region(title, |name| ["月湖区", "省本级"].contains(&name)), expected);
        }
    }
}
