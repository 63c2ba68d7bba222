//! Filters to begin with: what many people subscribe to, with blanks for what differs.

use serde::{Deserialize, Serialize};

use super::subscription::Filter;
use super::words::words;

words! {
    /// What is filled in.
    BlankKind {
        /// A region's code.
        Region = "region",
        /// A category's code.
        Category = "category",
        /// A word of the text.
        Word = "word",
        /// A sum in fen.
        Amount = "amount",
        /// A purchaser's name or credit code.
        Purchaser = "purchaser",
        /// A project's code.
        Project = "project",
    }
}

/// A filter to begin with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Its name for machines.
    pub code: String,
    /// Its name in Chinese.
    pub name_zh: String,
    /// Its name in English.
    pub name_en: String,
    /// What it is for, in Chinese.
    pub description_zh: String,
    /// What it is for, in English.
    pub description_en: String,
    /// What of the filter is fixed.
    pub filter: Filter,
    /// What is filled in.
    pub blanks: Vec<Blank>,
}

/// Something that is filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blank {
    /// Where in the filter: a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What.
    pub kind: BlankKind,
    /// What to ask for, in Chinese.
    pub name_zh: String,
    /// What to ask for, in English.
    pub name_en: String,
    /// Whether it must be.
    pub required: bool,
}
