//! The change feed through the door: every change in the order of commits, tombstones, filters, Atom, JSON Feed.

use std::collections::BTreeSet;
use std::time::Duration;

use sea_orm::DbBackend;
use serde_json::{Value, json};
use yizhan::services::notice::{Filter, feed};
use yizhan::storage::{execute, order};

use super::support::{Answer, Caller, TestApp, notice_as, notice_with};

const PATH: &str = "/v1/feed";
const ATOM: &str = "http://www.w3.org/2005/Atom";

async fn publish(publisher: &Caller, notice: Value) -> String {
    publisher.post("/v1/notices", notice).await.expect(201).string("/id")
}

async fn revise(publisher: &Caller, id: &str, notice: Value) {
    publisher.post(&format!("/v1/notices/{id}/revisions"), json!({ "notice": notice })).await.expect(201);
}

async fn withdraw(publisher: &Caller, id: &str) {
    publisher.post(&format!("/v1/notices/{id}/withdrawal"), json!({ "reason": "重复发布" })).await.expect(201);
}

/// Reads from a cursor to the end in pages of `limit`; `more` is what else the query says. What was read, and the cursor.
async fn follow(reader: &Caller, more: &str, cursor: Option<String>, limit: u16) -> (Vec<Value>, String) {
    let (mut seen, mut cursor) = (Vec::new(), cursor);
    loop {
        let at = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = reader.get(&format!("{PATH}?limit={limit}{more}{at}")).await.expect(200);
        seen.extend_from_slice(page.items());
        let next = page.string("/next_cursor");
        if page.at("/has_more") == &json!(false) {
            return (seen, next);
        }
        cursor = Some(next);
    }
}

/// What happened to which notice.
fn told(items: &[Value]) -> Vec<(String, String)> {
    let text = |item: &Value, field: &str| item[field].as_str().expect("a text").to_owned();
    items.iter().map(|item| (text(item, "change"), text(item, "notice_id"))).collect()
}

fn pair(change: &str, id: &str) -> (String, String) {
    (change.to_owned(), id.to_owned())
}

#[tokio::test]
async fn every_change_is_told_in_the_order_of_commits_and_each_notice_once() {
    let app = TestApp::spawn().await;
    let (publisher, reader) = (app.publisher().await, app.anonymous());
    let empty = reader.get(PATH).await.expect(200);
    assert_eq!((empty.items().len(), empty.at("/has_more")), (0, &json!(false)));
    let file = json!([{ "name": "清单", "url": "https://example.org/1" }]);
    let first = publish(&publisher, notice_with("a", json!({ "attachments": file }))).await;
    let second = publish(&publisher, notice_as("b")).await;
    let amendment = notice_with("c", json!({ "notice_type": "C-CLARIFY", "amends": first }));
    let third = publish(&publisher, amendment).await;
    let (seen, cursor) = follow(&reader, "", Some(empty.string("/next_cursor")), 2).await;
    assert_eq!(told(&seen), [pair("new", &first), pair("new", &second), pair("amendment", &third)]);
    assert_eq!(seen[0]["notice"]["attachments"][0]["name"], "清单");
    assert!(seen[0]["notice"]["body_html"].as_str().is_some_and(|body| body.contains("招标人")));

    revise(&publisher, &first, notice_with("a", json!({ "title": "新题" }))).await;
    withdraw(&publisher, &second).await;
    let (seen, cursor) = follow(&reader, "", Some(cursor), 1).await;
    assert_eq!(told(&seen), [pair("revised", &first), pair("withdrawn", &second)]);
    assert_eq!(seen[0]["notice"]["title"], "新题");
    let gone = &seen[1]["notice"];
    assert_eq!((&gone["state"], &gone["withdrawn_reason"]), (&json!("withdrawn"), &json!("重复发布")));
    assert_eq!((&gone["body_html"], &gone["attachments"]), (&Value::Null, &json!([])));
    assert!(follow(&reader, "", Some(cursor), 20).await.0.is_empty());
    let (all, _) = follow(&reader, "", None, 2).await;
    let expected = [pair("amendment", &third), pair("revised", &first), pair("withdrawn", &second)];
    assert_eq!(told(&all), expected);
}

