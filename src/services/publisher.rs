//! Publishers and their keys.
//!
//! Promise: an ended key or publisher opens nothing any more, in this copy at once, in the others within [`KNOWN_FOR`].

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use rand::RngCore as _;
use sha2::{Digest as _, Sha256};

use crate::domain::id::{PublisherId, PublisherKeyId};
use crate::domain::page::{Cursor, Page};
use crate::domain::publisher::Scope;
use crate::services::idempotency::{Call, once, once_secret};
use crate::services::name;
use crate::services::refusal::{Error, OnConflict as _, Refusal, Result, Violation};
use crate::services::{CanFail as _, Deps};
use crate::storage::publisher;
pub use crate::storage::publisher::Publisher;

/// How long a copy goes by what it read of a key.
pub const KNOWN_FOR: Duration = Duration::from_secs(5);
/// `last_used_at` is written at most so often.
const NOTED_EVERY: Duration = Duration::from_secs(60);
/// Keys, and guesses at keys, that a copy remembers.
const KNOWN_KEYS: u64 = 10_000;
/// What a key begins with, so that it is recognised where it does not belong.
pub const PREFIX: &str = "yzk_";
const SECRET_BYTES: usize = 32;
const HINT_CHARS: usize = 4;
const PUBLISHERS: &str = "publishers";
const KEYS: &str = "publisher_keys";

/// Who publishes: a key that opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The publisher.
    pub publisher: PublisherId,
    /// By which key.
    pub key: PublisherKeyId,
    /// How far it reaches.
    pub scope: Scope,
}

/// A key as its publisher sees it.
#[derive(Debug, Clone)]
pub struct KeyInfo {
    /// As it is stored.
    pub row: publisher::Key,
    /// How far it reaches.
    pub scope: Scope,
}

/// A key that was just made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What it is.
    pub info: KeyInfo,
    /// What opens; shown once.
    pub secret: String,
}

/// What this copy knows about keys.
#[derive(Debug, Clone)]
pub struct Keys(Cache<[u8; 32], Option<Arc<Caller>>>);

impl Default for Keys {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(KNOWN_KEYS).time_to_live(KNOWN_FOR).build())
    }
}

/// Makes a publisher.
pub async fn create(deps: &Deps, call: &Call, name: &str) -> Result<PublisherId> {
    check_name(name)?;
    let created_at = deps.clock.now();
    once(deps, call, async |tx| {
        let new = Publisher { id: PublisherId::new(), name: name.trim().to_owned(), created_at, ended_at: None };
        publisher::insert(&**tx, &new).await.on_conflict(PUBLISHERS, || Refusal::NameTaken.into())?;
        Ok(new.id)
    })
    .await
}

/// A publisher.
pub async fn get(deps: &Deps, id: PublisherId) -> Result<Publisher> {
    publisher::find(deps.db.reader(), id).await?.ok_or_else(|| Refusal::NotFound.into())
}

/// The publisher with this name.
pub async fn find_by_name(deps: &Deps, name: &str) -> Result<Option<Publisher>> {
    Ok(publisher::find_by_name(deps.db.reader(), name).await?)
}

/// Publishers in the order of their making.
pub async fn list(deps: &Deps, cursor: Option<&Cursor>, limit: u16) -> Result<Page<Publisher>> {
    let after = cursor.map(|cursor| after(cursor, PUBLISHERS)).transpose()?;
    let found = publisher::list(deps.db.reader(), after, i64::from(limit) + 1).await?;
    Ok(Page::cut(found, limit, |publisher| Cursor::new(PUBLISHERS, [publisher.id])))
}

/// Ends a publisher and all its keys. What it published stays.
pub async fn end(deps: &Deps, id: PublisherId) -> Result<()> {
    let now = deps.clock.now();
    let ended = deps.db.write(async |tx| publisher::end(&**tx, id, now).await.map_err(Error::from)).await?;
    deps.publisher_keys.0.invalidate_all();
    if ended { Ok(()) } else { Err(Refusal::NotFound.into()) }
}

