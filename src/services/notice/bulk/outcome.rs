//! What became of one of many.

use serde::{Deserialize, Serialize};

use crate::domain::notice::HandedIn;
use crate::services::notice::Published;
use crate::services::refusal::{Error, Place, Refusal, Result, Violation};

/// What became of it. Can be kept, so that a repeated call is answered alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It is stored.
    Published(Published),
    /// It is not.
    Refused(Refused),
}

/// Why one of many was refused, as a single call would have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// What is wrong, all of it at once.
    pub violations: Vec<Broken>,
    /// More about it.
    pub detail: Option<String>,
}

/// One thing that is wrong: a [`Violation`] that can be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Where in what was handed in.
    pub place: Place,
    /// A stable word for the rule that is broken.
    pub rule: String,
    /// What is wrong, in Chinese.
    pub zh: String,
    /// What is wrong, in English.
    pub en: String,
}

impl From<Violation> for Broken {
    fn from(Violation { place, rule, zh, en }: Violation) -> Self {
        Self { place, rule: rule.to_owned(), zh, en }
    }
}

impl Refused {
    /// The refusal in an error; a fault stays one.
    pub fn of(error: Error) -> Result<Self> {
        match error {
            Error::Refused { refusal, violations, detail, .. } => {
                Ok(Self { refusal, violations: violations.into_iter().map(Broken::from).collect(), detail })
            }
            Error::Fault(fault) => Err(Error::Fault(fault)),
        }
    }
}

impl Outcome {
    /// What a single call would have been answered.
    pub fn of(answer: Result<Published>) -> Result<Self> {
        match answer {
            Ok(published) => Ok(Self::Published(published)),
            Err(error) => Refused::of(error).map(Self::Refused),
        }
    }

    /// In a word.
    pub fn status(&self) -> HandedIn {
        match self {
            Self::Refused(_) => HandedIn::Refused,
            Self::Published(published) if published.created => HandedIn::Created,
            Self::Published(published) if published.changed => HandedIn::Revised,
            Self::Published(_) => HandedIn::Unchanged,
        }
    }
}
