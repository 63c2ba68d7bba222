//! The sandbox through the real client, over real connections: every failure that it can play, what the client makes of
//! it, and what the log says of it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use actix_web::{App, HttpServer, dev::ServerHandle};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use yizhan::domain::channel::{Channel, Repeat};
use yizhan::domain::id::{DeliveryId, EndpointId, NoticeId, UserId};
use yizhan::domain::message::{Address, CallFailure, Message, MessageKind, Outcome, Recipient};
use yizhan::domain::time::Timestamp;
use yizhan::providers::sandbox::{Sandbox as Channels, Settings as ClientSettings};
use yizhan::providers::{Provider, Registry, Settings as ProviderSettings};
use yizhan::sandbox::{self, Code, Fault, LogQuery, Mode, SandboxState, Settings};

use super::support::PATIENCE;

/// A sandbox on a port of its own, and a client of it.
struct Sandbox {
    state: SandboxState,
    base: String,
    client: Channels,
    server: ServerHandle,
}

impl Sandbox {
    fn spawn() -> Self {
        Self::with(Settings::default(), |_| {})
    }

    fn with(settings: Settings, adjust: impl FnOnce(&mut ClientSettings)) -> Self {
        let state = SandboxState::new(settings).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let mounted = state.clone();
        let server = HttpServer::new(move || App::new().service(sandbox::scope(mounted.clone())))
            .workers(1)
            .disable_signals()
            .listen_auto_h2c(listener)
            .unwrap()
            .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let mut settings = ClientSettings::at(&base);
        adjust(&mut settings);
        Self { state, client: client(&settings), base, server: handle }
    }

    async fn send(&self, message: &Message, to: &[Recipient]) -> Result<Vec<Outcome>, CallFailure> {
        self.client.send(message, to).await
    }

    async fn get(&self, path: &str) -> Value {
        let answer = http().get(format!("{}{path}", self.base)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.state.close();
        // Stopping begins when it is called, not when it is awaited.
        drop(self.server.stop(false));
    }
}

fn client(settings: &ClientSettings) -> Channels {
    crate::all::support::prepare();
    Channels::new(settings).unwrap()
}

fn http() -> reqwest::Client {
    crate::all::support::prepare();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn message(title: &str) -> Message {
    let notice = NoticeId::new();
    Message {
        notice,
        revision: 1,
        kind: MessageKind::Notice,
        title: title.to_owned(),
        body: "预算金额：128.00万元；截止时间：12月3日 09:30".to_owned(),
        language: "zh-CN".to_owned(),
        replace_key: notice.to_string(),
        thread: None,
        urgent: false,
        expires_at: Timestamp::from_millis(4_000_000_000_000),
        url: format!("/notices/{notice}"),
        about: Default::default(),
    }
}

fn to(token: &str, message: &Message) -> Recipient {
    let endpoint = EndpointId::new();
    let address = Address::parse(token).unwrap();
    let delivery = DeliveryId::of(message.notice, message.revision, endpoint);
    Recipient { endpoint, user: UserId::new(), address, delivery }
}

fn all(tokens: &[&str], message: &Message) -> Vec<Recipient> {
    tokens.iter().map(|token| to(token, message)).collect()
}

fn retry(after: Option<u64>, maybe_delivered: bool) -> CallFailure {
    CallFailure::RetryAt { after: after.map(Duration::from_secs), maybe_delivered }
}

fn is_accepted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted { provider_ref: Some(id) } if id.starts_with("sbx-"))
}

