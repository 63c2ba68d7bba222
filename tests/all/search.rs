//! Finding by words: the same on both engines, because both are held to a scan of the texts.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use reqwest::Method;
use sea_orm::FromQueryResult;
use serde_json::{Value, json};
use yizhan::domain::id::NoticeId;
use yizhan::domain::search::Query;
use yizhan::services::views;
use yizhan::storage;

use super::support::{Answer, Caller, TestApp, eventually, notice, notice_with, subscription};

/// A value as it stands in a query.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn search(app: &TestApp, words: &str, more: &str) -> Answer {
    app.anonymous().get(&format!("/v1/search?q={}{more}", encoded(words))).await.expect(200)
}

fn ids(answer: &Answer) -> Vec<String> {
    answer.items().iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

/// The notices found, in order.
async fn found(app: &TestApp, words: &str) -> Vec<String> {
    ids(&search(app, words, "&limit=100").await)
}

/// Fragments with their hits in brackets.
fn shown(fragments: &Value) -> String {
    let part = |part: &Value| {
        let text = part["text"].as_str().expect("a text");
        if part["hit"] == true { format!("[{text}]") } else { text.to_owned() }
    };
    fragments.as_array().expect("fragments").iter().map(part).collect()
}

#[tokio::test]
async fn what_is_published_revised_and_withdrawn_is_found_as_it_stands() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let at = "2026-01-01T08:00:00Z";
    let text = |body: &str| notice().with("published_at", at).with("body_html", format!("<p>{body}</p>"));
    // Three in one millisecond: the last to come stands first.
    let first = text("绿化养护").with("project", json!({"code": "HNZC-2024-001"}));
    let a = first.publish(&publisher).await;
    let (b, c) = (text("绿化 管护").publish(&publisher).await, text("养护绿化").publish(&publisher).await);
    assert_eq!(found(&app, "绿化").await, [&*c, &b, &a]);
    assert_eq!(found(&app, "绿化养护").await, [&*a]);
    assert_eq!(found(&app, "绿化 -养护").await, [&*b]);
    assert_eq!(found(&app, "绿化 -绿化养护").await, [&*c, &b]);
    assert_eq!(found(&app, "zc-2024-0").await, [&*a]);
    assert_eq!(found(&app, "管").await, [&*b]);
    let revised = first.clone().with("body_html", "<p>保洁</p>");
    publisher.post(&format!("/v1/notices/{a}/revisions"), json!({"notice": revised.0})).await.expect(201);
    assert_eq!(found(&app, "绿化").await, [&*c, &b]);
    assert_eq!(found(&app, "保洁 HNZC").await, [&*a]);
    publisher.post(&format!("/v1/notices/{a}/withdrawal"), json!({"reason": "x"})).await.expect(201);
    // Its text is not shown any more, so it is not found by it; and it stands in the lists, so it is found by its code.
    assert_eq!(found(&app, "保洁").await, Vec::<String>::new());
    let withdrawn = search(&app, "HNZC", "").await;
    assert_eq!((ids(&withdrawn), withdrawn.at("/items/0/state")), (vec![a.clone()], &json!("withdrawn")));
    assert_eq!(withdrawn.at("/items/0/highlights/text"), &json!([]));
}

/// What a scan reads of a notice.
#[derive(Debug, FromQueryResult)]
struct Text {
    notice_id: NoticeId,
    title: String,
    folded: String,
}

/// Finds notices without an index: `texts` stand in the order in which they came, at one instant.
fn scan(texts: &[Text], words: &str) -> Vec<String> {
    let query = Query::parse(words);
    let mut found: Vec<(usize, usize, String)> = Vec::new();
    for (place, text) in texts.iter().enumerate() {
        let has = |word: &str| text.folded.contains(word);
        if query.all.iter().any(|word| !has(&word.folded)) || query.none.iter().any(|word| has(&word.folded)) {
            continue;
        }
        let title = yizhan::domain::fold::fold(&text.title);
        let joined: String = query.all.iter().map(|word| word.folded.as_str()).collect();
        let in_title = query.all.iter().filter(|word| title.contains(&word.folded)).count();
        let tier = match in_title {
            _ if query.all.is_empty() => 0,
            _ if query.all.len() > 1 && title.contains(&joined) => 3,
            all if all == query.all.len() => 2,
            0 => 0,
            _ => 1,
        };
        found.push((tier, place, text.notice_id.to_string()));
    }
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, _, id)| id).collect()
}

