//! Trying a filter before it is saved.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use yizhan::domain::id::NoticeId;
use yizhan::domain::subscription::{Filter, matches};
use yizhan::services::preview;

use super::matching::{facts, filter};
use super::operator::settled;
use super::support::{Answer, Caller, Person, Seed, TestApp, eventually, notice_with};

const PATH: &str = "/v1/subscriptions/preview";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn preview_of(me: &Caller, filter: &Value) -> Answer {
    me.post(PATH, json!({ "filter": filter })).await.expect(200)
}

/// The notices that an answer lists: id → the words that hit, and whether it only follows.
fn listed(answer: &Answer) -> BTreeMap<String, (Value, bool)> {
    let latest = answer.at("/latest").as_array().expect("a list").iter();
    let one = |hit: &Value| {
        let id = hit["notice"]["id"].as_str().expect("an id").to_owned();
        (id, (hit["words"].clone(), !hit["follows"].is_null()))
    };
    latest.map(one).collect()
}

#[tokio::test]
async fn what_is_tried_is_what_a_real_subscription_receives() {
    let app = TestApp::spawn().await;
    let (operator, publisher) = (app.operator().await, app.publisher().await);
    let filters = [
        json!({ "categories": ["construction"] }),
        json!({ "categories": ["construction.a02"], "stages": ["tender"] }),
        json!({ "regions": ["430500"], "keywords": { "any": ["污水", "道路"] } }),
        json!({ "keywords": { "all": ["治理", "施工"], "none": ["监理"] } }),
        json!({ "notice_types": ["C-CLARIFY"], "regions": ["430500"] }),
        json!({ "amount": { "min_fen": 100_000, "unknown": "exclude" } }),
        json!({ "amount": { "max_fen": 100_000, "unknown": "include" }, "categories": ["construction"] }),
        json!({ "project": "A02－430522－00002" }),
        json!({ "purchaser": "新邵县城市建设投资有限公司" }),
        json!({ "regions": ["430100"], "keywords": { "any": ["从未出现"] } }),
    ];
    let mut readers: Vec<(Person, Value)> = Vec::new();
    for filter in filters {
        let reader = app.user().await;
        let wish = json!({ "name": "试", "filter": filter, "frequency": "immediate" });
        reader.post("/v1/subscriptions", wish).await.expect(201);
        readers.push((reader, filter));
    }
    for id in publish_all(&publisher).await {
        settled(&operator, &id).await;
    }

    let (mut received, mut followed) = (0, 0);
    for (reader, filter) in &readers {
        let inbox = reader.get("/v1/inbox?limit=100").await.expect(200);
        let words = |item: &Value| {
            let why = item["why"].as_array().expect("reasons").iter();
            why.filter(|reason| reason["kind"] == "subscription").map(|reason| reason["words"].clone()).next()
        };
        let of_item = |item: &Value| {
            let id = item["notice"]["id"].as_str().expect("an id").to_owned();
            (id, (words(item).unwrap_or(json!([])), words(item).is_none()))
        };
        let real: BTreeMap<String, (Value, bool)> = inbox.items().iter().map(of_item).collect();
        // Tried by somebody who has no subscription.
        let tried = preview_of(&*app.user().await, filter).await;
        let ids = |map: &BTreeMap<String, (Value, bool)>| map.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(ids(&listed(&tried)), ids(&real), "{filter}\n{}", tried.text);
        for (id, (words, follows)) in listed(&tried) {
            // A later edition that matches no more leaves the item, whose reason is then the earlier one.
            if real[&id].1 == follows {
                assert_eq!((&id, words), (&id, real[&id].0.clone()), "{filter}");
            }
        }
        assert_eq!((tried.at("/notices"), tried.at("/exact")), (&json!(real.len()), &json!(true)), "{}", tried.text);
        let sum = tried.at("/matched").as_u64().zip(tried.at("/followed").as_u64()).map(|(one, two)| one + two);
        assert_eq!(sum, u64::try_from(real.len()).ok());
        received += real.len();
        followed += tried.at("/followed").as_u64().expect("a number");
    }
    assert!(received > readers.len() && followed > 0, "the samples say something: {received}, {followed}");
}

