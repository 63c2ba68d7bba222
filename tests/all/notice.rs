//! Notices through the door: natural keys, revisions, withdrawal, amendments, lists.

use serde_json::{Value, json};

use super::support::{Answer, Caller, TestApp, notice_as, notice_with};

async fn publish(publisher: &Caller, notice: Value) -> String {
    publisher.post("/v1/notices", notice).await.expect(201).string("/id")
}

/// How many fan-outs are on record for a notice.
async fn announced(app: &TestApp, id: &str) -> i64 {
    let id: yizhan::domain::id::NoticeId = id.parse().expect("an id");
    app.inside(async move |deps| {
        let text = "SELECT COUNT(*) AS value FROM fan_outs WHERE notice_id = $1";
        yizhan::storage::value(deps.db.reader(), text, [id.into()]).await.expect("a count")
    })
    .await
}

#[tokio::test]
async fn a_published_notice_is_read_without_signing_in() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let body = notice_with(
        "gg1",
        json!({
            "project": {"code": "A02-430522-00002", "name": "黑臭水体治理"}, "sections": ["A02-430522-00002-01"],
            "purchaser": {"name": "新邵县城市建设投资有限公司", "code": "91430522903597460B"},
            "amounts": [{"kind": "budget", "text": "65 万元"}, {"kind": "control_price", "text": "详见附件"}],
            "deadlines": [{"kind": "bid", "at": "2030-01-02T09:30:00+08:00"}],
        }),
    );
    let made = publisher.post("/v1/notices", body).await.expect(201);
    let path = made.header("location").to_owned();
    let read = app.anonymous().get(&path).await.expect(200);
    assert_eq!(read.at("/state"), "published");
    assert_eq!(read.at("/category/name_zh"), "市政");
    assert_eq!(read.at("/region/name_zh"), "新邵县");
    assert_eq!(read.at("/stage"), "tender");
    assert_eq!(read.at("/amounts/0/fen"), 65_000_000);
    assert_eq!(read.at("/amounts/1/fen"), &Value::Null, "unknown is never 0");
    assert_eq!(read.at("/deadlines/0/at"), "2030-01-02T01:30:00.000Z");
    assert!(read.string("/body_html").contains("招标人"));
    let listed = app.anonymous().get("/v1/notices").await.expect(200);
    assert_eq!(listed.at("/items/0/id"), read.at("/id"));
    assert!(listed.items()[0].get("body_html").is_none());
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_notice_is_said_at_once() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let wrong =
        json!({"category": "nothing", "region": "990000", "notice_type": "X", "published_at": "2999-01-01T00:00:00Z"});
    let answer = publisher.post("/v1/notices", notice_with("a", wrong)).await.expect(422).problem("invalid");
    let rules: Vec<String> = answer.violations().into_iter().map(|(_, rule)| rule).collect();
    assert_eq!(rules, ["unknown_category", "unknown_notice_type", "in_the_future", "unknown_region"]);
    let wrong =
        json!({"title": "", "source_url": "javascript:alert(1)", "amounts": [{"kind": "x", "fen": -1}], "more": 1});
    let answer = publisher.post("/v1/notices", notice_with("a", wrong)).await.expect(422).problem("invalid");
    let places: Vec<String> = answer.violations().into_iter().map(|(place, _)| place).collect();
    for place in ["/title", "/source_url", "/amounts/0/kind", "/amounts/0/fen", "/more"] {
        assert!(places.iter().any(|found| found == place), "{place} in {places:?}");
    }
    publisher.post("/v1/notices", notice_with("a", json!({"title": "a\0b"}))).await.expect(422).problem("invalid");
    let long = "x".repeat(1_100_000);
    publisher.post("/v1/notices", notice_with("a", json!({"body_html": long}))).await.expect(413);
    let long = "文".repeat(300_000);
    publisher.post("/v1/notices", notice_with("a", json!({"body_html": long}))).await.expect(201);
    app.anonymous().post("/v1/notices", notice_as("b")).await.expect(401);
}

