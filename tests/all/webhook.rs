//! Webhooks through the door: registered, sent to, signed, tried again, looked into, ended.

use std::time::Duration;

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use yizhan::domain::net::Networks;
use yizhan::domain::session::SessionEnd;
use yizhan::domain::webhook::Reach;
use yizhan::services::{account, session, webhook};
use yizhan::storage::{self, value};

use super::support::{Answer, Caller, Person, Received, Receiver, Reply, TestApp, eventually, notice, subscription};

pub const PATH: &str = "/v1/webhooks";

/// An application whose webhooks may lead to this machine, over plain HTTP.
pub async fn app() -> TestApp {
    TestApp::with(|config| config.webhooks.settings.reach = near()).await
}

/// What tests must allow to have receivers of their own.
pub fn near() -> Reach {
    Reach { http: true, allowed: "127.0.0.0/8".parse::<Networks>().expect("a network") }
}

pub fn hook(url: &str) -> Value {
    json!({ "preset": "standard", "url": url, "label": "投标系统" })
}

pub async fn register(me: &Caller, url: &str) -> Answer {
    me.post(PATH, hook(url)).await.expect(201)
}

pub fn path(webhook: &Answer) -> String {
    format!("{PATH}/{}", webhook.string("/webhook/id"))
}

/// A user who wants construction in Changsha at a receiver of their own.
pub async fn reader(app: &TestApp) -> (Person, Receiver, Answer) {
    let (me, receiver) = (app.user().await, Receiver::start().await);
    subscription().subscribe(&me).await;
    let made = register(&me, &receiver.url("/in/0123456789abcdef")).await;
    (me, receiver, made)
}

/// The newest delivery of a webhook, once it stands as it should.
pub async fn logged(me: &Caller, webhook: &Answer, is: impl Fn(&Value) -> bool) -> Value {
    let at = format!("{}/deliveries", path(webhook));
    eventually("the log says so", async || {
        me.get(&at).await.expect(200).items().first().filter(|delivery| is(delivery)).cloned()
    })
    .await
}

fn accepted(delivery: &Value) -> bool {
    delivery["state"] == "accepted"
}

#[track_caller]
fn verify(secret: &str, received: &Received) {
    let library = Webhook::new(secret).expect("a secret of the standard");
    library.verify(&received.body, &received.headers).expect("a signature that another library verifies");
}

#[tokio::test]
async fn a_notice_arrives_signed_as_another_library_verifies_and_stands_in_the_log() {
    let app = app().await;
    let (me, receiver, made) = reader(&app).await;
    let id = notice().with("source_url", "https://ggzy.example.cn/1").publish(&app.publisher().await).await;
    let received = receiver.received(1).await.remove(0);
    verify(&made.string("/secret"), &received);
    let event = received.json();
    assert_eq!((&event["type"], &event["version"]), (&json!("notice.published"), &json!(1)));
    let told = &event["data"]["notice"];
    assert_eq!(
        (&told["id"], &told["revision"], &told["category"]),
        (&json!(id), &json!(1), &json!("construction.a02"))
    );
    assert_eq!(told["source_url"], "https://ggzy.example.cn/1");
    assert_eq!((received.path.as_str(), received.header("content-type")), ("/in/0123456789abcdef", "application/json"));
    app.anonymous().get(told["url"].as_str().expect("a path")).await.expect(200);

    let delivery = logged(&me, &made, accepted).await;
    assert_eq!(delivery["webhook_id"], received.header("webhook-id"));
    assert_eq!((&delivery["notice_id"], &delivery["attempts"][0]["status"]), (&json!(id), &json!(200)));
    assert!(delivery["attempts"][0]["began_at"].is_string() && delivery["attempts"][0]["latency_ms"].is_u64());
    // Operators see it where they see devices.
    let seen = app.operator().await.get(&format!("/v1/operator/deliveries?user={}", me.id)).await.expect(200);
    let seen = &seen.items()[0];
    assert_eq!((&seen["channel"], &seen["endpoint_hint"]), (&json!("webhook"), &json!("127.0.0.1")));
    assert_eq!(seen["attempts"][0]["status"], 200);
}

