//! The probe, as an operator runs it beside a server: it goes the whole way, shows nobody anything, and raises its alarm.

use std::net::TcpListener;
use std::process::Output;

use serde_json::json;

use super::operator::reader;
use super::support::{Person, Receiver, TestApp};
use super::webhook::near;

const PASSWORD: &str = "correct horse battery";

/// A user of the probe's own, who signs in with a password.
async fn probe_user(app: &TestApp) -> String {
    let mailbox = "probe@example.com";
    let body = json!({ "kind": "email", "address": mailbox });
    app.anonymous().post("/v1/registrations", body).await.expect(202);
    let code = app.world().open_letter(mailbox).await.expect("a code");
    let body =
        json!({ "kind": "email", "address": mailbox, "code": code, "password": PASSWORD, "display_name": "探测" });
    app.anonymous().post("/v1/users", body).await.expect(201);
    mailbox.to_owned()
}

/// Runs a probe while the server answers.
async fn probe(app: &TestApp, user: &str, alarm: &str, arguments: &[&str]) -> Output {
    let publisher = app.publisher_within(json!({ "sources": ["probe"], "categories": ["probe"] })).await;
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_yizhan"));
    command
        .args(["probe", "--server", &app.url(""), "--user", user])
        .args(arguments)
        .env_clear()
        .env("YIZHAN_PUBLISHER_KEY", publisher.bearer().expect("a key"))
        .env("YIZHAN_PROBE_PASSWORD", PASSWORD)
        .env("YIZHAN_PROBE_ALARM", alarm)
        .env("NO_PROXY", "*");
    command.output().await.expect("the command ends")
}

async fn nothing_in(me: &Person) {
    assert!(me.get("/v1/inbox").await.expect(200).items().is_empty(), "a probe reached somebody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_goes_from_publishing_to_the_push_and_nobody_else_sees_it() {
    let app = TestApp::with(|config| config.webhooks.settings.reach = near()).await;
    let (user, alarm) = (probe_user(&app).await, Receiver::start().await);
    let everybody = app.user().await;
    let all = json!({ "name": "全部", "filter": { "keywords": { "any": ["探测"] } }, "frequency": "immediate" });
    everybody.post("/v1/subscriptions", all).await.expect(201);
    let wide = reader(&app, &["wide-0123456789".to_owned()]).await;
    let door = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").to_string();
    let hook = format!("http://{door}/");
    for _ in 0..2 {
        let ended = probe(&app, &user, &alarm.url("/alarm"), &["--hook", &hook, "--listen", &door]).await;
        let (said, wrong) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert!(
            ended.status.success() && said.contains("ok: in the inbox within") && said.contains("pushed"),
            "{wrong}"
        );
    }
    assert!(alarm.so_far().is_empty(), "no alarm");
    for list in ["/v1/notices", "/v1/feed", "/v1/search?q=%E6%8E%A2%E6%B5%8B", "/v1/notices?category=probe"] {
        assert!(app.anonymous().get(list).await.expect(200).items().is_empty(), "{list}");
    }
    for feed in ["/v1/feed.atom", "/v1/feed.json", "/v1/categories", "/v1/search/suggestions?q=probe"] {
        let shown = app.anonymous().get(feed).await.expect(200).text;
        assert!(!shown.contains("Probe"), "{feed}: {shown}");
    }
    nothing_in(&everybody).await;
    nothing_in(&wide).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_does_not_arrive_raises_the_alarm_and_fails() {
    let app = TestApp::with(|config| config.roles.notifier = false).await;
    let (user, alarm) = (probe_user(&app).await, Receiver::start().await);
    let ended = probe(&app, &user, &alarm.url("/alarm"), &["--within", "1"]).await;
    assert!(!ended.status.success());
    let [told] = alarm.received(1).await.try_into().unwrap_or_else(|told| panic!("one alarm: {told:?}"));
    let told = told.json();
    assert_eq!((&told["alarm"], &told["msgtype"]), (&json!("yizhan_probe"), &json!("text")));
    assert!(told["text"]["content"].as_str().is_some_and(|text| text.contains("is not in the inbox")), "{told}");
    let wrong = probe(&app, "nobody@example.com", &alarm.url("/alarm"), &["--within", "1"]).await;
    assert!(!wrong.status.success());
    assert!(
        alarm.received(2).await[1].json()["text"]["content"].to_string().contains("/v1/sessions"),
        "it says what failed"
    );
}