#[tokio::test]
async fn a_natural_key_is_one_notice() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let id = publish(&publisher, notice_as("a")).await;
    let again = publisher.post("/v1/notices", notice_as("a")).await.expect(200);
    assert_eq!(again.string("/id"), id);
    let moved = notice_with("a", json!({"source_url": "https://example.org/elsewhere"}));
    assert_eq!(publisher.post("/v1/notices", moved).await.expect(200).string("/id"), id, "an address is no content");
    let other = publisher.post("/v1/notices", notice_with("a", json!({"title": "另一个"}))).await;
    let other = other.expect(409).problem("source_id_taken");
    assert_eq!(other.string("/detail"), id);
    assert_eq!(other.violations(), [("/source_id".to_owned(), "source_id_taken".to_owned())]);
    let foreign = app.publisher().await.post("/v1/notices", notice_as("a")).await;
    assert_eq!(foreign.expect(409).problem("source_id_taken").at("/detail"), &serde_json::Value::Null);
    assert_eq!(announced(&app, &id).await, 1);
}

#[tokio::test]
async fn concurrent_copies_of_a_call_make_one_notice() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let calls = (0..8).map(|_| publisher.post("/v1/notices", notice_as("a")));
    let answers = futures_util::future::join_all(calls).await;
    let ids: std::collections::HashSet<String> = answers.iter().map(|answer| answer.string("/id")).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| [200, 201].contains(&answer.status)));
}

#[tokio::test]
async fn an_idempotency_key_answers_the_same_and_refuses_another_body() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let first = publisher.post_once("/v1/notices", "k", notice_as("a")).await.expect(201);
    let again = publisher.post_once("/v1/notices", "k", notice_as("a")).await.expect(201);
    assert_eq!(first.json, again.json);
    let other = publisher.post_once("/v1/notices", "k", notice_as("b")).await;
    other.expect(409).problem("idempotency_key_reused");
}

#[tokio::test]
async fn the_same_content_under_another_id_is_stored_and_not_announced_again() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let first = publish(&publisher, notice_as("a")).await;
    let mut copy = notice_as("a");
    copy["source_id"] = json!("b");
    copy["source_url"] = json!("https://example.org/b");
    copy["title"] = json!(format!(" {} ", copy["title"].as_str().expect("a title").replace('新', "新\u{200b}")));
    let second = publisher.post("/v1/notices", copy.clone()).await.expect(201);
    assert_eq!(second.string("/duplicate_of"), first);
    copy["source_id"] = json!("c");
    let third = publisher.post("/v1/notices", copy).await.expect(201);
    assert_eq!(third.string("/duplicate_of"), first, "the first one, however many there are");
    assert_eq!(announced(&app, &first).await, 1);
    assert_eq!(announced(&app, &second.string("/id")).await, 0);
}

#[tokio::test]
async fn what_is_not_to_be_announced_is_not() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let quiet = publish(&publisher, notice_with("a", json!({"announce": "none"}))).await;
    assert_eq!(announced(&app, &quiet).await, 0);
    let inbox = publish(&publisher, notice_with("b", json!({"announce": "inbox"}))).await;
    assert_eq!(announced(&app, &inbox).await, 1);
}

#[tokio::test]
async fn a_revision_says_what_changed() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let old = notice_with("a", json!({"body_html": "<p>一</p><p>二</p><p>三</p>", "region": "430522"}));
    let id = publish(&publisher, old.clone()).await;
    let path = format!("/v1/notices/{id}/revisions");
    publisher.post(&path, json!({"notice": old})).await.expect(409).problem("nothing_changed");
    let new = notice_with(
        "a",
        json!({
            "body_html": "<p>一</p><p>二改</p><p>三</p>", "region": "430100",
            "deadlines": [{"kind": "bid", "at": "2030-01-02T09:30:00Z"}],
        }),
    );
    let body = json!({"notice": new, "reason": "延期", "if_revision": 1});
    let made = publisher.post(&path, body.clone()).await.expect(201);
    assert_eq!(made.at("/revision"), 2);
    let conflict = publisher.post(&path, body).await.expect(409).problem("revision_conflict");
    assert_eq!(conflict.violations(), [("/if_revision".to_owned(), "revision_conflict".to_owned())]);
    let history = app.anonymous().get(&path).await.expect(200);
    assert_eq!(history.at("/items/0/kind"), "revision");
    assert_eq!(history.at("/items/0/reason"), "延期");
    let changes = history.at("/items/0/changes");
    assert_eq!(
        changes[0],
        json!({"field": "deadlines", "from": [], "to": [{"kind": "bid", "at": "2030-01-02T09:30:00.000Z"}]})
    );
    assert_eq!(changes[1], json!({"field": "region", "from": "430522", "to": "430100"}));
    assert_eq!(changes[2], json!({"field": "body", "from": ["二"], "to": ["二改"]}));
    assert_eq!(history.items().len(), 2);
    let first = app.anonymous().get(&format!("{path}/1")).await.expect(200);
    assert!(first.string("/body_html").contains("<p>二</p>"));
    app.anonymous().get(&format!("{path}/3")).await.expect(404);
    // It stands where it belongs now, and no longer where it stood.
    assert_eq!(app.anonymous().get("/v1/notices?region=430522").await.expect(200).items().len(), 0);
    assert_eq!(app.anonymous().get("/v1/notices?region=430100").await.expect(200).items().len(), 1);
    assert_eq!(announced(&app, &id).await, 2);
    // The publisher who repeats the first call is answered with the notice, and so is the one who repeats the second.
    assert_eq!(publisher.post("/v1/notices", old).await.expect(200).at("/revision"), 2);
}

