//! The index of words: whatever is published, revised, withdrawn and folded, what is found is what a scan finds.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use sea_orm::FromQueryResult;
use serde_json::{Value, json};
use yizhan::domain::fold::fold as folded;
use yizhan::domain::id::NoticeId;
use yizhan::domain::notice::Content;
use yizhan::services::search as service;
use yizhan::storage;
use yizhan::storage::search::{fold, segments};

use super::support::{Caller, TestApp, notice_with};

const WORDS: [&str; 12] = ["市政", "绿化", "道路", "水", "CT机", "ab", "养护", "工程", "A02", "施工", "政绿", "化道"];
const ASKED: [&str; 14] =
    ["市政", "绿化", "水", "电", "ct", "b", "ct机", "a02", "市政绿化", "工程 -水", "-市政", "养护 道路", "政绿", "施"];

fn text(random: &mut StdRng, most: usize) -> String {
    let count = random.random_range(1..=most);
    (0..count).map(|_| *WORDS.choose(random).expect("words")).collect()
}

fn body(number: usize, random: &mut StdRng) -> Value {
    let fields = json!({"title": format!("{}之{number}", text(random, 3)), "announce": "none",
        "body_html": format!("<p>{} {}</p>", text(random, 4), text(random, 4))});
    notice_with(&format!("n{number}"), fields)
}

async fn found(app: &TestApp, words: &str) -> BTreeSet<String> {
    let encoded: String = words.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let (mut ids, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page = app.anonymous().get(&format!("/v1/search?q={encoded}&limit=100{cursor}")).await.expect(200);
        for item in page.items() {
            assert!(ids.insert(item["id"].as_str().expect("an id").to_owned()), "twice: {words}");
        }
        if page.at("/next_cursor").is_null() {
            return ids;
        }
        cursor = format!("&cursor={}", page.string("/next_cursor"));
    }
}

#[derive(FromQueryResult)]
struct Text {
    id: NoticeId,
    state: String,
    document: String,
    folded: String,
}

/// What a scan of all texts finds.
async fn scan(app: &TestApp, words: &str) -> BTreeSet<String> {
    let text = "SELECT n.id, n.state, r.document, r.folded FROM notices n \
                JOIN notice_revisions r ON r.notice_id = n.id AND r.revision = n.revision";
    let texts: Vec<Text> = storage::all(&app.database().connect().await, text, []).await.expect("texts");
    let fits = |text: &Text| {
        let content: Content = serde_json::from_str(&text.document).expect("a document");
        let shown = if text.state == "published" { text.folded.as_str() } else { "" };
        let whole = format!("{}\n{shown}", content.head());
        words.split(' ').all(|word| match word.strip_prefix('-') {
            Some(word) => !whole.contains(&folded(word)),
            None => whole.contains(&folded(word)),
        })
    };
    texts.iter().filter(|text| fits(text)).map(|text| text.id.to_string()).collect()
}

async fn compare(app: &TestApp, words: &[&str]) -> usize {
    let mut hits = 0;
    for words in words {
        let expected = scan(app, words).await;
        hits += expected.len();
        assert_eq!(found(app, words).await, expected, "{words}");
    }
    hits
}

async fn fold_all(app: &TestApp) {
    app.inside(async |deps| while service::fold(&deps).await.expect("a fold") {}).await;
}

async fn publish(publisher: &Caller, number: usize, random: &mut StdRng) -> String {
    publisher.post("/v1/notices", body(number, random)).await.expect(201).string("/id")
}

#[tokio::test]
async fn whatever_happens_to_notices_and_to_the_index_what_is_found_is_what_a_scan_finds() {
    for (seed, bytes) in [(1, 16 << 20), (2, 0), (3, 4_096)] {
        let app = TestApp::with(|config| {
            config.limits.on = false;
            config.search.bytes = bytes;
        })
        .await;
        let publisher = app.publisher().await;
        let mut random = StdRng::seed_from_u64(seed);
        let (mut standing, mut hits) = (Vec::new(), 0);
        for number in 0..40 {
            match random.random_range(0..10) {
                0 if !standing.is_empty() => {
                    let (id, _) = standing.swap_remove(random.random_range(0..standing.len()));
                    let path = format!("/v1/notices/{id}/withdrawal");
                    publisher.post(&path, json!({"reason": "x"})).await.expect(201);
                }
                1 | 2 if !standing.is_empty() => {
                    let (id, of): &(String, usize) = standing.choose(&mut random).expect("some");
                    let path = format!("/v1/notices/{id}/revisions");
                    let revision = json!({"notice": body(*of, &mut random)});
                    publisher.post(&path, revision).await.expect(201);
                }
                3 => fold_all(&app).await,
                4 => {
                    let asked = *ASKED.choose(&mut random).expect("words");
                    hits += compare(&app, &[asked]).await;
                }
                5 => {
                    let (at, count) = (1_000 * (number + 1), random.random_range(1..30));
                    let notices: Vec<Value> = (at..at + count).map(|n| body(n, &mut random)).collect();
                    publisher.post("/v1/notices/batch", json!({"notices": notices})).await.expect(200);
                }
                _ => standing.push((publish(&publisher, number, &mut random).await, number)),
            }
        }
        hits += compare(&app, &ASKED).await;
        fold_all(&app).await;
        hits += compare(&app, &ASKED).await;
        assert!(hits > 100, "the words are too rare to tell anything: {hits}");
    }
}

#[tokio::test]
async fn a_search_during_a_fold_sees_everything_and_a_fold_that_is_cut_off_changes_nothing() {
    let app = TestApp::with(|config| {
        config.limits.on = false;
        config.roles.scheduler = false;
        // Nothing is kept: each search looks into the index.
        config.search.bytes = 0;
    })
    .await;
    let publisher = app.publisher().await;
    let mut random = StdRng::seed_from_u64(5);
    for number in 0..12 {
        publish(&publisher, number, &mut random).await;
    }
    let connection = app.database().connect().await;
    let before = segments::list(&connection).await.expect("segments");
    assert_eq!(before.len(), 12);
    for commits in [false, true] {
        let (begun, is_begun) = tokio::sync::oneshot::channel();
        let (go_on, may_go_on) = tokio::sync::oneshot::channel();
        let folding = app.inside(async move |deps| {
            let tx = deps.db.begin().await.expect("a transaction");
            assert!(fold::fold(&tx).await.expect("a fold"));
            begun.send(()).expect("somebody waits");
            may_go_on.await.expect("a word");
            if commits {
                tx.commit().await.expect("a commit");
            }
        });
        let searching = async {
            is_begun.await.expect("a fold");
            compare(&app, &ASKED).await;
            go_on.send(()).expect("somebody waits");
        };
        tokio::join!(folding, searching);
        let after = segments::list(&connection).await.expect("segments");
        assert_eq!(after.len(), if commits { 1 } else { 12 });
        compare(&app, &ASKED).await;
    }
}
