//! Subscriptions through the door.

use serde_json::{Value, json};

use super::support::{Answer, Person, TestApp};

const PATH: &str = "/v1/subscriptions";

fn wish(filter: Value) -> Value {
    json!({ "name": "市政", "filter": filter, "frequency": "immediate" })
}

fn words(any: &[&str]) -> Value {
    json!({ "keywords": { "any": any } })
}

async fn subscribe(me: &Person, filter: Value) -> String {
    me.post(PATH, wish(filter)).await.expect(201).string("/id")
}

/// `rule at pointer` for each violation, sorted.
fn broken(answer: &Answer) -> Vec<String> {
    answer.violations().into_iter().map(|(place, rule)| format!("{rule} at {place}")).collect()
}

#[tokio::test]
async fn a_subscription_is_made_read_and_listed() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let filter = json!({
        "categories": ["construction"], "regions": ["430100"], "notice_types": ["C-TENDER"], "stages": ["amendment"],
        "keywords": { "any": ["市政", "ＡＢ"], "all": ["施工"], "none": ["监理"] },
        "amount": { "min_fen": 100, "unknown": "include" }, "purchaser": "长沙市政", "project": "HN-1",
    });
    let made = me.post(PATH, wish(filter.clone())).await.expect(201);
    let path = format!("{PATH}/{}", made.string("/id"));
    assert_eq!(made.header("location"), path);
    assert_eq!(made.at("/filter"), &filter);

    let other = subscribe(&me, words(&["绿化"])).await;
    assert_eq!(me.get(&path).await.expect(200).json, made.json);
    let first = me.get(&format!("{PATH}?limit=1")).await.expect(200);
    assert_eq!(first.string("/items/0/id"), other, "the newest first");
    let rest = me.get(&format!("{PATH}?limit=1&cursor={}", first.string("/next_cursor"))).await.expect(200);
    assert_eq!((rest.at("/items/0"), rest.at("/next_cursor")), (&made.json, &Value::Null));
}

#[tokio::test]
async fn another_filter_begins_another_edition_and_another_name_does_not() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let path = format!("{PATH}/{}", subscribe(&me, words(&["市政"])).await);
    let editions = format!("{path}/editions");

    let renamed = me.patch(&path, json!({ "name": " 道路 ", "filter": words(&["市政"]) })).await.expect(200);
    assert_eq!(renamed.at("/name"), "道路");
    assert_eq!(me.get(&editions).await.expect(200).items().len(), 1, "the same filter is no change");

    let changed = me.patch(&path, json!({ "filter": words(&["绿化"]) })).await.expect(200);
    assert_eq!((changed.at("/filter"), changed.at("/name")), (&words(&["绿化"]), &json!("道路")));
    assert_eq!(changed.at("/created_at"), renamed.at("/created_at"));

    me.delete(&path).await.expect(204);
    me.get(&path).await.expect(404).problem("not_found");
    me.delete(&path).await.expect(404);
    assert_eq!(me.get(PATH).await.expect(200).items().len(), 0);
    let history = me.get(&editions).await.expect(200);
    let told: Vec<_> = history.items().iter().map(|edition| (&edition["filter"], &edition["ended_reason"])).collect();
    let (user_left, replaced) = (json!("user_left"), json!("changed"));
    assert_eq!(told, [(&words(&["绿化"]), &user_left), (&words(&["市政"]), &replaced)]);
    assert_eq!(history.at("/items/0/started_at"), history.at("/items/1/ended_at"));
    let page = me.get(&format!("{editions}?limit=1")).await.expect(200);
    let rest = me.get(&format!("{editions}?limit=1&cursor={}", page.string("/next_cursor"))).await.expect(200);
    assert_eq!(rest.items(), &history.items()[1..]);
}

