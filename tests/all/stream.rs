//! The live stream of an inbox through the door.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use sea_orm::DbBackend;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use yizhan::domain::id::NoticeId;
use yizhan::domain::user::Role;
use yizhan::services::live;
use yizhan::services::live::hint::Hint;
use yizhan::storage::execute;

use super::support::stream::Watch;
use super::support::{Caller, PATIENCE, Pair, Person, Seed, TestApp, eventually, notice, seed, subscription};

const PATH: &str = "/v1/inbox/stream";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Everything that `sync` tells after a cursor.
async fn synced(me: &Person, cursor: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = cursor.to_owned();
    loop {
        let answer = me.get(&format!("/v1/inbox/sync?limit=7&cursor={cursor}")).await.expect(200);
        all.extend(answer.items().iter().cloned());
        cursor = answer.string("/next_cursor");
        if answer.at("/has_more") == false {
            return all;
        }
    }
}

async fn cursor(me: &Person) -> String {
    me.get("/v1/inbox/sync").await.expect(200).string("/next_cursor")
}

/// An open stream that has said that it is up to date, and where it stands.
async fn ready(me: &Caller, last: Option<&str>) -> (Watch, String) {
    let mut watch = Watch::open(me, last).await;
    let first = watch.next().await.expect("an event");
    assert_eq!(first.name, "ready");
    assert_eq!(first.id.as_deref(), first.data["cursor"].as_str());
    (watch, first.id.expect("an id"))
}

async fn ending(watch: &mut Watch) -> Value {
    loop {
        let event = watch.next().await.expect("the reason before the end");
        if event.name == "end" {
            assert_eq!(watch.next().await, None, "nothing after the end");
            return event.data["reason"].clone();
        }
    }
}

/// Streams of this copy.
async fn open_streams(app: &TestApp) -> Value {
    let figures = app.anonymous().get("/metrics").await.expect(200);
    json!(figures.text.lines().any(|line| line.starts_with("yizhan_streams ")))
}

#[tokio::test]
async fn a_published_notice_and_what_other_devices_do_come_by_themselves() {
    let app = TestApp::spawn().await;
    let (me, publisher) = (app.user().await, app.publisher().await);
    subscription().subscribe(&me).await;
    let (mut watch, _) = ready(&me, None).await;
    assert_eq!(watch.header("content-type"), "text/event-stream; charset=utf-8");
    assert_eq!((watch.header("cache-control"), watch.header("x-accel-buffering")), ("no-store", "no"));
    let (mut other, _) = ready(&me, None).await;

    let id = notice().publish(&publisher).await;
    let came = watch.next().await.expect("a change");
    assert_eq!((came.name.as_str(), &came.data["notice_id"]), ("change", &json!(id)));
    let listed = me.get("/v1/inbox").await.expect(200);
    assert_eq!(came.data["item"], listed.items()[0], "what the inbox shows, with the reason why");
    assert_eq!(other.next().await.expect("a change").data, came.data);

    me.put(&format!("/v1/inbox/{id}/read"), Value::Null).await.expect(204);
    assert!(watch.next().await.expect("a change").data["item"]["read_at"].is_string());
    me.post("/v1/inbox/read-all", json!({ "cursor": came.id })).await.expect(200);
    let withdrawal = json!({ "reason": "重复发布" });
    publisher.post(&format!("/v1/notices/{id}/withdrawal"), withdrawal).await;
    let withdrawn = loop {
        let change = watch.next().await.expect("a change");
        if change.data["item"]["kind"] == "withdrawal" {
            break change;
        }
    };
    assert_eq!(withdrawn.data["item"]["notice"]["withdrawn_reason"], "重复发布");
    me.put(&format!("/v1/inbox/{id}/archive"), Value::Null).await.expect(204);
    me.delete(&format!("/v1/inbox/{id}")).await.expect(204);
    let tombstone = loop {
        let change = watch.next().await.expect("a change");
        if change.data["removed"] == true {
            break change;
        }
    };
    assert_eq!(tombstone.data, json!({ "notice_id": id, "removed": true, "item": null }));
}

