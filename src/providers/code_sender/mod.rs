//! How a code reaches a person: by mail, by text message, or into the sandbox.
//!
//! Promise: what is sent is bounded in time, and nothing of it (address, code, credentials) stands in an error. Not
//! promised: that it arrives; people ask for another code when it does not.

pub mod sandbox;
pub mod sms;
pub mod smtp;

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::identity::{Address, IdentityKind, Purpose};

/// What is told to a person.
#[derive(Debug, Clone)]
pub enum Letter {
    /// A code.
    Code {
        /// What it is for.
        purpose: Purpose,
        /// Six digits.
        code: SecretString,
    },
    /// Somebody, probably the same person, tried to open an account with an address that has one.
    HasAccount,
}

impl Letter {
    /// A subject and a text, Chinese first.
    pub fn words(&self) -> (&'static str, String) {
        match self {
            Self::Code { purpose, code } => {
                let code = code.expose_secret();
                let (subject, zh, en) = match purpose {
                    Purpose::Register => ("驿站注册验证码 Your Yizhan code", "注册", "open your account"),
                    Purpose::ResetPassword => ("驿站重置密码验证码 Your Yizhan code", "重置密码", "set a new password"),
                };
                let text = format!(
                    "您的{zh}验证码是 {code}，十分钟内有效。如非本人操作，请忽略。\n\n\
                     Your code to {en} is {code}. It is valid for ten minutes. If you did not ask for it, do nothing.\n"
                );
                (subject, text)
            }
            Self::HasAccount => (
                "您已有驿站账号 You have a Yizhan account",
                "您已有账号，请直接登录；忘记密码可重置。如非本人操作，请忽略。\n\n\
                 You have an account already: sign in, or reset your password. If this was not you, do nothing.\n"
                    .to_owned(),
            ),
        }
    }
}

/// Why something was not sent; holds no address, code or credential.
#[derive(Debug, thiserror::Error)]
#[error("not sent: {0}")]
pub struct SendError(pub String);

/// Sends to addresses of one kind.
#[async_trait]
pub trait CodeSender: Send + Sync {
    /// Sends one letter.
    async fn send(&self, to: &Address, letter: &Letter) -> Result<(), SendError>;
}

/// How people are reached; a kind of address without settings is switched off.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Mail.
    pub smtp: Option<smtp::Settings>,
    /// Text messages.
    pub sms: Option<sms::Settings>,
}

/// The senders that are configured.
#[derive(Clone, Default)]
pub struct CodeSenders {
    phone: Option<Arc<dyn CodeSender>>,
    email: Option<Arc<dyn CodeSender>>,
}

impl CodeSenders {
    /// The senders that the settings configure; the sandbox, when there is one, stands in for the others.
    pub fn new(settings: &Settings, sandbox: Option<sandbox::Show>) -> Result<Self, SendError> {
        let stand_in = sandbox.map(|show| -> Arc<dyn CodeSender> { Arc::new(sandbox::Sandbox::new(show)) });
        let phone: Option<Arc<dyn CodeSender>> = match &settings.sms {
            Some(settings) => Some(Arc::new(sms::Sms::new(settings)?)),
            None => stand_in.clone(),
        };
        let email: Option<Arc<dyn CodeSender>> = match &settings.smtp {
            Some(settings) => Some(Arc::new(smtp::Smtp::new(settings)?)),
            None => stand_in,
        };
        Ok(Self { phone, email })
    }

    /// The sender for a kind of address, when that kind is switched on.
    pub fn get(&self, kind: IdentityKind) -> Option<Arc<dyn CodeSender>> {
        match kind {
            IdentityKind::Phone => self.phone.clone(),
            IdentityKind::Email => self.email.clone(),
        }
    }

    /// The kinds that are switched on.
    pub fn kinds(&self) -> Vec<IdentityKind> {
        IdentityKind::ALL.iter().copied().filter(|kind| self.get(*kind).is_some()).collect()
    }
}
