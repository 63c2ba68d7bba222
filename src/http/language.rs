//! Which of the two languages a caller reads.

use actix_web::HttpRequest;
use actix_web::http::header;

/// A language that texts for people exist in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Chinese, the first.
    Zh,
    /// English.
    En,
}

impl Language {
    /// The first of the caller's `Accept-Language` (RFC 9110, 12.5.4) that we have; Chinese when there is none.
    /// Weights are not weighed: clients send them in falling order.
    pub fn of(request: &HttpRequest) -> Self {
        let wishes = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
        wishes
            .split(',')
            .map(|wish| wish.trim().to_ascii_lowercase())
            .find_map(|wish| match wish {
                wish if wish.starts_with("zh") => Some(Self::Zh),
                wish if wish.starts_with("en") => Some(Self::En),
                _ => None,
            })
            .unwrap_or(Self::Zh)
    }

    /// The text in this language.
    pub fn choose<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }

    /// The tag for `Content-Language`.
    pub fn tag(self) -> &'static str {
        self.choose("zh-CN", "en")
    }
}
