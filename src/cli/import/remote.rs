//! Through a server's door: what is read goes out while its answer comes in.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use reqwest::{Body, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::Options;
use super::heard::Listening;
use super::source::Source;
use crate::app::StartError;
use crate::http::notice::import::NDJSON;
use crate::services::import::Unit;
use crate::services::import::cut::{Cutter, Piece};
use crate::services::import::map::Map;

/// How long the server may say nothing: it tells of every few hundred lines.
const PATIENCE: Duration = Duration::from_secs(120);

/// Sends all of it and listens to the end.
pub async fn run(
    server: &str,
    key: &SecretString,
    options: &Options,
    (source, map): (Source, Option<Map>),
    listening: &mut Listening,
) -> Result<(), StartError> {
    let mut query = vec![
        ("announce", options.announce.as_str()),
        ("existing", options.existing.as_str()),
        ("form", options.form.as_str()),
        ("dry_run", if options.dry_run { "true" } else { "false" }),
    ];
    let given = options.given();
    let fields = [given.source, given.category, given.region, given.notice_type];
    for (name, value) in ["source", "category", "region", "notice_type"].into_iter().zip(&fields) {
        query.extend(value.as_deref().map(|value| (name, value)));
    }
    query.extend(listening.resume().map(|resume| ("resume", resume)));
    let client = reqwest::Client::builder().read_timeout(PATIENCE).build()?;
    let call = client.post(format!("{}/v1/notices/import", server.trim_end_matches('/'))).query(&query);
    let unread = |refusal| std::io::Error::other(format!("{refusal:?}"));
    let body = match map {
        Some(map) => Body::wrap_stream(source.mapped(map, listening.aside.clone()).map_err(unread)),
        None => Body::wrap_stream(source.stream().map_err(unread)),
    };
    let call = call.bearer_auth(key.expose_secret()).header("content-type", NDJSON).header("accept-language", "zh-CN");
    let mut answer = call.body(body).send().await?;
    if answer.status() != StatusCode::OK {
        let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
        return Err(format!("{server} 拒绝了导入 refused the import: {status} {text}").into());
    }
    let mut cutter = Cutter::into(Unit::Line);
    while let Some(part) = answer.chunk().await? {
        hear(listening, cutter.feed(&part))?;
    }
    hear(listening, cutter.finish().into_iter().collect())
}

fn hear(listening: &mut Listening, lines: Vec<Piece>) -> Result<(), StartError> {
    for line in lines.iter().filter_map(|line| line.text.as_deref()).filter(|line| !line.is_empty()) {
        listening.hear(serde_json::from_slice::<Value>(line)?)?;
    }
    Ok(())
}
