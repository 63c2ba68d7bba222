//! The filters to begin with that Yizhan comes with.
//!
//! Promise: one that names a code which the catalogue of this installation does not have is not offered.

use std::sync::LazyLock;

use crate::domain::catalogue::Catalogue;
use crate::domain::template::Template;

const TEXT: &str = include_str!("../../reference/subscription_templates.json");

/// All of them. The text is ours; a test reads it.
static ALL: LazyLock<Vec<Template>> = LazyLock::new(|| serde_json::from_str(TEXT).unwrap_or_default());

/// Those that this catalogue knows every code of.
pub fn offered(catalogue: &Catalogue) -> impl Iterator<Item = &'static Template> {
    ALL.iter().filter(|template| is_known(catalogue, template))
}

/// Changes whenever what is offered may have.
pub fn version(catalogue: &Catalogue) -> String {
    format!("{}-{}", env!("CARGO_PKG_VERSION"), catalogue.digest())
}

fn is_known(catalogue: &Catalogue, template: &Template) -> bool {
    let filter = &template.filter;
    filter.categories.iter().all(|code| catalogue.category(code).is_some())
        && filter.regions.iter().all(|code| catalogue.region(code).is_some())
        && filter.notice_types.iter().all(|code| catalogue.notice_type(code).is_some())
        && filter.stages.iter().all(|code| catalogue.stage(code).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_templates_each_with_a_name_of_its_own() {
        let all: Vec<Template> = serde_json::from_str(TEXT).expect("templates");
        assert_eq!(all.len(), ALL.len());
        let codes: std::collections::BTreeSet<_> = all.iter().map(|template| &template.code).collect();
        assert_eq!(codes.len(), all.len());
    }
}
