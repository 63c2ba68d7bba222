//! Notices as publishers write them and as everybody asks for them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::parts::{AmountPart, AttachmentPart, DeadlinePart, PartyPart, ProjectPart};
use crate::domain::fanout::Announce;
use crate::domain::time::Timestamp;
use crate::http::extract::body::{self, Rules};
use crate::http::extract::narrowed::narrowed_query;
use crate::services::Deps;
use crate::services::notice::{self, Draft, Named, Revision};
use crate::services::refusal::{Error, Result, Violation, violations};

/// A notice that is handed in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeBody {
    /// 来源系统的代码。The system that it comes from.
    #[schema(min_length = 1, max_length = 64, pattern = "^[a-zA-Z0-9._-]+$", example = "hnsggzy")]
    source: String,
    /// 来源系统中的编号，与 `source` 合为唯一的来源编号。
    /// What that system calls it. Together with `source` it is the natural key.
    #[schema(min_length = 1, max_length = 200, example = "gg000004")]
    source_id: String,
    /// 标题。Its title.
    #[schema(
        min_length = 1,
        max_length = 500,
        pattern = r"\S",
        example = "新邵县中心城区黑臭水体治理工程施工招标公告"
    )]
    title: String,
    /// 分类代码，见 `list_categories`。The code of its category.
    #[schema(min_length = 1, max_length = 64, example = "construction.a02")]
    category: String,
    /// 行政区划代码（GB/T 2260）；已撤销的代码也可，未知代码按最长已知前缀归入上级。
    /// The code of its region (GB/T 2260). Former codes are understood; an unknown one counts for its longest known prefix.
    #[schema(min_length = 6, max_length = 6, pattern = "^[0-9]{6}$", example = "430522")]
    region: String,
    /// 公告类型代码，见 `list_notice_types`。The code of its notice type.
    #[schema(min_length = 1, max_length = 64, example = "C-TENDER")]
    notice_type: String,
    /// 所属项目，用于关联同一项目的公告。What ties it to other notices.
    project: Option<ProjectPart>,
    /// 标段编号。The codes of its sections (标段).
    #[serde(default)]
    #[schema(max_items = 200, value_type = Vec<SectionCode>)]
    sections: Vec<String>,
    /// 被更正的公告：本系统的编号，或同一来源的 `source_id`；不填而类型为更正类的，按标段、项目查找。
    /// The notice that it amends: an id, or a `source_id` of the same source. When it is missing and the notice type
    /// amends, the notice is looked for by section, then by project.
    #[schema(min_length = 1, max_length = 200)]
    amends: Option<String>,
    /// 采购人、招标人或出让人。Who buys or sells.
    purchaser: Option<PartyPart>,
    /// 代理机构。Who handles it for them.
    agency: Option<PartyPart>,
    /// 中标人、成交人。Who won.
    #[serde(default)]
    #[schema(max_items = 200)]
    winners: Vec<PartyPart>,
    /// 金额。The sums that it names.
    #[serde(default)]
    #[schema(max_items = 50)]
    amounts: Vec<AmountPart>,
    /// 截止时间。The deadlines that it names.
    #[serde(default)]
    #[schema(max_items = 50)]
    deadlines: Vec<DeadlinePart>,
    /// 附件，只保存链接，不下载。The files that belong to it, as links: they are shown and not fetched.
    #[serde(default)]
    #[schema(max_items = 50)]
    attachments: Vec<AttachmentPart>,
    /// 正文 HTML；保留表格、列表、标题、段落与链接，其余去除。
    /// HTML. Tables, lists, headings, paragraphs and links stay; everything else is taken out.
    #[schema(max_length = 1_048_576, min_length = 1, example = "<p>招标人：新邵县城市建设投资有限公司</p>")]
    body_html: String,
    /// 原文网址。Where the source shows it.
    #[schema(min_length = 8, max_length = 2000, pattern = r"^https?://[^\s<>]+$")]
    source_url: Option<String>,
    /// 发布时间；不填为现在，最多晚于现在十分钟，再晚的请定时发布；修订沿用首次的时间。
    /// When it was published; now when it is missing, at most ten minutes from now: what is to be published
    /// later is scheduled. A revision keeps the first one's.
    published_at: Option<Timestamp>,
    /// 通知范围。How far it is announced.
    #[schema(default = "push")]
    announce: Option<Announce>,
}

/// The code of a section.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 200, example = "A02-430522-00002-01")]
#[expect(dead_code, reason = "stands in the document only")]
pub struct SectionCode(String);