#[actix_web::test]
async fn a_batch_is_answered_in_order_and_logged() {
    let sandbox = Sandbox::spawn();
    let message = message("某市政道路改造工程招标公告");
    let tokens = ["phone-1", "gone-1", "moved-new", "throttled-1", "quota-1", "refused-1", "inactive-1", "phone-2"];
    let outcomes = sandbox.send(&message, &all(&tokens, &message)).await.unwrap();
    assert_eq!(outcomes.len(), tokens.len());
    assert!(is_accepted(&outcomes[0]) && is_accepted(&outcomes[7]));
    assert_eq!(outcomes[1], Outcome::TokenGone { certain: true });
    assert_eq!(outcomes[2], Outcome::TokenMoved { to: Address::parse("new").unwrap() });
    assert_eq!(outcomes[3], Outcome::RetryAt { after: Some(Duration::from_secs(1)), maybe_delivered: false });
    assert!(matches!(outcomes[4], Outcome::QuotaExhausted { until: Some(_) }));
    assert_eq!(outcomes[5], Outcome::PayloadRefused { code: "payload_refused".into() });
    assert_eq!(outcomes[6], Outcome::Ignored { reason: "inactive".into() });

    let log = sandbox.get("/sandbox/v1/log?after=1&limit=2").await;
    assert_eq!(log["items"].as_array().unwrap().len(), 2);
    assert_eq!(log["items"][0]["number"], 2);
    assert_eq!(log["items"][0]["outcome"], "token_gone");
    assert_eq!(log["items"][0]["title"], "某市政道路改造工程招标公告");
    assert_eq!(log["last"], 8);
    let stats = sandbox.get("/sandbox/v1/stats").await;
    assert_eq!((&stats["received"], &stats["unique"], &stats["shown"]), (&json!(8), &json!(8), &json!(2)));
    assert_eq!(stats["by_code"]["ok"], 2);
    assert_eq!(stats["shown_by_kind"]["notice"], 2);
}

#[actix_web::test]
async fn a_call_for_one_says_the_same_by_its_status() {
    let sandbox = Sandbox::spawn();
    let message = message("政府采购公告");
    let mut outcomes = Vec::new();
    for token in ["phone", "gone-1", "throttled-1", "quota-1", "refused-1", "inactive-1", "moved-new"] {
        outcomes.extend(sandbox.send(&message, &[to(token, &message)]).await.unwrap());
    }
    assert!(is_accepted(&outcomes[0]));
    assert_eq!(outcomes[1], Outcome::TokenGone { certain: true });
    assert_eq!(outcomes[2], Outcome::RetryAt { after: Some(Duration::from_secs(1)), maybe_delivered: false });
    assert!(matches!(outcomes[3], Outcome::QuotaExhausted { until: Some(_) }));
    assert_eq!(outcomes[4], Outcome::PayloadRefused { code: "payload_refused".into() });
    assert_eq!(outcomes[5], Outcome::Ignored { reason: "inactive".into() });
    assert!(matches!(&outcomes[6], Outcome::TokenMoved { .. }));
}

#[actix_web::test]
async fn a_throttled_token_is_taken_on_its_second_try() {
    let sandbox = Sandbox::spawn();
    let message = message("土地出让公告");
    let recipients = all(&["throttled-1", "phone"], &message);
    let first = sandbox.send(&message, &recipients).await.unwrap();
    assert!(matches!(first[0], Outcome::RetryAt { .. }) && is_accepted(&first[1]));
    let second = sandbox.send(&message, &recipients[..1]).await.unwrap();
    assert!(is_accepted(&second[0]));
    let stats = sandbox.state.stats();
    assert_eq!((stats.received, stats.unique, stats.repeats, stats.shown), (3, 2, 0, 2));
}

#[actix_web::test]
async fn a_slow_answer_beyond_the_timeout_is_maybe_delivered() {
    let sandbox = Sandbox::with(Settings::default(), |client| client.timeout = Duration::from_millis(200));
    let message = message("慢");
    let started = Instant::now();
    let failure = sandbox.send(&message, &all(&["slow-1", "phone"], &message)).await.unwrap_err();
    assert_eq!(failure, retry(None, true));
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(sandbox.state.stats().shown, 2);
}