#[tokio::test]
async fn what_is_announced_further_is_told_again() {
    let app = TestApp::spawn().await;
    let (publisher, reader) = (app.publisher().await, app.anonymous());
    let id = publish(&publisher, notice_with("a", json!({ "announce": "none" }))).await;
    let (_, cursor) = follow(&reader, "&category=construction", None, 20).await;
    publisher.post("/v1/notices", notice_as("a")).await.expect(200);
    let (seen, _) = follow(&reader, "&category=construction", Some(cursor), 20).await;
    assert_eq!(told(&seen), [pair("new", &id)]);
}

#[tokio::test]
async fn a_filter_hears_of_what_leaves_it_and_its_cursor_stands_at_the_end_though_nothing_matched() {
    let app = TestApp::spawn().await;
    let (publisher, reader) = (app.publisher().await, app.anonymous());
    let here = "&category=construction&region=430500&notice_type=C-TENDER";
    let id = publish(&publisher, notice_as("a")).await;
    let other = publish(&publisher, notice_with("b", json!({ "region": "430102" }))).await;
    let (seen, cursor) = follow(&reader, here, None, 20).await;
    assert_eq!(told(&seen), [pair("new", &id)]);
    let moved = notice_with("a", json!({ "region": "430102" }));
    revise(&publisher, &id, moved.clone()).await;
    let (seen, cursor) = follow(&reader, here, Some(cursor), 20).await;
    assert_eq!(told(&seen), [pair("left", &id)]);
    assert_eq!(seen[0]["notice"], Value::Null);
    // Where it is now it is there; who never had it hears that it is not there; withdrawn, it has left still.
    let (seen, _) = follow(&reader, "&region=430100", None, 20).await;
    assert_eq!(told(&seen), [pair("new", &other), pair("revised", &id)]);
    withdraw(&publisher, &id).await;
    let (seen, cursor) = follow(&reader, here, Some(cursor), 20).await;
    assert_eq!(told(&seen), [pair("left", &id)]);
    // The reader stands at the end of all changes: nothing that has been is read again.
    let stands = reader.get(&format!("{PATH}?limit=20{here}&cursor={cursor}")).await.expect(200);
    assert_eq!(stands.string("/next_cursor"), cursor);
    for more in ["&stage=tender", "&source=demo", "&notice_type=C-TENDER", "&region=430522"] {
        let (seen, _) = follow(&reader, more, None, 20).await;
        assert!(seen.iter().any(|item| item["notice_id"] == json!(id)), "{more}");
    }
    assert!(follow(&reader, "&stage=award", None, 20).await.0.is_empty());
    // It comes back.
    let back = publish(&publisher, notice_with("c", json!({ "region": "430102" }))).await;
    revise(&publisher, &back, notice_with("c", json!({ "region": "430522" }))).await;
    revise(&publisher, &back, notice_with("c", json!({ "region": "430102" }))).await;
    revise(&publisher, &back, notice_with("c", json!({ "region": "430522", "title": "回来" }))).await;
    let (seen, _) = follow(&reader, here, Some(cursor), 20).await;
    assert_eq!(told(&seen), [pair("revised", &back)]);
    let listed = reader.get("/v1/notices?region=430522").await.expect(200);
    assert_eq!(listed.items().len(), 1, "the lists show what stands in them only");
}