/// Reads what one of many hands in.
pub fn read_notice(value: serde_json::Value, deps: &Deps) -> Result<Draft> {
    body::check::<NoticeBody>(value, deps).map(NoticeBody::draft)
}

impl Rules for NoticeBody {
    fn broken(&self, deps: &Deps) -> Vec<Violation> {
        violations(notice::check(deps, &self.named(), ""))
    }
}

impl NoticeBody {
    /// Whether it names the notice that the path names.
    pub fn check_key(&self, (source, source_id): &(String, String)) -> Result<()> {
        let other = |field: &str, is: &str, named: &str| {
            let (zh, en) = (format!("应与路径一致：{named}"), format!("the path says {named}"));
            (is != named).then(|| Violation::body(format!("/{field}"), "other_notice", zh, en))
        };
        let wrong = [other("source", &self.source, source), other("source_id", &self.source_id, source_id)];
        Error::unless_empty(wrong.into_iter().flatten().collect())
    }

    /// What of it is looked up or held against the clock.
    pub fn named(&self) -> Named<'_> {
        let Self { category, region, notice_type, published_at, .. } = self;
        Named { category, region, notice_type, published_at: *published_at }
    }

    /// What it hands in.
    pub fn draft(self) -> Draft {
        Draft {
            source: self.source,
            source_id: self.source_id,
            title: self.title,
            category: self.category,
            region: self.region,
            notice_type: self.notice_type,
            project: self.project.map(Into::into),
            sections: self.sections,
            amends: self.amends,
            purchaser: self.purchaser.map(Into::into),
            agency: self.agency.map(Into::into),
            winners: self.winners.into_iter().map(Into::into).collect(),
            amounts: self.amounts.into_iter().map(Into::into).collect(),
            deadlines: self.deadlines.into_iter().map(Into::into).collect(),
            attachments: self.attachments.into_iter().map(Into::into).collect(),
            body_html: self.body_html,
            source_url: self.source_url,
            published_at: self.published_at,
            announce: self.announce.unwrap_or(Announce::Push),
        }
    }
}

impl From<Draft> for NoticeBody {
    fn from(draft: Draft) -> Self {
        Self {
            source: draft.source,
            source_id: draft.source_id,
            title: draft.title,
            category: draft.category,
            region: draft.region,
            notice_type: draft.notice_type,
            project: draft.project.map(Into::into),
            sections: draft.sections,
            amends: draft.amends,
            purchaser: draft.purchaser.map(Into::into),
            agency: draft.agency.map(Into::into),
            winners: draft.winners.into_iter().map(Into::into).collect(),
            amounts: draft.amounts.into_iter().map(Into::into).collect(),
            deadlines: draft.deadlines.into_iter().map(Into::into).collect(),
            attachments: draft.attachments.into_iter().map(Into::into).collect(),
            body_html: draft.body_html,
            source_url: draft.source_url,
            published_at: draft.published_at,
            announce: Some(draft.announce),
        }
    }
}

/// A corrected edition.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevisionBody {
    /// 公告现在的全文；来源编号不变。All that the notice says now; `source` and `source_id` stay.
    notice: NoticeBody,
    /// 编辑性修订：已收到的用户不受打扰，尚未通知到的得到新内容。
    /// The change does not matter to those who have the notice: only those not yet reached get the new text.
    #[serde(default)]
    editorial: bool,
    /// 原因，公开显示。Why.
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
    /// 发布方所见的版次；已有更新的版次则拒绝。
    /// The revision that the publisher saw; refused when there is a newer one.
    #[schema(minimum = 1, maximum = 1000)]
    if_revision: Option<i64>,
}

impl Rules for RevisionBody {
    fn broken(&self, deps: &Deps) -> Vec<Violation> {
        violations(notice::check(deps, &self.notice.named(), "/notice"))
    }
}

impl RevisionBody {
    /// What it hands in.
    pub fn revision(self) -> Revision {
        let Self { notice, editorial, reason, if_revision } = self;
        Revision { draft: notice.draft(), editorial, reason, if_revision }
    }
}

/// Taking a notice back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawalBody {
    /// 原因，公开显示。Why; shown to everybody.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S", example = "重复发布")]
    pub reason: String,
}

impl Rules for WithdrawalBody {}

narrowed_query! {
    /// What a list is narrowed to, and which part of it is wanted.
    pub struct NoticesQuery {}
}
