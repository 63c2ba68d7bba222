//! The catalogue: categories, regions, notice types and stages, all of them data.
//!
//! Promise: a catalogue that exists is whole. Every parent, successor, category and stage that is referred to is there,
//! no chain of parents or successors comes back to itself, and no code is empty or holds a `/` (paths are joined by it).

mod check;
mod region;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

pub use check::CatalogueErrors;
pub use region::{Level, Region, ResolvedRegion};

use super::words::words;

words! {
    /// The parts of the catalogue; one document each.
    CatalogueKind {
        /// What is traded.
        Categories = "categories",
        /// Where.
        Regions = "regions",
        /// Where a notice stands in its project's life.
        NoticeTypes = "notice_types",
        /// The steps of that life.
        Stages = "stages",
    }
}

/// The category of what proves that notices arrive. It is in every catalogue and in no list of it; what is published in it
/// stands in no list, feed or search, and reaches those alone who subscribe to it by name.
pub const PROBE: &str = "probe";

/// Whether a category's path is that of probes.
pub fn is_probe(category_path: &str) -> bool {
    path_codes(category_path).eq([PROBE])
}

/// What is traded; a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Its code.
    pub code: String,
    /// The category that it is part of.
    pub parent: Option<String>,
    /// Its name in Chinese.
    pub name_zh: String,
    /// Its name in English.
    pub name_en: String,
    /// Its number on the national platform.
    #[serde(default)]
    pub national_code: Option<String>,
    /// Its letters in the data standard.
    #[serde(default)]
    pub standard_code: Option<String>,
    /// Its place among its siblings.
    pub sort: i64,
}

/// Where a notice stands in its project's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeType {
    /// Its code.
    pub code: String,
    /// The category whose notices have it.
    pub category: String,
    /// Its number on the national platform.
    #[serde(default)]
    pub national_code: Option<String>,
    /// Its name in Chinese.
    pub name_zh: String,
    /// Its name in English.
    pub name_en: String,
    /// The stage that it belongs to.
    pub stage: String,
    /// The release tag of the Open Contracting Data Standard that fits best.
    #[serde(default)]
    pub ocds_tag: Option<String>,
    /// Whether its notices name a deadline.
    #[serde(default)]
    pub has_deadline: bool,
    /// Whether its notices are sent ahead of others.
    #[serde(default)]
    pub urgent: bool,
    /// Whether its notices amend earlier ones.
    #[serde(default)]
    pub amends: bool,
    /// For how many hours after publishing a delivery makes sense.
    pub delivery_hours: u32,
    /// Words in titles by which it is known.
    #[serde(default)]
    pub title_markers: Vec<String>,
    /// How feeds write it.
    #[serde(default)]
    pub source_codes: serde_json::Value,
}

/// A step in the life of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its code.
    pub code: String,
    /// Its name in Chinese.
    pub name_zh: String,
    /// Its name in English.
    pub name_en: String,
    /// Its place in the life.
    pub sort: i64,
}

impl Stage {
    /// The stage of notices that change an earlier one.
    pub const AMENDMENT: &str = "amendment";
    /// The stage of notices that end an earlier one.
    pub const CANCELLATION: &str = "cancellation";
}

/// The four documents that a catalogue is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Documents {
    /// All categories.
    pub categories: Vec<Category>,
    /// All regions.
    pub regions: Vec<Region>,
    /// All notice types.
    pub notice_types: Vec<NoticeType>,
    /// All stages.
    pub stages: Vec<Stage>,
}

/// The catalogue, ready for questions.
#[derive(Debug)]
pub struct Catalogue {
    digest: String,
    documents: Documents,
    categories: HashMap<String, usize>,
    regions: HashMap<String, usize>,
    notice_types: HashMap<String, usize>,
    stages: HashMap<String, usize>,
    probe: Category,
    /// The codes that were taken over by a code, by the last one of the chain.
    predecessors: HashMap<String, Vec<String>>,
}

impl Catalogue {
    /// Makes a catalogue, or says everything that is wrong with the documents. `digest` names this version of them.
    pub fn new(documents: Documents, digest: impl Into<String>) -> Result<Self, CatalogueErrors> {
        check::all(&documents)?;
        let mut catalogue = Self {
            digest: digest.into(),
            categories: index(documents.categories.iter().map(|category| &category.code)),
            regions: index(documents.regions.iter().map(|region| &region.code)),
            notice_types: index(documents.notice_types.iter().map(|kind| &kind.code)),
            stages: index(documents.stages.iter().map(|stage| &stage.code)),
            probe: probe(),
            predecessors: HashMap::new(),
            documents,
        };
        catalogue.predecessors = catalogue.find_predecessors();
        Ok(catalogue)
    }

    /// Changes whenever the catalogue does.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Every category that there is to choose from, in order.
    pub fn categories(&self) -> &[Category] {
        &self.documents.categories
    }

    /// Every notice type, in order.
    pub fn notice_types(&self) -> &[NoticeType] {
        &self.documents.notice_types
    }

    /// Every stage, in order.
    pub fn stages(&self) -> &[Stage] {
        &self.documents.stages
    }

    /// The category with this code.
    pub fn category(&self, code: &str) -> Option<&Category> {
        if code == PROBE {
            return Some(&self.probe);
        }
        self.categories.get(code).and_then(|&place| self.documents.categories.get(place))
    }

    /// The notice type with this code.
    pub fn notice_type(&self, code: &str) -> Option<&NoticeType> {
        self.notice_types.get(code).and_then(|&place| self.documents.notice_types.get(place))
    }

    /// The stage with this code.
    pub fn stage(&self, code: &str) -> Option<&Stage> {
        self.stages.get(code).and_then(|&place| self.documents.stages.get(place))
    }

    /// A category's path: its ancestors and itself, root first, such as `/construction/construction.a02/`.
    pub fn category_path(&self, code: &str) -> Option<String> {
        let mut codes = vec![self.category(code)?.code.as_str()];
        let mut parent = self.category(code)?.parent.as_deref();
        while let Some(category) = parent.and_then(|code| self.category(code)) {
            codes.push(&category.code);
            parent = category.parent.as_deref();
        }
        codes.reverse();
        Some(join_path(codes))
    }
}

fn probe() -> Category {
    Category {
        code: PROBE.to_owned(),
        parent: None,
        name_zh: "探测".to_owned(),
        name_en: "Probe".to_owned(),
        national_code: None,
        standard_code: None,
        sort: i64::MAX,
    }
}

/// The codes of a path.
pub fn path_codes(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|code| !code.is_empty())
}

fn join_path<'a>(codes: impl IntoIterator<Item = &'a str>) -> String {
    codes.into_iter().fold("/".to_owned(), |path, code| path + code + "/")
}

fn index<'a>(codes: impl Iterator<Item = &'a String>) -> HashMap<String, usize> {
    codes.enumerate().map(|(place, code)| (code.clone(), place)).collect()
}

#[cfg(test)]
mod tests;
