//! Why somebody has a notice, or why not: every answer there is, for the user and for whoever is asked by the user.

use std::time::Duration;

use serde_json::{Value, json};
use yizhan::domain::explanation::Outcome;
use yizhan::domain::time::Clock;

use super::operator::settled;
use super::support::{Answer, Person, TestApp, notice_with};

/// What the user is told of a notice; an operator is told the same.
async fn why(app: &TestApp, of: &Person, notice: &str) -> Answer {
    let told = of.get(&format!("/v1/inbox/{notice}/why")).await.expect(200);
    let desk = format!("/v1/operator/users/{}/notices/{notice}/why", of.id);
    assert_eq!(app.operator().await.get(&desk).await.expect(200).json, told.json);
    told
}

async fn subscribe(to: &Person, filter: Value) -> String {
    let wish = json!({ "name": "订阅", "filter": filter, "frequency": "immediate" });
    to.post("/v1/subscriptions", wish).await.expect(201).string("/id")
}

/// Publishes and waits until it has come to everybody.
async fn publish(app: &TestApp, source_id: &str, fields: Value) -> String {
    let publisher = app.publisher().await;
    publish_by(app, &publisher, source_id, fields).await
}

async fn publish_by(app: &TestApp, by: &super::support::Caller, source_id: &str, fields: Value) -> String {
    let id = by.post("/v1/notices", notice_with(source_id, fields)).await.expect(201).string("/id");
    settled(&*app.operator().await, &id).await;
    id
}

#[tokio::test]
async fn a_subscription_that_came_too_late_or_had_ended_explains_why_nothing_came() {
    let app = TestApp::spawn().await;
    let (left, changed, late, stranger) = (app.user().await, app.user().await, app.user().await, app.user().await);
    let works = json!({ "categories": ["construction"] });
    let ended = subscribe(&left, works.clone()).await;
    left.delete(&format!("/v1/subscriptions/{ended}")).await.expect(204);
    let other = subscribe(&changed, works.clone()).await;
    let land = json!({ "filter": { "categories": ["land-use-right"] } });
    changed.patch(&format!("/v1/subscriptions/{other}"), land).await.expect(200);
    let notice = publish(&app, "late", json!({})).await;
    subscribe(&late, works).await;

    let told = why(&app, &left, &notice).await;
    assert_eq!(
        (told.at("/outcome"), told.at("/in_inbox"), told.at("/why")),
        (&json!("ended"), &json!(false), &json!([]))
    );
    let only = told.at("/subscriptions/0");
    assert_eq!((&only["counted"], &only["matched"]), (&json!("no_longer"), &json!(true)));
    assert_eq!(only["ended_reason"], "user_left");
    assert!(only["filter_until"].is_string());

    let told = why(&app, &changed, &notice).await;
    assert_eq!(told.at("/outcome"), "ended", "the filter that matches was changed into one that does not");
    let counted: Vec<_> =
        told.at("/subscriptions").as_array().expect("two").iter().map(|one| &one["counted"]).collect();
    assert_eq!(counted, ["yes", "no_longer"], "those that counted come first");
    assert_eq!(told.at("/subscriptions/1/ended_reason"), "changed");

    let told = why(&app, &late, &notice).await;
    assert_eq!((told.at("/outcome"), told.at("/subscriptions/0/counted")), (&json!("too_late"), &json!("not_yet")));
    let told = why(&app, &stranger, &notice).await;
    assert_eq!((told.at("/outcome"), told.at("/subscriptions")), (&json!("no_subscription"), &json!([])));
}