#[tokio::test]
async fn a_reader_waits_for_an_open_publication_and_skips_nothing() {
    let app = TestApp::spawn().await;
    let (publisher, reader) = (app.publisher().await, app.anonymous());
    let before = publish(&publisher, notice_as("before")).await;
    // A publication that has its position and does not commit: whoever comes after it waits, and so nobody is told.
    let open = app
        .inside(async |deps| {
            let tx = deps.db.begin().await.expect("a transaction");
            order::take_position(&tx).await.expect("a position");
            match deps.db.engine() {
                DbBackend::Postgres => Some(tx),
                // One writer: it would hold up the whole application, and nothing can overtake it.
                _ => None,
            }
        })
        .await;
    let held = open.is_some();
    let late = tokio::spawn(async move { publish(&publisher, notice_as("late")).await });
    if held {
        app.somebody_waits_for_a_lock().await;
    }
    let (seen, cursor) = follow(&reader, "", None, 20).await;
    if held {
        assert_eq!(told(&seen), [pair("new", &before)]);
    }
    app.inside(async move |_| match open {
        Some(tx) => tx.commit().await,
        None => Ok(()),
    })
    .await
    .expect("a commit");
    let late = late.await.expect("the later one");
    let (rest, _) = follow(&reader, "", Some(cursor), 20).await;
    let all: Vec<Value> = seen.into_iter().chain(rest).collect();
    assert_eq!(told(&all), [pair("new", &before), pair("new", &late)]);
}

#[tokio::test]
async fn a_reader_among_many_publishers_ends_with_everything_in_order() {
    const PUBLISHERS: usize = 4;
    const EACH: usize = 12;
    let app = TestApp::spawn().await;
    let copy = app.second_copy().await;
    let reader = app.anonymous();
    let mut publishers = Vec::new();
    for number in 0..PUBLISHERS {
        let base = if number % 2 == 0 { app.url("") } else { copy.url("") };
        publishers.push(app.publisher().await.at(base));
    }
    let publishing = publishers.iter().enumerate().map(|(publisher, caller)| async move {
        for number in 0..EACH {
            let name = format!("p{publisher}n{number}");
            let id = publish(caller, notice_as(&name)).await;
            match number % 4 {
                1 => revise(caller, &id, notice_with(&name, json!({ "title": "改", "region": "430102" }))).await,
                2 => withdraw(caller, &id).await,
                _ => {}
            }
        }
    });
    let publishing = futures_util::future::join_all(publishing);
    let reading = async {
        let (mut seen, mut cursor): (Vec<Value>, Option<String>) = (Vec::new(), None);
        let whole = |seen: &[Value]| {
            let last = |change: &str| seen.iter().filter(|item| item["change"] == change).count();
            let known: BTreeSet<&str> = seen.iter().filter_map(|item| item["notice_id"].as_str()).collect();
            let changed = PUBLISHERS * EACH / 4;
            known.len() == PUBLISHERS * EACH && last("revised") == changed && last("withdrawn") == changed
        };
        let deadline = tokio::time::Instant::now() + super::support::PATIENCE;
        while !whole(&seen) {
            assert!(tokio::time::Instant::now() < deadline, "some changes were never told: {:?}", told(&seen));
            let (more, next) = follow(&reader, "", cursor, 3).await;
            seen.extend(more);
            cursor = Some(next);
        }
        seen
    };
    let (_, seen) = tokio::join!(publishing, reading);
    // Told once for each place: a notice comes again only when it has changed.
    let places: BTreeSet<(String, i64)> = seen
        .iter()
        .map(|item| (item["notice_id"].to_string(), item["notice"]["revision"].as_i64().expect("a revision")))
        .collect();
    assert_eq!(places.len(), seen.len(), "nothing twice");
    // In the order of commits: what was seen last of each notice is what a reader from the beginning sees.
    let (all, _) = follow(&reader, "", None, 7).await;
    let mut last: Vec<(String, String)> = Vec::new();
    for one in told(&seen) {
        last.retain(|other| other.1 != one.1);
        last.push(one);
    }
    assert_eq!(last, told(&all));
}

