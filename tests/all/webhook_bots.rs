//! Group chats: what the bots of WeCom, DingTalk and Feishu are sent, and what their answers mean.

use serde_json::{Value, json};

use super::support::{Answer, Caller, Person, Receiver, Reply, TestApp, notice, subscription};
use super::webhook::{PATH, app, logged, path};

async fn bot(me: &Caller, preset: &str, url: String, secret: Option<&str>) -> Answer {
    let mut body = json!({ "preset": preset, "url": url, "label": "市场部群" });
    if let Some(secret) = secret {
        body["secret"] = json!(secret);
    }
    me.post(PATH, body).await.expect(201)
}

/// A user whose group chat hears of construction in Changsha.
async fn chat(app: &TestApp, preset: &str, secret: Option<&str>) -> (Person, Receiver, Answer) {
    let (me, receiver) = (app.user().await, Receiver::start().await);
    subscription().subscribe(&me).await;
    receiver.always(Reply::said(r#"{"errcode":0,"errmsg":"ok","code":0,"msg":"success"}"#));
    let made = bot(&me, preset, receiver.url("/robot/send?key=0123456789"), secret).await;
    (me, receiver, made)
}

#[tokio::test]
async fn each_service_is_spoken_to_in_its_own_form() {
    let app = app().await;
    let wecom = chat(&app, "wecom", None).await;
    let dingtalk = chat(&app, "dingtalk", Some("SEC0123456789")).await;
    let feishu = chat(&app, "feishu", Some("0123456789abcdef")).await;
    notice().with("source_url", "https://ggzy.example.cn/1").publish(&app.publisher().await).await;

    let received = wecom.1.received(1).await.remove(0);
    let call = received.json();
    assert_eq!((&call["msgtype"], received.path.as_str()), (&json!("markdown"), "/robot/send?key=0123456789"));
    let content = call["markdown"]["content"].as_str().expect("a text");
    assert!(content.contains("长沙市芙蓉区") && content.contains("[查看公告](https://ggzy.example.cn/1)"), "{content}");
    assert!(received.headers.get("webhook-signature").is_none(), "a bot knows no such header");

    let received = dingtalk.1.received(1).await.remove(0);
    let call = received.json();
    assert_eq!(call["msgtype"], "markdown");
    assert!(call["markdown"]["title"].as_str().is_some_and(|title| title.contains("施工招标公告")));
    let (before, signed) = received.path.split_once("&timestamp=").expect("an instant");
    let (timestamp, sign) = signed.split_once("&sign=").expect("a signature");
    assert_eq!((before, timestamp.len()), ("/robot/send?key=0123456789", 13), "milliseconds");
    assert_eq!(sign, percent(&mac("SEC0123456789", &format!("{timestamp}\nSEC0123456789"))));

    let received = feishu.1.received(1).await.remove(0);
    let call = received.json();
    assert_eq!(
        (&call["msg_type"], &call["card"]["header"]["title"]["tag"]),
        (&json!("interactive"), &json!("plain_text"))
    );
    let timestamp = call["timestamp"].as_str().expect("an instant");
    assert_eq!((timestamp.len(), &call["sign"]), (10, &json!(mac(&format!("{timestamp}\n0123456789abcdef"), ""))));
    for (me, _, made) in [&wecom, &dingtalk, &feishu] {
        let delivery = logged(me, made, |delivery| delivery["state"] == "accepted").await;
        assert_eq!(delivery["attempts"][0]["status"], 200);
    }
}

/// HMAC-SHA256 by another library than the product's.
fn mac(key: &str, text: &str) -> String {
    use base64::Engine as _;
    use hmac::{KeyInit as _, Mac as _};
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).expect("a key");
    mac.update(text.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

fn percent(text: &str) -> String {
    serde_urlencoded::to_string([("x", text)]).expect("a query").split_off(2)
}

#[tokio::test]
async fn a_refusal_in_an_answer_of_200_is_a_refusal() {
    let app = app().await;
    let publisher = app.publisher().await;
    for (preset, said, state, reason) in [
        ("wecom", r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#, "gone", "gone"),
        ("wecom", r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#, "due", "throttled"),
        ("dingtalk", r#"{"errcode":310000,"errmsg":"sign not match"}"#, "refused", "payload"),
        ("dingtalk", r#"{"errcode":130101,"errmsg":"send too fast"}"#, "due", "throttled"),
        ("feishu", r#"{"code":19021,"msg":"sign match fail"}"#, "refused", "payload"),
        ("feishu", r#"{"code":11232,"msg":"frequency limited"}"#, "due", "throttled"),
    ] {
        let (me, receiver, made) = chat(&app, preset, None).await;
        receiver.always(Reply::said(said));
        notice().publish(&publisher).await;
        let delivery = logged(&me, &made, |delivery| delivery["state"] == state).await;
        assert_eq!(delivery["reason"], reason, "{said}");
        let detail = delivery["attempts"][0]["answer"].as_str().expect("words");
        let message = serde_json::from_str::<Value>(said).expect("JSON");
        let message = message["errmsg"].as_str().or(message["msg"].as_str()).expect("words");
        assert!(detail.contains(message), "its user sees why: {detail}");
        me.delete(&path(&made)).await.expect(204);
    }
}

#[tokio::test]
async fn a_bot_is_sent_no_more_than_twenty_messages_a_minute() {
    let app = app().await;
    let (me, receiver, made) = chat(&app, "wecom", None).await;
    let publisher = app.publisher().await;
    for _ in 0..23 {
        notice().publish(&publisher).await;
    }
    receiver.received(20).await;
    let at = format!("{}/deliveries?limit=50", path(&made));
    let waiting = super::support::eventually("the others wait", async || {
        let log = me.get(&at).await.expect(200);
        let count = |state: &str| log.items().iter().filter(|delivery| delivery["state"] == state).count();
        (count("accepted") == 20 && count("due") == 3).then_some(log)
    })
    .await;
    let is_due = |delivery: &&Value| delivery["state"] == "due";
    let due: Vec<&Value> = waiting.items().iter().filter(is_due).collect();
    assert!(due.iter().all(|delivery| delivery["reason"] == "postponed"), "{due:?}");
    assert_eq!(receiver.so_far().len(), 20);
}

#[tokio::test]
async fn a_secret_is_brought_by_the_bots_that_have_one_and_by_nobody_else() {
    let app = app().await;
    let me = app.user().await;
    for preset in ["standard", "wecom"] {
        let body = json!({ "preset": preset, "url": "http://127.0.0.1:9000/", "label": "群", "secret": "SEC0123" });
        let answer = me.post(PATH, body).await.expect(422).problem("invalid");
        assert_eq!(answer.violations(), [("/secret".to_owned(), "not_of_preset".to_owned())]);
    }
    let made = bot(&me, "feishu", "http://127.0.0.1:9000/".to_owned(), Some("first-secret-0123456789")).await;
    assert!(made.at("/secret").is_null(), "its user knows it");
    assert_eq!(made.string("/webhook/secret_hint"), "…6789");
    let changed = me.patch(&path(&made), json!({ "secret": "second-secret-abcdefgh" })).await.expect(200);
    assert_eq!(changed.string("/secret_hint"), "…efgh");
    let rotate = format!("{}/secret", path(&made));
    me.post(&rotate, json!({})).await.expect(409).problem("webhook_secret_not_ours");
    let plain = super::webhook::register(&me, "http://127.0.0.1:9000/").await;
    let answer = me.patch(&path(&plain), json!({ "secret": "mine" })).await.expect(422).problem("invalid");
    assert_eq!(answer.violations(), [("/secret".to_owned(), "not_of_preset".to_owned())]);
}
