//! Identities: the ways in which a user signs in, and the codes that prove whose an address is.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use unicode_normalization::UnicodeNormalization as _;

use crate::domain::words::words;

words! {
    /// What kind of address a user signs in with.
    IdentityKind {
        /// A mobile phone of mainland China.
        Phone = "phone",
        /// A mailbox.
        Email = "email",
    }
}

words! {
    /// What a code is for; one for registering resets no password.
    Purpose {
        /// To open an account.
        Register = "register",
        /// To set a new password.
        ResetPassword = "reset_password",
    }
}

/// How long a code is valid.
pub const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// How often a code may be tried.
pub const CODE_TRIES: i64 = 5;
/// Digits of a code.
pub const CODE_DIGITS: usize = 6;

/// An address that one user signs in with, in the one form under which it is kept.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    kind: IdentityKind,
    text: String,
}

/// The text is no address of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address of this kind: {0}")]
pub struct AddressError(IdentityKind);

impl Address {
    /// The most characters of an address (RFC 5321, 4.5.3.1.3, without the angle brackets).
    pub const MAX_CHARS: usize = 254;

    /// Reads what a person typed: full-width characters are made narrow, a phone number gets its country code, the
    /// domain of a mailbox becomes lower case (its local part belongs to the mailbox's host and stays as it is).
    pub fn parse(kind: IdentityKind, text: &str) -> Result<Self, AddressError> {
        if text.chars().count() > Self::MAX_CHARS {
            return Err(AddressError(kind));
        }
        let folded: String = text.trim().nfkc().collect();
        let text = match kind {
            IdentityKind::Phone => phone(&folded),
            IdentityKind::Email => email(&folded),
        };
        Ok(Self { kind, text: text.ok_or(AddressError(kind))? })
    }

    /// Its kind.
    pub fn kind(&self) -> IdentityKind {
        self.kind
    }

    /// The address: a number in the form of E.164, or a mailbox.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// People are not written into logs.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}, …)", self.kind)
    }
}

fn phone(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
    let national = ["+86", "0086"].iter().find_map(|code| digits.strip_prefix(code)).unwrap_or(&digits);
    // Mobile numbers have eleven digits, the first is 1 and the second is none of 0, 1, 2.
    let sane = national.len() == 11
        && national.bytes().all(|byte| byte.is_ascii_digit())
        && national.starts_with('1')
        && national.as_bytes().get(1).is_some_and(|second| *second >= b'3');
    sane.then(|| format!("+86{national}"))
}

fn email(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    let domain = domain.to_ascii_lowercase();
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let local_sane = (1..=64).contains(&local.len())
        && local.bytes().all(atom)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    let label_sane = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let domain_sane = domain.contains('.') && domain.split('.').all(label_sane);
    let whole = format!("{local}@{domain}");
    (local_sane && domain_sane && whole.len() <= Address::MAX_CHARS).then_some(whole)
}

/// A password that may be set.
#[derive(Debug, Clone)]
pub struct Password(SecretString);

/// Why a password may not be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short or too long.
    #[error("a password has {} to {} characters", Password::MIN_CHARS, Password::MAX_CHARS)]
    Length,
    /// The first thing that anybody would try.
    #[error("a password may not be the address")]
    IsAddress,
}

impl Password {
    /// The fewest characters.
    pub const MIN_CHARS: usize = 8;
    /// The most characters: hashing takes time in proportion.
    pub const MAX_CHARS: usize = 128;

    /// A password to be set for somebody who signs in with this address.
    pub fn choose(text: &SecretString, address: &Address) -> Result<Self, PasswordError> {
        let password = Self::entered(text);
        let plain = password.0.expose_secret();
        if !(Self::MIN_CHARS..=Self::MAX_CHARS).contains(&plain.chars().count()) {
            return Err(PasswordError::Length);
        }
        let (own, plain) = (address.as_str().to_lowercase(), plain.to_lowercase());
        if plain == own || Some(plain.as_str()) == own.strip_prefix("+86") {
            return Err(PasswordError::IsAddress);
        }
        Ok(password)
    }

    /// A password as somebody entered it, to be compared. Composed and decomposed characters are the same
    /// (RFC 8265, 4.2: keyboards differ).
    pub fn entered(text: &SecretString) -> Self {
        Self(SecretString::from(text.expose_secret().nfc().collect::<String>()))
    }

    /// The password.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(kind: IdentityKind, text: &str) -> Option<String> {
        Address::parse(kind, text).ok().map(|address| address.as_str().to_owned())
    }

    #[test]
    fn a_number_is_kept_in_one_form() {
        for text in ["13800138000", "+86 138 0013 8000", "0086-138-0013-8000", " １３８００１３８０００ "] {
            assert_eq!(address(IdentityKind::Phone, text).as_deref(), Some("+8613800138000"), "{text}");
        }
        for text in ["", "12800138000", "1380013800", "138001380000", "+1 202 555 0100", "1380013800x"] {
            assert_eq!(address(IdentityKind::Phone, text), None, "{text}");
        }
    }

    #[test]
    fn a_mailbox_is_kept_in_one_form() {
        assert_eq!(address(IdentityKind::Email, " Li.Lei@Example.COM ").as_deref(), Some("Li.Lei@example.com"));
        assert_eq!(address(IdentityKind::Email, "ａ＠example.com").as_deref(), Some("a@example.com"));
        for text in ["", "a", "a@b", "@example.com", "a@", "a b@example.com", "a@-x.com", ".a@x.com", "a\r\nb@x.com"] {
            assert_eq!(address(IdentityKind::Email, text), None, "{text}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        assert_eq!(address(IdentityKind::Email, &long), None);
    }

    #[test]
    fn a_password_is_bounded_and_not_the_address() {
        let phone = Address::parse(IdentityKind::Phone, "13800138000").expect("a number");
        let choose = |text: &str| Password::choose(&SecretString::from(text), &phone).map(|_| ());
        assert_eq!(choose("1234567"), Err(PasswordError::Length));
        assert_eq!(choose(&"长".repeat(129)), Err(PasswordError::Length));
        assert_eq!(choose(&"长".repeat(128)), Ok(()));
        assert_eq!(choose("13800138000"), Err(PasswordError::IsAddress));
        assert_eq!(choose("+8613800138000"), Err(PasswordError::IsAddress));
        assert_eq!(choose("correct horse"), Ok(()));
    }

    #[test]
    fn nothing_prints_an_address_or_a_password() {
        let phone = Address::parse(IdentityKind::Phone, "13800138000").expect("a number");
        let password = Password::entered(&SecretString::from("correct horse"));
        let printed = format!("{phone:?} {password:?}");
        assert!(!printed.contains("138") && !printed.contains("horse"));
    }
}