#[actix_web::test]
async fn a_slow_answer_within_the_timeout_is_an_answer() {
    let settings = Settings { slow: Duration::from_millis(150), ..Settings::default() };
    let sandbox = Sandbox::with(settings, |_| {});
    let message = message("慢");
    let started = Instant::now();
    assert!(is_accepted(&sandbox.send(&message, &[to("slow-1", &message)]).await.unwrap()[0]));
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[actix_web::test]
async fn after_a_cut_connection_the_repeat_is_recognised_and_shown_once() {
    for http2 in [false, true] {
        let sandbox = Sandbox::with(Settings::default(), |client| client.http2 = http2);
        let message = message("更正公告");
        // A kept connection must not make the client repeat by itself.
        sandbox.send(&message, &all(&["warm", "up"], &message)).await.unwrap();
        let recipients = all(&["cut-1", "phone"], &message);
        assert_eq!(sandbox.send(&message, &recipients).await.unwrap_err(), retry(None, true));
        assert_eq!(sandbox.state.stats().received, 4);
        let outcomes = sandbox.send(&message, &recipients).await.unwrap();
        assert!(outcomes.iter().all(is_accepted));
        let stats = sandbox.state.stats();
        assert_eq!((stats.received, stats.unique, stats.repeats, stats.shown, stats.shown_again), (6, 4, 2, 4, 0));
        let key = sandbox.state.key(&recipients[0].delivery.to_string());
        assert_eq!((key.received, key.taken, key.shown), (2, 2, 1));
        let log = sandbox.state.log(&LogQuery { after: 2, ..LogQuery::default() });
        let flags: Vec<_> = log.items.iter().map(|entry| (entry.unanswered, entry.repeat)).collect();
        assert_eq!(flags, [(true, false), (true, false), (false, true), (false, true)]);
    }
}

#[actix_web::test]
async fn a_flaky_call_takes_nothing_the_first_time() {
    let sandbox = Sandbox::spawn();
    let message = message("中标公告");
    let recipients = all(&["phone", "flaky-1", "flaky-2"], &message);
    assert_eq!(sandbox.send(&message, &recipients).await.unwrap_err(), retry(None, false));
    assert_eq!(sandbox.state.stats().shown, 0);
    assert!(sandbox.send(&message, &recipients).await.unwrap().iter().all(is_accepted));
    let stats = sandbox.state.stats();
    assert_eq!((stats.received, stats.unique, stats.repeats, stats.shown), (6, 3, 0, 3));
    assert_eq!(stats.by_code.get(&Code::ServerError), Some(&3));
}

#[actix_web::test]
async fn a_refused_connection_has_delivered_nothing() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = client(&ClientSettings::at(format!("http://127.0.0.1:{port}")));
    let message = message("无人接听");
    assert_eq!(client.send(&message, &[to("phone", &message)]).await.unwrap_err(), retry(None, false));
}

#[actix_web::test]
async fn the_fault_switch_spoils_the_whole_channel() {
    let sandbox = Sandbox::with(Settings::default(), |client| client.timeout = Duration::from_millis(300));
    let message = message("故障");
    let recipients = all(&["a", "b"], &message);
    let faults = [
        (json!({"mode": "error500", "count": 1}), retry(None, false)),
        (json!({"mode": "throttle", "count": 1, "retry_after": 7}), retry(Some(7), false)),
        (json!({"mode": "html502", "count": 1}), retry(None, true)),
    ];
    for (fault, expected) in faults {
        let answer = http().put(format!("{}/sandbox/v1/faults", sandbox.base)).json(&fault).send().await.unwrap();
        assert_eq!(answer.json::<Value>().await.unwrap(), fault);
        assert_eq!(sandbox.send(&message, &recipients).await.unwrap_err(), expected, "{fault}");
        assert_eq!(sandbox.state.stats().shown, 0);
    }
    for (mode, taken) in [(Mode::Hang, 2), (Mode::Cut, 4)] {
        sandbox.state.set_fault(Fault::times(mode, 1));
        let recipients = all(&["a", "b"], &message);
        assert_eq!(sandbox.send(&message, &recipients).await.unwrap_err(), retry(None, true), "{mode}");
        assert_eq!(sandbox.state.stats().shown, taken);
    }
    assert_eq!(sandbox.state.fault(), Fault::NONE);
    sandbox.state.set_fault(Fault::of(Mode::Error500));
    for _ in 0..3 {
        assert!(sandbox.send(&message, &recipients[..1]).await.is_err());
    }
    sandbox.state.set_fault(Fault::NONE);
    assert!(sandbox.send(&message, &recipients).await.is_ok());
    let answer = http().put(format!("{}/sandbox/v1/faults", sandbox.base)).json(&json!({"mode": "nonsense"}));
    assert_eq!(answer.send().await.unwrap().status(), 400);
}

