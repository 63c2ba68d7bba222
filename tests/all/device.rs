//! Devices through the door.

use rand::distr::SampleString as _;
use serde_json::{Value, json};
use yizhan::domain::session::SessionEnd;
use yizhan::services::{account, session};
use yizhan::storage::value;

use super::support::{Answer, Person, TestApp, notice, subscription};

const PATH: &str = "/v1/devices";

fn phone(token: &str) -> Value {
    json!({ "platform": "android", "name": "我的手机", "channel": "sandbox", "token": token })
}

async fn register(me: &Person, token: &str) -> Answer {
    me.post(PATH, phone(token)).await.expect(201)
}

fn path(device: &Answer) -> String {
    format!("{PATH}/{}", device.string("/id"))
}

/// How many endpoints have ended for this reason; living ones for none.
async fn endpoints(app: &TestApp, reason: Option<&'static str>) -> i64 {
    let text = match reason {
        None => "SELECT COUNT(*) AS value FROM endpoints WHERE ended_at IS NULL".to_owned(),
        Some(reason) => format!("SELECT COUNT(*) AS value FROM endpoints WHERE ended_reason = '{reason}'"),
    };
    app.inside(async move |deps| value(deps.db.reader(), &text, []).await).await.expect("a count")
}

#[tokio::test]
async fn a_device_is_registered_shown_and_removed_and_its_token_is_never_told() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let made = register(&me, "secret-token-0123456789").await;
    assert_eq!(made.header("location"), path(&made));
    assert_eq!(made.string("/session_id"), me.session.to_string());
    assert_eq!((made.at("/endpoint/channel"), made.at("/endpoint/token_hint")), (&json!("sandbox"), &json!("…6789")));
    let (one, list) = (me.get(&path(&made)).await.expect(200), me.get(PATH).await.expect(200));
    assert_eq!((&one.json, &list.items()[0]), (&made.json, &made.json));
    for answer in [&made, &one, &list] {
        assert!(!answer.text.contains("secret-token"), "{}", answer.text);
    }
    me.delete(&path(&made)).await.expect(204);
    me.get(&path(&made)).await.expect(404).problem("not_found");
    assert_eq!((endpoints(&app, None).await, endpoints(&app, Some("removed")).await), (0, 1));
}

#[tokio::test]
async fn the_same_token_again_is_the_same_device() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let first = register(&me, "token-0123456789abcdef").await;
    let again = me.post(PATH, phone("token-0123456789abcdef")).await.expect(200);
    assert_eq!(first.json, again.json);
    assert_eq!(endpoints(&app, None).await, 1);

    let kept = me.post_once(PATH, "k1", phone("token-other-0123456789")).await.expect(201);
    me.delete(&path(&kept)).await.expect(204);
    let repeat = me.post_once(PATH, "k1", phone("token-other-0123456789")).await.expect(201);
    assert_eq!(kept.json, repeat.json, "a repeated call is answered as it was");
}

#[tokio::test]
async fn a_token_that_moves_to_another_user_leaves_the_first() {
    let app = TestApp::spawn().await;
    let (first, second) = (app.user().await, app.user().await);
    let lost = register(&first, "shared-phone-0123456789").await;
    let won = register(&second, "shared-phone-0123456789").await;
    first.get(&path(&lost)).await.expect(404);
    second.get(&path(&won)).await.expect(200);
    assert_eq!((endpoints(&app, None).await, endpoints(&app, Some("moved")).await), (1, 1));
}

#[tokio::test]
async fn a_token_that_many_register_at_once_has_one_owner() {
    let app = TestApp::spawn().await;
    let mut calls = Vec::new();
    for _ in 0..12 {
        let me = app.user().await;
        calls.push(tokio::spawn(async move { (me.post(PATH, phone("contested-0123456789")).await, me) }));
    }
    let mut owners = 0;
    for call in calls {
        let (answer, me) = call.await.expect("an answer");
        answer.expect(201);
        owners += me.get(PATH).await.expect(200).items().len();
    }
    assert!(owners >= 1, "the last one has it");
    assert_eq!((endpoints(&app, None).await, endpoints(&app, Some("moved")).await), (1, 11));
}

#[tokio::test]
async fn another_token_is_another_endpoint_of_the_same_device() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let made = register(&me, "token-before-0123456789").await;
    let same = me.patch(&path(&made), json!({ "name": "平板", "token": "token-before-0123456789" })).await.expect(200);
    assert_eq!((same.at("/name"), same.at("/endpoint")), (&json!("平板"), made.at("/endpoint")));
    let other = me.patch(&path(&made), json!({ "token": "token-after-01234-wxyz" })).await.expect(200);
    assert_eq!((other.at("/id"), other.at("/endpoint/token_hint")), (made.at("/id"), &json!("…wxyz")));
    assert_eq!((endpoints(&app, None).await, endpoints(&app, Some("replaced")).await), (1, 1));
}