/// An instant so many days before this one, to the second.
fn days_ago(days: i64) -> String {
    (chrono::Utc::now() - chrono::TimeDelta::days(days)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

const VOCABULARY: [&str; 14] =
    ["市政", "绿化", "道路", "监理", "政绿", "化道", "水", "CT机", "ab", "养护", "工程", "A02", "—", "施工"];

/// Notices of random words, all published at one instant, as they came.
async fn lay_down(app: &TestApp, random: &mut StdRng, count: usize) -> Vec<Text> {
    let publisher = app.publisher().await;
    let yesterday = days_ago(1);
    let mut order = Vec::new();
    let text = |random: &mut StdRng, most: usize| {
        let words = random.random_range(1..=most);
        (0..words)
            .map(|_| *VOCABULARY.choose(random).expect("words"))
            .collect::<Vec<_>>()
            .join(if random.random_bool(0.3) { " " } else { "" })
    };
    for number in 0..count {
        let (title, body) = (text(random, 3), text(random, 8));
        let fields = json!({"title": format!("{title}之{number}"), "body_html": format!("<p>{body}</p>"), "published_at": yesterday, "announce": "none"});
        let made = publisher.post("/v1/notices", notice_with(&format!("n{number}"), fields)).await.expect(201);
        order.push(made.string("/id"));
    }
    let connection = app.database().connect().await;
    let text = "SELECT n.id AS notice_id, n.title, r.folded FROM notices n \
                JOIN notice_revisions r ON r.notice_id = n.id AND r.revision = n.revision";
    let mut texts: Vec<Text> = storage::all(&connection, text, []).await.expect("texts");
    texts.sort_by_key(|text| order.iter().position(|id| *id == text.notice_id.to_string()));
    texts
}

#[tokio::test]
async fn the_index_finds_what_a_scan_of_all_texts_finds_in_the_same_order() {
    let app = TestApp::with(|config| config.limits.on = false).await;
    compare_with_a_scan(&app).await;
}

#[tokio::test]
async fn the_same_is_found_where_nothing_is_kept_and_few_are_looked_into_at_a_time() {
    let app = TestApp::with(|config| {
        config.limits.on = false;
        config.search = yizhan::services::search::Settings { batches: [40, 40, 40], bytes: 0 };
    });
    compare_with_a_scan(&app.await).await;
}

async fn compare_with_a_scan(app: &TestApp) {
    let mut random = StdRng::seed_from_u64(7);
    let texts = lay_down(app, &mut random, 60).await;
    let two = ["市政", "绿化", "道路", "监理", "政绿", "化道", "养护", "工程", "施工", "政工"];
    let mut queries: Vec<String> = two.iter().map(|word| (*word).to_owned()).collect();
    queries.extend(
        ["水", "市", "ct机", "b", "02", "市政绿化", "市政工程", "-水", "水 -市政", "\"市政 绿化\" -工程施"]
            .map(str::to_owned),
    );
    for _ in 0..60 {
        let words = (0..random.random_range(1..=3)).map(|_| {
            let minus = if random.random_bool(0.15) { "-" } else { "" };
            format!("{minus}{}", two.choose(&mut random).expect("words"))
        });
        queries.push(words.collect::<Vec<_>>().join(" "));
    }
    let mut hits = 0;
    for query in &queries {
        let expected = scan(&texts, query);
        hits += expected.len();
        assert_eq!(found(app, query).await, expected, "{query}");
        let mut by_time = expected.clone();
        by_time.sort_by_key(|id| std::cmp::Reverse(texts.iter().position(|text| text.notice_id.to_string() == *id)));
        let total = json!({"count": expected.len(), "exact": true});
        let answer = search(app, query, "&limit=100&sort=time").await;
        assert_eq!((ids(&answer), answer.at("/total")), (by_time, &total), "{query}");
    }
    assert!(hits > queries.len(), "the words are too rare to tell anything");
}

/// All pages of a search, one after the other.
async fn walk(app: &TestApp, words: &str, more: &str) -> Vec<Answer> {
    let mut pages: Vec<Answer> = Vec::new();
    loop {
        let cursor = pages.last().map(|page| format!("&cursor={}", page.string("/next_cursor"))).unwrap_or_default();
        let page = search(app, words, &format!("{more}{cursor}")).await;
        let last = page.at("/next_cursor").is_null();
        pages.push(page);
        if last {
            return pages;
        }
    }
}

#[tokio::test]
async fn walking_a_search_skips_and_repeats_nothing() {
    let app = TestApp::with(|config| config.limits.on = false).await;
    let mut random = StdRng::seed_from_u64(11);
    lay_down(&app, &mut random, 30).await;
    for words in ["市政", "市政 绿化", "市政绿", "-监理"] {
        for sort in ["relevance", "time"] {
            let whole = ids(&search(&app, words, &format!("&limit=100&sort={sort}")).await);
            for limit in [1, 4, 7] {
                let pages = walk(&app, words, &format!("&limit={limit}&sort={sort}")).await;
                let walked: Vec<String> = pages.iter().flat_map(ids).collect();
                assert_eq!(walked, whole, "{words} {sort} {limit}");
                assert!(pages.iter().all(|page| page.at("/total/count") == whole.len()), "{words} {sort} {limit}");
            }
        }
    }
    let cursor = search(&app, "市政", "&limit=1").await.string("/next_cursor");
    let other = format!("/v1/search?q=a&sort=time&cursor={cursor}");
    app.anonymous().get(&other).await.expect(422).problem("invalid");
}

/// An application whose searches look at so little at a time that a few notices are many.
async fn short_sighted(batches: [usize; 3]) -> TestApp {
    TestApp::with(|config| {
        config.limits.on = false;
        config.search = yizhan::services::search::Settings { batches, ..Default::default() };
    })
    .await
}

/// Publishes a notice with this body, dated to an instant; returns its id.
async fn dated(publisher: &Caller, at: &str, title: &str, body: &str) -> String {
    let one = notice().with("published_at", at).with("title", title).with("body_html", format!("<p>{body}</p>"));
    one.with("announce", "none").publish(publisher).await
}

#[tokio::test]
async fn a_page_that_ends_early_because_nothing_fits_says_so_and_the_rest_is_found_from_its_cursor() {
    let app = short_sighted([2, 2, 2]).await;
    let publisher = app.publisher().await;
    let mut wanted = Vec::new();
    for day in 0..4 {
        wanted.push(dated(&publisher, &days_ago(20 - day), "招标公告", "绿化养护").await);
    }
    // Each pair of letters is there, and the word is not: only the text itself tells.
    for day in 4..12 {
        dated(&publisher, &days_ago(20 - day), "招标公告", "绿化 化养 养护").await;
    }
    wanted.push(dated(&publisher, &days_ago(8), "招标公告", "绿化养护").await);
    wanted.reverse();
    for sort in ["relevance", "time"] {
        let more = format!("&limit=2&sort={sort}");
        let pages = walk(&app, "绿化养护", &more).await;
        let each: Vec<Vec<String>> = pages.iter().map(ids).collect();
        // Six candidates: the newest, and five that do not fit. Then three more of those, and three that do fit.
        assert_eq!(each, [&wanted[..1], &wanted[1..3], &wanted[3..]], "{sort}");
        let totals: Vec<_> = pages.iter().map(|page| (page.at("/total/count"), page.at("/total/exact"))).collect();
        let (first, last) = (totals[0], totals[totals.len() - 1]);
        assert_eq!(first, (&json!(1), &json!(false)), "nobody knows yet how many there are: {sort}");
        assert_eq!(last, (&json!(5), &json!(true)), "{sort}");
    }
    let none = walk(&app, "化养护绿", "").await;
    assert_eq!(none.iter().flat_map(ids).count(), 0);
}

#[tokio::test]
async fn what_is_found_stands_in_order_on_every_page_whatever_its_days() {
    let app = short_sighted([128, 512, 2_048]).await;
    let publisher = app.publisher().await;
    let (mut relevant, mut by_time) = (Vec::new(), Vec::new());
    // Those with both words in the title come first by relevance, then those with one; two stand in one second.
    let instants: Vec<String> = (0..7).map(|pair| days_ago(20 - 3 * pair)).collect();
    for number in 0..14_i64 {
        let at = &instants[usize::try_from(number / 2).expect("small")];
        let title = ["绿化工程", "绿化公告", "公告"][usize::try_from(number % 3).expect("small")];
        let id = dated(&publisher, at, title, "绿化 工程").await;
        by_time.push(id.clone());
        relevant.push((std::cmp::Reverse(number % 3), number, id));
    }
    by_time.reverse();
    relevant.sort();
    relevant.reverse();
    let relevant: Vec<String> = relevant.into_iter().map(|(_, _, id)| id).collect();
    for (sort, expected) in [("relevance", &relevant), ("time", &by_time)] {
        for limit in [1, 3, 5, 100] {
            let pages = walk(&app, "绿化 工程", &format!("&limit={limit}&sort={sort}")).await;
            let walked: Vec<String> = pages.iter().flat_map(ids).collect();
            assert_eq!(&walked, expected, "{sort} {limit}");
            assert_eq!(pages[0].at("/total"), &json!({"count": 14, "exact": true}), "{sort} {limit}");
        }
    }
    // What comes between two searches is found at once, of whatever day it is.
    let last = dated(&publisher, &days_ago(0), "公告", "绿化 工程").await;
    assert_eq!(ids(&search(&app, "绿化 工程", "&sort=time&limit=1").await), [last]);
}

#[tokio::test]
async fn more_results_than_a_page_can_hold_are_at_least_so_many() {
    let app = TestApp::with(|config| config.limits.on = false).await;
    lay_down(&app, &mut StdRng::seed_from_u64(13), 103).await;
    let first = search(&app, "之", "&limit=60").await;
    assert_eq!(first.at("/total"), &json!({"count": 101, "exact": false}));
    let pages = walk(&app, "之", "&limit=60").await;
    assert_eq!(pages.last().expect("pages").at("/total"), &json!({"count": 103, "exact": true}));
    assert_eq!(pages.iter().flat_map(ids).collect::<BTreeSet<_>>().len(), 103);
}

#[tokio::test]
async fn however_many_are_published_at_one_instant_each_is_found_once() {
    let app = TestApp::with(|config| config.limits.on = false).await;
    let publisher = app.publisher().await;
    // More than a second has numbers for, and some of them by a later call; one of the next second stands in their way.
    for (batch, count) in [(0, 500), (1, 500), (2, 60), (3, 40)] {
        let one = |number: i32| {
            let at = if (batch, number) == (2, 0) { "2026-03-02T01:00:01Z" } else { "2026-03-02T01:00:00Z" };
            notice_with(&format!("{batch}-{number}"), json!({ "published_at": at, "title": "同刻公告" }))
        };
        let notices: Vec<Value> = (0..count).map(one).collect();
        publisher.post("/v1/notices/batch", json!({ "notices": notices })).await.expect(200);
    }
    let pages = walk(&app, "同刻", "&limit=100&sort=time").await;
    let found: Vec<String> = pages.iter().flat_map(ids).collect();
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 1_100);
    assert_eq!(found.len(), 1_100);
}

#[tokio::test]
async fn a_search_is_narrowed_as_lists_are() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let places = [
        ("430522", "construction.a02", "C-TENDER", "P—1"),
        ("430124", "construction.a01", "C-RESULT", "P/2"),
        ("430102", "gov-procurement.goods", "G-OPEN", "P-1"),
    ];
    let mut last = String::new();
    for (number, (region, category, kind, project)) in places.iter().enumerate() {
        let at = format!("2026-01-0{}T00:00:00.500Z", number + 1);
        let fields = json!({"region": region, "category": category, "notice_type": kind, "published_at": at, "project": {"code": project}});
        let made = publisher.post("/v1/notices", notice_with(&format!("n{number}"), fields)).await.expect(201);
        last = made.string("/id");
    }
    let amendment = json!({"notice_type": "C-CLARIFY", "amends": last, "published_at": "2026-01-04T00:00:00Z"});
    let amendment = publisher.post("/v1/notices", notice_with("am", amendment)).await.expect(201).string("/id");
    publisher.post(&format!("/v1/notices/{amendment}/withdrawal"), json!({"reason": "x"})).await.expect(201);
    let publisher_id = app.anonymous().get("/v1/notices").await.expect(200).string("/items/0/publisher/id");
    let mut sizes = BTreeSet::new();
    for filter in [
        "",
        "&category=construction",
        "&region=430000",
        "&region=430100",
        "&region=430182",
        "&category=construction&region=430100",
        "&notice_type=G-OPEN",
        "&stage=tender",
        "&source=demo",
        "&source=other",
        "&state=withdrawn",
        "&state=published",
        "&project=p-1",
        "&project=P%2F2",
        "&project=P%2F1",
        &format!("&amends={last}"),
        &format!("&publisher={publisher_id}"),
        "&from=2026-01-02T00:00:00.500Z",
        "&from=2026-01-02T00:00:00.501Z",
        "&to=2026-01-02T00:00:00.500Z",
        "&to=2026-01-02T00:00:00.501Z&stage=tender",
        "&from=2026-01-02T00:00:00Z&to=2026-01-02T00:00:00Z",
    ] {
        let listed = app.anonymous().get(&format!("/v1/notices?limit=100{filter}")).await.expect(200);
        let found = search(&app, "黑臭水体", &format!("&sort=time{filter}")).await;
        assert_eq!(ids(&found), ids(&listed), "{filter}");
        sizes.insert(ids(&listed).len());
    }
    assert!(sizes.len() >= 5, "{sizes:?}");
}

