//! Accounts: their tokens, and how codes reach people.

use secrecy::SecretString;

use crate::config::env::Env;
use crate::providers::code_sender::{self, sms, smtp};

/// What accounts are told.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// Who issues access tokens (`iss`): all copies of one installation, and no other, say the same.
    pub issuer: String,
    /// How codes reach people.
    pub codes: code_sender::Settings,
}

/// Reads the variables of accounts.
pub fn read(env: &mut Env) -> Accounts {
    Accounts {
        issuer: env.parsed("YIZHAN_TOKEN_ISSUER", "yizhan"),
        codes: code_sender::Settings { smtp: mail(env), sms: text_messages(env) },
    }
}

fn mail(env: &mut Env) -> Option<smtp::Settings> {
    let url = env.secret("YIZHAN_SMTP_URL");
    let from = env.secret("YIZHAN_SMTP_FROM");
    match (url, from) {
        (None, None) => None,
        (Some(url), Some(from)) => {
            let settings = smtp::Settings { url: SecretString::from(url), from };
            if let Err(error) = smtp::Smtp::check(&settings) {
                env.refuse("YIZHAN_SMTP_URL", &error.to_string());
            }
            Some(settings)
        }
        (Some(_), None) => {
            env.refuse("YIZHAN_SMTP_FROM", "is needed when YIZHAN_SMTP_URL is set");
            None
        }
        (None, Some(_)) => {
            env.refuse("YIZHAN_SMTP_URL", "is needed when YIZHAN_SMTP_FROM is set");
            None
        }
    }
}

fn text_messages(env: &mut Env) -> Option<sms::Settings> {
    let url = env.secret("YIZHAN_SMS_URL").map(SecretString::from);
    let post = env.choice("YIZHAN_SMS_METHOD", "POST", &[("POST", true), ("GET", false)]);
    let form = env.choice(
        "YIZHAN_SMS_CONTENT_TYPE",
        "application/json",
        &[("application/json", sms::Form::Json), ("application/x-www-form-urlencoded", sms::Form::Urlencoded)],
    );
    let body = env.secret("YIZHAN_SMS_BODY").map(SecretString::from);
    let known_body = env.secret("YIZHAN_SMS_KNOWN_BODY").map(SecretString::from);
    let authorization = env.secret("YIZHAN_SMS_AUTHORIZATION").map(SecretString::from);
    let accepted = env.secret("YIZHAN_SMS_ACCEPTED");
    let url = url?;
    if post && body.is_none() {
        env.refuse("YIZHAN_SMS_BODY", "is needed when YIZHAN_SMS_URL is set and YIZHAN_SMS_METHOD is POST");
    }
    Some(sms::Settings { url, post, body: body.unwrap_or_default(), known_body, form, authorization, accepted })
}