#[tokio::test]
async fn a_revision_is_of_the_publishers_own_notice() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let path = format!("/v1/notices/{}/revisions", publish(&publisher, notice_as("a")).await);
    let body = json!({"notice": notice_with("a", json!({"title": "新题"}))});
    app.publisher().await.post(&path, body).await.expect(404).problem("not_found");
    let body = json!({"notice": notice_as("b")});
    let answer = publisher.post(&path, body).await.expect(422).problem("invalid");
    assert_eq!(answer.violations(), [("/notice/source_id".to_owned(), "other_notice".to_owned())]);
}

#[tokio::test]
async fn a_withdrawn_notice_shows_its_reason_and_no_body() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let id = publish(&publisher, notice_as("a")).await;
    let path = format!("/v1/notices/{id}");
    let withdrawn = publisher.post(&format!("{path}/withdrawal"), json!({"reason": "重复发布"})).await.expect(201);
    assert_eq!(withdrawn.at("/revision"), 2);
    publisher.post(&format!("{path}/withdrawal"), json!({"reason": "重复发布"})).await.expect(200);
    let read = app.anonymous().get(&path).await.expect(200);
    assert_eq!((read.at("/state"), read.at("/withdrawn_reason")), (&json!("withdrawn"), &json!("重复发布")));
    assert_eq!(read.at("/body_html"), &Value::Null);
    let old = app.anonymous().get(&format!("{path}/revisions/1")).await.expect(200);
    assert_eq!(old.at("/body_html"), &Value::Null);
    let revision = json!({"notice": notice_with("a", json!({"title": "新"}))});
    publisher.post(&format!("{path}/revisions"), revision).await.expect(409).problem("notice_withdrawn");
    assert_eq!(announced(&app, &id).await, 2);
    assert_eq!(app.anonymous().get("/v1/notices?state=withdrawn").await.expect(200).items().len(), 1);
    assert_eq!(app.anonymous().get("/v1/notices?state=published").await.expect(200).items().len(), 0);
}

#[tokio::test]
async fn an_amendment_finds_its_notice_by_name_by_section_and_by_project() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let at = |hour: u32| format!("2026-01-01T{hour:02}:00:00Z");
    let project = |code: &str| json!({"code": code});
    let first = publish(
        &publisher,
        notice_with("a", json!({"project": project("P—1"), "sections": ["P-1-01"], "published_at": at(1)})),
    )
    .await;
    let second = publish(
        &publisher,
        notice_with("b", json!({"project": project("P-1"), "sections": ["P-1-02"], "published_at": at(2)})),
    )
    .await;
    let amendment = |id: &str, fields: Value| {
        let mut body = notice_with(id, fields);
        body["notice_type"] = json!("C-CLARIFY");
        body
    };
    let amended = async |body: Value| publisher.post("/v1/notices", body).await.expect(201).at("/amends").clone();
    // Named, by id and by the source's own.
    assert_eq!(amended(amendment("n1", json!({"amends": first, "project": project("P-1")}))).await, json!(first));
    assert_eq!(amended(amendment("n2", json!({"amends": "a"}))).await, json!(first));
    // By section, written otherwise; by project the newest call, not the newest amendment.
    assert_eq!(
        amended(amendment("s1", json!({"sections": ["ｐ－1－01"], "project": project("P-1")}))).await,
        json!(first)
    );
    assert_eq!(amended(amendment("p1", json!({"project": project("p－１")}))).await, json!(second));
    // What is later, withdrawn or another project's is not amended.
    let early = json!({"project": project("P-1"), "published_at": at(1)});
    assert_eq!(amended(amendment("p2", early)).await, json!(first));
    publisher.post(&format!("/v1/notices/{second}/withdrawal"), json!({"reason": "x"})).await.expect(201);
    assert_eq!(amended(amendment("p3", json!({"project": project("P-1")}))).await, json!(first));
    assert_eq!(amended(amendment("p4", json!({"project": project("P-2")}))).await, Value::Null);
    let unknown = publisher.post("/v1/notices", amendment("p5", json!({"amends": "nothing"}))).await;
    let places = unknown.expect(422).problem("amended_notice_unknown").violations();
    assert_eq!(places, [("/amends".to_owned(), "amended_notice_unknown".to_owned())]);
    // A call of the same project amends nothing.
    assert_eq!(amended(notice_with("c", json!({"project": project("P-1")}))).await, Value::Null);
    let read = app.anonymous().get(&format!("/v1/notices/{first}")).await.expect(200);
    assert_eq!(read.at("/amendments").as_array().map(Vec::len), Some(5));
}

