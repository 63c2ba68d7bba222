//! What a webhook must look like beyond its schema.

use super::{Change, Registration};
use crate::domain::webhook::{Preset, SECRET_MAX_BYTES};
use crate::services::refusal::{Error, Result, Violation};
use crate::services::{Deps, name};

/// What a registration must look like beyond its schema.
pub fn check(deps: &Deps, asked: &Registration) -> Result<()> {
    let found = [
        name::check("/label", &asked.label),
        check_url(deps, &asked.url),
        asked.secret.as_deref().and_then(check_secret),
        secret_of_preset(asked.preset, asked.secret.is_some()),
    ];
    Error::unless_empty(found.into_iter().flatten().collect())
}

/// What a change must look like beyond its schema.
pub fn check_change(deps: &Deps, change: &Change) -> Result<()> {
    let found = [
        change.label.as_deref().and_then(|label| name::check("/label", label)),
        change.url.as_deref().and_then(|url| check_url(deps, url)),
        change.secret.as_deref().and_then(check_secret),
    ];
    Error::unless_empty(found.into_iter().flatten().collect())
}

fn check_url(deps: &Deps, url: &str) -> Option<Violation> {
    let error = deps.webhooks.reach.check(url).err()?;
    Some(Violation::body("/url", error.rule(), error.zh(), error.to_string()))
}

fn check_secret(secret: &str) -> Option<Violation> {
    let wrong = secret.trim().is_empty() || secret.len() > SECRET_MAX_BYTES || secret.chars().any(char::is_control);
    let (zh, en) = ("不是机器人设置页显示的密钥", "not a secret as a bot's settings show it");
    wrong.then(|| Violation::body("/secret", "secret", zh, en))
}

/// Only the bots of DingTalk and Feishu have a secret that their user knows.
pub(super) fn secret_of_preset(preset: Preset, given: bool) -> Option<Violation> {
    let wrong = given && !matches!(preset, Preset::Dingtalk | Preset::Feishu);
    let (zh, en) = ("只有钉钉与飞书机器人需要给出密钥", "only bots of DingTalk and Feishu bring a secret");
    wrong.then(|| Violation::body("/secret", "not_of_preset", zh, en))
}