#[tokio::test]
async fn each_thing_that_happens_to_a_notice_has_its_event() {
    let app = app().await;
    let (_, receiver, made) = reader(&app).await;
    let publisher = app.publisher().await;
    let tender = notice();
    let id = tender.publish(&publisher).await;
    receiver.received(1).await;
    notice().with("title", "更正公告").with("amends", id.as_str()).publish(&publisher).await;
    receiver.received(2).await;
    let mut second = tender.0.clone();
    second["title"] = json!("长沙市芙蓉区道路提质改造工程施工招标公告（第二版）");
    publisher.post(&format!("/v1/notices/{id}/revisions"), json!({ "notice": second })).await.expect(201);
    receiver.received(3).await;
    publisher.post(&format!("/v1/notices/{id}/withdrawal"), json!({ "reason": "项目终止" })).await.expect(201);
    let received = receiver.received(4).await;
    received.iter().for_each(|received| verify(&made.string("/secret"), received));
    let events: Vec<Value> = received.iter().map(Received::json).collect();
    let kinds: Vec<&Value> = events.iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["notice.published", "notice.amended", "notice.revised", "notice.withdrawn"]);
    assert_eq!(events[1]["data"]["notice"]["amends"], json!(id));
    let ids: std::collections::BTreeSet<_> = received.iter().map(|received| received.header("webhook-id")).collect();
    assert_eq!(ids.len(), 4, "each edition is a delivery of its own");
}

#[tokio::test]
async fn the_old_secret_signs_beside_the_new_one_for_a_day_and_then_no_more() {
    let app = app().await;
    let (me, receiver, made) = reader(&app).await;
    let rotated = me.post(&format!("{}/secret", path(&made)), json!({})).await.expect(200);
    let (old, new) = (made.string("/secret"), rotated.string("/secret"));
    assert_ne!(old, new);
    assert!(rotated.at("/webhook/previous_secret_until").is_string(), "{}", rotated.text);
    assert_eq!(rotated.string("/webhook/secret_hint"), format!("…{}", &new[new.len() - 4..]));
    let publisher = app.publisher().await;
    notice().publish(&publisher).await;
    let received = receiver.received(1).await.remove(0);
    verify(&old, &received);
    verify(&new, &received);
    assert_eq!(received.header("webhook-signature").split(' ').count(), 2);

    app.world().advance(webhook::OVERLAP + Duration::from_secs(1));
    notice().publish(&app.publisher().await).await;
    let received = receiver.received(2).await.remove(1);
    // The clock of this world is ahead of the library's, which would call the signature too early.
    let stamp = received.header("webhook-timestamp").parse().expect("seconds");
    let signed =
        Webhook::new(&new).and_then(|library| library.sign(received.header("webhook-id"), stamp, &received.body));
    assert_eq!(received.header("webhook-signature"), signed.expect("a signature"));
}

#[tokio::test]
async fn what_fails_is_tried_again_with_the_same_id_until_it_is_taken() {
    let app = app().await;
    let (me, receiver, made) = reader(&app).await;
    let busy = Reply::Plain(429, "retry-after: 1\r\n", "busy".to_owned());
    receiver.then(Reply::Plain(500, "", "out of order".to_owned())).then(busy);
    notice().publish(&app.publisher().await).await;
    let received = receiver.received(3).await;
    received.iter().for_each(|received| verify(&made.string("/secret"), received));
    let ids: std::collections::BTreeSet<_> = received.iter().map(|received| received.header("webhook-id")).collect();
    assert_eq!(ids.len(), 1, "a repeat can be recognised");
    let delivery = logged(&me, &made, accepted).await;
    let tries = delivery["attempts"].as_array().expect("tries");
    let said: Vec<_> = tries.iter().map(|one| (&one["status"], one["outcome"].as_str().expect("a word"))).collect();
    assert_eq!(said, [(&json!(500), "failed"), (&json!(429), "throttled"), (&json!(200), "accepted")]);
    assert_eq!((&tries[0]["answer"], &tries[2]["answer"]), (&json!("out of order"), &Value::Null));
}