#[tokio::test]
async fn a_cursor_is_good_on_its_feed_for_its_filters_on_its_database() {
    let app = TestApp::spawn().await;
    let (publisher, reader) = (app.publisher().await, app.anonymous());
    publish(&publisher, notice_as("a")).await;
    publish(&publisher, notice_as("b")).await;
    let cursor = reader.get(PATH).await.expect(200).string("/next_cursor");
    let get = async |path: String| reader.get(&path).await;
    get(format!("{PATH}?cursor={cursor}")).await.expect(200);
    get(format!("{PATH}?cursor={cursor}&region=430522")).await.expect(422).problem("invalid");
    get(format!("{PATH}.json?cursor={cursor}")).await.expect(422).problem("invalid");
    get(format!("/v1/notices?cursor={cursor}")).await.expect(422).problem("invalid");
    let list = reader.get("/v1/notices?limit=1").await.expect(200).string("/next_cursor");
    get(format!("{PATH}?cursor={list}")).await.expect(422).problem("invalid");
    for wrong in ["nonsense", "ZmVlZA", "ZmVlZAox"] {
        get(format!("{PATH}?cursor={wrong}")).await.expect(422).problem("invalid");
        get(format!("{PATH}.atom?cursor={wrong}")).await.expect(422).problem("invalid");
    }
    let change = async |text: &'static str| {
        app.inside(async move |deps| execute(deps.db.writer(), text, []).await).await.expect("a change");
    };
    // A database that was put back to an earlier state does not know where the reader stands.
    change("UPDATE commit_order SET position = position - 1").await;
    get(format!("{PATH}?cursor={cursor}")).await.expect(410).problem("cursor_expired");
    change("UPDATE commit_order SET position = position + 1, epoch = epoch + 1").await;
    get(format!("{PATH}?cursor={cursor}")).await.expect(410).problem("cursor_expired");
}

#[tokio::test]
async fn who_has_the_current_page_is_told_so_in_every_form() {
    let app = TestApp::spawn().await;
    let (publisher, reader) = (app.publisher().await, app.anonymous());
    let id = publish(&publisher, notice_as("a")).await;
    let unchanged = async |path: &str, etag: &str| {
        let method = reqwest::Method::GET;
        reader.send(method, path, None, &[("if-none-match", etag)]).await
    };
    let kinds = [
        (PATH.to_owned(), "application/json", "no-cache"),
        (format!("{PATH}.atom"), "application/atom+xml; charset=utf-8", "public, max-age=60"),
        (format!("{PATH}.json"), "application/feed+json; charset=utf-8", "public, max-age=60"),
    ];
    for (path, kind, caching) in kinds {
        let answer = reader.get(&path).await.expect(200);
        assert_eq!((answer.header("content-type"), answer.header("cache-control")), (kind, caching));
        let etag = answer.header("etag").to_owned();
        let same = unchanged(&path, &etag).await.expect(304);
        assert_eq!(
            (same.text.as_str(), same.header("etag"), same.header("cache-control")),
            ("", etag.as_str(), caching)
        );
        revise(&publisher, &id, notice_with("a", json!({ "title": format!("改：{path}") }))).await;
        assert_ne!(unchanged(&path, &etag).await.expect(200).header("etag"), etag, "{path}");
    }
}

/// The text of the only child with this name.
fn child<'a>(node: &roxmltree::Node<'a, 'a>, name: &str) -> &'a str {
    let mut found = node.children().filter(|child| child.has_tag_name((ATOM, name)));
    let one = found.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(found.next().is_none(), "more than one {name}");
    one.text().unwrap_or_default()
}

fn link<'a>(node: &roxmltree::Node<'a, 'a>, relation: &str) -> Option<roxmltree::Node<'a, 'a>> {
    node.children().find(|child| child.has_tag_name((ATOM, "link")) && child.attribute("rel") == Some(relation))
}

/// What RFC 4287 asks of every feed and entry.
fn check_atom(answer: &Answer) {
    let document = roxmltree::Document::parse(&answer.text).expect("well-formed XML");
    let feed = document.root_element();
    assert!(feed.has_tag_name((ATOM, "feed")));
    let entries = feed.children().filter(|child| child.has_tag_name((ATOM, "entry")));
    for node in std::iter::once(feed).chain(entries) {
        assert!(child(&node, "id").starts_with("urn:uuid:"), "{}", answer.text);
        assert!(!child(&node, "title").is_empty());
        chrono::DateTime::parse_from_rfc3339(child(&node, "updated")).expect("RFC 3339");
        let links = node.children().filter(|child| child.has_tag_name((ATOM, "link")));
        assert!(links.clone().all(|link| link.attribute("href").is_some_and(|href| href.contains("://"))));
        assert!(links.filter(|link| link.attribute("rel") == Some("alternate")).count() <= 1);
        if node.has_tag_name((ATOM, "entry")) {
            assert!(link(&node, "alternate").is_some());
            let author = node.children().find(|child| child.has_tag_name((ATOM, "author"))).expect("an author");
            assert!(!child(&author, "name").is_empty());
        }
    }
}