#[tokio::test]
async fn whatever_is_typed_is_answered() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    publisher
        .post("/v1/notices", notice_with("a", json!({"title": "O'Neil \\ NOT (a OR b) \"x\" 𠮷野家 ñandú مرحبا ไทย"})))
        .await
        .expect(201);
    for words in [
        "'",
        "''",
        "\"",
        "\\",
        "\\'",
        "'; DROP TABLE notices; --",
        "a AND b",
        "NOT",
        "NEAR(a b)",
        "a OR b",
        "(",
        ")",
        "*",
        "a*",
        "^",
        "^市政",
        "@",
        "@*",
        "tokens:a",
        "{a}",
        "-",
        "--",
        "-\"",
        "\"-",
        "a & b | !c",
        "a <-> b",
        ":*",
        "%",
        "_",
        "\u{200b}",
        "\u{feff}",
        "\u{202e}abc",
        "。",
        "😀",
        "👩‍👩‍👧",
        "𠮷",
        "𠮷野家",
        "ﬁ",
        "İ",
        "ß",
        "e\u{301}",
        "مرحبا",
        "ไทย",
        "हिन्दी",
        "한국어",
        "ｶﾞ",
        "１２",
        "\n\t",
        &"市".repeat(200),
        &"a ".repeat(100),
        &"-市政 ".repeat(40),
        &"\"".repeat(200),
    ] {
        for sort in ["relevance", "time"] {
            let answer = app.anonymous().get(&format!("/v1/search?q={}&sort={sort}", encoded(words))).await;
            answer.expect(200);
        }
        if words.chars().count() <= 100 {
            app.anonymous().get(&format!("/v1/search/suggestions?q={}", encoded(words))).await.expect(200);
        }
    }
    for words in ["o'neil", "野家", "𠮷", "ÑANDÚ", "مرحبا", "ไทย"] {
        assert_eq!(found(&app, words).await.len(), 1, "{words}");
    }
    let many = (0..13).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
    for words in [many, "市".repeat(201), "\u{0}".to_owned()] {
        app.anonymous().get(&format!("/v1/search?q={}", encoded(&words))).await.expect(422).problem("invalid");
    }
}

