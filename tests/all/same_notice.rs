//! When two notices are the same: by their source ids, by their content, by project and section; never by their titles.

use serde_json::{Value, json};

use super::support::{Answer, Caller, TestApp, notice_with, subscription};

async fn publish(publisher: &Caller, notice: Value) -> Answer {
    publisher.post("/v1/notices", notice).await.expect(201)
}

/// Whether a notice was told to people, and as whose copy it was stored.
fn told(answer: &Answer) -> (String, Value) {
    (answer.string("/announce"), answer.at("/duplicate_of").clone())
}

/// A call for tenders in Changsha as the prefecture's site has it.
fn call(fields: Value) -> Value {
    let mut notice = notice_with(
        "a",
        json!({
            "title": "云麓路提质改造工程施工招标公告", "region": "430102", "category": "construction.a02",
            "body_html": "<h2>招标公告</h2><p>招标人：云麓城建公司，控制价 65 万元。</p><p>工期 30 日。</p>",
            "project": {"code": "长建招〔2026〕18—3"}, "sections": ["CS-1", "CS-2"],
            "purchaser": {"name": "云麓城建（集团）公司", "code": "91430100ma4l000000"},
            "amounts": [{"kind": "control_price", "text": "65 万元"}],
            "deadlines": [{"kind": "bid", "at": "2030-03-01T09:00:00+08:00"}, {"kind": "opening", "at": "2030-03-01T09:00:00+08:00"}],
            "source": "changsha", "source_id": "cs-1",
        }),
    );
    for (name, value) in fields.as_object().expect("fields") {
        notice[name] = value.clone();
    }
    notice
}

/// The same notice as the province's site has it: another markup, other spaces, widths and brackets, its own decoration.
fn same_elsewhere(fields: Value) -> Value {
    let mut notice = call(json!({
        "title": "[芙蓉区] 云麓路提质改造工程施工 招标公告",
        "body_html": "<div style='x'><font>招标公告</font></div>\n<table><tr><td>招标人：云麓城建公司，<b>控制价</b>６５万元。\
                      </td></tr></table><div>工期&nbsp;30&nbsp;日。</div>",
        "project": {"code": "长建招[2026]18-3"}, "sections": ["ＣＳ－２", "cs-1"],
        "purchaser": {"name": "云麓城建(集团)公司", "code": "91430100MA4L000000"},
        "amounts": [{"kind": "control_price", "fen": 65_000_000, "text": "650000元"}],
        "deadlines": [{"kind": "opening", "at": "2030-03-01T01:00:00Z"}, {"kind": "bid", "at": "2030-03-01T01:00:00Z"}],
        "source_url": "https://example.org/province/1", "source": "hunan", "source_id": "hn-1",
    }));
    for (name, value) in fields.as_object().expect("fields") {
        notice[name] = value.clone();
    }
    notice
}

#[tokio::test]
async fn a_notice_from_two_sources_is_told_once_however_each_writes_it() {
    let app = TestApp::spawn().await;
    let reader = app.user().await;
    subscription().subscribe(&reader).await;
    let (city, province) = (app.publisher().await, app.publisher().await);
    let first = publish(&city, call(json!({}))).await;
    assert_eq!(told(&first), ("push".to_owned(), Value::Null));
    let copy = publish(&province, same_elsewhere(json!({}))).await;
    assert_eq!(told(&copy), ("none".to_owned(), first.at("/id").clone()));
    // What says something else is something else.
    for fields in [
        json!({"deadlines": [{"kind": "bid", "at": "2030-03-02T01:00:00Z"}]}),
        json!({"amounts": [{"kind": "control_price", "text": "66 万元"}]}),
        json!({"body_html": "<p>招标人：云麓城建公司，控制价 65 万元。工期 31 日。</p>"}),
        json!({"title": "云麓路提质改造工程施工（第二次）招标公告"}),
    ] {
        let mut other = same_elsewhere(fields.clone());
        other["source_id"] = json!(fields.to_string());
        assert_eq!(told(&publish(&province, other).await), ("push".to_owned(), Value::Null), "{fields}");
    }
    reader.inbox_of(5).await;
}

