//! The pages beside the API, and what is answered where there is nothing.

use reqwest::Method;
use serde_json::Value;
use yizhan::services::Refusal;

use super::support::TestApp;

#[tokio::test]
async fn the_documentation_needs_nobody_else() {
    let app = TestApp::with(|config| config.limits.address_per_minute = 1).await;
    let reader = app.anonymous();
    let page = reader.get("/docs").await.expect(200);
    assert_eq!(page.header("content-type"), "text/html");
    assert!(!page.text.contains("http"), "the page names another server: {}", page.text);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"), "{policy}");
    let start = reader.get("/docs/swagger-initializer.js").await.expect(200).text;
    assert!(start.contains("/openapi.json") && start.contains("\"validatorUrl\": \"none\""), "{start}");
    for file in ["swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "swagger-ui.css", "index.css"] {
        reader.get(&format!("/docs/{file}")).await.expect(200);
    }
    reader.get("/docs/nothing.js").await.expect(404).problem("not_found");
}

#[tokio::test]
async fn every_code_is_explained_where_its_type_points() {
    let app = TestApp::spawn().await;
    let reader = app.anonymous();
    for refusal in Refusal::ALL {
        let path = format!("/problems/{}", refusal.code());
        let explained = reader.get(&path).await.expect(200);
        assert_eq!(explained.json["status"], refusal.status(), "{path}");
        assert_eq!(explained.json["title_zh"], refusal.titles().0, "{path}");
        let page = reader.send(Method::GET, &path, None, &[("accept", "text/html")]).await.expect(200);
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        assert!(page.text.contains(refusal.titles().1), "{path}: {}", page.text);
    }
    assert_eq!(reader.get("/problems/internal").await.expect(200).json["status"], 500);
    reader.get("/problems/no_such_code").await.expect(404).problem("not_found");
}

#[tokio::test]
async fn a_method_that_a_path_does_not_know_is_told_which_ones_it_does() {
    let app = TestApp::spawn().await;
    let anybody = app.anonymous();
    let cases = [
        (Method::DELETE, "/v1/categories", "GET, HEAD"),
        (Method::PUT, "/v1/notices", "GET, HEAD, POST"),
        (Method::POST, "/v1/sessions/current", "DELETE"),
        (Method::POST, "/v1/notices/ntc_01h455vb4pex5vsknk084sn02q", "GET, HEAD"),
        (Method::POST, "/openapi.json", "GET, HEAD"),
        (Method::DELETE, "/docs", "GET, HEAD"),
    ];
    for (method, path, allowed) in cases {
        let answer = anybody.send(method, path, None, &[]).await.expect(405).problem("method_not_allowed");
        assert_eq!(answer.header("allow"), allowed, "{path}");
    }
    for path in ["/", "/v1", "/v1/nothing", "/v2/notices"] {
        assert_eq!(anybody.get(path).await.expect(404).problem("not_found").json["errors"], Value::Null);
    }
}

#[tokio::test]
async fn what_can_be_read_can_be_asked_for_its_head() {
    let app = TestApp::spawn().await;
    let anybody = app.anonymous();
    let head = async |path: &str| anybody.send(Method::HEAD, path, None, &[]).await;
    for path in ["/v1/categories", "/v1/notices?limit=1", "/docs/", "/openapi.json"] {
        let (whole, head) = (anybody.get(path).await.expect(200), head(path).await.expect(200));
        assert_eq!(head.text, "", "{path}");
        for name in ["content-type", "content-length", "etag"] {
            assert_eq!(head.header(name), whole.header(name), "{name} of {path}");
        }
        assert_ne!(head.header("content-length"), "", "{path}");
    }
    // It ends, though what it would lead does not.
    head("/sandbox/events").await.expect(200);
    head("/v1/me").await.expect(401);
    head("/v1/nothing").await.expect(404);
    assert_eq!(head("/v1/registrations").await.expect(405).header("allow"), "POST");
    head("/v1/categories?x=1").await.expect(422);
}
