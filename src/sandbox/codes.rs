//! Confirmation codes that would have gone out by mail or SMS. Only the sandbox shows them.

use std::collections::VecDeque;

use serde::Serialize;

use crate::domain::time::Timestamp;

/// How many codes are kept.
const KEPT: usize = 200;

/// A code that somebody waits for.
#[derive(Debug, Clone, Serialize)]
pub struct NotedCode {
    /// 1, 2, 3 …
    pub number: u64,
    /// When it was sent.
    pub at: Timestamp,
    /// By what: `email`, `sms`.
    pub kind: String,
    /// To whom, masked: `138****8000`.
    pub address: String,
    /// The code.
    pub code: String,
}

impl NotedCode {
    /// Whether the text is this address, masked or in clear.
    fn is_for(&self, text: &str) -> bool {
        let masked = self.address.split_once('*').and_then(|(head, _)| {
            let (_, tail) = self.address.rsplit_once('*')?;
            Some(text.len() >= head.len() + tail.len() && text.starts_with(head) && text.ends_with(tail))
        });
        self.address == text || masked.unwrap_or(false)
    }
}

#[derive(Debug, Default)]
pub(super) struct Codes {
    last: u64,
    kept: VecDeque<NotedCode>,
}

impl Codes {
    pub(super) fn note(&mut self, kind: &str, address: &str, code: &str, at: Timestamp) -> u64 {
        self.last = self.last.saturating_add(1);
        let (kind, address, code) = (kind.to_owned(), address.to_owned(), code.to_owned());
        self.kept.push_front(NotedCode { number: self.last, at, kind, address, code });
        self.kept.truncate(KEPT);
        self.last
    }

    /// The codes, newest first; only those for this address, when one is given.
    pub(super) fn list(&self, address: Option<&str>) -> Vec<NotedCode> {
        self.kept.iter().filter(|code| address.is_none_or(|text| code.is_for(text))).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_by_its_address_masked_or_in_clear() {
        let mut codes = Codes::default();
        codes.note("sms", "138****8000", "123456", Timestamp::from_millis(0));
        codes.note("email", "l***@example.com", "654321", Timestamp::from_millis(0));
        assert_eq!(codes.list(None).len(), 2);
        for address in ["138****8000", "13812348000"] {
            assert_eq!(codes.list(Some(address)).first().map(|code| code.code.as_str()), Some("123456"));
        }
        assert!(codes.list(Some("13912348000")).is_empty());
    }
}
