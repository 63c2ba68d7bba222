//! A text without what is secret in it, however the secret is spelt there.
//!
//! Promise: a secret is found in plain letters, with percent signs (of any of its letters, once or several times over), with
//! the backslashes of JSON, and with a space for a plus; so is one that was itself written with percent signs, in plain
//! letters. Not promised: what a server makes of a secret beyond that: its digest, its base64, its letters in another order.

/// Stands where something was left out.
const LEFT_OUT: &str = "…";

/// The text, with each of these secrets left out.
pub(super) fn redacted(secrets: &[&str], text: &str) -> String {
    let mut secrets: Vec<Vec<u8>> = secrets.iter().map(|secret| undressed(secret.as_bytes())).collect();
    // The longest first: where one begins with another, all of it goes.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let (mut kept, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        match secrets.iter().find_map(|secret| stripped(rest, secret)) {
            Some(after) => {
                kept.extend_from_slice(LEFT_OUT.as_bytes());
                rest = after;
            }
            None => {
                kept.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// What is left of a text after the secret that it begins with.
fn stripped<'a>(text: &'a [u8], secret: &[u8]) -> Option<&'a [u8]> {
    let stripped = secret.iter().try_fold(text, |text, letter| {
        let (said, rest) = letter_of(text)?;
        let space = |letter: u8| if letter == b'+' { b' ' } else { letter };
        (space(said) == space(*letter)).then_some(rest)
    });
    stripped.filter(|_| !secret.is_empty())
}

/// The letter that a text begins with, and the rest.
fn letter_of(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [b'\\', letter @ (b'/' | b'\\' | b'"'), rest @ ..] => Some((*letter, rest)),
        [b'%', rest @ ..] => Some(percent(rest).unwrap_or((b'%', rest))),
        [letter, rest @ ..] => Some((*letter, rest)),
        [] => None,
    }
}

/// What stands after a percent sign; `%2525…` is a percent sign that was written so several times over.
fn percent(mut text: &[u8]) -> Option<(u8, &[u8])> {
    while let [b'2', b'5', rest @ ..] = text
        && matches!(rest, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
    {
        text = rest;
    }
    match text {
        [high, low, rest @ ..] => {
            let digit = |letter: u8| char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            Some((digit(*high)? << 4 | digit(*low)?, rest))
        }
        _ => None,
    }
}

/// The letters themselves.
fn undressed(mut text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    while let Some((letter, rest)) = letter_of(text) {
        plain.push(letter);
        text = rest;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_left_out_however_it_is_spelt() {
        for (secret, said) in [
            ("a/b+c==", "a/b+c=="),
            ("a/b+c==", "a%2Fb%2Bc%3D%3D"),
            ("a/b+c==", "a%2fb%2bc%3d="),
            ("a/b+c==", "%61%2F%62%2B%63%3D%3D"),
            ("a/b+c==", "a%252Fb%25252Bc%253D="),
            ("a/b+c==", "a\\/b+c=="),
            ("a/b+c==", "a/b c=="),
            ("a%2Fb%2Bc", "a/b+c"),
            ("a%2Fb%2Bc", "a%2Fb%2bc"),
            ("%E6%8A%95%E6%A0%87", "投标"),
            ("投标", "%e6%8a%95%E6%A0%87"),
            ("100%sure", "100%sure"),
            ("100%sure", "100%25sure"),
        ] {
            assert_eq!(redacted(&["ab", secret], &format!("no {said}, sorry")), "no …, sorry", "{secret} as {said}");
        }
    }

    #[test]
    fn what_is_no_secret_stays_as_it_is() {
        for said in ["", "投标 100% \\ %2", "abc", "%25", "a%2"] {
            assert_eq!(redacted(&["abcd", "%2525zz"], said), said);
        }
        assert_eq!(redacted(&["key", "key-of-mine"], "key-of-mine key"), "… …");
    }

    proptest::proptest! {
        #[test]
        fn no_spelling_of_a_secret_is_left(secret in "[a-zA-Z0-9/+=%&]{6,40}", dressed in proptest::collection::vec(0..3_u8, 40)) {
            let spelt: String = secret.bytes().zip(dressed).map(|(letter, dress)| match dress {
                0 if letter != b'%' => char::from(letter).to_string(),
                1 => format!("%25{letter:02X}"),
                _ => format!("%{letter:02x}"),
            }).collect();
            let plain = String::from_utf8(undressed(secret.as_bytes())).unwrap_or_default();
            // As an address holds it: its percent signs are dress themselves.
            if plain == secret {
                proptest::prop_assert_eq!(redacted(&[secret.as_str()], &format!("<{spelt}>")), "<…>");
            }
        }
    }
}