#[tokio::test]
async fn the_atom_feed_is_valid_whatever_notices_say() {
    let app = TestApp::with(|config| config.public_url = Some("https://notices.example.com".to_owned())).await;
    let (publisher, reader) = (app.publisher().await, app.anonymous());
    check_atom(&reader.get(&format!("{PATH}.atom")).await.expect(200));
    let hostile = "<b>&amp;\u{1}\u{b}\u{fffe}]]>\"'\u{7f} 题";
    let file = json!([{ "name": hostile, "url": "https://example.org/?a=1&b=2", "media_type": "application/pdf", "size_bytes": 7 }]);
    let fields = json!({
        "title": hostile, "attachments": file, "source_url": "https://example.org/a?b=1&c=\"2\"",
        "body_html": "<p>1 &lt; 2 \u{2} &amp;</p>",
    });
    let id = publish(&publisher, notice_with("a", fields)).await;
    let gone = publish(&publisher, notice_as("b")).await;
    withdraw(&publisher, &gone).await;
    let answer = reader.get(&format!("{PATH}.atom?category=construction")).await.expect(200);
    check_atom(&answer);
    let document = roxmltree::Document::parse(&answer.text).expect("well-formed XML");
    let feed = document.root_element();
    assert_eq!(child(&feed, "title"), "驿站公告 · 工程建设");
    let own = link(&feed, "self").and_then(|link| link.attribute("href"));
    assert_eq!(own, Some("https://notices.example.com/v1/feed.atom?category=construction"));
    let entries: Vec<_> = feed.children().filter(|child| child.has_tag_name((ATOM, "entry"))).collect();
    assert_eq!(entries.len(), 2);
    // The newest change first: what was withdrawn last says so and shows nothing else.
    assert!(child(&entries[0], "title").starts_with("【已撤回】"));
    assert_eq!(child(&entries[0], "content"), "公告已撤回：重复发布");
    assert!(link(&entries[0], "enclosure").is_none());
    let entry = &entries[1];
    let uuid = id.parse::<yizhan::domain::id::NoticeId>().expect("an id").as_uuid();
    assert_eq!(child(entry, "id"), format!("urn:uuid:{uuid}"));
    assert_eq!(child(entry, "title"), "<b>&amp;]]>\"'\u{7f} 题");
    assert!(child(entry, "content").contains("1 &lt; 2"));
    let enclosure = link(entry, "enclosure").expect("a file");
    let attribute = |name: &str| enclosure.attribute(name);
    assert_eq!((attribute("href"), attribute("length")), (Some("https://example.org/?a=1&b=2"), Some("7")));
    let alternate = link(entry, "alternate").expect("where people read it");
    assert_eq!(alternate.attribute("href"), Some("https://example.org/a?b=1&c=\"2\""));
    // The same notice keeps its id when it changes, and says later when.
    let before = child(entry, "updated").to_owned();
    app.world().advance(Duration::from_secs(60));
    revise(&publisher, &id, notice_with("a", json!({ "title": "新题" }))).await;
    let answer = reader.get(&format!("{PATH}.atom")).await.expect(200);
    let document = roxmltree::Document::parse(&answer.text).expect("well-formed XML");
    let root = document.root_element();
    let first = root.children().find(|child| child.has_tag_name((ATOM, "entry"))).expect("an entry");
    assert_eq!(child(&first, "id"), format!("urn:uuid:{uuid}"));
    assert!(child(&first, "updated") > before.as_str() && child(&root, "updated") == child(&first, "updated"));
}

