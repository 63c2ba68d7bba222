//! Who is told of a content, and when: once, by the first call that asks for it, whoever stored it before.

use reqwest::Method;
use serde_json::{Value, json};

use yizhan::storage::execute;

use super::support::{Answer, Caller, TestApp, eventually, notice, notice_with};

/// What a call came to: its status, the revision that stands, how far it announced.
fn came_to(answer: &Answer) -> (u16, i64, String) {
    (answer.status, answer.at("/revision").as_i64().expect("a revision"), answer.string("/announce"))
}

fn expected(status: u16, revision: i64, announce: &str) -> (u16, i64, String) {
    (status, revision, announce.to_owned())
}

async fn publish(publisher: &Caller, notice: &Value) -> Answer {
    publisher.post("/v1/notices", notice.clone()).await
}

#[tokio::test]
async fn what_somebody_stored_quietly_is_announced_when_it_is_handed_in_to_be_announced() {
    let app = TestApp::spawn().await;
    let reader = app.user().await;
    super::support::subscription().subscribe(&reader).await;
    let (archive, source, third) = (app.publisher().await, app.publisher().await, app.publisher().await);
    let quiet = notice().with("announce", "none").with("source", "archive").0;
    let stored = publish(&archive, &quiet).await.expect(201);
    assert_eq!(came_to(&stored), expected(201, 1, "none"));
    // The trading system hands the same in under its own id.
    let mut loud = quiet.clone();
    (loud["source"], loud["announce"]) = (json!("trading"), json!("push"));
    let announced = publish(&source, &loud).await;
    assert_eq!(came_to(&announced), expected(201, 1, "push"));
    assert_eq!(announced.at("/duplicate_of"), stored.at("/id"));
    let inbox = reader.inbox_of(1).await;
    assert_eq!(inbox.at("/items/0/notice/id"), announced.at("/id"));
    // Now people have been told: a third copy is stored, and that is all.
    loud["source"] = json!("portal");
    let copy = publish(&third, &loud).await;
    assert_eq!(came_to(&copy), expected(201, 1, "none"));
    assert_eq!(copy.at("/duplicate_of"), stored.at("/id"));
    // Inboxes were told, and phones.
    loud["announce"] = json!("inbox");
    assert_eq!(came_to(&publish(&third, &loud).await), expected(200, 1, "none"));
}

#[tokio::test]
async fn a_content_that_is_taken_back_under_one_id_can_be_announced_under_another() {
    let app = TestApp::spawn().await;
    let (first, second) = (app.publisher().await, app.publisher().await);
    let mut body = notice().with("source", "first").0;
    let id = publish(&first, &body).await.expect(201).string("/id");
    body["source"] = json!("second");
    assert_eq!(came_to(&publish(&second, &body).await), expected(201, 1, "none"));
    first.post(&format!("/v1/notices/{id}/withdrawal"), json!({"reason": "误发"})).await.expect(201);
    assert_eq!(came_to(&publish(&second, &body).await), expected(200, 2, "push"));
    assert_eq!(came_to(&publish(&second, &body).await), expected(200, 2, "none"));
    // What was taken back itself is not announced by repeating it.
    body["source"] = json!("first");
    assert_eq!(came_to(&publish(&first, &body).await), expected(200, 2, "none"));
}

#[tokio::test]
async fn a_repeat_that_asks_for_more_tells_people_of_the_notice() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let body = notice();
    let step = async |announce: &str| publish(&publisher, &body.clone().with("announce", announce).0).await;
    assert_eq!(came_to(&step("none").await), expected(201, 1, "none"));
    // Who subscribes after it was stored and before it is announced is told: what counts is when people are told.
    let reader = app.user().await;
    super::support::subscription().subscribe(&reader).await;
    let token = reader.with_device().await;
    assert_eq!(came_to(&step("inbox").await), expected(200, 2, "inbox"));
    let item = reader.inbox_of(1).await;
    let id = item.string("/items/0/notice/id");
    assert_eq!((item.at("/items/0/kind"), item.at("/items/0/changes")), (&json!("notice"), &json!([])));
    let why = reader.get(&format!("/v1/inbox/{id}/why")).await.expect(200);
    assert_eq!((why.at("/revision"), why.at("/subscriptions/0/matched")), (&json!(2), &json!(true)));
    reader.send(Method::PUT, &format!("/v1/inbox/{id}/read"), None, &[]).await.expect(204);
    for announce in ["inbox", "none"] {
        assert_eq!(came_to(&step(announce).await), expected(200, 2, "none"));
    }
    assert_eq!(came_to(&step("push").await), expected(200, 3, "push"));
    let phone = app.shown(&token, 1).await;
    assert_eq!(phone.at("/notifications/0/kind"), "notice");
    assert_eq!(phone.at("/notifications/0/title"), &body.0["title"], "to whom it is new it is no correction");
    let inbox = reader.inbox_of(1).await;
    assert!(inbox.at("/items/0/read_at").is_string(), "nothing that it says is new");
    assert_eq!(came_to(&step("push").await), expected(200, 3, "none"));
}

