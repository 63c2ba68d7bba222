//! What channels may send: shared by all copies, kept when it is forgotten, and nothing is lost or held up by it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use yizhan::domain::allowance::{Limits, Quota, Reset};
use yizhan::domain::channel::Channel;
use yizhan::domain::fanout::Lane;
use yizhan::domain::time::Timestamp;
use yizhan::kv::allowance::{Answer, Ask};
use yizhan::sandbox::{Fault, LogQuery, Mode};

use super::operator::{notice, reader, settled};
use super::support::{Caller, TestApp, eventually};

fn quota(messages: u32) -> Limits {
    Limits { rate: None, quota: Some(Quota { messages, resets: Reset::CHINA }) }
}

fn phones(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{name}-{number}-0123456789")).collect()
}

/// Every phone that was shown something, once for each time.
fn shown(app: &TestApp) -> Vec<String> {
    let query = LogQuery { limit: Some(1_000), ..LogQuery::default() };
    app.sandbox()
        .log(&query)
        .items
        .into_iter()
        .filter(|entry| entry.shown)
        .map(|entry| entry.token.to_string())
        .collect()
}

async fn publish(publisher: &Caller, source_id: &str) -> String {
    publisher.post("/v1/notices", notice(source_id)).await.expect(201).string("/id")
}

/// Waits until the fan-outs of a notice are finished; what has no place yet may still wait.
async fn carried(operator: &Caller, id: &str) {
    eventually("the fan-out is finished", async || {
        let fan_outs = operator.get(&format!("/v1/operator/fan-outs?notice={id}")).await.expect(200);
        (!fan_outs.items().is_empty() && fan_outs.items().iter().all(|one| one["state"] == "done")).then_some(())
    })
    .await;
}

async fn waiting(operator: &Caller, id: &str, reason: &str) -> usize {
    let path = format!("/v1/operator/deliveries?notice={id}&state=due&limit=100");
    let answer = operator.get(&path).await.expect(200);
    answer.items().iter().filter(|one| one["reason"] == reason).count()
}

async fn sandbox(operator: &Caller) -> Value {
    let answer = operator.get("/v1/operator/channels").await.expect(200);
    answer.items().iter().find(|one| one["channel"] == "sandbox").expect("the sandbox").clone()
}

