//! What the bots of group chats are told: a headline, a few facts, and a link to the source.
//!
//! What a publisher wrote cannot call for attention or hide a link: marks that the services' Markdown knows are written
//! as their wide twins. The word 公告 is in every message, so that a bot that asks for a keyword can be given that one.

use serde_json::{Value, json};
use url::Url;

use super::message::{Word, mac};
use crate::domain::message::MessageKind;
use crate::domain::time::Timestamp;
use crate::domain::webhook::Secret;

/// The most bytes of a text that WeCom takes are 4,096; this is what is left of them for the summary.
const SUMMARY_MAX_CHARS: usize = 600;
/// The most characters of a headline.
const TITLE_MAX_CHARS: usize = 150;
/// A longer address is left out rather than cut.
const LINK_MAX_BYTES: usize = 1_024;

/// What a chat shows.
#[derive(Debug)]
pub(super) struct Card {
    title: String,
    summary: String,
    link: Option<String>,
    /// The colour of Feishu's header.
    colour: &'static str,
}

impl Card {
    pub(super) fn of(word: Word<'_>) -> Self {
        let Word::Notice(message) = word else {
            let summary = "收到本消息，说明该群可以接收公告。Notices will arrive here.";
            let title = "测试消息 Test".to_owned();
            return Self { title, summary: summary.to_owned(), link: None, colour: "grey" };
        };
        let colour = match message.kind {
            MessageKind::Notice => "blue",
            MessageKind::Revision | MessageKind::Amendment => "orange",
            MessageKind::Withdrawal => "red",
        };
        Self {
            title: cut(&message.title, TITLE_MAX_CHARS),
            summary: cut(&message.body, SUMMARY_MAX_CHARS),
            link: message.about.source_url.as_deref().and_then(link),
            colour,
        }
    }

    fn markdown(&self, heading: &str) -> String {
        let mut text = format!("{heading}{}", plain(&self.title));
        if !self.summary.is_empty() {
            text += &format!("\n\n> {}", plain(&self.summary));
        }
        match &self.link {
            Some(link) => text + &format!("\n\n[查看公告]({link})"),
            None => text + "\n\n驿站公告",
        }
    }
}

/// WeCom: Markdown of at most 4,096 bytes.
pub(super) fn wecom(card: &Card) -> Value {
    json!({ "msgtype": "markdown", "markdown": { "content": card.markdown("### ") } })
}

/// DingTalk: Markdown with a title that the list of chats shows.
pub(super) fn dingtalk(card: &Card) -> Value {
    json!({ "msgtype": "markdown", "markdown": { "title": card.title, "text": card.markdown("### ") } })
}

/// Feishu: a card of plain texts, and a button.
pub(super) fn feishu(card: &Card, signature: Option<&Signature>) -> Value {
    let plain = |text: &str| json!({ "tag": "plain_text", "content": text });
    let mut elements = Vec::new();
    if !card.summary.is_empty() {
        elements.push(json!({ "tag": "div", "text": plain(&card.summary) }));
    }
    elements.push(match &card.link {
        Some(link) => {
            let button = json!({ "tag": "button", "text": plain("查看公告"), "type": "primary", "url": link });
            json!({ "tag": "action", "actions": [button] })
        }
        None => json!({ "tag": "note", "elements": [plain("驿站公告")] }),
    });
    let header = json!({ "title": plain(&card.title), "template": card.colour });
    let mut call = json!({ "msg_type": "interactive", "card": { "header": header, "elements": elements } });
    if let (Some(signature), Some(call)) = (signature, call.as_object_mut()) {
        call.insert("timestamp".to_owned(), signature.timestamp.as_str().into());
        call.insert("sign".to_owned(), signature.sign.as_str().into());
    }
    call
}

/// What a bot's service believes for an hour.
pub(super) struct Signature {
    pub(super) timestamp: String,
    pub(super) sign: String,
}

/// Feishu's signature: of nothing; its key is the instant in seconds and the secret.
pub(super) fn feishu_signature(secret: &Secret, now: Timestamp) -> Signature {
    let timestamp = (now.as_millis() / 1000).to_string();
    let sign = mac(format!("{timestamp}\n{}", secret.expose()).as_bytes(), b"");
    Signature { timestamp, sign }
}

/// DingTalk's signature: the instant in milliseconds and the secret, signed with the secret.
pub(super) fn dingtalk_signature(secret: &Secret, now: Timestamp) -> Signature {
    let timestamp = now.as_millis().to_string();
    let sign = mac(secret.expose().as_bytes(), format!("{timestamp}\n{}", secret.expose()).as_bytes());
    Signature { timestamp, sign }
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
        None => text.to_owned(),
    }
}

/// The same text without marks.
fn plain(text: &str) -> String {
    let wide = |letter| match letter {
        '<' => '＜',
        '>' => '＞',
        '[' => '［',
        ']' => '］',
        '*' => '＊',
        '`' => '｀',
        '#' => '＃',
        letter if letter.is_control() => ' ',
        letter => letter,
    };
    text.chars().map(wide).collect()
}

/// An address that can stand between round brackets.
fn link(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let text = url.as_str().replace('(', "%28").replace(')', "%29");
    (text.len() <= LINK_MAX_BYTES).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(title: &str) -> Card {
        let summary = "某采购人 · 金额 100万元".to_owned();
        Card { title: title.to_owned(), summary, link: link("https://ggzy.example.cn/a(1)"), colour: "blue" }
    }

    #[test]
    fn what_a_publisher_writes_calls_nobody_and_hides_no_link() {
        let text = wecom(&card("<@all> [点此](https://evil.example) *急*"))["markdown"]["content"].to_string();
        assert!(!text.contains("<@all>") && !text.contains("](https://evil"), "{text}");
        assert!(text.contains("[查看公告](https://ggzy.example.cn/a%281%29)"), "{text}");
        assert_eq!(link("javascript:alert(1)"), None);
    }

    #[test]
    fn the_longest_message_is_one_that_wecom_takes() {
        let message = Card {
            title: cut(&"公".repeat(10_000), TITLE_MAX_CHARS),
            summary: cut(&"告".repeat(10_000), SUMMARY_MAX_CHARS),
            link: link(&format!("https://a.example/{}", "x".repeat(1_000))),
            colour: "blue",
        };
        let call = wecom(&message);
        assert!(call["markdown"]["content"].as_str().is_some_and(|text| text.len() <= 4_096));
    }

    /// Made with another language's library, as the services' documents say.
    #[test]
    fn the_signatures_are_made_as_the_services_documents_say() {
        let (secret, now) = (Secret::given("this is secret"), Timestamp::from_millis(1_577_262_236_757));
        let Signature { timestamp, sign } = dingtalk_signature(&secret, now);
        assert_eq!(
            (timestamp.as_str(), sign.as_str()),
            ("1577262236757", "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM=")
        );
        let secret = Secret::given("demo");
        let signature = feishu_signature(&secret, Timestamp::from_millis(1_599_360_473_000));
        let call = feishu(&card("题"), Some(&signature));
        assert_eq!(
            (&call["timestamp"], &call["sign"]),
            (&json!("1599360473"), &json!("l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="))
        );
    }
}