#[tokio::test]
async fn copies_of_a_call_that_asks_for_more_announce_it_once() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let body = notice();
    publish(&publisher, &body.clone().with("announce", "none").0).await.expect(201);
    let answers = futures_util::future::join_all((0..6).map(|_| publish(&publisher, &body.0))).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.at("/revision") == 2), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.at("/announce") == "push").count(), 1);
}

#[tokio::test]
async fn a_revision_may_change_nothing_but_how_far_a_notice_is_announced() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let reader = app.user().await;
    super::support::subscription().subscribe(&reader).await;
    let body = notice();
    let quiet = body.clone().with("announce", "none").0;
    let id = publish(&publisher, &quiet).await.expect(201).string("/id");
    let path = format!("/v1/notices/{id}/revisions");
    publisher.post(&path, json!({"notice": quiet})).await.expect(409).problem("nothing_changed");
    let made = publisher.post(&path, json!({"notice": body.0})).await;
    assert_eq!(came_to(&made), expected(201, 2, "push"));
    assert_eq!(reader.inbox_of(1).await.at("/items/0/kind"), "notice");
    publisher.post(&path, json!({"notice": body.0})).await.expect(409).problem("nothing_changed");
}

#[tokio::test]
async fn a_corrected_link_and_a_corrected_title_are_revisions() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let with = |link: &str, title: &str, url: &str| {
        let body =
            format!("<p>文件见 <a href=\"{link}\">此处</a></p><p><a href=\"https://example.org/same\">同</a></p>");
        notice_with("a", json!({"body_html": body, "title": title, "source_url": url}))
    };
    let (old, url) = ("https://example.org/old?a=1&b=2", "https://example.org/1");
    let id = publish(&publisher, &with(old, "Ａ标段招标公告", url)).await.expect(201).string("/id");
    let path = format!("/v1/notices/{id}/revisions");
    let revise = async |notice: Value, editorial: bool| {
        publisher.post(&path, json!({"notice": notice, "editorial": editorial})).await
    };
    let newest = async || app.anonymous().get(&path).await.expect(200).at("/items/0").clone();
    let new = "https://example.org/new?a=1&b=2";
    revise(with(new, "Ａ标段招标公告", url), true).await.expect(201);
    let made = newest().await;
    assert_eq!(
        (&made["kind"], &made["changes"]),
        (&json!("editorial"), &json!([{"field": "links", "from": [old], "to": [new]}]),)
    );
    let body = app.anonymous().get(&format!("/v1/notices/{id}")).await.expect(200).string("/body_html");
    assert!(body.contains("/new?a=1&amp;b=2"), "{body}");
    // The same letters, written otherwise; and where the source shows it.
    revise(with(new, "A标段招标公告", url), false).await.expect(201);
    assert_eq!(newest().await["changes"], json!([{"field": "title", "from": "Ａ标段招标公告", "to": "A标段招标公告"}]));
    revise(with(new, "A标段招标公告", "https://example.org/2"), false).await.expect(201);
    let change = json!({"field": "source_url", "from": url, "to": "https://example.org/2"});
    assert_eq!(newest().await["changes"], json!([change]));
    revise(with(new, "A标段招标公告", "https://example.org/2"), false).await.expect(409).problem("nothing_changed");
}