#[actix_web::test]
async fn without_deduplication_a_repeat_is_shown_again() {
    let settings = Settings { deduplicate: false, ..Settings::default() };
    let sandbox = Sandbox::with(settings, |client| client.repeat = Repeat::Visible);
    assert_eq!(sandbox.client.repeat(), Repeat::Visible);
    let message = message("重复");
    let recipients = all(&["phone"], &message);
    for _ in 0..2 {
        sandbox.send(&message, &recipients).await.unwrap();
    }
    let stats = sandbox.state.stats();
    assert_eq!((stats.repeats, stats.shown, stats.shown_again), (1, 2, 1));
}

#[actix_web::test]
async fn a_message_takes_the_place_of_the_one_with_its_replace_key() {
    let sandbox = Sandbox::spawn();
    let notice = message("原公告");
    let other = message("别的公告");
    let mut amendment = Message { kind: MessageKind::Amendment, ..message("更正：截止时间延后") };
    amendment.replace_key = notice.replace_key.clone();
    let mut withdrawal = Message { kind: MessageKind::Withdrawal, revision: 2, ..message("已撤回：原公告") };
    withdrawal.notice = notice.notice;
    withdrawal.replace_key = notice.replace_key.clone();
    for message in [&notice, &other, &amendment, &withdrawal] {
        sandbox.send(message, &[to("手机 1/2", message)]).await.unwrap();
    }
    let phone = sandbox.get("/sandbox/v1/devices/%E6%89%8B%E6%9C%BA%201%2F2").await;
    assert_eq!(phone["received"], 4);
    let shown = phone["notifications"].as_array().unwrap();
    assert_eq!(shown.len(), 2);
    assert_eq!((&shown[0]["kind"], &shown[0]["replaced"]), (&json!("withdrawal"), &json!(2)));
    assert_eq!(shown[1]["title"], "别的公告");
    for _ in 0..30 {
        let message = message("很多公告");
        sandbox.send(&message, &[to("手机 1/2", &message)]).await.unwrap();
    }
    assert_eq!(sandbox.state.phone("手机 1/2").unwrap().notifications.len(), 20);
    assert!(sandbox.state.phone("nobody").is_none());
    let phones = sandbox.get("/sandbox/v1/devices?limit=5&token_like=%E6%89%8B").await;
    assert_eq!(phones["items"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn the_log_file_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sandbox.jsonl");
    let settings = || Settings { log_file: Some(path.clone()), ..Settings::default() };
    let message = message("一\"行\"\n公告");
    let recipients = all(&["a", "b"], &message);
    let first = Sandbox::with(settings(), |_| {});
    let before = first.send(&message, &recipients).await.unwrap();
    drop(first);
    // A crash cut the last line short.
    std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"{\"number\":3,\"rec"))
        .unwrap();
    let second = Sandbox::with(settings(), |_| {});
    assert_eq!(second.send(&message, &recipients).await.unwrap(), before);
    let stats = second.state.stats();
    assert_eq!((stats.received, stats.unique, stats.repeats, stats.shown), (4, 2, 2, 2));
    let lines = std::fs::read_to_string(&path).unwrap();
    let numbers: Vec<_> =
        lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()?["number"].as_u64()).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[actix_web::test]
