//! A message in the words of each preset, and what signs it.
//!
//! The standard's form: Standard Webhooks 1.0.0. A body is written once, and what is signed is what is sent.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use url::Url;

use super::bots::{self, Signature};
use crate::domain::id::{DeliveryId, NoticeId, WebhookId};
use crate::domain::message::{Message, MessageKind};
use crate::domain::notice::Project;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Preset, Target};

/// The header that says who sent it.
const SIGNATURE: &str = "webhook-signature";
/// The version of what stands in `data`.
const VERSION: u8 = 1;

/// What is said.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word<'a> {
    /// Something about a notice.
    Notice(&'a Message),
    /// That messages arrive.
    Test(WebhookId),
}

/// One call.
pub(super) struct Request {
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// The signatures of this call and their instants, which open for a while.
    pub(super) made: Vec<String>,
}

/// The call that says it at a target.
pub(super) fn request(
    target: &Target,
    mut url: Url,
    word: Word<'_>,
    id: DeliveryId,
    now: Timestamp,
) -> Result<Request, serde_json::Error> {
    let signature = target.secrets(now).next().and_then(|secret| match target.preset {
        Preset::Dingtalk => Some(bots::dingtalk_signature(secret, now)),
        Preset::Feishu => Some(bots::feishu_signature(secret, now)),
        Preset::Standard | Preset::Wecom => None,
    });
    let body = body(target.preset, word, signature.as_ref(), now)?;
    let headers = match target.preset {
        Preset::Standard => signatures(target, &id.to_string(), &body, now),
        Preset::Dingtalk | Preset::Wecom | Preset::Feishu => Vec::new(),
    };
    let signed = headers.iter().filter(|(name, _)| *name == SIGNATURE).flat_map(|(_, value)| value.split(' '));
    let mut made: Vec<String> = signed.map(ToOwned::to_owned).collect();
    if let Some(Signature { timestamp, sign }) = signature {
        if target.preset == Preset::Dingtalk {
            url.query_pairs_mut().append_pair("timestamp", &timestamp).append_pair("sign", &sign);
        }
        made.extend([timestamp, sign]);
    }
    Ok(Request { url, headers, body, made })
}

fn body(
    preset: Preset,
    word: Word<'_>,
    signature: Option<&Signature>,
    now: Timestamp,
) -> Result<Vec<u8>, serde_json::Error> {
    match preset {
        Preset::Standard => match word {
            Word::Notice(message) => serde_json::to_vec(&Event::of(message)),
            Word::Test(webhook) => serde_json::to_vec(&Event::test(webhook, now)),
        },
        Preset::Wecom => serde_json::to_vec(&bots::wecom(&bots::Card::of(word))),
        Preset::Dingtalk => serde_json::to_vec(&bots::dingtalk(&bots::Card::of(word))),
        Preset::Feishu => serde_json::to_vec(&bots::feishu(&bots::Card::of(word), signature)),
    }
}

/// HMAC-SHA256, in base64.
pub(super) fn mac(key: &[u8], text: &[u8]) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text))
}

/// The three headers of the standard; every secret that is good at this instant signs.
fn signatures(target: &Target, id: &str, body: &[u8], now: Timestamp) -> Vec<(&'static str, String)> {
    let timestamp = (now.as_millis() / 1000).to_string();
    let mut signed = format!("{id}.{timestamp}.").into_bytes();
    signed.extend_from_slice(body);
    let all: Vec<String> = target.secrets(now).map(|secret| format!("v1,{}", mac(&secret.bytes(), &signed))).collect();
    vec![("webhook-id", id.to_owned()), ("webhook-timestamp", timestamp), (SIGNATURE, all.join(" "))]
}

/// What a server of a user's is told.
#[derive(Debug, Serialize)]
struct Event<D> {
    r#type: &'static str,
    version: u8,
    /// When it happened, not when it is told.
    timestamp: Timestamp,
    data: D,
}

#[derive(Debug, Serialize)]
struct NoticeData<'a> {
    notice: NoticeOut<'a>,
}

#[derive(Debug, Serialize)]
struct NoticeOut<'a> {
    id: NoticeId,
    revision: i32,
    title: &'a str,
    summary: &'a str,
    language: &'a str,
    category: &'a str,
    region: &'a str,
    notice_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a Project>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchaser: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amends: Option<NoticeId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bid_deadline: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_url: Option<&'a str>,
    url: &'a str,
}

#[derive(Debug, Serialize)]
struct TestData {
    webhook_id: WebhookId,
}

impl<'a> Event<NoticeData<'a>> {
    fn of(message: &'a Message) -> Self {
        let about = &message.about;
        let notice = NoticeOut {
            id: message.notice,
            revision: message.revision,
            title: &about.title,
            summary: &message.body,
            language: &message.language,
            category: &about.category,
            region: &about.region,
            notice_type: &about.notice_type,
            project: about.project.as_ref(),
            purchaser: about.purchaser.as_deref(),
            amends: about.amends,
            bid_deadline: about.bid_deadline,
            source_url: about.source_url.as_deref(),
            url: &message.url,
        };
        let kind = match message.kind {
            MessageKind::Notice => "notice.published",
            MessageKind::Revision => "notice.revised",
            MessageKind::Amendment => "notice.amended",
            MessageKind::Withdrawal => "notice.withdrawn",
        };
        Self { r#type: kind, version: VERSION, timestamp: about.at, data: NoticeData { notice } }
    }
}

impl Event<TestData> {
    fn test(webhook_id: WebhookId, now: Timestamp) -> Self {
        Self { r#type: "webhook.test", version: VERSION, timestamp: now, data: TestData { webhook_id } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::webhook::Secret;

    /// The specification's libraries agree on this one.
    #[test]
    fn a_known_message_has_its_known_signature() {
        let key = Secret::given("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").bytes();
        let signed = br#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        assert_eq!(mac(&key, signed), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