#[tokio::test]
async fn nothing_of_a_withdrawn_notices_body_is_left_to_be_read() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let reader = app.user().await;
    super::support::subscription().subscribe(&reader).await;
    let with = |secret: &str| {
        let body = format!("<p>一</p><p>身份证号 {secret}</p><p><a href=\"https://example.org/{secret}\">附件</a></p>");
        notice_with("a", json!({"body_html": body, "region": "430102", "title": format!("公告 {}", secret.len())}))
    };
    let id = publish(&publisher, &with("SECRET-1")).await.expect(201).string("/id");
    let path = format!("/v1/notices/{id}");
    publisher.post(&format!("{path}/revisions"), json!({"notice": with("SECRET-22")})).await.expect(201);
    let fields = |item: &Value| -> Vec<String> {
        let changes = item["changes"].as_array().expect("changes");
        changes.iter().map(|change| change["field"].as_str().expect("a field").to_owned()).collect()
    };
    let item = async || reader.get(&format!("/v1/inbox/{id}")).await;
    eventually("the correction is there", async || (item().await.at("/revision") == 2).then_some(())).await;
    assert_eq!(fields(&item().await.json), ["title", "body", "links"]);
    publisher.post(&format!("{path}/withdrawal"), json!({"reason": "泄露个人信息"})).await.expect(201);
    let anonymous = app.anonymous();
    for read in
        [path.clone(), format!("{path}/revisions"), format!("{path}/revisions/1"), format!("{path}/revisions/2")]
    {
        let read = anonymous.get(&read).await.expect(200);
        assert!(!read.text.contains("SECRET"), "{}", read.text);
    }
    let history = anonymous.get(&format!("{path}/revisions")).await.expect(200);
    assert_eq!(fields(&history.items()[1]), ["title"], "what is no body stays");
    for read in [format!("/v1/inbox/{id}"), "/v1/inbox".to_owned(), "/v1/inbox/sync".to_owned()] {
        let read = reader.get(&read).await.expect(200);
        assert!(!read.text.contains("SECRET"), "{}", read.text);
    }
}

#[tokio::test]
async fn what_was_announced_long_ago_is_not_announced_again_under_another_id() {
    let app = TestApp::spawn().await;
    let (first, second) = (app.publisher().await, app.publisher().await);
    let said = notice().with("source", "first").with("announce", "push");
    let id = said.publish(&first).await;
    let revise = async |body: Value| {
        first.post(&format!("/v1/notices/{id}/revisions"), json!({ "notice": body })).await.expect(201);
    };
    // It said many other things since, each to everybody, and says now what it said at first.
    for number in 0..22 {
        revise(said.clone().with("title", format!("第{number}次更正的公告")).0).await;
    }
    revise(said.clone().with("announce", "none").0).await;
    let copy = said.with("source", "second").0;
    assert_eq!(came_to(&publish(&second, &copy).await), expected(201, 1, "none"));
}

#[tokio::test]
async fn what_was_announced_before_contents_were_kept_is_known_when_it_is_asked_for() {
    let app = TestApp::spawn().await;
    let (first, second) = (app.publisher().await, app.publisher().await);
    let said = notice().with("source", "first").with("announce", "push");
    let id = said.publish(&first).await;
    let other = said.clone().with("title", "另一份公告").with("source_id", "other").with("announce", "none");
    other.publish(&first).await;
    let quiet = said.clone().with("announce", "none").with("source_url", "https://example.org/moved");
    let body = json!({ "notice": quiet.0, "editorial": true });
    first.post(&format!("/v1/notices/{id}/revisions"), body).await.expect(201);
    app.inside(async |deps| execute(deps.db.writer(), "UPDATE notice_revisions SET content_hash = NULL", []).await)
        .await
        .expect("editions of before");
    for (at_once, source) in [(false, "second"), (true, "third")] {
        let copies = [&said, &other].map(|body| body.clone().with("source", source).with("announce", "push").0);
        let told = if at_once {
            let answer = second.post("/v1/notices/batch", json!({ "notices": copies })).await.expect(200);
            let told = |place| answer.at(&format!("/outcomes/{place}/notice/announce")).clone();
            [told(0), told(1)]
        } else {
            let told = async |body| json!(publish(&second, body).await.expect(201).string("/announce"));
            [told(&copies[0]).await, told(&copies[1]).await]
        };
        let now = if at_once { "none" } else { "push" };
        assert_eq!(told, [json!("none"), json!(now)], "at once: {at_once}");
    }
}