#[tokio::test]
async fn hits_are_marked_in_the_title_and_in_the_text_where_most_words_are() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let body = format!(
        "<p>{}</p><table><tr><td>（６４排ＣＴ机）</td><td>a &lt;b&gt;市政&lt;/b&gt;</td></tr></table>",
        "无关".repeat(200)
    );
    let fields = json!({"title": "<i>市政</i> ＣＴ机采购", "body_html": body});
    publisher.post("/v1/notices", notice_with("a", fields)).await.expect(201);
    let answer = search(&app, "ct机 市政", "").await;
    assert_eq!(shown(answer.at("/items/0/highlights/title")), "<i>[市政]</i> [ＣＴ机]采购");
    let text = shown(answer.at("/items/0/highlights/text"));
    assert!(text.contains("（６４排[ＣＴ机]） a <b>[市政]</b>") && text.starts_with('…'), "{text}");
    let none = search(&app, "新邵县", "").await;
    assert!(none.items().is_empty());
}

#[tokio::test]
async fn notices_of_before_are_indexed_after_the_start() {
    let mut app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let id = notice().with("title", "水库除险加固").publish(&publisher).await;
    let connection = app.database().connect().await;
    for text in [
        "DELETE FROM search_documents",
        "DELETE FROM search_index",
        "UPDATE search_progress SET after_notice = NULL, finished_at = NULL",
    ] {
        storage::execute(&connection, text, []).await.expect("an index that is lost");
    }
    app.restart().await;
    let found =
        eventually("the notice is found", async || Some(found(&app, "除险").await).filter(|ids| !ids.is_empty()));
    assert_eq!(found.await, [id]);
}

