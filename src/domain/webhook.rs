//! Webhooks: addresses that users give, what is spoken there, and the secrets that sign it.
//!
//! Promise: a [`Url`] that came through [`Reach::check`] names no host that is known to lead inside, in whatever clothes:
//! the parser of the URL standard has undressed it before (octal, hexadecimal and decimal numbers, percent signs, wide
//! letters, dots of other scripts). Not promised: that its name leads outside; a name is judged by the addresses that it
//! has at the instant of a connection (`providers::webhook`). Nothing here prints an address or a secret.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use url::{Host, Position, Url};

use super::device::hint;
use super::message::{Address, AddressError};
use super::net::{Networks, is_public};
use super::time::Timestamp;
use super::words::words;

words! {
    /// What is spoken at a webhook's address.
    Preset {
        /// Standard Webhooks, for whoever programs a receiver.
        Standard = "standard",
        /// The bot of a group chat in WeCom (企业微信群机器人).
        Wecom = "wecom",
        /// The bot of a group chat in DingTalk (钉钉自定义机器人).
        Dingtalk = "dingtalk",
        /// The bot of a group chat in Feishu or Lark (飞书自定义机器人).
        Feishu = "feishu",
    }
}

words! {
    /// How a webhook stands.
    WebhookState {
        /// It is sent to.
        Active = "active",
        /// Its user wants nothing for the time being.
        Paused = "paused",
        /// It failed for so long that nothing is sent there until its user resumes it.
        Off = "off",
        /// Its receiver said that it is no more.
        Ended = "ended",
    }
}

words! {
    /// Why an endpoint is paused.
    PauseReason {
        /// Its user paused it.
        User = "user",
        /// It failed for long.
        Failing = "failing",
    }
}

/// The longest address, in bytes.
pub const URL_MAX_BYTES: usize = 2048;
/// Bytes of a secret that is made here; the standard asks for 24 to 64.
pub const SECRET_BYTES: usize = 32;
/// What a secret of the standard begins with.
const SECRET_PREFIX: &str = "whsec_";
/// The longest secret that a user may give, in bytes.
pub const SECRET_MAX_BYTES: usize = 256;

/// What signs messages. It prints nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Arc<str>);

impl Secret {
    /// The secret that these bytes are, in the form of the standard.
    pub fn of(bytes: &[u8]) -> Self {
        Self(format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes)).into())
    }

    /// A secret that a bot's settings show.
    pub fn given(text: &str) -> Self {
        Self(text.trim().into())
    }

    /// The secret in clear: for whoever signs, and once for its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The bytes that a secret of the standard stands for.
    pub fn bytes(&self) -> Vec<u8> {
        let text = self.0.strip_prefix(SECRET_PREFIX).unwrap_or(&self.0);
        STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec())
    }

    /// Its end, to tell two apart.
    pub fn hint(&self) -> String {
        hint(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A secret that was replaced and signs for a while yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// The secret.
    pub secret: Secret,
    /// From then on it signs nothing.
    pub until: Timestamp,
}

/// All that a sender must know of a webhook; what stands in its endpoint as the address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What is spoken there.
    pub preset: Preset,
    /// Where it is.
    pub url: String,
    /// What signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// What signs as well, for those who have not heard of the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
}

impl Target {
    /// As an endpoint keeps it.
    pub fn address(&self) -> Result<Address, AddressError> {
        let text = serde_json::to_string(self).map_err(|_| AddressError)?;
        Address::parse(&text)
    }

    /// As an endpoint kept it; nothing when it is forgotten.
    pub fn read(address: &str) -> Option<Self> {
        serde_json::from_str(address).ok()
    }

    /// The secrets that sign at an instant, the newest first.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        let previous = self.previous.iter().filter(move |previous| now < previous.until);
        self.secret.iter().chain(previous.map(|previous| &previous.secret))
    }

    /// Puts another secret in the place of the present one, which signs as well until an instant.
    pub fn rotate(&mut self, next: Secret, until: Timestamp) {
        self.previous = self.secret.replace(next).map(|secret| Previous { secret, until });
    }

    /// Where it is, without what opens: the host, and the end of what follows.
    pub fn shown(&self) -> String {
        let Ok(url) = Url::parse(&self.url) else { return String::new() };
        let (origin, rest) = (&url[..Position::AfterPort], &url[Position::AfterPort..]);
        if rest == "/" { format!("{origin}/") } else { format!("{origin}/{}", hint(rest)) }
    }

    /// The host alone, for those who look after the service; empty when it is forgotten.
    pub fn host(address: &str) -> String {
        let url = Self::read(address).and_then(|target| Url::parse(&target.url).ok());
        url.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned()
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("preset", &self.preset).finish_non_exhaustive()
    }
}

