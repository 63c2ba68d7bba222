//! Devices and endpoints: installed apps, and the places that messages can go.

use super::words::words;

words! {
    /// What an installed app runs on.
    Platform {
        /// Android.
        Android = "android",
        /// iOS and iPadOS.
        Ios = "ios",
        /// HarmonyOS without Android in it.
        Harmony = "harmony",
        /// A browser.
        Web = "web",
        /// A mini program (小程序).
        Mini = "mini",
    }
}

words! {
    /// Why an endpoint, or the device that it belongs to, ended.
    EndpointEnd {
        /// Its user removed the device.
        Removed = "removed",
        /// Its device registered another token.
        Replaced = "replaced",
        /// Its token was registered elsewhere: by another user, or as another device.
        Moved = "moved",
        /// The session that it belongs to ended.
        SessionEnded = "session_ended",
        /// The provider says that the address is no more.
        Gone = "gone",
        /// Its user's account was closed.
        AccountClosed = "account_closed",
    }
}

/// How many characters of a token are shown, so that its owner can tell two apart.
const HINT_CHARS: usize = 4;

/// The end of a token. Of a short one nothing is shown: a quarter of a secret is too much of it.
pub fn hint(token: &str) -> String {
    const SHORT: usize = HINT_CHARS * 4;
    let chars = token.chars().count();
    if chars < SHORT { "…".to_owned() } else { "…".chars().chain(token.chars().skip(chars - HINT_CHARS)).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_shows_the_end_and_never_much() {
        assert_eq!(hint("0123456789abcdef0123"), "…0123");
        assert_eq!(hint("0123456789"), "…");
    }
}