/// Lets what waits for the next day be due now.
async fn hurry(app: &TestApp) {
    use sea_orm::ConnectionTrait as _;
    let connection = app.database().connect().await;
    connection.execute_unprepared("UPDATE deliveries SET due_at = 1 WHERE state = 'due'").await.expect("a hurry");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_beyond_the_quota_waits_for_the_next_day_and_then_arrives() {
    let app = TestApp::with(|config| config.notifier.sandbox_limits = quota(7)).await;
    let (operator, publisher) = (app.operator().await, app.publisher().await);
    reader(&app, &phones("day", 10)).await;
    let id = publish(&publisher, "quota").await;
    carried(&operator, &id).await;
    assert_eq!((shown(&app).len(), waiting(&operator, &id, "quota").await), (7, 3));
    let standing = sandbox(&operator).await;
    assert_eq!(
        (&standing["quota"]["messages"], &standing["quota"]["used"], &standing["due"]),
        (&json!(7), &json!(7), &json!(3))
    );
    let resets_at: Timestamp = serde_json::from_value(standing["quota"]["resets_at"].clone()).expect("an instant");
    assert!(resets_at > app.world().world().clock.now(), "{standing}");
    let figures = app.anonymous().get("/metrics").await.expect(200);
    assert!(figures.text.contains("yizhan_channel_quota_used{channel=\"sandbox\"} "), "{}", figures.text);
    // Tried before the day is over they wait on.
    hurry(&app).await;
    eventually("they wait for the next day again", async || {
        let later = operator.get(&format!("/v1/operator/deliveries?notice={id}&state=due")).await.expect(200);
        let due = |one: &Value| one["due_at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
        later.items().iter().all(|one| due(one).is_some_and(|at| at > Timestamp::from_millis(1))).then_some(())
    })
    .await;
    assert_eq!((shown(&app).len(), waiting(&operator, &id, "quota").await), (7, 3));
    app.world().advance(resets_at.since(app.world().world().clock.now()));
    hurry(&app).await;
    let operator = app.operator().await;
    settled(&operator, &id).await;
    assert_eq!(shown(&app).into_iter().collect::<BTreeSet<_>>(), phones("day", 10).into_iter().collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_beyond_the_rate_leaves_its_chunk_and_arrives_once() {
    let limits = Limits { rate: "4/4".parse().ok(), quota: None };
    let app = TestApp::with(|config| config.notifier.sandbox_limits = limits).await;
    let (operator, publisher) = (app.operator().await, app.publisher().await);
    reader(&app, &phones("rate", 18)).await;
    let id = publish(&publisher, "rate").await;
    carried(&operator, &id).await;
    assert!(waiting(&operator, &id, "postponed").await > 0, "the chunk did not wait for its last message");
    settled(&operator, &id).await;
    let mut arrived = shown(&app);
    arrived.sort();
    let mut expected = phones("rate", 18);
    expected.sort();
    assert_eq!(arrived, expected);
    let standing = sandbox(&operator).await;
    assert_eq!((&standing["rate"]["per_second"], &standing["rate"]["burst"]), (&json!(4), &json!(4)));
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_share_one_quota() {
    let app = TestApp::with(|config| config.notifier.sandbox_limits = quota(10)).await;
    let url = app.url("");
    let copy = app.another(|config| config.notifier.sandbox_url = Some(url)).await;
    let (operator, publisher) = (app.operator().await, app.publisher().await);
    reader(&app, &phones("shared", 6)).await;
    let ids = [publish(&publisher, "shared-1").await, publish(&copy.publisher().await, "shared-2").await];
    let mut spent = 0;
    for id in &ids {
        carried(&operator, id).await;
        spent += waiting(&operator, id, "quota").await;
    }
    assert_eq!((shown(&app).len(), spent), (10, 2));
    eventually("both say how they stand", async || {
        (sandbox(&operator).await["senders"].as_array().is_some_and(|senders| senders.len() == 2)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_forgets_the_day_is_told_by_the_record() {
    use sea_orm::ConnectionTrait as _;
    let app = TestApp::with(|config| config.notifier.sandbox_limits = quota(10)).await;
    let (operator, publisher) = (app.operator().await, app.publisher().await);
    reader(&app, &phones("forgotten", 6)).await;
    let first = publish(&publisher, "forgotten-1").await;
    settled(&operator, &first).await;
    app.database().empty_redis().await;
    let connection = app.database().connect().await;
    connection.execute_unprepared("DELETE FROM channel_allowances").await.expect("nothing is left");
    let second = publish(&publisher, "forgotten-2").await;
    carried(&operator, &second).await;
    assert_eq!((shown(&app).len(), waiting(&operator, &second, "quota").await), (10, 2));
    assert_eq!(sandbox(&operator).await["quota"]["used"], 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_in_vain_is_not_counted() {
    let app = TestApp::with(|config| config.notifier.sandbox_limits = quota(6)).await;
    let (operator, publisher) = (app.operator().await, app.publisher().await);
    reader(&app, &phones("vain", 5)).await;
    app.sandbox().set_fault(Fault::times(Mode::Error500, 2));
    let id = publish(&publisher, "vain").await;
    settled(&operator, &id).await;
    assert_eq!(shown(&app).len(), 5);
    assert_eq!(sandbox(&operator).await["quota"]["used"], 5);
}

#[tokio::test]
async fn redis_counts_as_the_rule_says() {
    let app = TestApp::spawn().await;
    if app.database().pair().redis().is_none() {
        return;
    }
    for (number, (rate, messages)) in [("7/50", None), ("", Some(120)), ("20/64", Some(150))].into_iter().enumerate() {
        let quota = messages.map(|messages| Quota { messages, resets: Reset::CHINA });
        let limits = Limits { rate: rate.parse().ok(), quota };
        let channel = [Channel::Apns, Channel::Fcm, Channel::Hms][number];
        let mut now = Timestamp::from_millis(1_790_000_000_000);
        let mut standing = limits.untouched(now, limits.day(now));
        let mut known = Some(0);
        for step in 0_u64..200 {
            // A fixed walk that goes through the shapes of an answer: bursts, pauses, a new day, places given back.
            now = now + Duration::from_millis((step * 7_919) % 900 + if step == 120 { 86_400_000 } else { 0 });
            let lane = Lane::ALL[usize::try_from(step % 3).expect("small")];
            let left = limits.quota.map_or(Duration::ZERO, |quota| quota.resets.next(now).since(now));
            let day = (limits.day(now), left);
            let wanted = u32::try_from((step * 31) % 17).expect("small");
            let ask = Ask { channel, limits, lane, wanted, day, known, now: Some(now) };
            let answer = app.inside(async move |deps| deps.kv.take(&ask).await).await.expect("Redis answers");
            let (grant, after) = limits.take(standing, wanted, lane, (now, day.0, day.1));
            assert_eq!(answer, Answer::Granted(grant, after), "step {step} of {limits:?}");
            standing = after;
            if step % 5 == 0 {
                let (unsent, uncounted) = (grant.granted / 3, grant.granted / 2);
                app.inside(async move |deps| deps.kv.give_back(&ask, unsent, uncounted).await)
                    .await
                    .expect("an answer");
                standing = limits.give_back(standing, unsent, uncounted, day.0);
            }
            known = None;
        }
    }
    let limits = quota(5);
    let day = (Timestamp::from_millis(1), Duration::from_secs(1));
    let ask = Ask { channel: Channel::Vivo, limits, lane: Lane::Normal, wanted: 1, day, known: None, now: None };
    let answer = app.inside(async move |deps| deps.kv.take(&ask).await).await;
    assert_eq!(answer, Some(Answer::Forgotten), "it does not begin at nothing");
}
