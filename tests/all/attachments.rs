//! The files of notices: links that are part of what a notice says, and hidden with its body.

use serde_json::{Value, json};

use super::support::{Caller, TestApp, notice_with};

const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn with_files(files: Value) -> Value {
    notice_with("a", json!({ "attachments": files }))
}

fn file(url: &str) -> Value {
    json!({ "name": "招标文件.pdf", "url": url, "sha256": DIGEST, "size_bytes": 1_024, "media_type": "application/pdf" })
}

async fn publish(publisher: &Caller, notice: Value) -> String {
    publisher.post("/v1/notices", notice).await.expect(201).string("/id")
}

#[tokio::test]
async fn files_are_shown_with_the_notice_and_its_editions_and_not_in_lists() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let mut upper = file("https://example.org/1.pdf");
    upper["sha256"] = json!(DIGEST.to_uppercase());
    let bare = json!({ "name": " 清单 ", "url": "http://example.org/2" });
    let id = publish(&publisher, with_files(json!([upper, bare]))).await;
    let read = app.anonymous().get(&format!("/v1/notices/{id}")).await.expect(200);
    let second = json!({ "name": "清单", "url": "http://example.org/2", "sha256": null, "size_bytes": null, "media_type": null });
    assert_eq!(read.at("/attachments"), &json!([file("https://example.org/1.pdf"), second]));
    let edition = app.anonymous().get(&format!("/v1/notices/{id}/revisions/1")).await.expect(200);
    assert_eq!(edition.at("/attachments"), read.at("/attachments"));
    let listed = app.anonymous().get("/v1/notices").await.expect(200);
    assert!(listed.items()[0].get("attachments").is_none());
}

#[tokio::test]
async fn another_file_is_another_content_and_a_file_that_moved_is_not() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let first = with_files(json!([file("https://example.org/1.pdf")]));
    let id = publish(&publisher, first.clone()).await;
    // The same content answers the first notice; with another digest, another name or none it is another content.
    let moved = with_files(json!([file("https://example.net/1.pdf")]));
    assert_eq!(publisher.post("/v1/notices", moved.clone()).await.expect(200).string("/id"), id);
    for (field, value) in [("sha256", json!("0".repeat(64))), ("name", json!("另一份.pdf"))] {
        let mut other = first.clone();
        other["attachments"][0][field] = value;
        publisher.post("/v1/notices", other).await.expect(409).problem("source_id_taken");
    }
    publisher.post("/v1/notices", with_files(json!([]))).await.expect(409).problem("source_id_taken");
    // The same content under another source id is a duplicate, wherever that source keeps its files.
    let mut copy = moved.clone();
    copy["source_id"] = json!("b");
    assert_eq!(publisher.post("/v1/notices", copy).await.expect(201).string("/duplicate_of"), id);
    // To those who have it, a file that moved is no news.
    let put = publisher.put("/v1/notices/by-source/demo/a", moved).await.expect(200);
    assert_eq!(put.at("/revision"), 2);
    let history = app.anonymous().get(&format!("/v1/notices/{id}/revisions")).await.expect(200);
    assert_eq!(history.at("/items/0/kind"), "editorial");
}

#[tokio::test]
async fn a_revision_says_which_files_came_and_went_until_the_notice_is_withdrawn() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let id = publish(&publisher, with_files(json!([]))).await;
    let path = format!("/v1/notices/{id}");
    let files = json!([file("https://example.org/1.pdf")]);
    let body = json!({ "notice": with_files(files.clone()) });
    publisher.post(&format!("{path}/revisions"), body.clone()).await.expect(201);
    publisher.post(&format!("{path}/revisions"), body).await.expect(409).problem("nothing_changed");
    let history = app.anonymous().get(&format!("{path}/revisions")).await.expect(200);
    assert_eq!(history.at("/items/0/changes"), &json!([{ "field": "attachments", "from": [], "to": files }]));
    assert_eq!(app.anonymous().get(&path).await.expect(200).at("/attachments"), &files);

    publisher.post(&format!("{path}/withdrawal"), json!({ "reason": "重复发布" })).await.expect(201);
    for path in [path.clone(), format!("{path}/revisions/2"), format!("{path}/revisions/3")] {
        let read = app.anonymous().get(&path).await.expect(200);
        assert_eq!(read.at("/attachments"), &json!([]), "{path}");
        assert!(!read.text.contains("example.org/1.pdf"), "{path}");
    }
    let history = app.anonymous().get(&format!("{path}/revisions")).await.expect(200);
    assert!(!history.text.contains("example.org/1.pdf"), "{}", history.text);
}

#[tokio::test]
async fn files_are_links_of_a_known_form_and_few() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let wrong = [
        ("name", json!(" ")),
        ("url", json!("ftp://example.org/1")),
        ("url", json!("javascript:alert(1)")),
        ("sha256", json!("abc")),
        ("size_bytes", json!(-1)),
        ("media_type", json!("pdf")),
    ];
    for (field, value) in wrong {
        let mut body = with_files(json!([file("https://example.org/1.pdf")]));
        body["attachments"][0][field] = value;
        let answer = publisher.post("/v1/notices", body).await.expect(422).problem("invalid");
        assert!(answer.violations().iter().all(|(at, _)| *at == format!("/attachments/0/{field}")), "{}", answer.text);
    }
    let many = vec![file("https://example.org/1.pdf"); 51];
    let answer = publisher.post("/v1/notices", with_files(json!(many))).await.expect(422);
    assert_eq!(answer.violations(), [("/attachments".to_owned(), "too_many_items".to_owned())]);
}