/// How far webhooks reach.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Whether plain `http` is spoken.
    pub http: bool,
    /// Networks that are reached though they are not public.
    pub allowed: Networks,
}

/// Why an address is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is no address.
    #[error("not an address such as https://example.com/hook, of at most {URL_MAX_BYTES} bytes")]
    Form,
    /// It is neither `https` nor, where that is allowed, `http`.
    #[error("must begin with https://")]
    Scheme,
    /// It holds a name or a password.
    #[error("must not hold a user name or a password")]
    Credentials,
    /// It names the port of some other service.
    #[error("the port must be 80, 443 or above 1023")]
    Port,
    /// It leads into a private network.
    #[error("leads into a private network")]
    Private,
}

impl UrlError {
    /// A stable word for it.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Form => "url",
            Self::Scheme => "scheme",
            Self::Credentials => "credentials",
            Self::Port => "port",
            Self::Private => "private",
        }
    }

    /// What is wrong, in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Form => "不是有效的地址，应形如 https://example.com/hook",
            Self::Scheme => "必须以 https:// 开头",
            Self::Credentials => "不能包含用户名或密码",
            Self::Port => "端口应为 80、443 或大于 1023",
            Self::Private => "指向内部网络",
        }
    }
}

/// Names that never stand for a host of the public internet (RFC 6761, RFC 6762, RFC 8375, and what networks call
/// themselves inside).
const INNER_NAMES: [&str; 11] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    "onion",
];

impl Reach {
    /// Whether an address of the network may be connected to.
    pub fn permits(&self, address: IpAddr) -> bool {
        is_public(address) || self.allowed.contain(address)
    }

