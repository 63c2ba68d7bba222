//! The sandbox's statuses and codes in the house's words.
//!
//! A transport error is told apart by whether the request may have left: a refused connection has sent nothing, and
//! everything after it may have been delivered.

use std::time::Duration;

use super::client::Answer;
use super::message::Item;
use crate::domain::message::{Address, CallFailure, Outcome, shortened};
use crate::providers::wire::WAIT_MAX;

/// A call that got no answer, or not all of it.
pub(super) fn transport(error: &reqwest::Error) -> CallFailure {
    if error.is_builder() {
        return CallFailure::Stopped { code: "bad_request".to_owned(), text: shortened(&error.to_string()) };
    }
    CallFailure::RetryAt { after: None, maybe_delivered: !error.is_connect() }
}

/// An answer of success that cannot be what it should be. Not repeated: it would be answered the same again.
pub(super) fn malformed(status: u16, code: &str) -> CallFailure {
    CallFailure::Unknown { status, code: code.to_owned(), text: String::new() }
}

/// An answer that refuses the whole call.
pub(super) fn call(answer: &Answer) -> CallFailure {
    let item = serde_json::from_slice::<Item>(&answer.body).unwrap_or_default();
    let code = || if item.code.is_empty() { format!("http_{}", answer.status) } else { shortened(&item.code) };
    let text = || shortened(&String::from_utf8_lossy(&answer.body));
    match answer.status {
        401 => CallFailure::Auth,
        403 | 404 => CallFailure::Stopped { code: code(), text: text() },
        400 | 413 | 422 => CallFailure::Refused { code: code() },
        408 | 429 | 500 | 503 => CallFailure::RetryAt { after: answer.retry_after, maybe_delivered: false },
        // A gateway speaks for a server that may have taken the call.
        502 | 504 => CallFailure::RetryAt { after: answer.retry_after, maybe_delivered: true },
        status => CallFailure::Unknown { status, code: code(), text: text() },
    }
}

/// What became of one recipient, or `None` where the code is not about a recipient.
pub(super) fn item(status: u16, item: Item) -> Option<Outcome> {
    Some(match item.code.as_str() {
        "ok" if status == 200 => Outcome::Accepted { provider_ref: item.message_id },
        "inactive" => Outcome::Ignored { reason: item.code },
        "token_gone" => Outcome::TokenGone { certain: true },
        "token_moved" => match item.token.as_deref().map(Address::parse) {
            Some(Ok(to)) => Outcome::TokenMoved { to },
            _ => Outcome::TokenGone { certain: false },
        },
        "throttled" => Outcome::RetryAt {
            after: item.retry_after.map(|seconds| Duration::from_secs(seconds).min(WAIT_MAX)),
            maybe_delivered: false,
        },
        "quota_exhausted" => Outcome::QuotaExhausted { until: item.until },
        "payload_refused" => Outcome::PayloadRefused { code: item.code },
        _ if status == 200 => Outcome::Unknown { status, code: shortened(&item.code), text: String::new() },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, retry_after: None, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn statuses_are_told_apart() {
        assert_eq!(call(&answer(401, "")), CallFailure::Auth);
        assert_eq!(call(&answer(413, "")), CallFailure::Refused { code: "http_413".into() });
        assert_eq!(call(&answer(500, "")), CallFailure::RetryAt { after: None, maybe_delivered: false });
        assert_eq!(call(&answer(502, "<html>")), CallFailure::RetryAt { after: None, maybe_delivered: true });
        assert!(matches!(call(&answer(418, "x")), CallFailure::Unknown { status: 418, .. }));
        assert!(
            matches!(call(&answer(403, "{\"code\":\"penalty\"}")), CallFailure::Stopped { code, .. } if code == "penalty")
        );
    }

    #[test]
    fn an_unknown_code_keeps_the_address() {
        let unheard = || Item { code: "unheard_of".into(), ..Item::default() };
        assert!(matches!(item(200, unheard()), Some(Outcome::Unknown { status: 200, .. })));
        assert_eq!(item(503, unheard()), None);
    }
}