/// Notices of many kinds, amendments, revisions, some that nobody is told of, and one that is taken back.
async fn publish_all(publisher: &Caller) -> Vec<String> {
    let project = json!({ "code": "A02-430522-00002", "name": "新邵县中心城区黑臭水体治理工程" });
    let sum = |fen: i64| json!([{ "kind": "control_price", "fen": fen, "currency": "CNY", "text": format!("{fen}") }]);
    let drafts = [
        json!({}),
        json!({ "title": "污水治理工程监理招标公告" }),
        json!({ "title": "长沙道路施工招标公告", "region": "430102" }),
        json!({ "title": "道路治理施工招标公告", "region": "430500", "amounts": sum(200_000) }),
        json!({ "title": "小额维修施工公告", "amounts": sum(50_000) }),
        json!({ "title": "办公设备采购公告", "category": "gov-procurement.goods", "notice_type": "G-OPEN" }),
        json!({ "project": project }),
        json!({ "title": "补遗公告", "project": project, "notice_type": "C-CLARIFY" }),
        json!({ "title": "又一份答疑", "project": project, "notice_type": "C-CLARIFY", "region": "430102" }),
        // Nothing of its text says what its agency's name does.
        json!({ "title": "沟渠治理施工公告", "agency": { "name": "湖南某某工程监理有限公司" } }),
        json!({ "title": "无人知晓的公告", "announce": "none" }),
        json!({ "title": "中标结果公告", "notice_type": "C-RESULT", "purchaser": { "name": "新邵县城市建设投资有限公司" } }),
    ];
    let mut ids = Vec::new();
    for (number, draft) in drafts.into_iter().enumerate() {
        let body = notice_with(&format!("tried-{number}"), draft);
        ids.push(publisher.post("/v1/notices", body).await.expect(201).string("/id"));
    }
    let revision = json!({
        "notice": notice_with("tried-0", json!({ "title": "改为道路工程施工招标公告" })), "editorial": false,
    });
    let path = format!("/v1/notices/{}", ids[0]);
    publisher.post(&format!("{path}/revisions"), revision).await.expect(201);
    let path = format!("/v1/notices/{}/withdrawal", ids[4]);
    publisher.post(&path, json!({ "reason": "重复" })).await;
    ids
}

#[tokio::test]
async fn every_filter_counts_what_the_matcher_says_and_so_does_every_suggestion() {
    const FILTERS: usize = 150;
    const NOTICES: usize = 120;
    let app = TestApp::spawn().await;
    let mut runner = TestRunner::default();
    let mut sample = |count: usize| -> Vec<_> {
        let pair = (filter(), facts());
        (0..count).map(|_| pair.new_tree(&mut runner).expect("a sample").current()).collect()
    };
    let mut notices = BTreeMap::new();
    for (number, (_, facts)) in sample(NOTICES).into_iter().enumerate() {
        let seed = Seed { facts: facts.clone(), ..Seed::titled(&format!("公告{number}")) };
        notices.insert(app.seed_notice(&seed).await, facts);
    }
    let filters: Vec<Filter> = sample(FILTERS).into_iter().map(|(filter, _)| filter).collect();
    let (mut hits, mut suggested) = (0, 0);
    for filter in filters.into_iter().filter(|filter| !filter.is_empty()) {
        let asked = filter.clone();
        let tried =
            app.inside(async move |deps| preview::of(&deps, &asked, preview::BUDGET).await).await.expect("a preview");
        let count = |filter: &Filter| notices.values().filter(|facts| matches(filter, facts).is_some()).count();
        assert_eq!((tried.matched, tried.exact), (count(&filter), true), "{filter:?}");
        let shown = |id: &NoticeId| matches(&filter, &notices[id]).map(|why| why.words);
        for hit in &tried.latest {
            assert_eq!(shown(&hit.notice.id).as_ref(), Some(&hit.words), "{filter:?}");
        }
        assert_eq!(tried.latest.len(), tried.matched.min(preview::LATEST));
        for advice in &tried.advice {
            assert_eq!(usize::try_from(advice.notices).ok(), Some(count(&advice.filter)), "{filter:?} {advice:?}");
            assert!(advice.notices > 0 && advice.filter != filter);
        }
        hits += tried.matched;
        suggested += tried.advice.len();
    }
    assert!(hits > FILTERS && suggested > 0, "the samples say something: {hits}, {suggested}");
}