#[tokio::test]
async fn who_answers_gone_is_sent_nothing_more_and_its_user_sees_why() {
    let app = app().await;
    let (me, receiver, made) = reader(&app).await;
    receiver.always(Reply::status(410));
    let publisher = app.publisher().await;
    notice().publish(&publisher).await;
    receiver.received(1).await;
    logged(&me, &made, |delivery| delivery["state"] == "gone").await;
    let view = me.get(&path(&made)).await.expect(200);
    assert_eq!(view.at("/state"), "ended");
    assert_eq!(me.get(PATH).await.expect(200).items()[0]["state"], "ended");
    for (method, at) in [("PUT", "pause"), ("DELETE", "pause"), ("POST", "test"), ("POST", "secret")] {
        let at = format!("{}/{at}", path(&made));
        let method = method.parse().expect("a method");
        me.send(method, &at, None, &[]).await.expect(409).problem("webhook_ended");
    }
    let second = notice().publish(&publisher).await;
    me.inbox_of(2).await;
    carried(&app, &second).await;
    assert_eq!(receiver.so_far().len(), 1, "nothing more is sent there");
    me.delete(&path(&made)).await.expect(204);
    assert_eq!(me.get(PATH).await.expect(200).items().len(), 0);
}

/// Waits until a notice has been carried to everybody.
pub async fn carried(app: &TestApp, notice: &str) {
    let operator = app.operator().await;
    eventually("the fan-out is done", async || {
        let fan_outs = operator.get(&format!("/v1/operator/fan-outs?notice={notice}")).await.expect(200);
        fan_outs.items().iter().all(|one| one["state"] == "done").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_delivery_is_resent_with_its_id_unless_a_newer_word_has_overtaken_it() {
    let app = app().await;
    let (me, receiver, made) = reader(&app).await;
    let publisher = app.publisher().await;
    let id = notice().publish(&publisher).await;
    let first = receiver.received(1).await.remove(0);
    logged(&me, &made, accepted).await;
    let resend = format!("{}/deliveries/{id}/resend", path(&made));
    receiver.then(Reply::Plain(503, "", "not now".to_owned()));
    let answer = me.post(&resend, json!({})).await.expect(200);
    assert_eq!((answer.at("/outcome"), answer.at("/status")), (&json!("throttled"), &json!(503)));
    let answer = me.post(&resend, json!({})).await.expect(200);
    assert_eq!(
        (answer.at("/outcome"), answer.at("/webhook_id")),
        (&json!("accepted"), &json!(first.header("webhook-id")))
    );
    for again in &receiver.received(3).await[1..] {
        assert_eq!((again.header("webhook-id"), &again.body), (first.header("webhook-id"), &first.body));
        verify(&made.string("/secret"), again);
    }
    let delivery = logged(&me, &made, accepted).await;
    let statuses: Vec<_> = delivery["attempts"].as_array().expect("tries").iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [200, 503, 200]);

    let other = notice().publish(&publisher).await;
    receiver.received(4).await;
    publisher.post(&format!("/v1/notices/{other}/withdrawal"), json!({ "reason": "误发" })).await.expect(201);
    receiver.received(5).await;
    logged(&me, &made, |delivery| delivery["revision"] == 2 && accepted(delivery)).await;
    let withdrawn = format!("{}/deliveries/{other}/resend", path(&made));
    let answer = me.post(&withdrawn, json!({})).await.expect(200);
    assert_eq!(answer.at("/outcome"), "accepted", "the withdrawal is the newest word, and can be told again");
    assert_eq!(receiver.received(6).await[5].json()["type"], "notice.withdrawn");

    let nowhere = format!("{}/deliveries/ntc_01h455vb4pex5vsknk084sn02q/resend", path(&made));
    me.post(&nowhere, json!({})).await.expect(404).problem("not_found");
}

#[tokio::test]
async fn after_a_quiet_correction_the_correction_is_what_is_resent_once_nothing_of_it_is_on_its_way() {
    let app = app().await;
    let (me, receiver, made) = reader(&app).await;
    let publisher = app.publisher().await;
    let said = notice();
    let id = said.publish(&publisher).await;
    let first = receiver.received(1).await.remove(0);
    logged(&me, &made, accepted).await;
    let better = "长沙市芙蓉区道路提质改造工程施工招标公告（勘误）";
    let quiet = json!({ "editorial": true, "notice": said.with("title", better).0 });
    publisher.post(&format!("/v1/notices/{id}/revisions"), quiet).await.expect(201);
    carried(&app, &id).await;
    let resend = format!("{}/deliveries/{id}/resend", path(&made));
    let answer = me.post(&resend, json!({})).await.expect(200);
    assert_eq!((answer.at("/outcome"), answer.at("/revision")), (&json!("accepted"), &json!(2)));
    let again = receiver.received(2).await.remove(1);
    verify(&made.string("/secret"), &again);
    let told = again.json();
    assert_eq!((&told["type"], &told["data"]["notice"]["title"]), (&json!("notice.revised"), &json!(better)));
    // Another text is another message: whoever drops repeats must not drop it.
    assert_ne!(again.header("webhook-id"), first.header("webhook-id"));
    assert_eq!(answer.string("/webhook_id"), again.header("webhook-id"));
    let log =
        logged(&me, &made, |delivery| delivery["attempts"].as_array().is_some_and(|tries| tries.len() == 2)).await;
    assert_eq!((&log["revision"], &log["state"]), (&json!(1), &json!("accepted")));

    // A newer edition that is being carried comes by itself.
    let under_way = "UPDATE fan_outs SET finished_at = NULL WHERE revision = 2";
    app.inside(async move |deps| storage::execute(deps.db.writer(), under_way, []).await).await.expect("a fan-out");
    me.post(&resend, json!({})).await.expect(409).problem("delivery_overtaken");
    assert_eq!(receiver.so_far().len(), 2);
}

#[tokio::test]
async fn what_was_skipped_while_it_was_paused_can_be_resent_after() {
    let app = app().await;
    let (me, receiver, made) = reader(&app).await;
    let paused = me.send(reqwest::Method::PUT, &format!("{}/pause", path(&made)), None, &[]).await.expect(200);
    assert_eq!(paused.at("/state"), "paused");
    let publisher = app.publisher().await;
    let id = notice().publish(&publisher).await;
    let skipped = logged(&me, &made, |delivery| delivery["state"] == "skipped").await;
    assert_eq!(skipped["reason"], "paused");
    let tried = me.post(&format!("{}/test", path(&made)), json!({})).await.expect(200);
    assert_eq!(tried.at("/outcome"), "accepted", "a paused one can be tried");
    assert_eq!(receiver.received(1).await[0].json()["type"], "webhook.test");
    me.delete(&format!("{}/pause", path(&made))).await.expect(200);
    assert_eq!(me.get(&path(&made)).await.expect(200).at("/state"), "active");
    me.post(&format!("{}/deliveries/{id}/resend", path(&made)), json!({})).await.expect(200);
    assert_eq!(receiver.received(2).await[1].json()["data"]["notice"]["id"], json!(id));
    assert!(accepted(&logged(&me, &made, accepted).await));
    notice().publish(&publisher).await;
    receiver.received(3).await;
}

#[tokio::test]
async fn who_may_have_been_told_by_hand_is_told_of_a_withdrawal_that_comes_meanwhile() {
    let app = app().await;
    let (me, receiver, made) = reader(&app).await;
    me.send(reqwest::Method::PUT, &format!("{}/pause", path(&made)), None, &[]).await.expect(200);
    let publisher = app.publisher().await;
    let id = notice().publish(&publisher).await;
    carried(&app, &id).await;
    me.delete(&format!("{}/pause", path(&made))).await.expect(200);
    receiver.then(Reply::Silent);
    let resend = format!("{}/deliveries/{id}/resend", path(&made));
    let (tried, ()) = tokio::join!(me.post(&resend, json!({})), async {
        receiver.received(1).await;
        publisher.post(&format!("/v1/notices/{id}/withdrawal"), json!({ "reason": "误发" })).await.expect(201);
    });
    assert_eq!(tried.expect(200).at("/outcome"), "no_answer");
    assert_eq!(receiver.received(2).await[1].json()["type"], "notice.withdrawn");
}

#[tokio::test]
async fn one_that_fails_for_long_is_switched_off_until_its_user_resumes_it() {
    let app = app().await;
    let (me, receiver, made) = reader(&app).await;
    receiver.always(Reply::status(404));
    let publisher = app.publisher().await;
    notice().publish(&publisher).await;
    logged(&me, &made, |delivery| delivery["attempts"][0]["status"] == 404).await;
    let look = async || app.inside(async |deps| webhook::switch_off_failing(&deps).await).await.expect("a look");
    assert_eq!(look().await, 0, "it has not failed for long");
    // As if it had failed for six days, every day.
    let connection = app.database().connect().await;
    use sea_orm::ConnectionTrait as _;
    let day = 24 * 60 * 60 * 1000_i64;
    for text in [
        format!("UPDATE webhooks SET created_at = created_at - {}", 7 * day),
        format!("UPDATE deliveries SET state = 'exhausted', decided_at = decided_at - {}", 9 * day / 2),
    ] {
        connection.execute_unprepared(&text).await.expect("an older world");
    }
    notice().publish(&publisher).await;
    logged(&me, &made, |delivery| delivery["state"] == "due" && delivery["attempts"][0]["status"] == 404).await;
    assert_eq!(look().await, 1);
    let view = me.get(&path(&made)).await.expect(200);
    assert_eq!(view.at("/state"), "off");
    receiver.always(Reply::status(200));
    let resumed = me.delete(&format!("{}/pause", path(&made))).await.expect(200);
    assert_eq!(resumed.at("/state"), "active");
    assert_eq!(look().await, 0, "what failed before is forgiven");
}

#[tokio::test]
async fn another_address_is_where_what_is_due_goes() {
    let app = app().await;
    let (me, receiver, made) = reader(&app).await;
    receiver.always(Reply::status(500));
    notice().publish(&app.publisher().await).await;
    receiver.received(1).await;
    let other = Receiver::start().await;
    let changed = me.patch(&path(&made), json!({ "url": other.url("/new"), "label": "新系统" })).await.expect(200);
    assert_eq!(changed.at("/label"), "新系统");
    let received = other.received(1).await.remove(0);
    assert_eq!(received.header("webhook-id"), receiver.so_far()[0].header("webhook-id"));
    verify(&made.string("/secret"), &received);
}

#[tokio::test]
async fn a_secret_is_shown_once_and_a_repeated_call_is_told_so() {
    let app = app().await;
    let me = app.user().await;
    let body = hook("http://127.0.0.1:9000/in/0123456789abcdef?key=0123456789");
    let made = me.post_once(PATH, "k1", body.clone()).await.expect(201);
    let repeat = me.post_once(PATH, "k1", body).await.expect(409).problem("secret_shown_once");
    assert_eq!(repeat.string("/detail"), made.string("/webhook/id"));
    assert_eq!(made.header("location"), path(&made));
    let secret = made.string("/secret");
    assert!(secret.starts_with("whsec_") && secret.len() > 40, "{secret}");
    let rotate = format!("{}/secret", path(&made));
    me.post_once(&rotate, "k2", json!({})).await.expect(200);
    me.post_once(&rotate, "k2", json!({})).await.expect(409).problem("secret_shown_once");
    let shown = [me.get(&path(&made)).await.expect(200), me.get(PATH).await.expect(200)];
    for answer in shown {
        assert!(!answer.text.contains(&secret) && !answer.text.contains("0123456789"), "{}", answer.text);
        assert!(answer.text.contains("http://127.0.0.1:9000/…6789"), "{}", answer.text);
    }
}

#[tokio::test]
async fn no_more_than_the_limit_are_registered_however_many_come_at_once() {
    let app = TestApp::with(|config| {
        config.webhooks.settings.reach = near();
        config.holdings.webhooks = 2;
    })
    .await;
    let me = app.user().await;
    let calls = (0..6).map(|number| {
        let me = me.clone();
        tokio::spawn(async move { me.post(PATH, hook(&format!("http://127.0.0.1:9000/{number}"))).await })
    });
    let mut made = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.expect("an answer") {
            answer if answer.status == 201 => made += 1,
            answer => drop(answer.expect(409).problem("webhook_limit_reached")),
        }
    }
    assert_eq!((made, me.get(PATH).await.expect(200).items().len()), (2, 2));
}

#[tokio::test]
async fn the_webhooks_of_others_are_not_found() {
    let app = app().await;
    let (me, receiver, made) = reader(&app).await;
    let id = notice().publish(&app.publisher().await).await;
    receiver.received(1).await;
    let stranger = app.user().await;
    let at = path(&made);
    stranger.get(&at).await.expect(404).problem("not_found");
    stranger.patch(&at, json!({ "label": "x" })).await.expect(404).problem("not_found");
    stranger.delete(&at).await.expect(404).problem("not_found");
    stranger.get(&format!("{at}/deliveries")).await.expect(404).problem("not_found");
    for (method, rest) in [
        ("POST", "secret".to_owned()),
        ("POST", "test".to_owned()),
        ("PUT", "pause".to_owned()),
        ("DELETE", "pause".to_owned()),
        ("POST", format!("deliveries/{id}/resend")),
    ] {
        let method = method.parse().expect("a method");
        stranger.send(method, &format!("{at}/{rest}"), None, &[]).await.expect(404).problem("not_found");
    }
    assert_eq!(stranger.get(PATH).await.expect(200).items().len(), 0);
    assert_eq!((receiver.so_far().len(), me.get(&at).await.expect(200).at("/state")), (1, &json!("active")));
    // Nor is an address taken away by whoever names it too.
    register(&stranger, &receiver.url("/in/0123456789abcdef")).await;
    notice().publish(&app.publisher().await).await;
    receiver.received(2).await;
    assert_eq!(me.get(&at).await.expect(200).at("/state"), "active");
}

#[tokio::test]
async fn it_outlives_the_session_and_leaves_with_the_account() {
    let app = app().await;
    let (me, receiver, _) = reader(&app).await;
    let (user, of) = (me.id, me.session);
    app.inside(async move |deps| session::end(&deps, user, of, SessionEnd::SignedOut).await).await.expect("an end");
    let publisher = app.publisher().await;
    notice().publish(&publisher).await;
    receiver.received(1).await;
    app.inside(async move |deps| account::erase(&deps, user).await).await.expect("an erasure");
    let id = notice().publish(&publisher).await;
    carried(&app, &id).await;
    assert_eq!(receiver.so_far().len(), 1);
    for left in [
        "SELECT COUNT(*) AS value FROM endpoints WHERE address <> '' OR ended_at IS NULL",
        "SELECT COUNT(*) AS value FROM webhooks WHERE label <> ''",
    ] {
        let count: i64 = app.inside(async |deps| value(deps.db.reader(), left, []).await).await.expect("a count");
        assert_eq!(count, 0, "{left}");
    }
}
