//! Publishers and keys as admins see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::id::{PublisherId, PublisherKeyId};
use crate::domain::page::Page;
use crate::domain::publisher::Scope;
use crate::domain::time::Timestamp;
use crate::http::extract::body::Rules;
use crate::http::extract::words::CatalogueCode;
use crate::services::Deps;
use crate::services::publisher::{self, KeyInfo, NewKey, Publisher};
use crate::services::refusal::{Violation, violations};

/// A publisher to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublisherBody {
    /// Its name, unique.
    #[schema(min_length = 1, max_length = 100, example = "长沙公共资源交易中心")]
    pub name: String,
}

impl Rules for PublisherBody {
    fn broken(&self, _: &Deps) -> Vec<Violation> {
        violations(publisher::check_name(&self.name))
    }
}

/// A key to be made. An empty or missing list is no limit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublisherKeyBody {
    /// What it is for.
    #[schema(min_length = 1, max_length = 100, example = "交易系统")]
    pub name: String,
    /// The sources that it may publish from.
    #[serde(default)]
    #[schema(max_items = 100, value_type = Vec<SourceCode>)]
    pub sources: Vec<String>,
    /// The categories that it may publish in, each with everything below it.
    #[serde(default)]
    #[schema(max_items = 100, value_type = Vec<CatalogueCode>)]
    pub categories: Vec<String>,
    /// The regions that it may publish for, each with everything below it.
    #[serde(default)]
    #[schema(max_items = 500, value_type = Vec<CatalogueCode>)]
    pub regions: Vec<String>,
}

/// The name of a system that notices come from.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 64, pattern = "^[a-zA-Z0-9._-]+$", example = "hnsggzy")]
#[expect(dead_code, reason = "stands in the document only")]
pub struct SourceCode(String);

impl PublisherKeyBody {
    /// How far the key shall reach.
    pub fn scope(&self) -> Scope {
        Scope { sources: self.sources.clone(), categories: self.categories.clone(), regions: self.regions.clone() }
    }
}

impl Rules for PublisherKeyBody {
    fn broken(&self, deps: &Deps) -> Vec<Violation> {
        violations(publisher::check_key(deps, &self.name, &self.scope()))
    }
}

/// A publisher.
#[derive(Serialize, ToSchema)]
pub struct PublisherView {
    /// Its id.
    id: PublisherId,
    /// Its name.
    name: String,
    /// Since when it is known.
    created_at: Timestamp,
    /// Since when it may publish no more.
    ended_at: Option<Timestamp>,
}

impl PublisherView {
    /// A publisher.
    pub fn of(publisher: Publisher) -> Self {
        let Publisher { id, name, created_at, ended_at } = publisher;
        Self { id, name, created_at, ended_at }
    }
}

/// Some publishers.
#[derive(Serialize, ToSchema)]
pub struct PublishersView {
    /// In the order of their making.
    items: Vec<PublisherView>,
    /// Where to go on; nothing at the end.
    next_cursor: Option<String>,
}

impl PublishersView {
    /// A page.
    pub fn of(page: Page<Publisher>) -> Self {
        let next_cursor = page.next.as_ref().map(ToString::to_string);
        Self { items: page.items.into_iter().map(PublisherView::of).collect(), next_cursor }
    }
}

/// A key, without what opens.
#[derive(Serialize, ToSchema)]
pub struct PublisherKeyView {
    /// Its id.
    id: PublisherKeyId,
    /// What it is for.
    name: String,
    /// The last characters of the secret, to tell keys apart.
    secret_hint: String,
    /// The sources that it reaches; empty: all.
    sources: Vec<String>,
    /// The categories that it reaches; empty: all.
    categories: Vec<String>,
    /// The regions that it reaches; empty: all.
    regions: Vec<String>,
    /// Since when it exists.
    created_at: Timestamp,
    /// When it was last used, to about a minute.
    last_used_at: Option<Timestamp>,
    /// Since when it opens nothing.
    ended_at: Option<Timestamp>,
}

impl PublisherKeyView {
    /// A key.
    pub fn of(info: KeyInfo) -> Self {
        let KeyInfo { row, scope: Scope { sources, categories, regions } } = info;
        Self {
            id: row.id,
            name: row.name,
            secret_hint: row.secret_hint,
            sources,
            categories,
            regions,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            ended_at: row.ended_at,
        }
    }
}

/// Some keys.
#[derive(Serialize, ToSchema)]
pub struct PublisherKeysView {
    /// In the order of their making.
    items: Vec<PublisherKeyView>,
    /// Where to go on; nothing at the end.
    next_cursor: Option<String>,
}

impl PublisherKeysView {
    /// A page.
    pub fn of(page: Page<KeyInfo>) -> Self {
        let next_cursor = page.next.as_ref().map(ToString::to_string);
        Self { items: page.items.into_iter().map(PublisherKeyView::of).collect(), next_cursor }
    }
}

/// A key that was just made. `secret` is shown this once.
#[derive(Serialize, ToSchema)]
pub struct NewPublisherKeyView {
    /// What opens; keep it safe, it is not shown again.
    #[schema(example = "yzk_…")]
    secret: String,
    /// What it is.
    key: PublisherKeyView,
}

impl NewPublisherKeyView {
    /// A new key.
    pub fn of(new: NewKey) -> Self {
        Self { secret: new.secret, key: PublisherKeyView::of(new.info) }
    }
}
