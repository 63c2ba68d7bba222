//! Trying a filter against a month of a province, 4 kB of text each: by what stands beside the text, by words, by words
//! that nothing has, which also looks for what could be loosened.
//!
//! Bounded by: the texts that a filter cannot leave aside, which the database unpacks and hands over one by one.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait as _, DbBackend};
use serde_json::{Value, json};
use uuid::Uuid;
use yizhan::storage::Db;
use yizhan::storage::search::backfill::{self, Stored};
use yizhan::storage::search::{self, Document};

use crate::seed::{CATEGORIES, REGIONS, TYPES, code};
use crate::table::Table;
use crate::world::World;
use crate::{people, seed};

/// How often each filter is tried.
const TIMES: u32 = 100;
/// Different words, each in as many texts.
const WORDS: u32 = 1_000;

pub async fn measure(world: &World, table: &mut Table) {
    lay_down(world).await;
    let someone: Vec<Uuid> = seed::users(&world.db).await.into_iter().take(1).collect();
    let token = people::tokens(world, &someone).await.pop().expect("a token");
    let server = world.start(&[("YIZHAN_RATE_LIMITS", "off")]);
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("{}/v1/subscriptions/preview", server.url);
    let narrow = |n: u32| json!({ "categories": ["construction"], "regions": [if n.is_multiple_of(2) { "430100" } else { "430200" }] });
    let both = |n: u32| json!({ "categories": ["construction"], "regions": ["430100"], "keywords": { "any": [word(n), word(n + 1)] } });
    let words = |n: u32| json!({ "keywords": { "any": [word(n), word(n + 7)], "none": [word(n + 1)] } });
    let nothing = |n: u32| json!({ "regions": ["430100"], "keywords": { "all": [word(n), "从未有过"] } });
    let kinds: [(&str, &dyn Fn(u32) -> Value); 4] = [
        ("preview, category and region", &narrow),
        ("preview, and words", &both),
        ("preview, words alone", &words),
        ("preview, nothing: what to loosen", &nothing),
    ];
    for (what, filter) in kinds {
        let (mut times, mut exact, mut notices) = (Vec::new(), 0, 0);
        for n in 0..TIMES {
            let body = json!({ "filter": filter(n) }).to_string();
            let began = Instant::now();
            let request = http.post(&url).bearer_auth(&token).header("content-type", "application/json").body(body);
            let answer = request.send().await.expect("an answer");
            let text = answer.text().await.expect("a whole answer");
            times.push(began.elapsed());
            let answer: Value = serde_json::from_str(&text).expect("JSON");
            exact += u32::from(answer.get("exact") == Some(&Value::Bool(true)));
            notices += answer.get("notices").and_then(Value::as_u64).unwrap_or_else(|| panic!("{text}"));
        }
        let remark = format!(
            "of {} notices; {} found on average, {exact} of {TIMES} exact",
            world.size.month,
            notices / u64::from(TIMES)
        );
        table.times(what, times, &remark);
    }
    table.memory(server.peak_mib());
}

/// A word that stands in one text of a thousand.
fn word(n: u32) -> String {
    format!("第{}号工艺", n % WORDS + WORDS)
}

/// Notices of the last thirty days that people were told of, spread evenly, each with a text of its own.
async fn lay_down(world: &World) {
    let now = yizhan::domain::time::Clock::system().now().as_millis();
    let month = i64::from(world.size.month).max(1);
    let step = Duration::from_secs(30 * 24 * 60 * 60).as_millis() / u128::from(world.size.month.max(1));
    let postgres = world.db.engine() == DbBackend::Postgres;
    let (id, hash) = if postgres {
        ("gen_random_uuid()", "decode(md5('month-' || s.n), 'hex')")
    } else {
        ("randomblob(16)", "randomblob(16)")
    };
    let pick = |texts: &[&str], every: usize| {
        let cases: Vec<String> =
            texts.iter().enumerate().map(|(place, text)| format!("WHEN {place} THEN '{text}'")).collect();
        format!("CASE (s.n / {every}) % {} {} END", texts.len(), cases.join(" "))
    };
    let types: Vec<&str> = TYPES.iter().map(|(code, _)| *code).collect();
    let stages: Vec<&str> = TYPES.iter().map(|(_, stage)| *stage).collect();
    let codes = |paths: &[&'static str]| paths.iter().map(|path| code(path)).collect::<Vec<_>>();
    let series = format!(
        "(WITH RECURSIVE r(n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM r WHERE n < {month}) \
           SELECT n FROM r) s"
    );
    let body = "本招标项目已由有关部门批准建设，现对该项目的施工进行公开招标。".repeat(42);
    let notices = format!(
        "INSERT INTO notices (id, publisher_id, source, source_id, revision, position, state, title, category_path, \
           region_path, notice_type, content_hash, published_at, received_at, updated_at) \
         SELECT {id}, (SELECT id FROM publishers LIMIT 1), 'month', 'month-' || s.n, 1, 200000 + s.n, 'published', \
           '某某项目第' || s.n || '号公告', {category}, {region}, {kind}, {hash}, {now} - s.n * {step}, \
           {now} - s.n * {step}, {now} - s.n * {step} FROM {series}",
        category = pick(&CATEGORIES, 1),
        region = pick(&REGIONS, 8),
        kind = pick(&types, 56),
    );
    let document = format!(
        "'{{\"title\":\"' || n.title || '\",\"category\":\"' || {} || '\",\"region\":\"' || {} || \
           '\",\"notice_type\":\"' || n.notice_type || '\"}}'",
        pick(&codes(&CATEGORIES), 1),
        pick(&codes(&REGIONS), 8),
    );
    let revisions = format!(
        "INSERT INTO notice_revisions (notice_id, revision, position, kind, announce, matcher, document, body_html, \
           folded, category_path, region_path, notice_type, stage, purchaser_keys, changes, created_at) \
         SELECT n.id, 1, n.position, 'notice', 'inbox', 1, {document}, '<p>{body}</p>', \
           '{body}第' || ({WORDS} + s.n % {WORDS}) || '号工艺' || s.n, n.category_path, n.region_path, n.notice_type, \
           {stage}, '[]', '[]', n.published_at FROM {series} JOIN notices n ON n.source = 'month' \
             AND n.source_id = 'month-' || s.n",
        stage = pick(&stages, 56),
    );
    for statement in [notices.as_str(), revisions.as_str()] {
        let tx = world.db.begin().await.expect("a transaction");
        tx.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{error}: {statement}"));
        tx.commit().await.expect("a commit");
    }
    index(&world.db).await;
    if postgres {
        let tx = world.db.begin().await.expect("a transaction");
        tx.execute_unprepared("ANALYZE").await.expect("statistics");
        tx.commit().await.expect("a commit");
    }
}

/// Indexes these notices, as publishing would have.
async fn index(db: &Db) {
    let mut after = None;
    loop {
        let stored = backfill::next(db.reader(), after, 500).await.expect("notices");
        let Some(last) = stored.last() else { return };
        after = Some(last.notice.id);
        let documents: Vec<Document> = stored
            .iter()
            .filter(|stored| stored.notice.source == "month" && !stored.is_indexed)
            .map(document)
            .collect();
        let tx = db.begin().await.expect("a transaction");
        search::index_many(&tx, &documents).await.expect("an index");
        tx.commit().await.expect("a commit");
        seed::fold(db).await;
    }
}

fn document(stored: &Stored) -> Document {
    let content = serde_json::from_str(&stored.document).expect("a content");
    Document::of(&stored.notice, &stored.stage, &content, &stored.folded)
}