#[tokio::test]
async fn a_project_is_its_notices_in_order() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let step = |kind: &str, hour: u32| {
        notice_with(
            kind,
            json!({"project": {"code": "焦采〔2026〕—1/2", "name": "项目"}, "notice_type": kind, "published_at": format!("2026-01-01T{hour:02}:00:00Z")}),
        )
    };
    for (kind, hour) in [("C-RESULT", 9), ("C-TENDER", 1), ("C-CANDIDATE", 5)] {
        publish(&publisher, step(kind, hour)).await;
    }
    let path = "/v1/projects/%E7%84%A6%E9%87%87%282026%29-1%2F2";
    let project = app.anonymous().get(path).await.expect(200);
    assert_eq!(project.at("/code"), "焦采〔2026〕—1/2");
    assert_eq!(project.at("/stage"), "award");
    let kinds: Vec<&Value> = project
        .at("/notices")
        .as_array()
        .expect("notices")
        .iter()
        .map(|notice| &notice["notice_type"]["code"])
        .collect();
    assert_eq!(kinds, ["C-TENDER", "C-CANDIDATE", "C-RESULT"]);
    app.anonymous().get("/v1/projects/nothing").await.expect(404).problem("not_found");
    let link = app.anonymous().get("/v1/notices").await.expect(200).string("/items/0/id");
    let link = app.anonymous().get(&format!("/v1/notices/{link}")).await.expect(200).string("/links/project");
    app.anonymous().get(&link).await.expect(200);
}

#[tokio::test]
async fn bodies_are_harmless() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let hostile = format!(
        "<script>alert(1)</script><p onclick=alert(1) style='x'>文</p><a href='javascript:alert(1)'>链接</a><img src=x>\
         <table><tr><td colspan=2>格</td></tr></table>{}",
        "<div>".repeat(100_000)
    );
    let id = publish(&publisher, notice_with("a", json!({"body_html": hostile}))).await;
    let body = app.anonymous().get(&format!("/v1/notices/{id}")).await.expect(200).string("/body_html");
    for bad in ["script", "onclick", "style", "<img"] {
        assert!(!body.contains(bad), "{bad}");
    }
    assert!(body.contains("文") && body.contains("<td colspan=\"2\">格</td>"));
}

#[tokio::test]
async fn who_has_a_notice_is_sent_nothing_until_it_changes() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let id = publish(&publisher, notice_with("a", json!({"project": {"code": "P"}}))).await;
    let again = async |path: &str, etag: &str| {
        app.anonymous().send(reqwest::Method::GET, path, None, &[("if-none-match", etag)]).await
    };
    for path in [format!("/v1/notices/{id}"), "/v1/notices?limit=5".to_owned(), "/v1/projects/P".to_owned()] {
        let etag = app.anonymous().get(&path).await.expect(200).header("etag").to_owned();
        again(&path, &etag).await.expect(304);
    }
    let etag = app.anonymous().get(&format!("/v1/notices/{id}")).await.expect(200).header("etag").to_owned();
    let amendment = json!({"project": {"code": "P"}, "notice_type": "C-CLARIFY"});
    publish(&publisher, notice_with("b", amendment)).await;
    again(&format!("/v1/notices/{id}"), &etag).await.expect(200);
}

