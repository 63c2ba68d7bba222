//! Searching many notices for two random words, beside a handler that does nothing.
//!
//! Bounded by: the look into the index, then reading and writing out twenty notices with their texts. Words are drawn as
//! they occur in the texts, a few everywhere and most seldom (Zipf), so that common and rare ones meet. *New* means that
//! no query is asked twice; *again* that 500 of them are, as people do, after each was asked once: so answers that are kept
//! may be given.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::distr::{Distribution as _, weighted::WeightedIndex};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use sea_orm::{ConnectionTrait as _, DbBackend};
use yizhan::domain::id::{NoticeId, PublisherId};
use yizhan::domain::notice::Content;
use yizhan::domain::time::{Clock, Timestamp};
use yizhan::storage::notice::{self, Notice, revision};
use yizhan::storage::search::{self, Document};
use yizhan::storage::{self, Db, DbError};

use crate::load::{Connection, rate, request};
use crate::reading;
use crate::seed::{self, CATEGORIES, REGIONS, TYPES, code};
use crate::table::Table;
use crate::world::World;

/// How many different words of two characters there are.
const WORDS: usize = 8_000;
const CHARACTERS: u32 = 3_000;
/// Words of a title and of a text: the 37 characters and 1.6 kB that are the median of real notices.
const TITLE: usize = 12;
const TEXT: usize = 265;
/// Notices stored by one transaction.
const AT_ONCE: u32 = 500;
/// Queries that are timed one by one.
const TIMED: usize = 1_000;
/// Queries that are asked again and again.
const AGAIN: usize = 500;
/// Queries that are not: more than can be answered in the time.
const NEW: usize = 100_000;

/// Words, and how often each occurs.
struct Vocabulary {
    words: Vec<String>,
    weights: WeightedIndex<f64>,
}

impl Vocabulary {
    fn new(random: &mut StdRng) -> Self {
        let first = u32::from('一');
        let letter = |random: &mut StdRng| char::from_u32(first + random.random_range(0..CHARACTERS)).unwrap_or('一');
        let words = (0..WORDS).map(|_| [letter(random), letter(random)].iter().collect()).collect();
        let weights = WeightedIndex::new((0..WORDS).map(|rank| 1.0 / f64::from(5 + u32::try_from(rank).unwrap_or(0))))
            .expect("weights");
        Self { words, weights }
    }

    fn draw(&self, random: &mut StdRng) -> &str {
        self.words.get(self.weights.sample(random)).map(String::as_str).unwrap_or_default()
    }

    fn text(&self, random: &mut StdRng, count: usize) -> String {
        (0..count).map(|_| self.draw(random)).collect()
    }
}

pub async fn measure(world: &World, table: &mut Table) {
    let mut random = StdRng::seed_from_u64(5);
    let vocabulary = Vocabulary::new(&mut random);
    let took = lay_down(&world.db, world.size.searched, &vocabulary, &mut random).await;
    table.head(&format!("searching {} notices, indexed in {} s", world.size.searched, took.as_secs()));
    let (ours, empty) = (reading::server(world).await, reading::nothing());
    let time = world.size.reading;
    let bare = rate(empty, vec![request("/", None)], "200", time).await;
    let query = |random: &mut StdRng| request(&path(vocabulary.draw(random), vocabulary.draw(random)), None);
    let timed: Vec<Vec<u8>> = (0..TIMED).map(|_| query(&mut random)).collect();
    table.times("search, two words, one at a time", one_by_one(ours, &timed).await, "each asked once");
    let new = (0..NEW).map(|_| query(&mut random)).collect();
    let new = rate(ours, new, "200", time).await;
    table.rates("search, two words, new", new, bare, Some(reading::FLOOR), "bare: an empty handler");
    let again: Vec<Vec<u8>> = (0..AGAIN).map(|_| query(&mut random)).collect();
    one_by_one(ours, &again).await;
    let again = rate(ours, again, "200", time).await;
    table.rates("search, two words, again", again, bare, Some(reading::FLOOR), "500 queries, asked before");
}

fn path(first: &str, second: &str) -> String {
    let encoded = |word: &str| word.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    format!("/v1/search?q={}%20{}", encoded(first), encoded(second))
}