async fn the_memory_is_bounded_and_the_counts_stay_exact() {
    let settings = Settings { log_capacity: 100, max_phones: 10, ..Settings::default() };
    let sandbox = Sandbox::with(settings, |_| {});
    let message = message("大批");
    let recipients: Vec<_> = (0..500).map(|number| to(&format!("phone-{number}"), &message)).collect();
    for _ in 0..2 {
        sandbox.send(&message, &recipients).await.unwrap();
    }
    let stats = sandbox.state.stats();
    assert_eq!((stats.received, stats.unique, stats.repeats, stats.shown), (1000, 500, 500, 500));
    assert_eq!((stats.log_first, stats.log_last), (901, 1000));
    assert!(stats.phones <= 10);
    let log = sandbox.state.log(&LogQuery::default());
    assert_eq!((log.first, log.items[0].number, log.items.len()), (901, 901, 100));
    let newest = sandbox.state.log(&LogQuery { newest: true, limit: Some(2), ..LogQuery::default() });
    assert_eq!(newest.items.iter().map(|entry| entry.number).collect::<Vec<_>>(), [999, 1000]);
}

#[actix_web::test]
async fn the_live_stream_tells_and_ends_on_shutdown() {
    let sandbox = Sandbox::with(Settings { max_watchers: 1, ..Settings::default() }, |_| {});
    let message = message("<script>alert(1)</script>");
    sandbox.send(&message, &[to("before", &message)]).await.unwrap();
    let url = format!("{}/sandbox/events", sandbox.base);
    let mut stream = http().get(&url).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream; charset=utf-8");
    let first = event(&mut stream).await;
    assert_eq!(first["items"][0]["token"], "before");
    assert_eq!(http().get(&url).send().await.unwrap().status(), 503);

    let recipients: Vec<_> = (0..300).map(|number| to(&format!("phone-{number}"), &message)).collect();
    sandbox.send(&message, &recipients).await.unwrap();
    sandbox.state.note_code("sms", "138****8000", "246810");
    // In one event or in several, as the machine has time: what is shown and what is skipped add up.
    let (mut told, mut codes) = (0, Vec::new());
    while told < 300 || codes.is_empty() {
        let next = event(&mut stream).await;
        let shown = u64::try_from(next["items"].as_array().unwrap().len()).unwrap();
        assert!(shown <= 40, "an event shows the newest only");
        told += shown + next["skipped"].as_u64().unwrap();
        codes.extend(next["codes"].as_array().unwrap().iter().map(|noted| noted["code"].clone()));
    }
    assert_eq!((told, codes), (300, vec![json!("246810")]));

    sandbox.state.close();
    while let Some(rest) = tokio::time::timeout(PATIENCE, stream.chunk()).await.expect("the stream ends").unwrap() {
        assert!(rest.starts_with(b"id: ") || rest.starts_with(b":"), "nothing but an event that was under way");
    }
}

async fn event(stream: &mut reqwest::Response) -> Value {
    let mut text = String::new();
    while !text.ends_with("\n\n") {
        text.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
    }
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    serde_json::from_str(data).unwrap()
}

