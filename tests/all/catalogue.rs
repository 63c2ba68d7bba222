//! The catalogue through the door, and its replacement under a running server.

use std::time::Duration;

use serde_json::{Value, json};
use yizhan::services::catalogue;

use super::support::{TestApp, eventually};

#[tokio::test]
async fn a_retired_region_and_its_successor_mean_the_same() {
    let app = TestApp::spawn().await;
    let (old, new) = (app.anonymous().get("/v1/regions/430124").await, app.anonymous().get("/v1/regions/430182").await);
    let (old, new) = (old.expect(200), new.expect(200));
    assert_eq!(old.at("/region/code"), "430182");
    assert_eq!(old.at("/path"), new.at("/path"));
    let path = old.at("/path").as_array().expect("codes").clone();
    assert!(path.contains(&json!("430124")) && path.contains(&json!("430182")) && path.contains(&json!("430100")));
    assert_eq!(old.at("/fallback"), false);
}

#[tokio::test]
async fn an_unknown_region_falls_back_and_says_so() {
    let app = TestApp::spawn().await;
    let answer = app.anonymous().get("/v1/regions/430199").await.expect(200);
    assert_eq!((answer.at("/region/code"), answer.at("/fallback")), (&json!("430100"), &json!(true)));
    app.anonymous().get("/v1/regions/990000").await.expect(404).problem("not_found");
}

#[tokio::test]
async fn regions_are_found_by_parent_and_by_name() {
    let app = TestApp::spawn().await;
    let provinces = app.anonymous().get("/v1/regions").await.expect(200);
    assert_eq!(provinces.items().len(), 34);
    let counties = app.anonymous().get("/v1/regions?parent=430100").await.expect(200);
    assert!(counties.items().iter().all(|region| region["retired"] == false), "{}", counties.text);
    assert_eq!(counties.items().len(), 9);
    let found = app.anonymous().get("/v1/regions?q=%E5%AE%81%E4%B9%A1").await.expect(200);
    assert_eq!(found.items().len(), 2, "{}", found.text);
    let wrong = app.anonymous().get("/v1/regions?parent=x&nothing=1").await.expect(422).problem("invalid");
    assert!(wrong.violations().contains(&("nothing".to_owned(), "unknown_parameter".to_owned())));
}

#[tokio::test]
async fn who_has_the_catalogue_is_sent_nothing() {
    let app = TestApp::spawn().await;
    for path in ["/v1/categories", "/v1/regions", "/v1/notice-types", "/v1/regions/430100"] {
        let first = app.anonymous().get(path).await.expect(200);
        let etag = first.header("etag").to_owned();
        assert!(etag.starts_with('"'), "{path}: {etag} is a strong ETag");
        let again =
            app.anonymous().send(reqwest::Method::GET, path, None, &[("if-none-match", &etag)]).await.expect(304);
        assert_eq!((again.text.as_str(), again.header("etag")), ("", etag.as_str()));
        app.anonymous().send(reqwest::Method::GET, path, None, &[("if-none-match", "\"other\"")]).await.expect(200);
    }
}

#[tokio::test]
async fn a_new_catalogue_is_in_force_without_a_restart_and_a_broken_one_is_refused_whole() {
    let app = TestApp::spawn().await;
    let before = app.anonymous().get("/v1/categories").await.expect(200);
    let folder = tempfile::tempdir().expect("a folder");
    let mut categories: Vec<Value> =
        serde_json::from_str(include_str!("../../src/reference/categories.json")).expect("categories");
    let write = |categories: &[Value]| {
        std::fs::write(folder.path().join("categories.json"), Value::from(categories).to_string()).expect("written");
    };
    let load = async || {
        let path = folder.path().to_owned();
        app.inside(async move |deps| catalogue::load(&deps.db, &path, deps.clock.now()).await.map(|_| ())).await
    };

    let mut broken = categories.clone();
    broken[0]["parent"] = json!("nowhere");
    broken[1]["parent"] = json!("construction.a02");
    broken[2]["parent"] = json!("construction.a01");
    write(&broken);
    let errors = load().await.expect_err("broken").to_string();
    assert!(errors.contains("`nowhere` does not exist") && errors.contains("leads back to itself"), "{errors}");
    let kept = app.anonymous().get("/v1/categories").await.expect(200);
    assert_eq!(kept.header("etag"), before.header("etag"));

    categories
        .push(json!({"code": "data", "parent": null, "name_zh": "数据资产", "name_en": "Data assets", "sort": 99}));
    write(&categories);
    load().await.expect("a whole catalogue");
    let begun = std::time::Instant::now();
    let new = eventually("the new catalogue is served", async || {
        let answer = app.anonymous().get("/v1/categories").await.expect(200);
        (answer.header("etag") != before.header("etag")).then_some(answer)
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(new.items().iter().any(|category| category["code"] == "data"), "{}", new.text);
}
