//! The forms in which notices come in, and how one input becomes bodies of `POST /v1/notices`.
//!
//! Promise: converting is pure. It asks no database and no clock, it cannot fail but by saying what is wrong with its
//! input, and what it makes is held against the schema of a notice like everything that comes through the door, so a
//! converter need not check what that checks. What cannot be converted hinders nothing beside it: a document of many
//! notices gives an error in the place of each bad one.
//!
//! To add a form: a variant of [`Form`], a line in [`Form::unit`] and in [`Form::converter`], and a file in
//! [`forms`](super::forms) with a function from the input's JSON to [`Bodies`].

use std::sync::Arc;

use serde_json::Value;

use super::forms::{Given, hunan, ocds};
use crate::domain::catalogue::Catalogue;
use crate::domain::words::words;
use crate::services::refusal::Violation;

words! {
    /// A form in which notices come in.
    Form {
        /// Our own: each line is a body of `POST /v1/notices`.
        Yizhan = "yizhan",
        /// The Open Contracting Data Standard: packages of releases or records, single releases.
        Ocds = "ocds",
        /// Answers of the Hunan trading platform.
        Hunan = "hunan",
    }
}

/// What is converted at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Each line is a JSON value of its own (NDJSON).
    Line,
    /// The whole input is one JSON document. It is read into memory, and bounded for that.
    Document,
}

/// A body of `POST /v1/notices`, or all that is wrong with what should have become one. A violation's place is a
/// pointer ([`Violation::body`]) into the *input*.
pub type Converted = Result<Value, Vec<Violation>>;

/// The bodies that an input holds, in its order.
pub type Bodies = Box<dyn Iterator<Item = Converted> + Send>;

/// Something that makes bodies of notices from foreign JSON.
pub trait Convert: Send + Sync {
    /// What it takes at once.
    fn unit(&self) -> Unit {
        Unit::Line
    }

    /// What an input holds. Its size was bounded and its depth is at most 128 when it comes here.
    fn convert(&self, input: Value) -> Bodies;
}

impl Form {
    /// What it takes at once.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Yizhan => Unit::Line,
            Self::Ocds | Self::Hunan => Unit::Document,
        }
    }

    /// What converts it. Foreign forms are held against the catalogue of now; `given` stands in for what they do not say,
    /// and says nothing to our own.
    pub fn converter(self, catalogue: Arc<Catalogue>, given: Given) -> Box<dyn Convert> {
        match self {
            Self::Yizhan => Box::new(Own),
            Self::Ocds | Self::Hunan => Box::new(Foreign { form: self, catalogue, given }),
        }
    }
}

/// Our own form.
struct Own;

impl Convert for Own {
    fn convert(&self, input: Value) -> Bodies {
        Box::new(std::iter::once(Ok(input)))
    }
}

/// A foreign one.
struct Foreign {
    form: Form,
    catalogue: Arc<Catalogue>,
    given: Given,
}

impl Convert for Foreign {
    fn unit(&self) -> Unit {
        self.form.unit()
    }

    fn convert(&self, input: Value) -> Bodies {
        let items = match self.form {
            Form::Hunan => hunan::notices(&input, &self.catalogue, &self.given),
            Form::Ocds | Form::Yizhan => ocds::notices(&input, &self.catalogue, &self.given),
        };
        Box::new(items.into_iter().map(|item| item.notice))
    }
}
