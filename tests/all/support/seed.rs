//! Rows that no caller can make on the way that a test is about: notices with chosen facts, items in inboxes.

use sea_orm::Value;
use yizhan::domain::id::{NoticeId, PublisherId, UserId};
use yizhan::domain::notice::Content;
use yizhan::domain::subscription::{Facts, MATCHER};
use yizhan::domain::time::Timestamp;
use yizhan::storage::notice::bulk;
use yizhan::storage::search::{self, Document};
use yizhan::storage::{DbResult, Tx, execute, order};

use super::app::TestApp;

/// A notice to be laid down: its first revision.
#[derive(Debug, Clone)]
pub struct Seed {
    /// Its title.
    pub title: String,
    /// What filters are held against.
    pub facts: Facts,
    /// The notice that it amends.
    pub amends: Option<NoticeId>,
}

impl Seed {
    /// A tender of municipal works in Ningxiang whose text is its title.
    pub fn titled(title: &str) -> Self {
        let facts = Facts {
            category_path: "/construction/construction.a02/".to_owned(),
            region_path: "/430000/430100/430182/430124/".to_owned(),
            notice_type: "C-TENDER".to_owned(),
            stage: "tender".to_owned(),
            folded: yizhan::domain::fold::fold(title),
            ..Facts::default()
        };
        Self { title: title.to_owned(), facts, amends: None }
    }

    fn content(&self) -> Content {
        let last = |path: &str| path.trim_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
        Content {
            title: self.title.clone(),
            category: last(&self.facts.category_path),
            region: last(&self.facts.region_path),
            region_fallback: None,
            notice_type: self.facts.notice_type.clone(),
            project: None,
            sections: Vec::new(),
            purchaser: None,
            agency: None,
            winners: Vec::new(),
            amounts: Vec::new(),
            deadlines: Vec::new(),
            attachments: Vec::new(),
            source_url: None,
        }
    }
}

impl TestApp {
    /// Lays a notice down, with its position in the order of commits.
    pub async fn seed_notice(&self, seed: &Seed) -> NoticeId {
        let seed = seed.clone();
        self.inside(async move |deps| {
            let now = deps.clock.now();
            deps.db.write(async |tx| notice(tx, &seed, now).await).await
        })
        .await
        .expect("a seeded notice")
    }

    /// Lays a second or later revision of a notice down.
    pub async fn seed_revision(&self, of: NoticeId, number: i64, seed: &Seed, changes: serde_json::Value) {
        let seed = seed.clone();
        self.inside(async move |deps| {
            let now = deps.clock.now();
            deps.db
                .write(async |tx| {
                    let position = order::take_position(tx).await?;
                    revision(tx, of, number, "revision", &seed, position, &changes, now).await?;
                    let text = "UPDATE notices SET revision = $2, position = $3, title = $4 WHERE id = $1";
                    let values = [of.into(), number.into(), position.into(), seed.title.as_str().into()];
                    execute(&**tx, text, values).await?;
                    index(tx, of, &seed).await
                })
                .await
        })
        .await
        .expect("a seeded revision");
    }

    /// Puts a notice into an inbox, as a fan-out does.
    pub async fn seed_item(&self, user: UserId, notice: NoticeId, revision: i64) {
        self.inside(async move |deps| {
            let now = deps.clock.now();
            deps.db.write(async |tx| item(tx, user, notice, revision, now).await).await
        })
        .await
        .expect("a seeded item");
    }
}

/// Puts a notice into an inbox in a transaction at hand.
pub async fn item(tx: &Tx, user: UserId, notice: NoticeId, revision: i64, now: Timestamp) -> DbResult<u64> {
    let stamp = order::stamp(tx).await?;
    let text = "INSERT INTO inbox_items (user_id, notice_id, revision, stamp, created_at, updated_at) \
                VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (user_id, notice_id) DO UPDATE SET \
                revision = excluded.revision, stamp = excluded.stamp, updated_at = excluded.updated_at, \
                read_at = NULL, archived_at = NULL, removed_at = NULL";
    execute(&**tx, text, [user.into(), notice.into(), revision.into(), stamp.into(), now.into()]).await
}

async fn notice(tx: &Tx, seed: &Seed, now: Timestamp) -> DbResult<NoticeId> {
    let (id, publisher) = (NoticeId::new(), PublisherId::new());
    let name = format!("种子 {publisher}");
    let text = "INSERT INTO publishers (id, name, created_at) VALUES ($1, $2, $3)";
    execute(&**tx, text, [publisher.into(), name.into(), now.into()]).await?;
    let position = order::take_position(tx).await?;
    execute(
        &**tx,
        "INSERT INTO notices (id, publisher_id, source, source_id, revision, position, state, title, category_path, \
           region_path, notice_type, project_key, amount_fen, amends, content_hash, published_at, received_at, \
           updated_at) \
         VALUES ($1, $2, 'seed', $3, 1, $4, 'published', $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $13)",
        [
            id.into(),
            publisher.into(),
            id.to_string().into(),
            position.into(),
            seed.title.as_str().into(),
            seed.facts.category_path.as_str().into(),
            seed.facts.region_path.as_str().into(),
            seed.facts.notice_type.as_str().into(),
            seed.facts.project_key.clone().into(),
            seed.facts.amount_fen.into(),
            seed.amends.into(),
            id.as_uuid().as_bytes().to_vec().into(),
            now.into(),
        ],
    )
    .await?;
    revision(tx, id, 1, "notice", seed, position, &serde_json::json!([]), now).await?;
    index(tx, id, seed).await?;
    Ok(id)
}

/// Indexes a notice as it stands, as publishing does.
async fn index(tx: &Tx, id: NoticeId, seed: &Seed) -> DbResult<()> {
    let row = bulk::by_ids(&**tx, &[id]).await?.pop().expect("the notice");
    search::index(tx, &Document::of(&row, &seed.facts.stage, &seed.content(), &seed.facts.folded)).await
}

#[expect(clippy::too_many_arguments, reason = "a row has so many columns")]
async fn revision(
    tx: &Tx,
    of: NoticeId,
    number: i64,
    kind: &str,
    seed: &Seed,
    position: i64,
    changes: &serde_json::Value,
    now: Timestamp,
) -> DbResult<u64> {
    let facts = &seed.facts;
    let document = serde_json::to_string(&seed.content()).expect("a document");
    let text = |text: &str| Value::from(text);
    execute(
        &**tx,
        "INSERT INTO notice_revisions (notice_id, revision, position, kind, announce, matcher, document, body_html, \
           folded, category_path, region_path, notice_type, stage, project_key, purchaser_keys, amount_fen, changes, \
           created_at) \
         VALUES ($1, $2, $3, $4, 'inbox', $5, $6, '', $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        [
            of.into(),
            number.into(),
            position.into(),
            text(kind),
            MATCHER.into(),
            document.into(),
            text(&facts.folded),
            text(&facts.category_path),
            text(&facts.region_path),
            text(&facts.notice_type),
            text(&facts.stage),
            facts.project_key.clone().into(),
            serde_json::json!(facts.purchaser_keys).to_string().into(),
            facts.amount_fen.into(),
            changes.to_string().into(),
            now.into(),
        ],
    )
    .await
}