#[tokio::test]
async fn lists_are_narrowed_by_everything_at_once() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let places = [
        ("430522", "construction.a02", "C-TENDER"),
        ("430124", "construction.a01", "C-RESULT"),
        ("430102", "gov-procurement.goods", "G-OPEN"),
    ];
    for (number, (region, category, kind)) in places.iter().enumerate() {
        let fields = json!({"region": region, "category": category, "notice_type": kind, "published_at": format!("2026-01-0{}T00:00:00Z", number + 1)});
        publish(&publisher, notice_with(&format!("n{number}"), fields)).await;
    }
    let count =
        async |query: &str| app.anonymous().get(&format!("/v1/notices?{query}")).await.expect(200).items().len();
    for (query, expected) in [
        ("", 3),
        ("category=construction", 2),
        ("region=430000", 3),
        ("region=430100", 2),
        ("region=430182", 1),
        ("category=construction&region=430100", 1),
        ("notice_type=G-OPEN", 1),
        ("stage=tender", 2),
        ("source=demo", 3),
        ("source=other", 0),
        ("stage=tender&region=430100&category=gov-procurement", 1),
        ("state=withdrawn", 0),
        ("from=2026-01-02T00:00:00Z", 2),
        ("to=2026-01-02T00:00:00Z", 1),
        ("from=2026-01-02T00:00:00Z&to=2026-01-02T00:00:00Z", 0),
        ("category=construction&region=430102&stage=tender", 0),
    ] {
        assert_eq!(count(query).await, expected, "{query}");
    }
    for query in
        ["limit=0", "limit=101", "cursor=xyz", "region=43", "state=gone", "from=yesterday", "publisher=usr_1", "x=1"]
    {
        app.anonymous().get(&format!("/v1/notices?{query}")).await.expect(422).problem("invalid");
    }
}

/// All pages of a list, one after the other.
async fn walk(caller: &Caller, query: &str) -> Vec<Answer> {
    let mut pages: Vec<Answer> = Vec::new();
    loop {
        let cursor = pages.last().map(|page| format!("&cursor={}", page.string("/next_cursor"))).unwrap_or_default();
        let page = caller.get(&format!("/v1/notices?{query}{cursor}")).await.expect(200);
        let last = page.at("/next_cursor").is_null();
        pages.push(page);
        if last {
            return pages;
        }
    }
}

#[tokio::test]
async fn walking_a_list_skips_and_repeats_nothing() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let mut all = Vec::new();
    // Many at the same instant, in an order of their own.
    for number in 0..30_u32 {
        let (hour, region) = (number * 7 % 5, if number % 3 == 0 { "430100" } else { "430522" });
        let fields = json!({"published_at": format!("2026-01-01T{hour:02}:00:00Z"), "region": region});
        let id = publish(&publisher, notice_with(&format!("n{number}"), fields)).await;
        all.push((hour, id.parse::<yizhan::domain::id::NoticeId>().expect("an id"), region));
    }
    all.sort_by_key(|(hour, id, _)| std::cmp::Reverse((*hour, id.as_uuid())));
    for (limit, query) in [
        (1, ""),
        (4, ""),
        (7, "&region=430100"),
        (100, "&category=construction&region=430500"),
        (3, "&state=published&region=430522"),
    ] {
        let pages = walk(&app.anonymous(), &format!("limit={limit}{query}")).await;
        assert!(pages.iter().all(|page| page.items().len() <= limit));
        let walked: Vec<String> =
            pages.iter().flat_map(Answer::items).map(|item| item["id"].as_str().expect("an id").to_owned()).collect();
        let wanted = |region: &str| {
            !query.contains("region=") || query.contains(region) || (query.contains("430500") && region == "430522")
        };
        let expected: Vec<String> =
            all.iter().filter(|(_, _, region)| wanted(region)).map(|(_, id, _)| id.to_string()).collect();
        assert_eq!(walked, expected, "limit={limit}{query}");
    }
}

#[tokio::test]
async fn a_notice_has_at_most_fifty_revisions() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let id = publish(&publisher, notice_as("a")).await;
    let path = format!("/v1/notices/{id}/revisions");
    let revise = async |number: u32| {
        publisher.post(&path, json!({"notice": notice_with("a", json!({"title": format!("第{number}版")}))})).await
    };
    for number in 2..=50 {
        revise(number).await.expect(201);
    }
    revise(51).await.expect(409).problem("too_many_revisions");
    publisher.post(&format!("/v1/notices/{id}/withdrawal"), json!({"reason": "终止"})).await.expect(201);
    let pages = app.anonymous().get(&format!("{path}?limit=100")).await.expect(200);
    assert_eq!(pages.items().len(), 51);
}
