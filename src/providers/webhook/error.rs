//! Statuses of servers and codes of bots in the house's words, and what they say of who gave them.
//!
//! A server, as Standard Webhooks suggests: 2xx has taken it; 410 wants no more, ever; 429 and 503 are waited for as they
//! say; every other answer, redirects too, is a failure that may be put right, and is tried again until the delivery's
//! deadline. Without an answer it is told apart whether the call may have arrived.
//!
//! A bot answers 200 whatever became of it, and means its own code. One that is certain to be no more ends the webhook; what
//! a service refuses for its content, its keyword, its signature or our address is refused for good, and its user sees why.

use std::time::Duration;

use serde::Deserialize;

use super::client::{Answer, NoAnswer, Silence};
use super::redact;
use super::turns::Health;
use crate::domain::message::{Outcome, shortened};
use crate::domain::webhook::{Preset, Secret, Target};

/// A bot that was called too often: when to come again.
const MINUTE: Duration = Duration::from_secs(60);
/// DingTalk bars a bot for so long.
const DINGTALK_BARS: Duration = Duration::from_secs(10 * 60);
/// Parts of an address that are shorter say nothing to whoever reads them.
const TELLING_BYTES: usize = 6;

/// What the answer means for the delivery, and what it says of the host.
pub(super) fn judge(preset: Preset, answer: &Result<Answer, NoAnswer>) -> (Outcome, Health) {
    let answer = match answer {
        Ok(answer) => answer,
        Err(NoAnswer { silence, .. }) => return silent(*silence),
    };
    match (answer.status, preset) {
        (200..=299, Preset::Standard) => (Outcome::Accepted { provider_ref: None }, Health::Well),
        (410, Preset::Standard) => (Outcome::TokenGone { certain: true }, Health::Well),
        (429 | 503, _) => {
            let health = answer.retry_after.map_or(Health::AddressFailed, Health::AddressRests);
            (Outcome::RetryAt { after: answer.retry_after, maybe_delivered: false }, health)
        }
        // A gateway speaks for a server that may have taken the call.
        (408 | 502 | 504, _) => (Outcome::RetryAt { after: None, maybe_delivered: true }, Health::AddressFailed),
        (200..=299, preset) => bot(preset, answer),
        _ => (Outcome::Failed, Health::AddressFailed),
    }
}

fn silent(silence: Silence) -> (Outcome, Health) {
    let lost = Outcome::RetryAt { after: None, maybe_delivered: true };
    match silence {
        Silence::Forbidden => (Outcome::Failed, Health::AddressFailed),
        Silence::NoConnection => (Outcome::Failed, Health::Unreached),
        Silence::TooSlow => (lost, Health::Hung),
        Silence::Broken => (lost, Health::Broke),
        Silence::Busy => (Outcome::RetryAt { after: None, maybe_delivered: false }, Health::Untold),
    }
}

/// The codes of all three; each service writes its own and leaves the others out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Code {
    errcode: Option<i64>,
    code: Option<i64>,
    #[serde(rename = "StatusCode")]
    status_code: Option<i64>,
    msg: String,
}

fn bot(preset: Preset, answer: &Answer) -> (Outcome, Health) {
    let said = serde_json::from_slice::<Code>(&answer.body).unwrap_or_default();
    let code = match preset {
        Preset::Feishu => said.code.or(said.status_code),
        _ => said.errcode,
    };
    let Some(code) = code else {
        let text = shortened(&String::from_utf8_lossy(&answer.body));
        let unknown = Outcome::Unknown { status: answer.status, code: "no_code".to_owned(), text };
        return (unknown, Health::AddressFailed);
    };
    let later = |wait| (Outcome::RetryAt { after: Some(wait), maybe_delivered: false }, Health::AddressRests(wait));
    match (preset, code) {
        (_, 0) => (Outcome::Accepted { provider_ref: None }, Health::Well),
        (Preset::Wecom, 45009 | 45033) => later(MINUTE),
        (Preset::Dingtalk, 130_101 | 410_100 | 302_033) => later(DINGTALK_BARS),
        (Preset::Feishu, 11_232 | 99_991_400) => later(MINUTE),
        (Preset::Feishu, 9_499) if said.msg.to_lowercase().contains("many") => later(MINUTE),
        // The service is busy.
        (_, -1) => (Outcome::Failed, Health::AddressFailed),
        (Preset::Wecom, 93_000) | (Preset::Dingtalk, 300_001) => (Outcome::TokenGone { certain: true }, Health::Well),
        (Preset::Dingtalk, 300_005 | 400_013 | 400_101 | 400_102 | 400_106) | (Preset::Feishu, 19_001) => {
            (Outcome::TokenGone { certain: false }, Health::Well)
        }
        (_, code) => (Outcome::PayloadRefused { code: code.to_string() }, Health::Well),
    }
}

/// What is kept of the answer: its status and the beginning of its words, without what opens. `made` is what was made for
/// this call and opens for a while: signatures and their instants.
pub(super) fn note(
    target: &Target,
    made: &[String],
    answer: &Result<Answer, NoAnswer>,
) -> (Option<u16>, Option<String>) {
    let (status, text) = match answer {
        Ok(answer) => (Some(answer.status), String::from_utf8_lossy(&answer.body).into_owned()),
        Err(NoAnswer { silence: Silence::Forbidden, .. }) => (None, "address_not_allowed".to_owned()),
        Err(NoAnswer { silence: Silence::TooSlow, .. }) => (None, "too_slow".to_owned()),
        Err(NoAnswer { silence: Silence::Busy, .. }) => (None, "busy".to_owned()),
        Err(NoAnswer { text, .. }) => (None, text.clone()),
    };
    let text = shortened(redact::redacted(&telling(target, made), &text).trim());
    (status, Some(text).filter(|text| !text.is_empty()))
}