    /// An address as it is kept, when it may be one.
    pub fn check(&self, text: &str) -> Result<Url, UrlError> {
        if text.len() > URL_MAX_BYTES || text.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
            return Err(UrlError::Form);
        }
        let mut url = Url::parse(text).map_err(|_| UrlError::Form)?;
        self.check_parsed(&url)?;
        url.set_fragment(None);
        if url.as_str().len() > URL_MAX_BYTES { Err(UrlError::Form) } else { Ok(url) }
    }

    /// The same of an address that was parsed before.
    pub fn check_parsed(&self, url: &Url) -> Result<(), UrlError> {
        match url.scheme() {
            "https" => {}
            "http" if self.http => {}
            _ => return Err(UrlError::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        if url.port_or_known_default().is_none_or(|port| port < 1024 && port != 80 && port != 443) {
            return Err(UrlError::Port);
        }
        let permitted = match url.host().ok_or(UrlError::Form)? {
            Host::Domain(name) => self.permits_name(name),
            Host::Ipv4(address) => self.permits(address.into()),
            Host::Ipv6(address) => self.permits(address.into()),
        };
        if permitted { Ok(()) } else { Err(UrlError::Private) }
    }

    /// Where private networks may be reached, so may their names be used.
    fn permits_name(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_inner =
            |inner: &str| name.strip_suffix(inner).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        let inner = !name.contains('.') || INNER_NAMES.iter().any(|word| is_inner(word));
        !name.is_empty() && (!inner || !self.allowed.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<String, UrlError> {
        Reach::default().check(text).map(Into::into)
    }

    #[test]
    fn an_address_that_leads_inside_is_refused_in_every_disguise() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "017700000001",
            "0177.0.0.1",
            "127.0.0.1.",
            "１２７.0.0.1",
            "127。0。0。1",
            "%31%32%37.0.0.1",
            "①②⑦.0.0.1",
            "10.0.0.1",
            "0xa.0.0.1",
            "012.0.0.1",
            "169.254.169.254",
            "2852039166",
            "0",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[0:0:0:0:0:ffff:a00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::10.0.0.1]",
            "[2002:a00:1::]",
            "[fe80::1]",
            "[fd00::1]",
            "[ff02::1]",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "ｌocalhost",
            "a.localhost",
            "db",
            "db.",
            "printer.local",
            "metadata.google.internal",
            "router.home.arpa",
            "wiki.corp",
        ] {
            for text in [format!("https://{host}/hook"), format!("https://{host}:8443/hook")] {
                assert_eq!(check(&text), Err(UrlError::Private), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        for (text, error) in [
            ("http://example.com/", UrlError::Scheme),
            ("ftp://example.com/", UrlError::Scheme),
            ("file:///etc/passwd", UrlError::Scheme),
            ("https://user@example.com/", UrlError::Credentials),
            ("https://user:secret@example.com/", UrlError::Credentials),
            ("https://example.com@127.0.0.1/", UrlError::Credentials),
            ("https://example.com:22/", UrlError::Port),
            ("https://example.com:25/", UrlError::Port),
            ("https://", UrlError::Form),
            ("example.com/hook", UrlError::Form),
            ("https://exa mple.com/", UrlError::Form),
            ("https://example.com/\nhost: inside", UrlError::Form),
            ("https://example.com:99999/", UrlError::Form),
            ("https://1.2.3.4.5/", UrlError::Form),
        ] {
            assert_eq!(check(text), Err(error), "{text}");
        }
        assert_eq!(check(&format!("https://example.com/{}", "x".repeat(URL_MAX_BYTES))), Err(UrlError::Form));
    }

    #[test]
    fn a_public_address_is_kept_as_it_will_be_called() {
        for (text, kept) in [
            ("https://example.com", "https://example.com/"),
            ("https://EXAMPLE.com:443/a?b=c#d", "https://example.com/a?b=c"),
            ("https://example.com.:8443/", "https://example.com.:8443/"),
            ("https://例子.中国/hook", "https://xn--fsqu00a.xn--fiqs8s/hook"),
            ("https://1.1.1.1/hook", "https://1.1.1.1/hook"),
            ("https://[2606:4700::1111]/hook", "https://[2606:4700::1111]/hook"),
        ] {
            assert_eq!(check(text).as_deref(), Ok(kept), "{text}");
        }
    }

    #[test]
    fn a_network_that_is_allowed_is_reached_with_its_names_and_no_other_is() {
        let reach = Reach { http: true, allowed: "10.1.0.0/16".parse().expect("a network") };
        for text in ["http://10.1.2.3/", "https://bot.corp:8443/", "https://bot/"] {
            assert!(reach.check(text).is_ok(), "{text}");
        }
        assert_eq!(reach.check("http://10.2.0.1/"), Err(UrlError::Private));
        assert_eq!(reach.check("http://[::ffff:127.0.0.1]/"), Err(UrlError::Private));
    }

    #[test]
    fn a_target_comes_back_from_its_address_and_prints_nothing() {
        let mut target = Target {
            preset: Preset::Standard,
            url: "https://hooks.example.com/in/0123456789abcdef".to_owned(),
            secret: Some(Secret::of(&[7; SECRET_BYTES])),
            previous: None,
        };
        let now = Timestamp::from_millis(1_000);
        target.rotate(Secret::of(&[8; SECRET_BYTES]), Timestamp::from_millis(2_000));
        let address = target.address().expect("an address");
        assert_eq!(Target::read(address.expose()), Some(target.clone()));
        let printed = format!("{target:?} {:?} {address:?}", target.previous);
        for secret in ["hooks", "0123", &STANDARD.encode([7; SECRET_BYTES]), &STANDARD.encode([8; SECRET_BYTES])] {
            assert!(!printed.contains(secret), "{printed}");
        }
        assert_eq!(target.secrets(now).count(), 2);
        assert_eq!(target.secrets(Timestamp::from_millis(2_000)).count(), 1);
        assert_eq!(target.secrets(now).next().map(Secret::bytes), Some(vec![8; SECRET_BYTES]));
        assert_eq!(target.shown(), "https://hooks.example.com/…cdef");
        assert_eq!(Target::host(address.expose()), "hooks.example.com");
    }
}