#[tokio::test]
async fn a_filter_that_brings_nothing_says_what_each_loosening_would_bring() {
    let app = TestApp::spawn().await;
    for number in 0..3 {
        app.seed_notice(&Seed::titled(&format!("市政工程{number}"))).await;
    }
    let me = app.user().await;
    let nothing = preview_of(&me, &json!({ "regions": ["430102"], "keywords": { "any": ["市政"] } })).await;
    assert_eq!((nothing.at("/notices"), nothing.at("/latest")), (&json!(0), &json!([])));
    let suggestions = nothing.at("/suggestions").as_array().expect("a list");
    let told: Vec<_> = suggestions.iter().map(|one| (&one["part"], &one["how"], &one["notices"])).collect();
    let (regions, three) = (json!("regions"), json!(3));
    assert_eq!(told, [(&regions, &json!("widen"), &three), (&regions, &json!("remove"), &three)], "{}", nothing.text);
    assert_eq!(suggestions[0]["filter"], json!({ "regions": ["430100"], "keywords": { "any": ["市政"] } }));
    // What is suggested can be tried and saved as it stands.
    assert_eq!(preview_of(&me, &suggestions[0]["filter"]).await.at("/notices"), &three);
    let two_wrong = preview_of(&me, &json!({ "regions": ["430200"], "keywords": { "any": ["水利"] } })).await;
    assert_eq!(two_wrong.at("/suggestions"), &json!([]), "no single change would help");
}

#[tokio::test]
async fn a_filter_that_brings_hundreds_a_day_says_what_narrows_it() {
    let app = TestApp::spawn().await;
    let mut award = Seed::titled("市政工程结果");
    (award.facts.stage, award.facts.notice_type) = ("award".to_owned(), "C-RESULT".to_owned());
    award.facts.amount_fen = Some(500);
    let mut elsewhere = Seed::titled("株洲市政工程");
    elsewhere.facts.region_path = "/430000/430200/".to_owned();
    elsewhere.facts.amount_fen = Some(900);
    // On a working day, whichever day it is: all of them within an hour count for one day.
    let all = [(award, 60), (elsewhere, 70)];
    for (seed, count) in all {
        for _ in 0..count {
            app.seed_notice(&seed).await;
        }
    }
    let me = app.user().await;
    let much = preview_of(&me, &json!({ "categories": ["construction"] })).await;
    assert_eq!(much.at("/notices"), 130, "{}", much.text);
    let suggestions = much.at("/suggestions").as_array().expect("a list");
    if much.at("/per_working_day").as_f64().expect("a figure") < 100.0 {
        assert!(suggestions.is_empty(), "a weekend");
        return;
    }
    let has = |part: &str, filter: Value, notices: u64| {
        let found = suggestions.iter().any(|one| {
            let whole = json!({ "categories": ["construction"] });
            let mut wanted = whole.as_object().expect("an object").clone();
            wanted.extend(filter.as_object().expect("an object").clone());
            one["part"] == part && one["how"] == "add" && one["filter"] == json!(wanted) && one["notices"] == notices
        });
        assert!(found, "{part} {filter} {notices}: {}", much.text);
    };
    has("types", json!({ "stages": ["award"] }), 60);
    has("types", json!({ "stages": ["tender"] }), 70);
    has("regions", json!({ "regions": ["430200"] }), 70);
    has("amount", json!({ "amount": { "min_fen": 900, "unknown": "exclude" } }), 70);
    assert!(!suggestions.iter().any(|one| one["part"] == "categories"), "all of it is municipal works");
}

#[tokio::test]
async fn what_is_cut_off_says_from_when_on_it_was_counted() {
    let app = TestApp::spawn().await;
    for number in 0..3 {
        app.seed_notice(&Seed::titled(&format!("市政{number}"))).await;
        app.world().advance(DAY);
    }
    let filter = Filter { categories: vec!["construction".to_owned()], ..Filter::default() };
    let tried = app.inside(async move |deps| preview::of(&deps, &filter, Duration::ZERO).await).await;
    let tried = tried.expect("a preview");
    assert!(!tried.exact);
    // Cut off at the newest, which came a day ago: everything since then was looked at.
    let since =
        Duration::from_millis(u64::try_from(tried.to.as_millis() - tried.counted_from.as_millis()).expect("ago"));
    assert!(since > DAY / 2 && since < DAY * 2, "{since:?}");
    assert_eq!((tried.matched, tried.latest.len()), (0, 0));
}