#[tokio::test]
async fn everything_wrong_with_a_filter_is_told_at_once() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let filter = json!({
        "categories": ["construction", "nonsense"], "regions": ["999999"], "notice_types": ["X"], "stages": ["later"],
        "keywords": { "any": ["市政", "a", "（）"], "none": ["ＡＢ", "市 政", "市政"] },
        "amount": { "min_fen": 2, "max_fen": 1, "unknown": "exclude" }, "purchaser": " ", "project": "\u{3000}",
    });
    let answer = me.post(PATH, wish(filter)).await.expect(422).problem("invalid");
    assert_eq!(
        broken(&answer),
        [
            "min_above_max at /filter/amount/min_fen",
            "unknown_category at /filter/categories/1",
            "word_too_short at /filter/keywords/any/1",
            "word_too_short at /filter/keywords/any/2",
            "contradiction at /filter/keywords/none/2",
            "unknown_notice_type at /filter/notice_types/0",
            "blank at /filter/project",
            "blank at /filter/purchaser",
            "unknown_region at /filter/regions/0",
            "unknown_stage at /filter/stages/0",
        ]
    );
    assert_eq!(me.get(PATH).await.expect(200).items().len(), 0);
}

#[tokio::test]
async fn what_the_schema_forbids_is_refused_by_place() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let filter =
        json!({ "keywords": { "all": vec!["市政"; 11] }, "colour": "red", "amount": { "unknown": "perhaps" } });
    let answer = me.post(PATH, json!({ "name": "", "filter": filter, "frequency": "hourly" })).await.expect(422);
    assert_eq!(
        broken(&answer),
        [
            "not_an_option at /filter/amount/unknown",
            "unknown_field at /filter/colour",
            "too_many_items at /filter/keywords/all",
            "not_an_option at /frequency",
            "too_short at /name",
        ]
    );
    let blank = me.post(PATH, json!({ "name": " ", "filter": words(&["市政"]), "frequency": "immediate" })).await;
    assert_eq!(broken(&blank.expect(422)), ["blank at /name"]);
    let unbounded = me.post(PATH, wish(json!({ "amount": { "unknown": "include" } }))).await.expect(422);
    assert_eq!(broken(&unbounded), ["no_bound at /filter/amount"]);
}

#[tokio::test]
async fn a_filter_that_names_nothing_is_refused() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    for filter in [json!({}), json!({ "categories": [] }), json!({ "keywords": { "none": ["监理"] } })] {
        me.post(PATH, wish(filter)).await.expect(422).problem("filter_empty");
    }
}

#[tokio::test]
async fn digests_are_not_offered_yet() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    for frequency in ["daily", "weekly"] {
        let body = json!({ "name": "市政", "filter": words(&["市政"]), "frequency": frequency });
        let refused = me.post(PATH, body).await.expect(422).problem("frequency_not_offered");
        assert_eq!(refused.violations(), [("/frequency".to_owned(), "frequency_not_offered".to_owned())]);
    }
    let path = format!("{PATH}/{}", subscribe(&me, words(&["市政"])).await);
    me.patch(&path, json!({ "frequency": "daily" })).await.expect(422).problem("frequency_not_offered");
}

#[tokio::test]
async fn a_pause_begins_and_ends() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let path = format!("{PATH}/{}", subscribe(&me, words(&["市政"])).await);
    let pause = format!("{path}/pause");
    for until in ["2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"] {
        assert_eq!(broken(&me.put(&pause, json!({ "until": until })).await.expect(422)), ["out_of_range at /until"]);
    }
    let until = app.inside(async |deps| deps.clock.now() + std::time::Duration::from_secs(3600)).await.to_string();
    assert_eq!(me.put(&pause, json!({ "until": until })).await.expect(200).string("/paused_until"), until);
    let changed = me.patch(&path, json!({ "filter": words(&["绿化"]) })).await.expect(200);
    assert_eq!(changed.string("/paused_until"), until, "another filter is paused like the last");
    assert_eq!(me.delete(&pause).await.expect(200).at("/paused_until"), &Value::Null);
}