#[tokio::test]
async fn what_came_says_by_which_words_and_that_a_pause_stops_pushes_only() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let id = subscribe(&me, json!({ "keywords": { "any": ["黑臭水体", "绿化"], "none": ["监理"] } })).await;
    let until = (Clock::system().now() + Duration::from_secs(3600)).to_string();
    me.put(&format!("/v1/subscriptions/{id}/pause"), json!({ "until": until })).await.expect(200);
    let notice = publish(&app, "paused", json!({})).await;
    let told = why(&app, &me, &notice).await;
    assert_eq!((told.at("/outcome"), told.at("/announce")), (&json!("received"), &json!("push")));
    assert_eq!(told.at("/why/0/words"), &json!(["黑臭水体"]));
    assert_eq!(told.at("/subscriptions/0/paused_until"), &json!(until));
    assert_eq!(
        told.at("/subscriptions/0/parts"),
        &json!([
            { "part": "any_words", "holds": true, "words": ["黑臭水体"] },
            { "part": "no_words", "holds": true, "words": [] },
        ])
    );

    me.delete(&format!("/v1/inbox/{notice}")).await.expect(204);
    let told = why(&app, &me, &notice).await;
    assert_eq!((told.at("/outcome"), told.at("/in_inbox")), (&json!("removed"), &json!(false)));
    assert_eq!((told.at("/why/0/words"), told.at("/removed_at").is_string()), (&json!(["黑臭水体"]), true));
}

#[tokio::test]
async fn an_amendment_comes_to_whoever_had_what_it_amends_and_says_so() {
    let app = TestApp::spawn().await;
    let (holder, stranger, joined) = (app.user().await, app.user().await, app.user().await);
    subscribe(&holder, json!({ "stages": ["tender"] })).await;
    subscribe(&stranger, json!({ "categories": ["land-use-right"] })).await;
    let publisher = app.publisher().await;
    let call = publish_by(&app, &publisher, "call", json!({})).await;
    subscribe(&joined, json!({ "stages": ["tender"] })).await;
    let fields = json!({ "notice_type": "C-CLARIFY", "amends": "call", "title": "澄清公告" });
    let amendment = publish_by(&app, &publisher, "clarified", fields).await;

    let told = why(&app, &holder, &amendment).await;
    assert_eq!(told.at("/outcome"), "received");
    assert_eq!(told.at("/why"), &json!([{ "kind": "amendment", "notice_id": call }]));
    assert_eq!((told.at("/amends/notice_id"), told.at("/amends/before")), (&json!(call), &json!(true)));
    assert_eq!(told.at("/subscriptions/0/matched"), false, "it follows, and does not match");

    let told = why(&app, &stranger, &amendment).await;
    assert_eq!(told.at("/outcome"), "no_match");
    assert_eq!((told.at("/amends/came_at"), told.at("/amends/before")), (&Value::Null, &json!(false)));
    assert_eq!(told.at("/subscriptions/0/parts"), &json!([{ "part": "categories", "holds": false, "words": [] }]));

    // Whoever joined between the two has neither.
    assert_eq!(why(&app, &joined, &call).await.at("/outcome"), "too_late");
    assert_eq!(why(&app, &joined, &amendment).await.at("/outcome"), "no_match");
}

#[tokio::test]
async fn what_is_announced_to_nobody_or_is_under_way_says_so() {
    let app = TestApp::with(|config| config.roles.notifier = false).await;
    let me = app.user().await;
    subscribe(&me, json!({ "categories": ["construction"] })).await;
    let publisher = app.publisher().await;
    let hand_in = async |source_id: &str, announce: &str| {
        let body = notice_with(source_id, json!({ "announce": announce }));
        publisher.post("/v1/notices", body).await.expect(201).string("/id")
    };
    let (silent, loud) = (hand_in("silent", "none").await, hand_in("loud", "inbox").await);
    let told = why(&app, &me, &silent).await;
    assert_eq!((told.at("/outcome"), told.at("/announce")), (&json!("not_announced"), &json!("none")));
    assert_eq!(told.at("/subscriptions/0/matched"), true, "it would have come");
    let told = why(&app, &me, &loud).await;
    assert_eq!((told.at("/outcome"), told.at("/announce")), (&json!("under_way"), &json!("inbox")));
}

#[test]
fn every_outcome_is_one_that_these_tests_have_seen() {
    let text = include_str!("why.rs");
    for word in Outcome::WORDS {
        assert!(text.contains(&format!("\"{word}\"")), "{word}");
    }
}