#[tokio::test]
async fn only_the_last_thirty_days_count_and_the_newest_come_first() {
    let app = TestApp::spawn().await;
    app.seed_notice(&Seed::titled("市政旧")).await;
    app.world().advance(31 * DAY);
    for number in 0..25 {
        app.seed_notice(&Seed::titled(&format!("市政{number}"))).await;
    }
    let me = app.user().await;
    let tried = preview_of(&me, &json!({ "keywords": { "any": ["市政"] } })).await;
    assert_eq!((tried.at("/notices"), tried.at("/by_stage/0/notices")), (&json!(25), &json!(25)));
    assert_eq!(tried.at("/by_stage/0/stage"), "tender");
    let latest = tried.at("/latest").as_array().expect("a list");
    assert_eq!((latest.len(), &latest[0]["notice"]["title"]), (20, &json!("市政24")));
    assert_eq!(latest[0]["words"], json!(["市政"]));
    assert_eq!(tried.at("/from"), tried.at("/counted_from"));
    let inbox = me.get("/v1/subscriptions").await.expect(200);
    assert!(inbox.items().is_empty(), "nothing was saved");
}

#[tokio::test]
async fn what_cannot_be_subscribed_to_cannot_be_tried_and_trying_is_limited() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let empty = me.post(PATH, json!({ "filter": {} })).await.expect(422).problem("filter_empty").violations();
    assert_eq!(empty, [("/filter".to_owned(), "filter_empty".to_owned())]);
    let wrong = me.post(PATH, json!({ "filter": { "regions": ["999999"] } })).await.expect(422).problem("invalid");
    assert_eq!(wrong.violations(), [("/filter/regions/0".to_owned(), "unknown_region".to_owned())]);
    let empty = preview_of(&me, &json!({ "regions": ["430100"] })).await;
    assert_eq!((empty.at("/notices"), empty.at("/exact")), (&json!(0), &json!(true)), "before anything was announced");
    eventually("one is one too many", async || {
        let answer = me.post(PATH, json!({ "filter": { "regions": ["430100"] } })).await;
        (answer.status == 429).then(|| answer.problem("too_many_requests"))
    })
    .await;
}

#[tokio::test]
async fn every_template_becomes_a_subscription_once_its_blanks_are_filled_in() {
    let app = TestApp::with(|config| config.holdings.subscriptions = 100).await;
    let me = app.user().await;
    let templates = me.get("/v1/subscriptions/templates").await.expect(200);
    assert!(templates.items().len() >= 10, "{}", templates.text);
    let etag = templates.header("etag").to_owned();
    let again = [("if-none-match", etag.as_str())];
    me.send(reqwest::Method::GET, "/v1/subscriptions/templates", None, &again).await.expect(304);
    for template in templates.items() {
        for all in [false, true] {
            let mut filter = template["filter"].clone();
            let blanks = template["blanks"].as_array().expect("blanks").iter();
            for blank in blanks.filter(|blank| all || blank["required"] == true) {
                let value = match blank["kind"].as_str().expect("a kind") {
                    "region" => json!("430100"),
                    "category" => json!("construction"),
                    "word" => json!("市政"),
                    "amount" => json!(5_000_000_000_i64),
                    "purchaser" => json!("长沙市政建设有限公司"),
                    "project" => json!("HN-2026-001"),
                    other => panic!("a blank of no kind: {other}"),
                };
                put(&mut filter, blank["pointer"].as_str().expect("a pointer"), value);
            }
            let wish = json!({ "name": template["name_zh"], "filter": filter, "frequency": "immediate" });
            let made = me.post("/v1/subscriptions", wish).await.expect(201);
            assert_eq!(made.at("/filter"), &filter, "{}", template["code"]);
        }
    }
}

/// Puts a value at a JSON pointer and makes what is on the way.
fn put(into: &mut Value, pointer: &str, value: Value) {
    let mut at = into;
    let steps: Vec<&str> = pointer.trim_start_matches('/').split('/').collect();
    for (place, step) in steps.iter().enumerate() {
        let next = match steps.get(place + 1) {
            None => value.clone(),
            Some(&"0") => json!([]),
            Some(_) => json!({}),
        };
        at = match at {
            Value::Array(items) => {
                items.push(next);
                items.last_mut().expect("one")
            }
            at => {
                if at[*step].is_null() {
                    at[*step] = next;
                }
                &mut at[*step]
            }
        };
    }
}
