//! What is handed in at the door, made with as few words as a test needs; everything else is plausible.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::answer::Answer;
use super::app::TestApp;
use super::callers::{Caller, Person};
use super::eventually;

/// A number that this process has not used yet.
fn fresh_number() -> u32 {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// A call for tenders for roads in Changsha, like no other: the same content would not be announced twice.
pub fn notice() -> Draft {
    let number = fresh_number();
    Draft(json!({
        "source": "test",
        "source_id": format!("n{number}"),
        "title": "长沙市芙蓉区道路提质改造工程施工招标公告",
        "category": "construction.a02",
        "region": "430102",
        "notice_type": "C-TENDER",
        "body_html": format!("<p>雨污分流管网与道路提质改造，第 {number} 期。</p>"),
    }))
}

/// A construction tender in 新邵县 under this source id; its text is its own, so that it is nobody's duplicate.
pub fn notice_as(source_id: &str) -> Value {
    json!({
        "source": "demo",
        "source_id": source_id,
        "title": format!("新邵县黑臭水体治理工程施工招标公告 {source_id}"),
        "category": "construction.a02",
        "region": "430522",
        "notice_type": "C-TENDER",
        "body_html": format!("<p>招标人：新邵县城市建设投资有限公司，编号 {source_id}</p>"),
    })
}

/// The same, with some fields as they are given here.
pub fn notice_with(source_id: &str, fields: Value) -> Value {
    let mut notice = notice_as(source_id);
    for (name, value) in fields.as_object().expect("fields") {
        notice[name] = value.clone();
    }
    notice
}

/// A subscription to all construction in Changsha.
pub fn subscription() -> Draft {
    Draft(json!({
        "name": "长沙的工程",
        "filter": { "categories": ["construction"], "regions": ["430100"] },
        "frequency": "immediate",
    }))
}

/// A body to be sent, field by field.
#[derive(Debug, Clone)]
pub struct Draft(pub Value);

impl Draft {
    /// The same with another value for a field.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0[field] = value.into();
        self
    }

    /// Publishes it as a notice and says its id.
    pub async fn publish(&self, publisher: &Caller) -> String {
        publisher.post("/v1/notices", self.0.clone()).await.expect(201).string("/id")
    }

    /// Makes it a subscription and says its id.
    pub async fn subscribe(&self, user: &Caller) -> String {
        user.post("/v1/subscriptions", self.0.clone()).await.expect(201).string("/id")
    }
}

impl Person {
    /// Registers a device on the sandbox's channel and says its token.
    pub async fn with_device(&self) -> String {
        let token = format!("sbx-{:024x}", fresh_number());
        let body = json!({ "platform": "android", "name": "手机", "channel": "sandbox", "token": token });
        self.post("/v1/devices", body).await.expect(201);
        token
    }

    /// The inbox once it holds as many items.
    pub async fn inbox_of(&self, items: usize) -> Answer {
        eventually(&format!("the inbox holds {items} items"), async || {
            Some(self.get("/v1/inbox").await.expect(200)).filter(|inbox| inbox.items().len() == items)
        })
        .await
    }
}

impl TestApp {
    /// What a device has been shown by the sandbox, newest first, once it was shown as many messages.
    pub async fn shown(&self, token: &str, messages: u64) -> Answer {
        let path = format!("/sandbox/v1/devices/{token}");
        eventually(&format!("{token} is shown {messages} messages"), async || {
            Some(self.anonymous().get(&path).await).filter(|phone| phone.at("/received") == messages)
        })
        .await
    }
}