#[tokio::test]
async fn another_copys_notice_is_found_a_moment_later() {
    let app = TestApp::spawn().await;
    if app.database().pair().postgres().is_none() {
        return;
    }
    let copy = app.second_copy().await;
    assert_eq!(found(&copy, "芙蓉").await.len(), 0);
    let id = notice().publish(&app.publisher().await).await;
    assert_eq!(found(&app, "芙蓉").await, [&*id]);
    let there =
        eventually("the copy finds it", async || Some(found(&copy, "芙蓉").await).filter(|ids| !ids.is_empty()));
    assert_eq!(there.await, [id]);
}

async fn suggestions(app: &TestApp, beginning: &str) -> Vec<(String, String)> {
    let answer = app.anonymous().get(&format!("/v1/search/suggestions?q={}", encoded(beginning))).await.expect(200);
    let texts = |item: &Value| ["text", "kind"].map(|field| item[field].as_str().expect("a text").to_owned());
    answer.items().iter().map(texts).map(|[text, kind]| (text, kind)).collect()
}

#[tokio::test]
async fn a_beginning_is_completed_by_what_notices_say() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    for (number, title) in ["黑臭水体治理工程", "黑臭水体治理监理", "黑臭水体检测"].iter().enumerate()
    {
        let fields = json!({
            "title": title, "project": {"code": format!("HNZC-2024-00{number}")}, "purchaser": {"name": "黑河市水务局"},
        });
        publisher.post("/v1/notices", notice_with(&format!("n{number}"), fields)).await.expect(201);
    }
    let word = |text: &str| (text.to_owned(), "word".to_owned());
    let purchaser = ("黑河市水务局".to_owned(), "purchaser".to_owned());
    assert_eq!(suggestions(&app, "黑").await, [purchaser, word("黑臭水体治理")]);
    assert_eq!(suggestions(&app, "ＨＮＺC-2024-001").await, []);
    assert_eq!(suggestions(&app, "hnzc-2024-00").await, ["hnzc-2024-000", "hnzc-2024-001", "hnzc-2024-002"].map(word));
    assert_eq!(suggestions(&app, "没有").await, []);
}

