//! The channels that an endpoint can have, and what a repeat on one of them means.
//!
//! Promise: a channel's name is the same in the database, the API, the metrics and the logs, and never changes its
//! meaning. Not promised: that a named channel is configured, or that this binary has a provider for it; that is
//! `providers::Registry`'s to say.

use super::words::words;

words! {
    /// The way that a message takes to an endpoint.
    Channel {
        /// This product's own stand-in for providers.
        Sandbox = "sandbox",
        /// Apple.
        Apns = "apns",
        /// Google, Firebase Cloud Messaging HTTP v1.
        Fcm = "fcm",
        /// Huawei.
        Hms = "hms",
        /// Honor.
        Honor = "honor",
        /// Xiaomi Mi Push.
        Xiaomi = "xiaomi",
        /// OPPO, OnePlus, realme.
        Oppo = "oppo",
        /// vivo.
        Vivo = "vivo",
        /// Meizu (Flyme).
        Meizu = "meizu",
        /// JPush (极光), an aggregator.
        Jpush = "jpush",
        /// Getui (个推), an aggregator.
        Getui = "getui",
        /// UMeng (友盟), an aggregator.
        Umeng = "umeng",
        /// Browsers, RFC 8030.
        Webpush = "webpush",
        /// WeChat official account (公众号).
        WechatOa = "wechat_oa",
        /// WeChat mini program (小程序).
        WechatMini = "wechat_mini",
        /// A user's own server.
        Webhook = "webhook",
    }
}

words! {
    /// What the repeat of a message is to whoever receives it, on one channel.
    Repeat {
        /// The provider deduplicates by the idempotency key: repeat freely.
        Safe = "safe",
        /// The receiver sees it twice: repeat rather than lose.
        Visible = "visible",
        /// Never repeat: an intent is committed before sending, and after a crash the outcome is unknown.
        Forbidden = "forbidden",
    }
}

impl Channel {
    /// Whether a device registers its own token on this channel. The others come from elsewhere: a follower of an
    /// official account, a user of a mini program, an address that a user gives.
    pub const fn is_of_devices(self) -> bool {
        !matches!(self, Self::WechatOa | Self::WechatMini | Self::Webhook)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_comes_back_from_its_name() {
        for &channel in Channel::ALL {
            assert_eq!(channel.as_str().parse(), Ok(channel));
            assert_eq!(serde_json::to_string(&channel).unwrap(), format!("\"{channel}\""));
        }
        assert!("SANDBOX".parse::<Channel>().is_err());
    }
}