#[tokio::test]
async fn older_pages_are_linked_until_there_are_none() {
    let app = TestApp::spawn().await;
    let (publisher, reader) = (app.publisher().await, app.anonymous());
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(publish(&publisher, notice_as(&format!("n{number}"))).await);
    }
    ids.reverse();
    let base = app.url("");
    let (mut path, mut seen) = (format!("{PATH}.json?limit=2"), Vec::new());
    loop {
        let page = reader.get(&path).await.expect(200);
        assert_eq!(page.string("/version"), "https://jsonfeed.org/version/1.1");
        assert_eq!(page.string("/feed_url"), format!("{base}{path}"));
        for item in page.json["items"].as_array().expect("items") {
            for field in ["id", "url", "title", "content_html", "date_published", "date_modified"] {
                assert!(item[field].is_string(), "{field}: {item}");
            }
            seen.push(item["_yizhan"]["notice_id"].as_str().expect("an id").to_owned());
        }
        let Some(next) = page.at("/next_url").as_str() else { break };
        path = next.strip_prefix(&base).expect("an address of this server").to_owned();
    }
    assert_eq!(seen, ids);
    let (mut path, mut entries) = (format!("{PATH}.atom?limit=2&region=430500"), 0);
    loop {
        let page = reader.get(&path).await.expect(200);
        check_atom(&page);
        let document = roxmltree::Document::parse(&page.text).expect("well-formed XML");
        let feed = document.root_element();
        entries += feed.children().filter(|child| child.has_tag_name((ATOM, "entry"))).count();
        let Some(next) = link(&feed, "next") else { break };
        path = next.attribute("href").and_then(|href| href.strip_prefix(&base)).expect("an address").to_owned();
    }
    assert_eq!(entries, 5);
}

#[tokio::test]
async fn a_withdrawn_notice_shows_no_body_in_a_json_feed_and_what_left_is_not_there() {
    let app = TestApp::spawn().await;
    let (publisher, reader) = (app.publisher().await, app.anonymous());
    let file = json!([{ "name": "清单", "url": "https://example.org/1" }]);
    let id = publish(&publisher, notice_with("a", json!({ "attachments": file }))).await;
    let feed = reader.get(&format!("{PATH}.json")).await.expect(200);
    assert_eq!(feed.at("/items/0/attachments/0/mime_type"), "application/octet-stream");
    let moved = publish(&publisher, notice_as("b")).await;
    revise(&publisher, &moved, notice_with("b", json!({ "region": "430102" }))).await;
    withdraw(&publisher, &id).await;
    let feed = reader.get(&format!("{PATH}.json?region=430500")).await.expect(200);
    assert_eq!(feed.items().len(), 1);
    let item = &feed.items()[0];
    assert_eq!((&item["content_html"], &item["attachments"]), (&Value::Null, &Value::Null));
    assert_eq!(item["content_text"], "公告已撤回：重复发布");
    assert!(!feed.text.contains("招标人"));
}

#[tokio::test]
async fn a_page_of_long_bodies_holds_fewer_and_loses_none() {
    let app = TestApp::spawn().await;
    let (publisher, reader) = (app.publisher().await, app.anonymous());
    let mut ids = Vec::new();
    for number in 0..4 {
        let body = format!("<p>{number}{}</p>", "文".repeat(150_000));
        ids.push(publish(&publisher, notice_with(&format!("n{number}"), json!({ "body_html": body }))).await);
    }
    let page = reader.get(PATH).await.expect(200);
    assert_eq!((page.items().len(), page.at("/has_more")), (2, &json!(true)));
    let (seen, _) = follow(&reader, "", None, 100).await;
    assert_eq!(told(&seen).into_iter().map(|(_, id)| id).collect::<Vec<_>>(), ids);
}

