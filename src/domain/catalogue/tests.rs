//! Against the catalogue that Yizhan comes with, and against broken ones.

use super::*;

fn documents() -> Documents {
    Documents {
        categories: serde_json::from_str(include_str!("../../reference/categories.json")).expect("categories"),
        regions: serde_json::from_str(include_str!("../../reference/regions.json")).expect("regions"),
        notice_types: serde_json::from_str(include_str!("../../reference/notice_types.json")).expect("types"),
        stages: serde_json::from_str(include_str!("../../reference/stages.json")).expect("stages"),
    }
}

fn catalogue() -> Catalogue {
    Catalogue::new(documents(), "test").expect("a whole catalogue")
}

#[test]
fn a_category_stands_under_its_ancestors() {
    let catalogue = catalogue();
    assert_eq!(catalogue.category_path("construction.a02").as_deref(), Some("/construction/construction.a02/"));
    assert_eq!(catalogue.category_path("construction").as_deref(), Some("/construction/"));
    assert_eq!(catalogue.category_path("nothing"), None);
}

#[test]
fn old_and_new_codes_of_a_region_mean_the_same() {
    let catalogue = catalogue();
    let (old, new) = (catalogue.resolve("430124").expect("old"), catalogue.resolve("430182").expect("new"));
    assert_eq!(old, new);
    assert_eq!(new.code, "430182");
    let codes: Vec<&str> = path_codes(&new.path).collect();
    assert!(["430000", "430100", "430124", "430182"].iter().all(|code| codes.contains(code)), "{codes:?}");
    assert_eq!(codes.first(), Some(&"430000"));
    assert!(!new.fallback);
}

#[test]
fn the_heading_of_a_city_is_the_city() {
    let catalogue = catalogue();
    assert_eq!(catalogue.resolve("430101").map(|region| region.code).as_deref(), Some("430100"));
    assert_eq!(catalogue.resolve("433101").map(|region| region.code).as_deref(), Some("433101"), "a real city");
}

#[test]
fn every_known_code_resolves_to_one_that_its_path_holds() {
    let catalogue = catalogue();
    for region in catalogue.regions() {
        let resolved = catalogue.resolve(&region.code).expect("known");
        let codes: Vec<&str> = path_codes(&resolved.path).collect();
        assert!(codes.contains(&region.code.as_str()) && codes.contains(&resolved.code.as_str()), "{}", region.code);
        assert!(!resolved.fallback);
    }
}

#[test]
fn an_unknown_code_falls_back_to_the_longest_known_prefix() {
    let catalogue = catalogue();
    let county = catalogue.resolve("430199").expect("its prefecture is known");
    assert_eq!((county.code.as_str(), county.fallback), ("430100", true));
    let prefecture = catalogue.resolve("436601").expect("its province is known");
    assert_eq!((prefecture.code.as_str(), prefecture.fallback), ("430000", true));
    assert_eq!(catalogue.resolve("990000"), None);
    assert_eq!(catalogue.resolve("43"), None);
    assert_eq!(catalogue.resolve("湖南"), None);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let mut broken = documents();
    broken.categories[0].parent = Some("construction.a01".to_owned());
    broken.regions[3].parent = Some("999999".to_owned());
    broken.notice_types[0].stage = "nowhere".to_owned();
    let again = broken.stages[0].clone();
    broken.stages.push(again);
    let CatalogueErrors(errors) = Catalogue::new(broken, "test").expect_err("broken");
    for part in ["leads back to itself", "`999999` does not exist", "`nowhere` does not exist", "stands there twice"] {
        assert!(errors.iter().any(|error| error.contains(part)), "{part}: {errors:?}");
    }
}

#[test]
fn a_region_is_known_by_the_names_that_people_use() {
    let catalogue = catalogue();
    let named = |names: &[&str]| catalogue.region_of(names).map(|region| region.code.clone());
    assert_eq!(named(&["长沙市"]).as_deref(), Some("430100"));
    assert_eq!(named(&["吉首"]).as_deref(), Some("433101"));
    assert_eq!(named(&["鼓楼区"]), None, "there are four of them");
    assert_eq!(named(&["鼓楼区", "南京市"]).as_deref(), Some("320106"));
    assert_eq!(named(&["新区", "长沙市"]).as_deref(), Some("430100"), "what is known of it");
    assert_eq!(named(&["London", "London"]), None);
    assert_eq!(named(&[]), None);
}
