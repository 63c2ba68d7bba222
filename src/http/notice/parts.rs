//! What a notice is made of, the same in as out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::notice::{Amount, AmountKind, Attachment, Deadline, DeadlineKind, Party, Project};
use crate::domain::time::Timestamp;
use crate::services::notice::DraftAmount;

/// What ties the notices of one procurement together.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectPart {
    /// 项目编号，照原文填写；比较时不分全半角、横线、括号与空格。
    /// Its code as the source writes it. Dashes, brackets, widths and spaces do not matter when codes are compared.
    #[schema(min_length = 1, max_length = 200, example = "A02-430522-00002")]
    code: String,
    /// 项目名称。Its name.
    #[schema(min_length = 1, max_length = 500)]
    name: Option<String>,
}

/// A purchaser, an agency, a winner.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartyPart {
    /// 名称。Its name.
    #[schema(min_length = 1, max_length = 300, example = "新邵县城市建设投资有限公司")]
    name: String,
    /// 统一社会信用代码。Its credit code (统一社会信用代码).
    #[schema(min_length = 1, max_length = 64)]
    code: Option<String>,
}

/// A sum. Unknown is its own case, never 0.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AmountPart {
    /// 金额的种类。What it is.
    kind: AmountKind,
    /// 金额，单位为分（其他币种为其最小单位）；不填则从 `text` 按元读取，读不准的为未知。
    /// How much, in fen; of another currency in its minor unit, such as cents or whole yen. When it is missing it is
    /// read from `text`, in yuan; when that cannot be read for certain it is unknown.
    #[schema(minimum = 0, maximum = 9_000_000_000_000_000_i64, example = 65_000_000)]
    fen: Option<i64>,
    /// 币种。ISO 4217.
    #[serde(default = "cny")]
    #[schema(min_length = 3, max_length = 3, pattern = "^[A-Z]{3}$", default = "CNY")]
    currency: String,
    /// 原文。As the source writes it.
    #[schema(min_length = 1, max_length = 200, example = "65 万元")]
    text: Option<String>,
}

fn cny() -> String {
    "CNY".to_owned()
}

/// Something that ends.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadlinePart {
    /// 截止事项。What ends.
    kind: DeadlineKind,
    /// 截止时间，RFC 3339，含时区。When.
    at: Timestamp,
}

/// A file that belongs to a notice and lies elsewhere.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachmentPart {
    /// 显示的文件名。What people see.
    #[schema(min_length = 1, max_length = 300, pattern = r"\S", example = "招标文件.pdf")]
    name: String,
    /// 文件网址。Where it lies.
    #[schema(
        min_length = 8,
        max_length = 2000,
        pattern = r"^https?://[^\s<>]+$",
        example = "https://example.org/a.pdf"
    )]
    url: String,
    /// SHA-256（十六进制）：填写则内容相同即为同一文件，不填则网址不同即为不同文件。
    /// Its SHA-256 in hexadecimal digits. With it the file is the same wherever it lies; without it another address
    /// counts as another file.
    #[schema(
        min_length = 64,
        max_length = 64,
        pattern = "^[0-9a-fA-F]{64}$",
        example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    )]
    sha256: Option<String>,
    /// 字节数。How large it is.
    #[schema(minimum = 0, maximum = 9_000_000_000_000_000_i64, example = 1_048_576)]
    size_bytes: Option<i64>,
    /// 媒体类型。What it is.
    #[schema(
        min_length = 3,
        max_length = 255,
        pattern = r"^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+$",
        example = "application/pdf"
    )]
    media_type: Option<String>,
}

impl From<ProjectPart> for Project {
    fn from(ProjectPart { code, name }: ProjectPart) -> Self {
        Self { code, name }
    }
}

impl From<Project> for ProjectPart {
    fn from(Project { code, name }: Project) -> Self {
        Self { code, name }
    }
}

impl From<PartyPart> for Party {
    fn from(PartyPart { name, code }: PartyPart) -> Self {
        Self { name, code }
    }
}

impl From<Party> for PartyPart {
    fn from(Party { name, code }: Party) -> Self {
        Self { name, code }
    }
}

impl From<AmountPart> for DraftAmount {
    fn from(AmountPart { kind, fen, currency, text }: AmountPart) -> Self {
        Self { kind, fen, currency, text }
    }
}

impl From<DraftAmount> for AmountPart {
    fn from(DraftAmount { kind, fen, currency, text }: DraftAmount) -> Self {
        Self { kind, fen, currency, text }
    }
}

impl From<Amount> for AmountPart {
    fn from(Amount { kind, fen, currency, text }: Amount) -> Self {
        Self { kind, fen, currency, text }
    }
}

impl From<AttachmentPart> for Attachment {
    fn from(AttachmentPart { name, url, sha256, size_bytes, media_type }: AttachmentPart) -> Self {
        let sha256 = sha256.map(|digest| digest.to_ascii_lowercase());
        Self { name: name.trim().to_owned(), url, sha256, size_bytes, media_type }
    }
}

impl From<Attachment> for AttachmentPart {
    fn from(Attachment { name, url, sha256, size_bytes, media_type }: Attachment) -> Self {
        Self { name, url, sha256, size_bytes, media_type }
    }
}

impl From<DeadlinePart> for Deadline {
    fn from(DeadlinePart { kind, at }: DeadlinePart) -> Self {
        Self { kind, at }
    }
}

impl From<Deadline> for DeadlinePart {
    fn from(Deadline { kind, at }: Deadline) -> Self {
        Self { kind, at }
    }
}
