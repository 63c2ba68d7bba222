//! Whether four documents make a catalogue; everything that is wrong is said at once.

use std::collections::{HashMap, HashSet};

use super::{CatalogueKind, Documents, PROBE, Region};

/// Everything that is wrong with a catalogue.
#[derive(Debug, thiserror::Error)]
#[error("the catalogue is not valid:\n  {}", .0.join("\n  "))]
pub struct CatalogueErrors(pub Vec<String>);

/// The longest code: scopes and paths are built of them.
const MAX_CODE_BYTES: usize = 64;

/// Looks at everything.
pub fn all(documents: &Documents) -> Result<(), CatalogueErrors> {
    let mut errors = Vec::new();
    let Documents { categories, regions, notice_types, stages } = documents;
    let category_codes =
        codes(CatalogueKind::Categories, categories.iter().map(|category| &category.code), &mut errors);
    let region_codes = codes(CatalogueKind::Regions, regions.iter().map(|region| &region.code), &mut errors);
    codes(CatalogueKind::NoticeTypes, notice_types.iter().map(|kind| &kind.code), &mut errors);
    let stage_codes = codes(CatalogueKind::Stages, stages.iter().map(|stage| &stage.code), &mut errors);

    if category_codes.iter().any(|code| *code == PROBE) {
        errors.push(format!("{}/{PROBE}: this code is kept for probes", CatalogueKind::Categories));
    }
    for category in categories {
        known(
            CatalogueKind::Categories,
            &category.code,
            "parent",
            category.parent.as_ref(),
            &category_codes,
            &mut errors,
        );
    }
    for region in regions {
        known(CatalogueKind::Regions, &region.code, "parent", region.parent.as_ref(), &region_codes, &mut errors);
        known(CatalogueKind::Regions, &region.code, "successor", region.successor.as_ref(), &region_codes, &mut errors);
    }
    for kind in notice_types {
        known(CatalogueKind::NoticeTypes, &kind.code, "category", Some(&kind.category), &category_codes, &mut errors);
        known(CatalogueKind::NoticeTypes, &kind.code, "stage", Some(&kind.stage), &stage_codes, &mut errors);
        if kind.delivery_hours == 0 {
            errors.push(format!("notice_types/{}: delivery_hours must not be 0", kind.code));
        }
    }
    let parents = categories.iter().map(|category| (category.code.as_str(), category.parent.as_deref()));
    cycles(CatalogueKind::Categories, "parent", parents, &mut errors);
    // A region's place in the tree is that of its successor, so both kinds of link make one walk.
    let up = |region: &Region| region.successor.clone().or_else(|| region.parent.clone());
    let links: Vec<(&str, Option<String>)> = regions.iter().map(|region| (region.code.as_str(), up(region))).collect();
    let links = links.iter().map(|(code, next)| (*code, next.as_deref()));
    cycles(CatalogueKind::Regions, "parent or successor", links, &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(CatalogueErrors(errors)) }
}

fn codes<'a>(
    kind: CatalogueKind,
    all: impl Iterator<Item = &'a String>,
    errors: &mut Vec<String>,
) -> HashSet<&'a String> {
    let mut seen = HashSet::new();
    for code in all {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if code.is_empty() || code.len() > MAX_CODE_BYTES || !code.bytes().all(plain) {
            errors.push(format!("{kind}: `{code}` is no code (1 to {MAX_CODE_BYTES} of a-z A-Z 0-9 - _ .)"));
        }
        if !seen.insert(code) {
            errors.push(format!("{kind}/{code}: stands there twice"));
        }
    }
    if seen.is_empty() {
        errors.push(format!("{kind}: there is none"));
    }
    seen
}

fn known(
    kind: CatalogueKind,
    code: &str,
    field: &str,
    named: Option<&String>,
    codes: &HashSet<&String>,
    errors: &mut Vec<String>,
) {
    if let Some(named) = named.filter(|named| !codes.contains(named)) {
        errors.push(format!("{kind}/{code}: {field} `{named}` does not exist"));
    }
}

fn cycles<'a>(
    kind: CatalogueKind,
    field: &str,
    links: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    errors: &mut Vec<String>,
) {
    let links: HashMap<&str, Option<&str>> = links.collect();
    for &start in links.keys() {
        let mut here = start;
        // A walk longer than there are codes has been somewhere twice.
        for _ in 0..links.len() {
            match links.get(here).copied().flatten() {
                Some(next) if next == start => {
                    errors.push(format!("{kind}/{start}: its {field} leads back to itself"));
                    break;
                }
                Some(next) => here = next,
                None => break,
            }
        }
    }
}