/// What a server may well repeat of what it was sent, and nobody is to read: secrets, the telling parts of the address, and
/// what was made.
fn telling<'a>(target: &'a Target, made: &'a [String]) -> Vec<&'a str> {
    let secrets = target.secret.iter().chain(target.previous.iter().map(|previous| &previous.secret));
    let after_host = target.url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, rest)| rest);
    let parts = after_host.into_iter().flat_map(|rest| rest.split(['/', '?', '&', '=', '#']));
    let telling = secrets.map(Secret::expose).chain(after_host).chain(parts).chain(made.iter().map(String::as_str));
    telling.filter(|part| part.len() >= TELLING_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str) -> Result<Answer, NoAnswer> {
        Ok(Answer { status, retry_after: None, body: body.as_bytes().to_vec() })
    }

    fn outcome(preset: Preset, status: u16, body: &str) -> Outcome {
        judge(preset, &said(status, body)).0
    }

    #[test]
    fn a_servers_statuses_are_told_apart() {
        let of = |status| outcome(Preset::Standard, status, "");
        assert_eq!(of(200), Outcome::Accepted { provider_ref: None });
        assert_eq!(of(204), Outcome::Accepted { provider_ref: None });
        assert_eq!(of(410), Outcome::TokenGone { certain: true });
        assert_eq!(of(429), Outcome::RetryAt { after: None, maybe_delivered: false });
        assert_eq!(of(504), Outcome::RetryAt { after: None, maybe_delivered: true });
        for status in [301, 302, 400, 401, 403, 404, 422, 500, 501] {
            assert_eq!(of(status), Outcome::Failed, "{status}");
        }
        let busy = Ok(Answer { status: 503, retry_after: Some(MINUTE), body: Vec::new() });
        let waits = Outcome::RetryAt { after: Some(MINUTE), maybe_delivered: false };
        assert_eq!(judge(Preset::Standard, &busy), (waits, Health::AddressRests(MINUTE)));
    }

    #[test]
    fn a_bots_codes_are_told_apart_whatever_its_status() {
        let code = |preset, code: i64| {
            let body = match preset {
                Preset::Feishu => format!(r#"{{"code":{code},"msg":"words"}}"#),
                _ => format!(r#"{{"errcode":{code},"errmsg":"words"}}"#),
            };
            outcome(preset, 200, &body)
        };
        for preset in [Preset::Wecom, Preset::Dingtalk, Preset::Feishu] {
            assert_eq!(code(preset, 0), Outcome::Accepted { provider_ref: None });
            assert_eq!(code(preset, -1), Outcome::Failed);
            assert!(matches!(outcome(preset, 200, "<html>"), Outcome::Unknown { .. }));
            assert_eq!(outcome(preset, 500, ""), Outcome::Failed);
        }
        let later = |wait| Outcome::RetryAt { after: Some(wait), maybe_delivered: false };
        assert_eq!(code(Preset::Wecom, 45_009), later(MINUTE));
        assert_eq!(code(Preset::Wecom, 93_000), Outcome::TokenGone { certain: true });
        assert_eq!(code(Preset::Wecom, 40_008), Outcome::PayloadRefused { code: "40008".to_owned() });
        assert_eq!(code(Preset::Dingtalk, 130_101), later(DINGTALK_BARS));
        assert_eq!(code(Preset::Dingtalk, 300_001), Outcome::TokenGone { certain: true });
        assert_eq!(code(Preset::Dingtalk, 300_005), Outcome::TokenGone { certain: false });
        assert_eq!(code(Preset::Dingtalk, 310_000), Outcome::PayloadRefused { code: "310000".to_owned() });
        assert_eq!(code(Preset::Feishu, 11_232), later(MINUTE));
        assert_eq!(code(Preset::Feishu, 19_021), Outcome::PayloadRefused { code: "19021".to_owned() });
        assert_eq!(outcome(Preset::Feishu, 200, r#"{"code":9499,"msg":"too many request"}"#), later(MINUTE));
        assert_eq!(outcome(Preset::Feishu, 200, r#"{"StatusCode":0}"#), Outcome::Accepted { provider_ref: None });
    }

    #[test]
    fn what_is_kept_is_short_and_holds_nothing_that_opens() {
        let target = Target {
            preset: Preset::Dingtalk,
            url: "https://oapi.example.com/robot/send?access_token=0123456789&group=%E6%8A%95%E6%A0%87%2Fa".to_owned(),
            secret: Some(Secret::given("SEC0123456789")),
            previous: None,
        };
        let made = ["1577262236757", "hmPWwU+7lVdm3ZZz0r9t/SfxQ=="].map(ToOwned::to_owned);
        let echo = format!(
            "no /robot/send?access_token=0123456789 for SEC0123456789 and 投标/a signed hmPWwU%2B7lVdm3ZZz0r9t%2fSfxQ%3D%3D \
             at 1577262236757, that is hmPWwU 7lVdm3ZZz0r9t\\/SfxQ==\n{}",
            "x".repeat(5_000)
        );
        let (status, text) = note(&target, &made, &said(404, &echo));
        let text = text.expect("words");
        for opens in ["0123456789", "投标", "157726", "hmPWwU", "SfxQ"] {
            assert!(!text.contains(opens), "{opens} in {text}");
        }
        assert!(!text.contains('\n') && text.chars().count() <= 300, "{text}");
        assert_eq!(status, Some(404));
    }
}