/// Makes a key for a publisher.
pub async fn create_key(deps: &Deps, call: &Call, owner: PublisherId, name: &str, scope: &Scope) -> Result<NewKey> {
    check_key(deps, name, scope)?;
    let mut bytes = [0_u8; SECRET_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    let secret: String = bytes.iter().fold(PREFIX.to_owned(), |text, byte| text + &format!("{byte:02x}"));
    let now = deps.clock.now();
    let id = |key: &NewKey| key.info.row.id.to_string();
    once_secret(deps, call, id, async |tx| {
        let publisher = publisher::find(&**tx, owner).await?.filter(|publisher| publisher.ended_at.is_none());
        let publisher = publisher.ok_or(Refusal::NotFound)?;
        let row = publisher::Key {
            id: PublisherKeyId::new(),
            publisher_id: publisher.id,
            name: name.trim().to_owned(),
            secret_hint: secret.chars().skip(secret.len().saturating_sub(HINT_CHARS)).collect(),
            sources: list_text(&scope.sources),
            categories: list_text(&scope.categories),
            regions: list_text(&scope.regions),
            created_at: now,
            last_used_at: None,
            ended_at: None,
        };
        publisher::insert_key(&**tx, &row, &hash(&secret)).await?;
        Ok(NewKey { info: KeyInfo { row, scope: scope.clone() }, secret: secret.clone() })
    })
    .await
}

/// A publisher's keys in the order of their making, ended ones too.
pub async fn keys(deps: &Deps, owner: PublisherId, cursor: Option<&Cursor>, limit: u16) -> Result<Page<KeyInfo>> {
    get(deps, owner).await?;
    let after = cursor.map(|cursor| after(cursor, KEYS)).transpose()?;
    let found = publisher::keys(deps.db.reader(), owner, after, i64::from(limit) + 1).await?;
    let page = Page::cut(found, limit, |key| Cursor::new(KEYS, [key.id]));
    let items = page.items.into_iter().map(|row| Ok(KeyInfo { scope: scope(&row)?, row })).collect::<Result<_>>()?;
    Ok(Page { items, next: page.next })
}

/// Ends a key.
pub async fn end_key(deps: &Deps, owner: PublisherId, key: PublisherKeyId) -> Result<()> {
    let now = deps.clock.now();
    let ended = deps.db.write(async |tx| publisher::end_key(&**tx, owner, key, now).await.map_err(Error::from)).await?;
    deps.publisher_keys.0.invalidate_all();
    if ended { Ok(()) } else { Err(Refusal::NotFound.into()) }
}

/// Who calls with this secret.
pub async fn caller(deps: &Deps, secret: &str) -> Result<Arc<Caller>> {
    let digits = secret.strip_prefix(PREFIX).unwrap_or_default();
    if digits.len() != SECRET_BYTES * 2 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Refusal::Unauthenticated.into());
    }
    let hash = hash(secret);
    if let Some(known) = deps.publisher_keys.0.get(&hash).await {
        return known.ok_or_else(|| Refusal::Unauthenticated.into());
    }
    let found = publisher::find_key(deps.db.reader(), &hash).await?;
    let caller = found
        .as_ref()
        .map(|key| scope(key).map(|scope| Arc::new(Caller { publisher: key.publisher_id, key: key.id, scope })));
    let caller = caller.transpose()?;
    deps.publisher_keys.0.insert(hash, caller.clone()).await;
    if let Some(key) = found {
        note_use(deps, &key);
    }
    caller.ok_or_else(|| Refusal::Unauthenticated.into())
}

/// Who is meant by a key that was used before, as far as it reaches now; refused when it has ended.
pub async fn by_key(deps: &Deps, id: PublisherKeyId) -> Result<Caller> {
    let key = publisher::find_key_by_id(deps.db.reader(), id).await?.ok_or(Refusal::Unauthenticated)?;
    Ok(Caller { publisher: key.publisher_id, key: key.id, scope: scope(&key)? })
}

/// Off the caller's path, and only when the last note is old.
fn note_use(deps: &Deps, key: &publisher::Key) {
    let now = deps.clock.now();
    if key.last_used_at.is_some_and(|last| last + NOTED_EVERY > now) {
        return;
    }
    let (deps, id) = (deps.clone(), key.id);
    tokio::spawn(async move {
        let noted = deps.db.write(async |tx| publisher::used(&**tx, id, now).await).await;
        noted.can_fail("when a key was last used is for people's eyes only");
    });
}

/// What a publisher's name must look like beyond its schema.
pub fn check_name(name: &str) -> Result<()> {
    Error::unless_empty(name::check("/name", name).into_iter().collect())
}

/// Refuses when fields lie beyond the reach of the key. `pointer` is where in the body the draft stands.
pub fn unless_within(mut beyond: impl Iterator<Item = &'static str>, pointer: &str) -> Result<()> {
    let place = |field: &str| {
        let (zh, en) = ("超出密钥的授权范围", format!("the key does not reach this {field}"));
        Violation::body(format!("{pointer}/{field}"), "out_of_scope", zh, en)
    };
    let Some(first) = beyond.next() else { return Ok(()) };
    let refused = Error::from(Refusal::OutOfScope).at(place(first));
    Err(beyond.fold(refused, |error, field| error.at(place(field))))
}

/// What a key's name must look like, and whether everything that its scope names exists.
pub fn check_key(deps: &Deps, name: &str, scope: &Scope) -> Result<()> {
    let catalogue = deps.catalogue();
    let unknown =
        |part: &str, (zh, en): (&str, &str), codes: &[String], known: &dyn Fn(&str) -> bool| -> Vec<Violation> {
            let places = codes.iter().enumerate().filter(|(_, code)| !known(code));
            places
                .map(|(place, code)| {
                    let (zh, en) = (format!("没有{zh} {code}"), format!("there is no {en} {code}"));
                    Violation::body(format!("/{part}/{place}"), "unknown_code", zh, en)
                })
                .collect()
        };
    let mut violations =
        unknown("categories", ("分类", "category"), &scope.categories, &|code| catalogue.category(code).is_some());
    violations.extend(unknown("regions", ("行政区划", "region"), &scope.regions, &|code| {
        catalogue.region(code).is_some()
    }));
    violations.extend(name::check("/name", name));
    Error::unless_empty(violations)
}

fn scope(key: &publisher::Key) -> Result<Scope> {
    let list = |text: &str| {
        serde_json::from_str(text).map_err(|error| Error::broken(format!("the scope of {}: {error}", key.id)))
    };
    Ok(Scope { sources: list(&key.sources)?, categories: list(&key.categories)?, regions: list(&key.regions)? })
}

fn list_text(codes: &[String]) -> String {
    serde_json::Value::from(codes).to_string()
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// The id at which a list goes on.
fn after<T: std::str::FromStr>(cursor: &Cursor, list: &str) -> Result<T> {
    let id = cursor.parts::<1>(list).ok().and_then(|[id]| id.parse().ok());
    id.ok_or_else(|| {
        Error::invalid(vec![Violation::query("cursor", "cursor", "不是本列表的游标", "not a cursor of this list")])
    })
}