/// The positions of what category and region have in common, read in pages that look at two notices of either, and how
/// many pages held nothing.
async fn read_within_reach(app: &TestApp, newest_first: bool) -> (Vec<String>, usize) {
    app.inside(async move |deps| {
        let code = |code: &str| Some(code.to_owned());
        let both = Filter { category: code("construction.a03"), region: code("430102"), ..Filter::default() };
        let (mut seen, mut empty, mut cursor) = (Vec::new(), 0, None);
        loop {
            let (entries, next) = if newest_first {
                let found = feed::newest(&deps, &both, cursor.as_ref(), 20, 2).await.expect("a page").page;
                (found.items, found.next)
            } else {
                let found = feed::changes(&deps, &both, cursor.as_ref(), 20, 2).await.expect("a page");
                (found.entries, found.more.then_some(found.next))
            };
            empty += usize::from(entries.is_empty() && next.is_some());
            seen.extend(entries.iter().map(|entry| entry.notice_id.to_string()));
            let Some(next) = next else { return (seen, empty) };
            cursor = Some(next);
        }
    })
    .await
}

#[tokio::test]
async fn a_page_looks_at_a_bounded_part_of_filters_that_seldom_meet_and_skips_nothing() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let of = |id: &str, category: &str, region: &str| {
        notice_with(id, json!({ "category": category, "region": region, "body_html": format!("<p>{id}</p>") }))
    };
    let first = publish(&publisher, of("first", "construction.a03", "430102")).await;
    for number in 0..5 {
        publish(&publisher, of(&format!("c{number}"), "construction.a03", "430522")).await;
        publish(&publisher, of(&format!("r{number}"), "construction.a02", "430102")).await;
    }
    let left = publish(&publisher, of("left", "construction.a03", "430102")).await;
    let last = publish(&publisher, of("last", "construction.a03", "430102")).await;
    revise(&publisher, &left, of("left", "construction.a03", "430522")).await;
    let (seen, empty) = read_within_reach(&app, false).await;
    assert_eq!(seen, [&first, &last, &left].map(Clone::clone), "what has left is told as well");
    assert!(empty > 0, "a page that found nothing leads on");
    let (seen, empty) = read_within_reach(&app, true).await;
    assert_eq!(seen, [&last, &first].map(Clone::clone));
    assert!(empty > 0, "a page that found nothing leads on");
}

#[tokio::test]
async fn what_is_handed_in_together_is_told_one_after_the_other_with_its_files() {
    let app = TestApp::spawn().await;
    let (publisher, reader) = (app.publisher().await, app.anonymous());
    let before = publish(&publisher, notice_as("before")).await;
    let (_, cursor) = follow(&reader, "&category=construction", None, 20).await;
    let file =
        |number: u32| json!([{ "name": format!("清单 {number}"), "url": format!("https://example.org/{number}") }]);
    let one = |number: u32| notice_with(&format!("n{number}"), json!({ "attachments": file(number) }));
    let batch = json!({ "notices": [one(0), one(1), one(2)] });
    let answer = publisher.post("/v1/notices/batch", batch).await.expect(200);
    let outcomes = answer.json["outcomes"].as_array().expect("outcomes");
    let ids: Vec<&str> = outcomes.iter().filter_map(|outcome| outcome["notice"]["id"].as_str()).collect();
    let (seen, cursor) = follow(&reader, "&category=construction", Some(cursor), 2).await;
    assert_eq!(told(&seen), ids.iter().map(|id| pair("new", id)).collect::<Vec<_>>());
    for (item, number) in seen.iter().zip(0_u32..) {
        assert_eq!(item["notice"]["attachments"][0]["name"], format!("清单 {number}"));
    }
    // What is corrected together moves, and leaves what it stood in.
    let moved = notice_with("before", json!({ "category": "construction.a03" }));
    let other = notice_with("n0", json!({ "attachments": file(7) }));
    let batch = json!({ "notices": [moved, other], "existing": "revise" });
    publisher.post("/v1/notices/batch", batch).await.expect(200);
    let (seen, _) = follow(&reader, "&category=construction", Some(cursor), 20).await;
    assert_eq!(told(&seen), [pair("revised", &before), pair("revised", ids[0])]);
    assert_eq!(seen[1]["notice"]["attachments"][0]["name"], "清单 7");
    let (left, _) = follow(&reader, "&category=construction.a02", None, 20).await;
    assert!(told(&left).contains(&pair("left", &before)), "{:?}", told(&left));
}