#[tokio::test]
async fn a_client_that_is_cut_at_random_sees_what_sync_tells_and_nothing_twice() {
    const NOTICES: usize = 40;
    const STEPS: usize = 160;
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let mut notices = Vec::new();
    for number in 0..NOTICES {
        notices.push(app.seed_notice(&Seed::titled(&format!("市政{number}"))).await);
    }
    let start = cursor(&me).await;
    let writing = write(&app, &me, notices, STEPS);
    let reading = async {
        let mut random = StdRng::seed_from_u64(7);
        let mut last = start.clone();
        let mut told: BTreeMap<String, Value> = BTreeMap::new();
        loop {
            let mut watch = Watch::open(&me, Some(&last)).await;
            let mut seen = Vec::new();
            for _ in 0..random.random_range(1..12) {
                let Some(event) = watch.next().await else { panic!("a stream that goes on") };
                last = event.id.clone().expect("an id");
                if event.name != "change" {
                    continue;
                }
                assert!(!seen.contains(&event.id), "twice within a connection: {event:?}");
                seen.push(event.id.clone());
                let notice = event.data["notice_id"].as_str().expect("an id").to_owned();
                let is_last = is_last(&event.data);
                told.insert(notice, event.data);
                // Nothing comes after it: a connection that has said that it is up to date says it once.
                if is_last {
                    return told;
                }
            }
        }
    };
    let (last, told) = tokio::join!(writing, reading);
    let expected: BTreeMap<String, Value> = synced(&me, &start)
        .await
        .into_iter()
        .map(|change| (change["notice_id"].as_str().expect("an id").to_owned(), change))
        .collect();
    assert!(expected.contains_key(&last.to_string()) && expected.len() > 1, "{expected:?}");
    assert_eq!(told, expected);
}

/// The change that ends the writing: the last notice was read.
fn is_last(change: &Value) -> bool {
    change["item"]["notice"]["title"] == "最后" && change["item"]["read_at"].is_string()
}