#[tokio::test]
async fn words_of_few_people_are_suggested_to_nobody() {
    let app = TestApp::spawn().await;
    let subscribe = async |user: &Caller, word: &str| {
        subscription().with("filter", json!({"keywords": {"any": [word]}})).subscribe(user).await
    };
    for person in 0..5 {
        let user = app.user().await;
        subscribe(&user, "芯片光刻").await;
        let secret = subscribe(&user, "芯片泄密").await;
        if person == 0 {
            user.delete(&format!("/v1/subscriptions/{secret}")).await.expect(204);
        }
    }
    // The list of answers that are kept changes with notices, so one is published between.
    notice().publish(&app.publisher().await).await;
    assert_eq!(suggestions(&app, "芯片").await, [("芯片光刻".to_owned(), "word".to_owned())]);
}

#[tokio::test]
async fn reads_are_counted_together_and_make_no_new_version() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let id = notice().publish(&publisher).await;
    let path = format!("/v1/notices/{id}");
    let first = app.anonymous().get(&path).await.expect(200);
    assert_eq!(first.at("/views"), 0);
    let etag = first.header("etag").to_owned();
    assert!(etag.starts_with("W/"), "{etag}");
    for _ in 0..2 {
        app.anonymous().send(Method::GET, &path, None, &[("if-none-match", &etag)]).await.expect(304);
    }
    app.anonymous().get("/v1/notices/ntc_01h455vb4pex5vsknk084sn02q").await.expect(404);
    app.inside(async |deps| views::flush(&deps).await).await.expect("what was counted is added");
    let listed = eventually("the list says how often it was read", async || {
        Some(app.anonymous().get("/v1/notices").await.expect(200)).filter(|list| list.at("/items/0/views") == 3)
    });
    assert_eq!(ids(&listed.await), [&*id]);
    // Published anew: the answer that was kept is made again, and the version is the same but for the revision.
    let unchanged = app.anonymous().send(Method::GET, &path, None, &[("if-none-match", &etag)]).await;
    unchanged.expect(304);
    let mut app = app;
    app.restart().await;
    let read = app.anonymous().get(&path).await.expect(200);
    assert_eq!((read.at("/views"), read.header("etag")), (&json!(4), etag.as_str()));
}
