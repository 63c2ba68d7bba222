//! Regions: a tree whose codes change over the years.
//!
//! A code that was taken over by another one stays understood: whoever names either is met by both. Feeds keep sending
//! codes retired years ago, and subscriptions outlive reforms.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Catalogue, join_path};
use crate::domain::words::words;

words! {
    /// How large a region is.
    Level {
        /// A province.
        Province = "province",
        /// A prefecture.
        Prefecture = "prefecture",
        /// A county or what stands beside one.
        County = "county",
    }
}

/// A region (GB/T 2260).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Its six digits.
    pub code: String,
    /// Its full name.
    pub name: String,
    /// Its name for a crowded screen.
    pub short_name: String,
    /// Its name in English, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_en: Option<String>,
    /// The region that it is part of.
    pub parent: Option<String>,
    /// How large it is.
    pub level: Level,
    /// Not to be offered any more, but understood.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
    /// The code that took over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
}

/// What a region code means today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedRegion {
    /// The code of today; a retired code without a successor stands for itself.
    pub code: String,
    /// Every ancestor and the region itself, root first, each followed by all codes that it took over, such as
    /// `/430000/430100/430182/430124/`.
    pub path: String,
    /// The code is not known: this is the longest known prefix of it.
    pub fallback: bool,
}

impl Catalogue {
    /// Every region, in order.
    pub fn regions(&self) -> &[Region] {
        &self.documents.regions
    }

    /// The region with this code, retired or not.
    pub fn region(&self, code: &str) -> Option<&Region> {
        self.regions.get(code).and_then(|&place| self.documents.regions.get(place))
    }

    /// What a code means today; `None` when not even its province is known.
    pub fn resolve(&self, code: &str) -> Option<ResolvedRegion> {
        if let Some(region) = self.region(code) {
            return Some(self.resolved(region, false));
        }
        // Only what looks like a code has a prefix that means anything.
        if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let prefix = |digits: usize| {
            let known = format!("{:0<6}", code.get(..digits)?);
            self.region(&known)
        };
        prefix(4).or_else(|| prefix(2)).map(|region| self.resolved(region, true))
    }

    /// The region that people call by these names, the finest first: 芙蓉区, 长沙市. Of several regions with a name, the one
    /// within what a coarser name means; when that is none or many, what the coarser name means. Retired names are not
    /// looked for, headings such as 市辖区 neither.
    pub fn region_of(&self, names: &[&str]) -> Option<&Region> {
        let (finest, coarser) = names.split_first()?;
        let wider = self.region_of(coarser);
        let finest = finest.trim();
        let called = |region: &&Region| !region.retired && (region.name == finest || region.short_name == finest);
        let within = |region: &&Region| match wider {
            Some(wider) => self.resolved(region, false).path.contains(&format!("/{}/", wider.code)),
            None => true,
        };
        let mut found = self.regions().iter().filter(called).filter(within);
        match (found.next(), found.next()) {
            (Some(only), None) => Some(only),
            _ => wider,
        }
    }

    /// Whether this is what people call the region with this code, then or today, or one that it is part of; or the
    /// level itself that publishes, such as 省本级. Neither its parts nor its neighbours: each of them is somewhere else.
    pub fn is_name_of(&self, code: &str, name: &str) -> bool {
        let name = match name.strip_suffix("本级") {
            Some("省" | "市" | "州" | "盟" | "区" | "县" | "旗") => return true,
            Some(level) => level,
            None => name,
        };
        let today = self.resolve(code).and_then(|found| self.region(&found.code));
        let levels = today.map(|region| self.levels(region)).unwrap_or_default();
        let mut meant = self.region(code).into_iter().chain(levels);
        meant.any(|region| region.name == name || region.short_name == name)
    }

    /// A region as it is today and all that it is part of, the finest first.
    fn levels<'a>(&'a self, region: &'a Region) -> Vec<&'a Region> {
        let today = self.today(region);
        let mut levels = vec![today];
        let mut parent = today.parent.as_deref();
        while let Some(region) = parent.and_then(|code| self.region(code)).map(|region| self.today(region)) {
            levels.push(region);
            parent = region.parent.as_deref();
        }
        levels
    }

    fn resolved(&self, region: &Region, fallback: bool) -> ResolvedRegion {
        let (today, levels) = (self.today(region), self.levels(region));
        let path = join_path(levels.into_iter().rev().flat_map(|region| self.with_former(&region.code)));
        ResolvedRegion { code: today.code.clone(), path, fallback }
    }

    fn with_former<'a>(&'a self, code: &'a str) -> impl Iterator<Item = &'a str> {
        let former = self.predecessors.get(code).into_iter().flatten().map(String::as_str);
        std::iter::once(code).chain(former)
    }

    /// The last one of the chain of successors.
    fn today<'a>(&'a self, region: &'a Region) -> &'a Region {
        let mut today = region;
        while let Some(next) = today.successor.as_deref().and_then(|code| self.region(code)) {
            today = next;
        }
        today
    }

    pub(super) fn find_predecessors(&self) -> HashMap<String, Vec<String>> {
        let mut predecessors: HashMap<String, Vec<String>> = HashMap::new();
        for region in self.regions().iter().filter(|region| region.successor.is_some()) {
            predecessors.entry(self.today(region).code.clone()).or_default().push(region.code.clone());
        }
        predecessors
    }
}