/// Changes of every kind, in transactions that overtake each other; the last one when all others have committed.
async fn write(app: &TestApp, me: &Person, notices: Vec<NoticeId>, steps: usize) -> NoticeId {
    let user = me.id;
    app.inside(async move |deps| {
        let tasks = (0..4_u64).map(|writer| {
            let (deps, notices) = (deps.clone(), notices.clone());
            tokio::spawn(async move {
                let mut random = StdRng::seed_from_u64(writer);
                for _ in 0..steps / 4 {
                    let notice = notices[random.random_range(0..notices.len())];
                    let at = deps.clock.now();
                    let tx = deps.db.begin().await.expect("a transaction");
                    let stamp = yizhan::storage::order::stamp(&tx).await.expect("a stamp");
                    let columns = ["read_at", "archived_at", "removed_at"];
                    match random.random_range(0..4) {
                        3 => drop(seed::item(&tx, user, notice, 1, at).await.expect("an item")),
                        kind => {
                            let text = format!(
                                "UPDATE inbox_items SET {} = $3, stamp = $4 WHERE user_id = $1 AND notice_id = $2",
                                columns[kind]
                            );
                            let values = [user.into(), notice.into(), at.into(), stamp.into()];
                            execute(&*tx, &text, values).await.expect("a mark");
                        }
                    }
                    // Held open for a while, each for another one, so that commits overtake each other.
                    tokio::time::sleep(Duration::from_millis(random.random_range(0..6))).await;
                    tx.commit().await.expect("a commit");
                    if random.random_range(0..3) > 0 {
                        let hint = Hint::Users { users: vec![user], stamp };
                        deps.live.tell(hint);
                    }
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.expect("a writer");
        }
    })
    .await;
    let last = app.seed_notice(&Seed::titled("最后")).await;
    app.seed_item(user, last, 1).await;
    // A mark through the door tells the streams.
    me.put(&format!("/v1/inbox/{last}/read"), Value::Null).await.expect(204);
    last
}

#[tokio::test]
async fn what_is_held_back_by_an_open_transaction_comes_when_that_has_ended() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let late = app.seed_notice(&Seed::titled("市政")).await;
    app.seed_item(me.id, late, 1).await;
    let (mut watch, _) = ready(&me, None).await;
    let open = app
        .inside(async move |deps| {
            let tx = deps.db.begin().await.expect("a transaction");
            yizhan::storage::order::stamp(&tx).await.expect("a stamp");
            match deps.db.engine() {
                DbBackend::Postgres => Some(tx),
                _ => {
                    tx.commit().await.expect("a commit");
                    None
                }
            }
        })
        .await;
    me.put(&format!("/v1/inbox/{late}/read"), Value::Null).await.expect(204);
    if open.is_some() {
        assert_eq!(watch.next_within(Duration::from_millis(100)).await, None, "what is older is still open");
    }
    app.inside(async move |_| match open {
        Some(tx) => tx.commit().await,
        None => Ok(()),
    })
    .await
    .expect("a commit");
    assert_eq!(watch.next().await.expect("a change").data["notice_id"], json!(late));
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_with_its_token() {
    let app = TestApp::spawn().await;
    let (me, other) = (app.user().await, app.user().await);
    let (mut watch, mut stays) = (ready(&me, None).await.0, ready(&other, None).await.0);
    me.delete("/v1/sessions/current").await.expect(204);
    assert_eq!(ending(&mut watch).await, "session_ended");
    me.get(PATH).await.expect(401).problem("unauthenticated");

    app.world().advance(Duration::from_secs(15 * 60));
    assert_eq!(ending(&mut stays).await, "token_expired");
}

#[tokio::test]
async fn a_session_that_ended_without_a_word_is_noticed() {
    let app = TestApp::with(|config| config.live.look_every = Duration::from_millis(100)).await;
    let me = app.user().await;
    let (mut watch, _) = ready(&me, None).await;
    let session = me.session;
    app.inside(async move |deps| {
        execute(deps.db.writer(), "UPDATE sessions SET ended_at = 1 WHERE id = $1", [session.into()]).await
    })
    .await
    .expect("an end that nobody was told of");
    assert_eq!(ending(&mut watch).await, "session_ended");
}

#[tokio::test]
async fn a_change_whose_hint_was_lost_comes_with_the_next_look() {
    let app = TestApp::with(|config| config.live.look_every = Duration::from_millis(100)).await;
    let me = app.user().await;
    let (mut watch, _) = ready(&me, None).await;
    let late = app.seed_notice(&Seed::titled("市政")).await;
    app.seed_item(me.id, late, 1).await;
    assert_eq!(watch.next().await.expect("a change").data["notice_id"], json!(late));
}

#[tokio::test]
async fn what_happens_at_another_copy_is_heard() {
    let app = TestApp::spawn().await;
    if *app.database().pair() == Pair::SqliteTable {
        return;
    }
    // Looked for by itself it would not be within the patience of tests.
    let there = app.another(|config| config.live.look_every = DAY).await;
    let (me, publisher) = (app.user().await, app.publisher().await);
    subscription().subscribe(&me).await;
    let known = app.seed_notice(&Seed::titled("市政")).await;
    app.seed_item(me.id, known, 1).await;
    let (mut watch, _) = ready(&me.at(there.url("")), None).await;
    // Until the copies hear each other; who begins to listen looks at everybody, so a mark made before is no proof.
    let path = format!("/v1/inbox/{known}/read");
    let heard = async {
        while watch.next_within(Duration::from_millis(100)).await.is_none() {
            me.put(&path, Value::Null).await.expect(204);
            me.delete(&path).await.expect(204);
        }
        while watch.next_within(Duration::from_millis(100)).await.is_some() {}
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("the copies hear each other");

    let id = notice().publish(&publisher).await;
    while watch.next().await.expect("a change").data["notice_id"] != json!(id) {}
    me.delete("/v1/sessions/current").await.expect(204);
    assert_eq!(ending(&mut watch).await, "session_ended");
}

#[tokio::test]
async fn a_cursor_that_has_expired_says_read_in_full_and_no_more() {
    let app = TestApp::with(|config| config.holdings.inbox_retention = Duration::from_secs(60)).await;
    let me = app.user().await;
    let old = cursor(&me).await;
    app.world().advance(Duration::from_secs(61));
    let mut watch = Watch::open(&me, Some(&old)).await;
    let event = watch.next().await.expect("an event");
    assert_eq!((event.name.as_str(), event.id.as_deref()), ("read_in_full", Some("")));
    assert_eq!(event.data, json!({ "reason": "read_in_full" }));
    assert_eq!(watch.next().await, None);
    ready(&me, Some(&cursor(&me).await)).await;
}

#[tokio::test]
async fn what_is_no_cursor_is_refused_by_name() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let foreign = yizhan::domain::page::Cursor::new("inbox", ["1"]).to_string();
    for wrong in ["nonsense", &foreign] {
        let answer = me.get(&format!("{PATH}?cursor={wrong}")).await.expect(422).problem("invalid");
        assert_eq!(answer.violations(), [("cursor".to_owned(), "cursor".to_owned())]);
        let answer = me.send(reqwest::Method::GET, PATH, None, &[("last-event-id", wrong)]).await;
        let answer = answer.expect(422).problem("invalid");
        assert_eq!(answer.violations(), [("Last-Event-ID".to_owned(), "cursor".to_owned())]);
    }
    // The header goes before the query, as a client that comes again by itself sends both.
    let (mut watch, last) = ready(&me, None).await;
    let late = app.seed_notice(&Seed::titled("市政")).await;
    app.seed_item(me.id, late, 1).await;
    me.put(&format!("/v1/inbox/{late}/read"), Value::Null).await.expect(204);
    let next = watch.next().await.expect("a change").id.expect("an id");
    let both = format!("{PATH}?cursor={last}");
    let answer = me.send(reqwest::Method::GET, &both, None, &[("last-event-id", &next)]).await.expect(200);
    assert!(!answer.text.contains("event: change"), "{}", answer.text);
    assert!(me.get(&both).await.expect(200).text.contains("event: change"));
}

#[tokio::test]
async fn more_streams_than_are_allowed_are_refused_until_one_has_gone() {
    let app = TestApp::with(|config| {
        config.live.per_user = 2;
        config.live.streams = 3;
        config.live.heartbeat = Duration::from_millis(20);
    })
    .await;
    let (me, other, third) = (app.user().await, app.user().await, app.user().await);
    let (first, _second) = (ready(&me, None).await, ready(&me, None).await);
    let answer = me.get(PATH).await.expect(429).problem("too_many_streams");
    assert_ne!(answer.header("retry-after"), "");
    let _third = ready(&other, None).await;
    assert_ne!(third.get(PATH).await.expect(503).problem("streams_full").header("retry-after"), "");
    drop(first);
    // The server notices with the next sign of life.
    eventually("there is room again", async || (third.get(PATH).await.status == 200).then_some(())).await;
    assert_eq!(open_streams(&app).await, true);
}

#[tokio::test]
async fn signs_of_life_are_comments_and_a_stopping_copy_says_so() {
    let mut app = TestApp::with(|config| config.live.heartbeat = Duration::from_millis(10)).await;
    let me = app.user().await;
    let (mut watch, last) = ready(&me, None).await;
    watch.until_heartbeats(3).await;
    app.restart().await;
    assert_eq!(ending(&mut watch).await, "shutting_down");
    ready(&me.at(app.url("")), Some(&last)).await;
}

#[tokio::test]
async fn who_takes_nothing_is_cut_and_costs_nothing_more() {
    let app = TestApp::with(|config| {
        config.live.slow_after = Duration::from_millis(50);
        config.live.per_user = 1;
    })
    .await;
    let me = app.user().await;
    let start = cursor(&me).await;
    // More than the buffers of two sockets hold.
    let long = "市".repeat(20_000);
    for number in 0..120 {
        let notice = app.seed_notice(&Seed::titled(&format!("{long}{number}"))).await;
        app.seed_item(me.id, notice, 1).await;
    }
    let address = app.url("").replace("http://", "");
    let mut socket = tokio::net::TcpStream::connect(&address).await.expect("a connection");
    let token = me.bearer().expect("a token");
    let request = format!("GET {PATH}?cursor={start} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {token}\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("a request");
    let mut text = vec![0; 16];
    socket.read_exact(&mut text).await.expect("the beginning of an answer");
    // The figures are the whole process's; that there is room for another stream of this user is its own.
    eventually("the slow one is cut", async || (me.get(PATH).await.status == 200).then_some(())).await;
    socket.read_to_end(&mut text).await.map(|_| ()).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    assert!(
        text.contains("event: end\ndata: {\"reason\":\"too_slow\"}"),
        "{}",
        &text[text.len().saturating_sub(300)..]
    );
    assert!(!text.contains("event: ready"), "it was not told everything");
}

#[tokio::test]
async fn clients_that_take_nothing_hold_up_nobody() {
    // By itself nobody is cut within the patience of tests.
    let app = TestApp::with(|config| {
        config.live.slow_after = DAY;
        config.live.per_user = 300;
    })
    .await;
    let (stalled, behind, me) = (app.user().await, app.user().await, app.user().await);
    let (start, old) = (cursor(&stalled).await, cursor(&behind).await);
    for number in 0..25 {
        let notice = app.seed_notice(&Seed::titled(&format!("市政{number}"))).await;
        app.seed_item(stalled.id, notice, 1).await;
        app.seed_item(behind.id, notice, 1).await;
    }
    let late = app.seed_notice(&Seed::titled("市政")).await;
    app.seed_item(me.id, late, 1).await;
    let (mut watch, _) = ready(&me, None).await;
    let (user, session) = (stalled.id, stalled.session);
    let streams = app
        .inside(async move |deps| {
            let until = deps.clock.now() + DAY;
            let by = yizhan::services::session::Caller { user, session, role: Role::User, until };
            let after = start.parse().expect("a cursor");
            let mut streams = Vec::new();
            for _ in 0..250 {
                streams.push(live::open(&deps, &by, Some(&after)).await.expect("a stream"));
            }
            streams
        })
        .await;
    me.put(&format!("/v1/inbox/{late}/read"), Value::Null).await.expect(204);
    assert_eq!(watch.next().await.expect("a change").data["notice_id"], json!(late));
    let mut catching_up = Watch::open(&behind, Some(&old)).await;
    for _ in 0..25 {
        assert_eq!(catching_up.next().await.expect("a change").name, "change");
    }
    assert_eq!(catching_up.next().await.expect("all of it").name, "ready");
    drop(streams);
}

#[tokio::test]
async fn a_session_that_ended_without_a_word_is_noticed_though_its_inbox_is_busy() {
    let app = TestApp::with(|config| {
        config.live.look_every = Duration::from_millis(100);
        config.limits.on = false;
    })
    .await;
    let (me, other) = (app.user().await, app.user().await);
    let (mut watch, _) = ready(&me, None).await;
    let (session, user) = (me.session, me.id);
    app.inside(async move |deps| {
        execute(deps.db.writer(), "UPDATE sessions SET ended_at = 1 WHERE id = $1", [session.into()]).await
    })
    .await
    .expect("an end that nobody was told of");
    let busy = async {
        loop {
            app.inside(async move |deps| deps.live.tell(Hint::Users { users: vec![user], stamp: 0 })).await;
            other.get("/v1/inbox").await.expect(200);
        }
    };
    tokio::select! {
        reason = ending(&mut watch) => assert_eq!(reason, "session_ended"),
        () = busy => {}
    }
}

#[tokio::test]
async fn changes_that_cannot_be_read_end_their_own_stream_and_no_other() {
    let app = TestApp::spawn().await;
    let (me, other) = (app.user().await, app.user().await);
    let (mut watch, mut stays) = (ready(&me, None).await.0, ready(&other, None).await.0);
    let (broken, whole) = (app.seed_notice(&Seed::titled("市政")).await, app.seed_notice(&Seed::titled("水务")).await);
    app.seed_item(me.id, broken, 1).await;
    app.seed_item(other.id, whole, 1).await;
    let users = vec![me.id, other.id];
    app.inside(async move |deps| {
        let text = "UPDATE notice_revisions SET purchaser_keys = 'none' WHERE notice_id = $1";
        execute(deps.db.writer(), text, [broken.into()]).await.expect("what cannot be read");
        deps.live.tell(Hint::Users { users, stamp: 0 });
    })
    .await;
    assert_eq!(stays.next().await.expect("a change").data["notice_id"], json!(whole));
    assert_eq!(ending(&mut watch).await, "failed");
}