async fn one_by_one(at: SocketAddr, requests: &[Vec<u8>]) -> Vec<Duration> {
    let mut connection = Connection::open(at).await;
    let mut times = Vec::with_capacity(requests.len());
    for request in requests {
        let began = Instant::now();
        connection.call(request).await;
        times.push(began.elapsed());
    }
    times
}

/// Stores and indexes notices, a minute apart from each other, the newest last.
async fn lay_down(db: &Db, count: u32, vocabulary: &Vocabulary, random: &mut StdRng) -> Duration {
    let publisher = storage::one::<Publisher>(db.reader(), "SELECT id FROM publishers LIMIT 1", []).await;
    let publisher = publisher.expect("a query").expect("a publisher").id;
    let began = Instant::now();
    let now = Clock::system().now();
    for from in (0..count).step_by(usize::try_from(AT_ONCE).unwrap_or(1)) {
        let tx = db.begin().await.expect("a transaction");
        let mut documents = Vec::new();
        for number in from..count.min(from + AT_ONCE) {
            let at = now - Duration::from_secs(u64::from(count - number) * 60);
            documents.push(store(&tx, number, publisher, at, vocabulary, random).await.expect("a notice"));
        }
        search::index_many(&tx, &documents).await.expect("an index");
        tx.commit().await.expect("a commit");
        seed::fold(db).await;
    }
    if db.engine() == DbBackend::Postgres {
        db.writer().execute_unprepared("ANALYZE").await.expect("statistics");
    }
    began.elapsed()
}

#[derive(sea_orm::FromQueryResult)]
struct Publisher {
    id: PublisherId,
}

async fn store(
    tx: &storage::Tx,
    number: u32,
    publisher: PublisherId,
    at: Timestamp,
    vocabulary: &Vocabulary,
    random: &mut StdRng,
) -> Result<Document, DbError> {
    let pick = |most: usize| usize::try_from(number).unwrap_or(0) % most;
    let category = CATEGORIES.get(pick(CATEGORIES.len())).copied().unwrap_or_default();
    let region = REGIONS.get(pick(REGIONS.len())).copied().unwrap_or_default();
    let (kind, stage) = TYPES.get(pick(TYPES.len())).copied().unwrap_or_default();
    let title = vocabulary.text(random, TITLE);
    let text = vocabulary.text(random, TEXT);
    let document = serde_json::json!({
        "title": title, "category": code(category), "region": code(region), "notice_type": kind,
    });
    let content: Content = serde_json::from_value(document.clone()).expect("a document");
    let folded = content.folded(&text);
    let row = Notice {
        id: NoticeId::new(),
        publisher_id: publisher,
        source: "bench".to_owned(),
        source_id: format!("found-{number}"),
        revision: 1,
        position: 1,
        state: "published".to_owned(),
        title,
        category_path: category.to_owned(),
        region_path: region.to_owned(),
        notice_type: kind.to_owned(),
        project_key: None,
        amount_fen: None,
        bid_deadline_at: None,
        amends: None,
        duplicate_of: None,
        content_hash: number.to_be_bytes().to_vec(),
        published_at: at,
        received_at: at,
        updated_at: at,
    };
    let edition = revision::Revision {
        notice_id: row.id,
        revision: 1,
        position: 1,
        kind: "notice".to_owned(),
        announce: "none".to_owned(),
        matcher: 1,
        document: document.to_string(),
        body_html: format!("<p>{text}</p>"),
        folded: folded.clone(),
        category_path: category.to_owned(),
        region_path: region.to_owned(),
        notice_type: kind.to_owned(),
        stage: stage.to_owned(),
        project_key: None,
        purchaser_keys: "[]".to_owned(),
        amount_fen: None,
        amends: None,
        changes: "[]".to_owned(),
        reason: None,
        created_at: at,
        content_hash: Some(row.content_hash.clone()),
    };
    notice::insert(tx, &row).await?;
    revision::insert(tx, &edition).await?;
    notice::place(tx, &row, stage, &[]).await?;
    Ok(Document::of(&row, stage, &content, &folded))
}
