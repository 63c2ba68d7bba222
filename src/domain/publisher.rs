//! Publisher: an organisation or system that hands notices in, and how far each of its keys reaches.

use serde::{Deserialize, Serialize};

use super::catalogue::path_codes;

/// How far a key reaches. An empty list is no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The sources that it may publish from.
    pub sources: Vec<String>,
    /// The categories that it may publish in, each with everything below it.
    pub categories: Vec<String>,
    /// The regions that it may publish for, each with everything below it.
    pub regions: Vec<String>,
}

impl Scope {
    /// Whether the key may publish a notice of this source, in this category, for this region; paths as
    /// [`super::catalogue::Catalogue`] makes them, so that retired codes count for those that took them over.
    pub fn allows(&self, source: &str, category_path: &str, region_path: &str) -> bool {
        self.beyond(source, category_path, region_path).next().is_none()
    }

    /// Which of a notice's fields lie beyond the key's reach: `source`, `category`, `region`.
    pub fn beyond(
        &self,
        source: &str,
        category_path: &str,
        region_path: &str,
    ) -> impl Iterator<Item = &'static str> + use<> {
        let under = |codes: &[String], path: &str| {
            codes.is_empty() || path_codes(path).any(|code| codes.iter().any(|allowed| allowed == code))
        };
        let within = [
            ("source", self.sources.is_empty() || self.sources.iter().any(|allowed| allowed == source)),
            ("category", under(&self.categories, category_path)),
            ("region", under(&self.regions, region_path)),
        ];
        within.into_iter().filter(|(_, within)| !within).map(|(field, _)| field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reaches_what_lies_below_its_scope_and_nothing_else() {
        let of = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
        let scope = Scope { sources: of(&["demo"]), categories: of(&["construction"]), regions: of(&["430124"]) };
        let (category, region) = ("/construction/construction.a02/", "/430000/430100/430182/430124/");
        assert!(scope.allows("demo", category, region));
        assert!(!scope.allows("other", category, region));
        assert!(!scope.allows("demo", "/gov-procurement/", region));
        assert!(!scope.allows("demo", category, "/430000/430100/"));
        assert!(scope.beyond("demo", "/gov-procurement/", "/430000/").eq(["category", "region"]));
        assert!(Scope::default().allows("any", category, region));
    }
}