#[tokio::test]
async fn only_a_notices_own_region_before_its_title_says_nothing() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let titled = |region: &str, title: &str| {
        let body = "<p>详见附件。</p>";
        call(json!({ "source_id": format!("{region}{title}"), "region": region, "title": title, "body_html": body }))
    };
    let pushed = ("push".to_owned(), Value::Null);
    // The city's: its parts, and what only ends like a region, say something.
    for title in [
        "课桌采购",
        "[芙蓉区]课桌采购",
        "【天心区】课桌采购",
        "【开发区】课桌采购",
        "【高级】课桌采购",
        "【一级】课桌采购",
    ] {
        assert_eq!(told(&publish(&publisher, titled("430100", title)).await), pushed, "{title}");
    }
    for title in ["[长沙市]课桌采购", "【长沙】 课桌采购", "【湖南省】课桌采购", "【市本级】课桌采购"]
    {
        assert_eq!(told(&publish(&publisher, titled("430100", title)).await).0, "none", "{title}");
    }
    // A county's: its name of before, too; not its neighbour's.
    for title in ["课桌采购", "【浏阳市】课桌采购"] {
        assert_eq!(told(&publish(&publisher, titled("430124", title)).await), pushed, "{title}");
    }
    for title in ["【宁乡县】课桌采购", "【宁乡市】课桌采购", "【长沙市】课桌采购"] {
        assert_eq!(told(&publish(&publisher, titled("430124", title)).await).0, "none", "{title}");
    }
}

#[tokio::test]
async fn a_correction_of_a_copy_reaches_those_who_have_the_first() {
    let app = TestApp::spawn().await;
    let (city, province) = (app.publisher().await, app.publisher().await);
    let reader = app.user().await;
    let mut only_calls = subscription();
    only_calls.0["filter"]["notice_types"] = json!(["C-TENDER"]);
    only_calls.subscribe(&reader).await;
    let first = publish(&city, call(json!({}))).await;
    publish(&province, same_elsewhere(json!({}))).await;
    reader.inbox_of(1).await;
    // By the copy's name, and by project and section.
    for (id, amends) in [("hn-2", json!("hn-1")), ("hn-3", Value::Null)] {
        let correction = same_elsewhere(json!({
            "source_id": id, "amends": amends, "notice_type": "C-CLARIFY", "title": "云麓路提质改造工程澄清公告",
            "body_html": format!("<p>工期改为 60 日。{id}</p>")
        }));
        assert_eq!(publish(&province, correction).await.at("/amends"), first.at("/id"), "{id}");
    }
    reader.inbox_of(3).await;
}

#[tokio::test]
async fn a_correction_reaches_no_further_than_its_key() {
    let app = TestApp::spawn().await;
    let city = app.publisher().await;
    let first = publish(&city, call(json!({}))).await;
    let limited = app.publisher_within(json!({"sources": ["hunan"]})).await;
    let copy = publish(&limited, same_elsewhere(json!({}))).await;
    let correction = same_elsewhere(json!({
        "source_id": "hn-2", "amends": "hn-1", "notice_type": "C-CLARIFY", "body_html": "<p>工期改为 60 日。</p>"
    }));
    let corrected = publish(&limited, correction).await;
    assert_eq!(corrected.at("/amends"), copy.at("/id"));
    assert_ne!(corrected.at("/amends"), first.at("/id"));
}

#[tokio::test]
async fn sections_of_one_project_and_projects_of_one_title_are_told_apart() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    // Not a word differs but the codes.
    let body = json!("<p>详见附件。</p>");
    let of = |id: &str, project: &str, section: &str| {
        call(json!({"source_id": id, "project": {"code": project}, "sections": [section], "body_html": body}))
    };
    for (id, project, section) in [("1", "P-1", "01"), ("2", "P-1", "02"), ("3", "P-2", "01")] {
        assert_eq!(
            told(&publish(&publisher, of(id, project, section)).await),
            ("push".to_owned(), Value::Null),
            "{id}"
        );
    }
    let copy = publish(&publisher, of("4", "Ｐ－2", "０１")).await;
    assert_eq!(copy.string("/announce"), "none");
}

#[tokio::test]
async fn a_section_is_looked_for_within_its_project() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let at = |minute: u32| format!("2026-03-01T09:{minute:02}:00+08:00");
    let of = |id: &str, project: Value, minute: u32| {
        call(json!({
            "source_id": id, "project": project, "sections": ["1"], "published_at": at(minute), "announce": "none",
            "body_html": format!("<p>{id}</p>")
        }))
    };
    let (ours, theirs) = (json!({"code": "P-1"}), json!({"code": "P-2"}));
    let first = publish(&publisher, of("1", ours.clone(), 1)).await;
    let newer = publish(&publisher, of("2", theirs, 2)).await;
    let amendment = |id: &str, project: Value| {
        let mut notice = of(id, project, 10);
        notice["notice_type"] = json!("C-CLARIFY");
        notice
    };
    assert_eq!(publish(&publisher, amendment("3", ours)).await.at("/amends"), first.at("/id"));
    let stranger = publish(&publisher, amendment("4", json!({"code": "P-3"}))).await;
    assert_eq!(stranger.at("/amends"), &Value::Null, "of section 1 of another project");
    // Who names no project means the section.
    assert_eq!(publish(&publisher, amendment("5", Value::Null)).await.at("/amends"), newer.at("/id"));
}
