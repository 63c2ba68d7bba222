//! Mail, by SMTP.

use std::time::Duration;

use async_trait::async_trait;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use secrecy::{ExposeSecret as _, SecretString};

use super::{CodeSender, Letter, SendError};
use crate::domain::identity::Address;

/// How long one command of the conversation may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where mail goes.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `smtp://` (with `?tls=required` for STARTTLS) or `smtps://`, with user and password.
    pub url: SecretString,
    /// The sender.
    pub from: String,
}

/// Sends mail.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// Whether these settings can be read at all.
    pub fn check(settings: &Settings) -> Result<(), SendError> {
        Self::parts(settings).map(|_| ())
    }

    /// A sender with these settings; connects when it sends.
    pub fn new(settings: &Settings) -> Result<Self, SendError> {
        let (builder, from) = Self::parts(settings)?;
        Ok(Self { transport: builder.timeout(Some(TIMEOUT)).build(), from })
    }

    fn parts(settings: &Settings) -> Result<(AsyncSmtpTransportBuilder, Mailbox), SendError> {
        let from = settings.from.parse().map_err(|_| SendError("the sender is no mailbox".to_owned()))?;
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(settings.url.expose_secret())
            .map_err(|_| SendError("the address of the mail server is not valid".to_owned()))?;
        Ok((builder, from))
    }
}

#[async_trait]
impl CodeSender for Smtp {
    async fn send(&self, to: &Address, letter: &Letter) -> Result<(), SendError> {
        let (subject, text) = letter.words();
        let to: Mailbox = to.as_str().parse().map_err(|_| SendError("the address is no mailbox".to_owned()))?;
        let mail = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(|_| SendError("the mail could not be written".to_owned()))?;
        self.transport.send(mail).await.map(|_| ()).map_err(|error| SendError(describe(&error)))
    }
}

/// The server's own words may repeat the address, so only its code is told.
fn describe(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("the mail server answered {code}"),
        None if error.is_timeout() => "the mail server did not answer in time".to_owned(),
        None if error.is_tls() => "no TLS with the mail server".to_owned(),
        None => "no connection to the mail server".to_owned(),
    }
}