#[tokio::test]
async fn the_limit_holds_when_many_come_at_once() {
    let app = TestApp::with(|config| config.holdings.devices = 2).await;
    let me = app.user().await;
    let calls = (0..6).map(|number| {
        let me = me.clone();
        tokio::spawn(async move { me.post(PATH, phone(&format!("token-{number}-0123456789"))).await })
    });
    let mut made = 0;
    for call in calls.collect::<Vec<_>>() {
        let answer = call.await.expect("an answer");
        match answer.status {
            201 => made += 1,
            _ => drop(answer.expect(409).problem("device_limit_reached")),
        }
    }
    assert_eq!((made, me.get(PATH).await.expect(200).items().len()), (2, 2));
}

#[tokio::test]
async fn a_session_that_ends_takes_its_devices_along() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    register(&me, "token-0123456789abcdef").await;
    let (user, of) = (me.id, me.session);
    app.inside(async move |deps| session::end(&deps, user, of, SessionEnd::SignedOut).await).await.expect("an end");
    assert_eq!((endpoints(&app, None).await, endpoints(&app, Some("session_ended")).await), (0, 1));
    me.get(PATH).await.expect(401);
}

#[tokio::test]
async fn an_erased_user_leaves_neither_tokens_nor_names() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    register(&me, "token-0123456789abcdef").await;
    let filter = json!({ "name": "我的公司", "filter": { "regions": ["430100"] }, "frequency": "immediate" });
    me.post("/v1/subscriptions", filter).await.expect(201);
    let user = me.id;
    app.inside(async move |deps| account::erase(&deps, user).await).await.expect("an erasure");
    assert_eq!((endpoints(&app, None).await, endpoints(&app, Some("account_closed")).await), (0, 1));
    for left in [
        "SELECT COUNT(*) AS value FROM endpoints WHERE address <> ''",
        "SELECT COUNT(*) AS value FROM devices WHERE name <> '' OR ended_at IS NULL",
        "SELECT COUNT(*) AS value FROM subscriptions WHERE name <> '' OR ended_position IS NULL",
    ] {
        let count: i64 = app.inside(async |deps| value(deps.db.reader(), left, []).await).await.expect("a count");
        assert_eq!(count, 0, "{left}");
    }
}

#[tokio::test]
async fn a_channel_that_is_not_configured_is_taken_and_one_that_is_not_of_devices_is_not() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let of = |channel: &str| json!({ "platform": "ios", "name": "手机", "channel": channel, "token": format!("token-of-{channel}-0123") });
    me.post(PATH, of("apns")).await.expect(201);
    for (channel, rule) in [("wechat_oa", "not_of_devices"), ("webhook", "not_of_devices"), ("fax", "not_an_option")] {
        let answer = me.post(PATH, of(channel)).await.expect(422).problem("invalid");
        assert_eq!(answer.violations(), [("/channel".to_owned(), rule.to_owned())]);
    }
    for token in ["", "line\nbreak"] {
        me.post(PATH, phone(token)).await.expect(422).problem("invalid");
    }
}

#[tokio::test]
async fn the_devices_of_others_are_not_found() {
    let app = TestApp::spawn().await;
    let (me, other) = (app.user().await, app.user().await);
    let made = path(&register(&me, "token-0123456789abcdef").await);
    other.get(&made).await.expect(404).problem("not_found");
    other.patch(&made, json!({ "name": "x" })).await.expect(404);
    other.delete(&made).await.expect(404);
    assert_eq!(other.get(PATH).await.expect(200).items().len(), 0);
}

#[tokio::test]
async fn the_longest_token_is_registered_reached_and_moved_like_any_other() {
    let app = TestApp::spawn().await;
    let (me, other, publisher) = (app.user().await, app.user().await, app.publisher().await);
    subscription().subscribe(&me).await;
    // Nothing that could be compressed: an index over the token itself would not hold it on PostgreSQL.
    let token = rand::distr::Alphanumeric.sample_string(&mut rand::rng(), 4096);
    let short = me.with_device().await;
    register(&me, &token).await;
    me.post(PATH, phone(&token)).await.expect(200);
    notice().publish(&publisher).await;
    for token in [&token, &short] {
        app.shown(token, 1).await;
    }
    register(&other, &token).await;
    assert_eq!((endpoints(&app, None).await, endpoints(&app, Some("moved")).await), (2, 1));
    me.post(PATH, phone(&format!("{token}x"))).await.expect(422).problem("invalid");
}