#[tokio::test]
async fn the_limit_holds_when_many_come_at_once() {
    let app = TestApp::with(|config| config.holdings.subscriptions = 3).await;
    let me = app.user().await;
    let calls = (0..8).map(|number| {
        let (me, word) = (me.clone(), format!("市政{number}"));
        tokio::spawn(async move { me.post(PATH, wish(words(&[&word]))).await })
    });
    let mut made = 0;
    for call in calls.collect::<Vec<_>>() {
        let answer = call.await.expect("an answer");
        match answer.status {
            201 => made += 1,
            _ => drop(answer.expect(409).problem("subscription_limit_reached")),
        }
    }
    assert_eq!(made, 3);
    let listed = me.get(PATH).await.expect(200);
    assert_eq!(listed.items().len(), 3);
    me.delete(&format!("{PATH}/{}", listed.string("/items/0/id"))).await.expect(204);
    subscribe(&me, words(&["市政"])).await;
}

#[tokio::test]
async fn people_who_bring_the_same_new_words_at_once_all_succeed() {
    let app = TestApp::spawn().await;
    let mut calls = Vec::new();
    for turn in 0..8 {
        let me = app.user().await;
        let mut any: Vec<String> = (0..10).map(|number| format!("新词{number}")).collect();
        any.rotate_left(turn);
        calls.push(tokio::spawn(async move { me.post(PATH, wish(json!({ "keywords": { "any": any } }))).await }));
    }
    for call in calls {
        call.await.expect("an answer").expect(201);
    }
}

#[tokio::test]
async fn a_repeated_call_makes_one_subscription() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let first = me.post_once(PATH, "k1", wish(words(&["市政"]))).await.expect(201);
    let again = me.post_once(PATH, "k1", wish(words(&["市政"]))).await.expect(201);
    assert_eq!((&first.json, first.header("location")), (&again.json, again.header("location")));
    me.post_once(PATH, "k1", wish(words(&["绿化"]))).await.expect(409).problem("idempotency_key_reused");
    assert_eq!(me.get(PATH).await.expect(200).items().len(), 1);
}

#[tokio::test]
async fn the_subscriptions_of_others_are_not_found() {
    let app = TestApp::spawn().await;
    let (me, other) = (app.user().await, app.user().await);
    let path = format!("{PATH}/{}", subscribe(&me, words(&["市政"])).await);
    other.get(&path).await.expect(404).problem("not_found");
    other.get(&format!("{path}/editions")).await.expect(404);
    other.patch(&path, json!({ "name": "x" })).await.expect(404);
    other.delete(&path).await.expect(404);
    other.put(&format!("{path}/pause"), json!({ "until": "2020-01-01T00:00:00Z" })).await.expect(422);
    other.delete(&format!("{path}/pause")).await.expect(404);
    assert_eq!(other.get(PATH).await.expect(200).items().len(), 0);
    app.anonymous().get(PATH).await.expect(401).problem("unauthenticated");
    me.get(&format!("{PATH}?cursor=nonsense")).await.expect(422).problem("invalid");
}

#[tokio::test]
async fn words_that_nobody_has_yet_are_refused_when_there_are_as_many_as_are_allowed() {
    let app = TestApp::with(|config| config.holdings.words = 2).await;
    let (me, other) = (app.user().await, app.user().await);
    // A project and a purchaser are no words, and take nobody's place.
    subscribe(&me, json!({ "project": "HN-1" })).await;
    subscribe(&me, json!({ "purchaser": "长沙市政" })).await;
    let id = subscribe(&me, words(&["市政", "绿化"])).await;
    subscribe(&other, words(&["绿化", "市政"])).await;
    other.post(PATH, wish(words(&["桥梁"]))).await.expect(409).problem("word_limit_reached");
    let path = format!("{PATH}/{id}");
    me.patch(&path, json!({ "filter": words(&["桥梁"]) })).await.expect(409).problem("word_limit_reached");
    assert_eq!(me.get(&path).await.expect(200).at("/filter"), &words(&["市政", "绿化"]), "nothing has changed");
    assert_eq!(other.get(PATH).await.expect(200).items().len(), 1);
}