#[actix_web::test]
async fn the_page_is_one_answer_and_lets_no_other_script_run() {
    let sandbox = Sandbox::spawn();
    for path in ["/sandbox", "/sandbox/"] {
        let answer = http().get(format!("{}{path}", sandbox.base)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        let html = answer.text().await.unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
        assert_eq!(html.matches(&format!("nonce=\"{nonce}\"")).count(), 2);
        for forbidden in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "{{", "https://", "style=\""]
        {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
    }
}

#[actix_web::test]
async fn codes_are_shown_to_whoever_waits_for_them() {
    let sandbox = Sandbox::spawn();
    sandbox.state.note_code("email", "l***@example.com", "111111");
    sandbox.state.note_code("sms", "138****8000", "222222");
    assert_eq!(sandbox.get("/sandbox/v1/codes").await["items"][0]["code"], "222222");
    let mine = sandbox.get("/sandbox/v1/codes?address=li@example.com").await;
    assert_eq!((mine["items"].as_array().unwrap().len(), &mine["items"][0]["code"]), (1, &json!("111111")));
}

#[actix_web::test]
async fn a_call_that_is_too_large_or_wrong_is_refused_and_takes_nothing() {
    let sandbox = Sandbox::spawn();
    let mut huge = message("大");
    huge.body = "长".repeat(400_000);
    let failure = sandbox.send(&huge, &[to("phone", &huge)]).await.unwrap_err();
    assert!(matches!(failure, CallFailure::Refused { .. }), "{failure:?}");
    huge.body = "长".repeat(2_000);
    let failure = sandbox.send(&huge, &all(&["a", "b"], &huge)).await.unwrap_err();
    assert_eq!(failure, CallFailure::Refused { code: "bad_request".into() });
    let short = message("短");
    let many: Vec<_> = (0..501).map(|_| to("phone", &short)).collect();
    let failure = sandbox.send(&short, &many).await.unwrap_err();
    assert_eq!(failure, CallFailure::Refused { code: "batch_too_large".into() });
    assert_eq!(sandbox.send(&short, &[]).await, Ok(Vec::new()));
    assert_eq!(sandbox.state.stats().received, 0);
}

#[actix_web::test]
async fn a_token_that_nobody_can_have_harms_no_other_recipient() {
    let sandbox = Sandbox::spawn();
    let short = message("短");
    let body = json!({
        "message": {"notice": short.notice, "revision": 1, "kind": "notice", "title": "题", "body": "文", "replace_key": "k"},
        "recipients": [
            {"token": "phone", "idempotency_key": "1"},
            {"token": "长".repeat(2_000), "idempotency_key": "2"},
            {"token": "", "idempotency_key": "3"},
        ],
    });
    let answer = http().post(format!("{}/sandbox/v1/messages:batch", sandbox.base)).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    let codes: Vec<_> = answer["results"].as_array().unwrap().iter().map(|item| &item["code"]).collect();
    assert_eq!(codes, ["ok", "token_gone", "token_gone"]);
}

#[actix_web::test]
async fn a_full_batch_of_the_longest_tokens_is_taken() {
    let sandbox = Sandbox::spawn();
    let message = message("题");
    // Quotation marks: JSON makes two bytes of each.
    let recipients: Vec<_> =
        (0..500).map(|number| to(&format!("{number:03}{}", "\"".repeat(4_093)), &message)).collect();
    let outcomes = sandbox.send(&message, &recipients).await.unwrap();
    assert!(outcomes.iter().all(is_accepted), "{:?}", outcomes[0]);
}

#[actix_web::test]
async fn answers_that_cannot_be_are_unknown() {
    let message = message("怪");
    let json = |body: &str| {
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    };
    let long = json(&format!("{{\"results\":[{}]}}", "{\"code\":\"ok\"},".repeat(100_000)));
    let answers = [
        (json("{\"results\":[{\"code\":\"ok\"}]}"), "answer_length"),
        (json("<html>"), "answer_malformed"),
        (long, "answer_too_large"),
        ("HTTP/1.1 418 I'm a teapot\r\ncontent-length: 0\r\n\r\n".to_owned(), "http_418"),
    ];
    for (answer, expected) in answers {
        let client = client(&ClientSettings::at(one_answer(answer).await));
        match client.send(&message, &all(&["a", "b"], &message)).await.unwrap_err() {
            CallFailure::Unknown { code, .. } => assert_eq!(code, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    let client = client(&ClientSettings::at(one_answer(json("{\"code\":\"unheard_of\"}")).await));
    let outcomes = client.send(&message, &[to("a", &message)]).await.unwrap();
    assert!(matches!(&outcomes[0], Outcome::Unknown { status: 200, code, .. } if code == "unheard_of"));
}

#[actix_web::test]
async fn retry_after_is_honoured_as_a_date() {
    let at = (chrono::Utc::now() + Duration::from_secs(100)).format("%a, %d %b %Y %H:%M:%S GMT");
    let answer = format!("HTTP/1.1 503 Busy\r\nretry-after: {at}\r\ncontent-length: 0\r\n\r\n");
    let client = client(&ClientSettings::at(one_answer(answer).await));
    let message = message("忙");
    match client.send(&message, &all(&["a", "b"], &message)).await.unwrap_err() {
        CallFailure::RetryAt { after: Some(after), maybe_delivered: false } => {
            assert!((95..=100).contains(&after.as_secs()), "{after:?}");
        }
        other => panic!("{other:?}"),
    }
}

/// A server that reads one request and answers it with these bytes.
async fn one_answer(answer: String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    actix_web::rt::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 65_536];
        let mut length = 0;
        while !request[..length].windows(2).any(|end| end == b"]}" || end == b"}}") {
            length += stream.read(&mut request[length..]).await.unwrap();
        }
        // The client may turn away before the end; the connection stays open until it does.
        if stream.write_all(answer.as_bytes()).await.is_ok() {
            drop(stream.read(&mut request).await);
        }
    });
    base
}

#[actix_web::test]
async fn only_what_is_configured_is_in_the_registry() {
    crate::all::support::prepare();
    let empty = Registry::new(&ProviderSettings::default()).unwrap();
    assert!(!empty.configured(Channel::Sandbox) && empty.get(Channel::Apns).is_none());
    let settings =
        ProviderSettings { sandbox: Some(ClientSettings::at("http://127.0.0.1:9")), ..ProviderSettings::default() };
    let registry = Registry::new(&settings).unwrap();
    let provider = registry.get(Channel::Sandbox).unwrap();
    assert_eq!((provider.channel(), provider.max_batch(), provider.max_in_flight()), (Channel::Sandbox, 500, 8));
    assert_eq!(registry.channels().collect::<Vec<_>>(), [Channel::Sandbox]);
    for wrong in ["http://example.com", "ftp://127.0.0.1", "nonsense"] {
        let settings = ProviderSettings { sandbox: Some(ClientSettings::at(wrong)), ..ProviderSettings::default() };
        assert!(Registry::new(&settings).is_err(), "{wrong}");
    }
    for right in ["http://localhost:1", "http://[::1]:1", "https://sandbox.example.com"] {
        let settings = ProviderSettings { sandbox: Some(ClientSettings::at(right)), ..ProviderSettings::default() };
        assert!(Registry::new(&settings).is_ok(), "{right}");
    }
}

#[actix_web::test]
async fn many_calls_at_a_time_on_kept_connections_lose_nothing() {
    let sandbox = Sandbox::spawn();
    let message = message("大批");
    let worker = async |worker: usize| {
        for call in 0..15 {
            let tokens: Vec<_> = (0..500).map(|number| format!("phone-{worker}-{call}-{number}")).collect();
            let recipients: Vec<_> = tokens.iter().map(|token| to(token, &message)).collect();
            let outcomes = sandbox.send(&message, &recipients).await.unwrap();
            assert!(outcomes.len() == 500 && outcomes.iter().all(is_accepted));
        }
    };
    futures_util::future::join_all((0..sandbox.client.max_in_flight()).map(worker)).await;
    let stats = sandbox.state.stats();
    assert_eq!((stats.calls, stats.received, stats.unique, stats.repeats), (120, 60_000, 60_000, 0));
}
