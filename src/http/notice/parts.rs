//! What a notice is made of, the same in as out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::notice::{Amount, AmountKind, Deadline, DeadlineKind, Party, Project};
use crate::domain::time::Timestamp;
use crate::services::notice::DraftAmount;

/// What ties the notices of one procurement together.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectPart {
    /// Its code as the source writes it. Dashes, brackets, widths and spaces do not matter when codes are compared.
    #[schema(min_length = 1, max_length = 200, example = "A02-430522-00002")]
    code: String,
    /// Its name.
    #[schema(min_length = 1, max_length = 500)]
    name: Option<String>,
}

/// A purchaser, an agency, a winner.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartyPart {
    /// Its name.
    #[schema(min_length = 1, max_length = 300, example = "新邵县城市建设投资有限公司")]
    name: String,
    /// Its credit code (统一社会信用代码).
    #[schema(min_length = 1, max_length = 64)]
    code: Option<String>,
}

/// A sum. Unknown is its own case, never 0.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AmountPart {
    /// What it is.
    kind: AmountKind,
    /// How much, in fen. When it is missing it is read from `text`; when that cannot be read for certain it is unknown.
    #[schema(minimum = 0, maximum = 9_000_000_000_000_000_i64, example = 65_000_000)]
    fen: Option<i64>,
    /// ISO 4217.
    #[serde(default = "cny")]
    #[schema(min_length = 3, max_length = 3, pattern = "^[A-Z]{3}$", default = "CNY")]
    currency: String,
    /// As the source writes it.
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
    /// What ends.
    kind: DeadlineKind,
    /// When.
    at: Timestamp,
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

impl From<Amount> for AmountPart {
    fn from(Amount { kind, fen, currency, text }: Amount) -> Self {
        Self { kind, fen, currency, text }
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
