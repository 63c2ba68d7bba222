//! The inbox through the door.

use std::time::Duration;

use sea_orm::DbBackend;
use serde_json::{Value, json};
use yizhan::domain::id::NoticeId;
use yizhan::services::housekeeping;
use yizhan::storage::{execute, inbox, value};

use super::support::{Answer, Person, Seed, TestApp, seed};

const PATH: &str = "/v1/inbox";

/// A notice of this title in the user's inbox.
async fn given(app: &TestApp, me: &Person, title: &str) -> NoticeId {
    let notice = app.seed_notice(&Seed::titled(title)).await;
    app.seed_item(me.id, notice, 1).await;
    notice
}

async fn subscribe(me: &Person, name: &str, filter: Value) -> String {
    let body = json!({ "name": name, "filter": filter, "frequency": "immediate" });
    me.post("/v1/subscriptions", body).await.expect(201).string("/id")
}

fn titles(answer: &Answer) -> Vec<String> {
    answer.items().iter().map(|item| item["notice"]["title"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn unread(me: &Person) -> Value {
    me.get(&format!("{PATH}/unread-count")).await.expect(200).at("/unread").clone()
}

/// Reads changes after a cursor, `limit` at a time, until `count` have come; returns them and where to go on. One call
/// may find none yet: on PostgreSQL any older transaction of the whole server holds them back while it is open.
async fn follow(me: &Person, cursor: Option<&str>, limit: usize, count: usize) -> (Vec<Value>, String) {
    let path = |cursor: Option<&str>| {
        let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        format!("{PATH}/sync?limit={limit}{after}")
    };
    let reading = async {
        let mut seen = Vec::new();
        let mut answer = me.get(&path(cursor)).await.expect(200);
        loop {
            assert!(answer.items().len() <= limit, "{}", answer.text);
            seen.extend(answer.items().iter().cloned());
            let next = answer.string("/next_cursor");
            if seen.len() >= count {
                return (seen, next);
            }
            answer = me.get(&path(Some(&next))).await.expect(200);
        }
    };
    tokio::time::timeout(super::support::PATIENCE, reading).await.expect("the reader skipped something")
}

fn ids(changes: &[Value]) -> Vec<String> {
    changes.iter().map(|change| change["notice_id"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn the_newest_notice_comes_first_and_every_item_says_what_it_is() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let mut last = None;
    for title in ["市政一", "市政二", "市政三"] {
        last = Some(given(&app, &me, title).await);
    }
    let first = me.get(&format!("{PATH}?limit=2")).await.expect(200);
    assert_eq!(titles(&first), ["市政三", "市政二"]);
    let rest = me.get(&format!("{PATH}?limit=2&cursor={}", first.string("/next_cursor"))).await.expect(200);
    assert_eq!((titles(&rest), rest.at("/next_cursor")), (vec!["市政一".to_owned()], &Value::Null));

    let one = me.get(&format!("{PATH}/{}", last.expect("three"))).await.expect(200);
    assert_eq!(&one.json, &first.items()[0]);
    let notice = one.at("/notice");
    assert_eq!(
        notice["category"],
        json!({ "code": "construction.a02", "name_zh": "市政", "name_en": "Municipal works" })
    );
    assert_eq!((&notice["region"]["code"], &notice["stage"]), (&json!("430124"), &json!("tender")));
    assert_eq!((&notice["state"], &notice["revision"]), (&json!("published"), &json!(1)));
    assert_eq!((one.at("/read_at"), one.at("/kind")), (&Value::Null, &json!("notice")));
}

#[tokio::test]
async fn marks_are_set_and_taken_away_and_select() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let (one, two) = (given(&app, &me, "市政一").await, given(&app, &me, "市政二").await);
    assert_eq!(unread(&me).await, 2);

    for _ in 0..2 {
        me.put(&format!("{PATH}/{one}/read"), Value::Null).await.expect(204);
    }
    assert_eq!(unread(&me).await, 1);
    assert_eq!(titles(&me.get(&format!("{PATH}?unread=true")).await), ["市政二"]);
    assert_eq!(titles(&me.get(&format!("{PATH}?unread=false")).await), ["市政一"]);
    me.delete(&format!("{PATH}/{one}/read")).await.expect(204);
    assert_eq!(unread(&me).await, 2);

    me.put(&format!("{PATH}/{two}/archive"), Value::Null).await.expect(204);
    assert_eq!(titles(&me.get(PATH).await), ["市政一"]);
    assert_eq!(titles(&me.get(&format!("{PATH}?archived=true")).await), ["市政二"]);
    me.delete(&format!("{PATH}/{two}/archive")).await.expect(204);
    assert_eq!(titles(&me.get(&format!("{PATH}?category=construction")).await), ["市政二", "市政一"]);
    assert_eq!(titles(&me.get(&format!("{PATH}?category=construction.a0")).await), [""; 0]);

    me.delete(&format!("{PATH}/{one}")).await.expect(204);
    me.get(&format!("{PATH}/{one}")).await.expect(404).problem("not_found");
    me.put(&format!("{PATH}/{one}/read"), Value::Null).await.expect(404);
    assert_eq!(titles(&me.get(PATH).await), ["市政二"]);
}

#[tokio::test]
async fn everything_up_to_an_instant_or_a_cursor_is_read_and_nothing_later() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let all = format!("{PATH}/read-all");
    given(&app, &me, "市政一").await;
    let (_, known) = follow(&me, None, 10, 1).await;
    given(&app, &me, "市政二").await;
    assert_eq!(me.post(&all, json!({ "cursor": known })).await.expect(200).at("/marked"), &json!(1));
    assert_eq!(titles(&me.get(&format!("{PATH}?unread=true")).await), ["市政二"]);

    let until = me.get(PATH).await.expect(200).string("/items/0/updated_at");
    app.world().advance(Duration::from_secs(1));
    given(&app, &me, "市政三").await;
    assert_eq!(me.post(&all, json!({ "until": until })).await.expect(200).at("/marked"), &json!(1));
    assert_eq!(titles(&me.get(&format!("{PATH}?unread=true")).await), ["市政三"]);
    for body in [json!({}), json!({ "until": until, "cursor": known }), json!({ "cursor": "nonsense" })] {
        me.post(&all, body).await.expect(422).problem("invalid");
    }
}

#[tokio::test]
async fn an_item_says_by_which_subscription_and_which_words() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let matching = subscribe(&me, "市政", json!({ "keywords": { "any": ["市政", "绿化"], "all": ["ＡＢ"] } })).await;
    let region = subscribe(&me, "长沙", json!({ "regions": ["430100"] })).await;
    subscribe(&me, "水利", json!({ "regions": ["430100"], "keywords": { "any": ["水利"] } })).await;
    let notice = given(&app, &me, "市政工程 ab 段").await;
    subscribe(&me, "太晚", json!({ "keywords": { "any": ["市政"] } })).await;

    let why = json!([
        { "kind": "subscription", "subscription_id": matching, "name": "市政", "words": ["ＡＢ", "市政"] },
        { "kind": "subscription", "subscription_id": region, "name": "长沙", "words": [] },
    ]);
    assert_eq!(me.get(PATH).await.expect(200).at("/items/0/why"), &why);

    // A filter that is changed afterwards explains nothing away.
    me.patch(&format!("/v1/subscriptions/{region}"), json!({ "filter": { "regions": ["430200"] } })).await.expect(200);
    me.delete(&format!("/v1/subscriptions/{matching}")).await.expect(204);
    assert_eq!(me.get(&format!("{PATH}/{notice}")).await.expect(200).at("/why"), &why);

    let explained = me.get(&format!("{PATH}/{notice}/why")).await.expect(200);
    assert_eq!((explained.at("/in_inbox"), explained.at("/why")), (&json!(true), &why));
    let judged = explained.at("/subscriptions").as_array().expect("a list").iter();
    let (judged, others): (Vec<_>, Vec<_>) = judged.partition(|one| one["counted"] == "yes");
    assert_eq!(others.len(), 2, "the one that came too late, and what one was changed into: {}", explained.text);
    let found: Vec<_> = judged.iter().map(|one| (&one["name"], &one["matched"])).collect();
    let (yes, no) = (json!(true), json!(false));
    assert_eq!(found, [(&json!("市政"), &yes), (&json!("长沙"), &yes), (&json!("水利"), &no)]);
    assert_eq!(
        judged[2]["parts"],
        json!([
            { "part": "regions", "holds": true, "words": [] },
            { "part": "any_words", "holds": false, "words": [] },
        ])
    );
}

#[tokio::test]
async fn why_not_is_answered_for_a_notice_that_did_not_come() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    subscribe(&me, "水利", json!({ "keywords": { "any": ["水利"] } })).await;
    let notice = app.seed_notice(&Seed::titled("市政工程")).await;
    let explained = me.get(&format!("{PATH}/{notice}/why")).await.expect(200);
    assert_eq!((explained.at("/in_inbox"), explained.at("/why")), (&json!(false), &json!([])));
    assert_eq!(explained.at("/subscriptions/0/matched"), &json!(false));
    me.get(&format!("{PATH}/{}/why", NoticeId::new())).await.expect(404);
}

#[tokio::test]
async fn an_amendment_and_a_revision_say_what_they_follow() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let call = given(&app, &me, "市政工程").await;
    let amendment = app.seed_notice(&Seed { amends: Some(call), ..Seed::titled("更正公告") }).await;
    app.seed_item(me.id, amendment, 1).await;
    let item = me.get(&format!("{PATH}/{amendment}")).await.expect(200);
    assert_eq!(item.at("/why"), &json!([{ "kind": "amendment", "notice_id": call }]));

    let changes = json!([{ "field": "title", "from": "市政工程", "to": "市政工程（二）" }]);
    app.seed_revision(call, 2, &Seed::titled("市政工程（二）"), changes.clone()).await;
    me.put(&format!("{PATH}/{call}/read"), Value::Null).await.expect(204);
    app.seed_item(me.id, call, 2).await;
    let item = me.get(&format!("{PATH}/{call}")).await.expect(200);
    assert_eq!((item.at("/kind"), item.at("/changes")), (&json!("revision"), &changes));
    assert_eq!((item.at("/why"), item.at("/read_at")), (&json!([{ "kind": "earlier_revision" }]), &Value::Null));
}

#[tokio::test]
async fn changes_are_told_in_order_with_tombstones() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let empty = me.get(&format!("{PATH}/sync")).await.expect(200);
    assert_eq!((empty.items().len(), empty.at("/has_more")), (0, &json!(false)));
    let one = given(&app, &me, "市政一").await;
    let two = given(&app, &me, "市政二").await;
    let (first, cursor) = follow(&me, Some(&empty.string("/next_cursor")), 1, 2).await;
    assert_eq!(ids(&first), [one.to_string(), two.to_string()]);

    me.put(&format!("{PATH}/{two}/read"), Value::Null).await.expect(204);
    me.delete(&format!("{PATH}/{one}")).await.expect(204);
    let (second, cursor) = follow(&me, Some(&cursor), 10, 2).await;
    assert_eq!(second[0]["item"]["notice"]["title"], "市政二");
    assert!(second[0]["item"]["read_at"].is_string());
    assert_eq!(second[1], json!({ "notice_id": one, "removed": true, "item": null }));
    me.put(&format!("{PATH}/{two}/read"), Value::Null).await.expect(204);
    let nothing = me.get(&format!("{PATH}/sync?cursor={cursor}")).await.expect(200);
    assert_eq!(nothing.items().len(), 0, "what was read already is no change");
}

#[tokio::test]
async fn a_reader_of_changes_skips_none_whatever_is_still_open() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let user = me.id;
    let mut notices = Vec::new();
    for number in 0..3 {
        notices.push(app.seed_notice(&Seed::titled(&format!("市政{number}"))).await);
    }
    let (early, late, last) = (notices[0], notices[1], notices[2]);

    // One transaction has its stamp and stays open while a later one commits. SQLite has one writer: there they follow.
    let open = app
        .inside(async move |deps| {
            let tx = deps.db.begin().await.expect("a transaction");
            seed::item(&tx, user, early, 1, deps.clock.now()).await.expect("an item");
            match deps.db.engine() {
                DbBackend::Postgres => Some(tx),
                _ => {
                    tx.commit().await.expect("a commit");
                    None
                }
            }
        })
        .await;
    app.seed_item(user, late, 1).await;
    let first = me.get(&format!("{PATH}/sync")).await.expect(200);
    if open.is_some() {
        assert_eq!(first.items().len(), 0, "what is older is still open");
    }
    app.inside(async move |_| match open {
        Some(tx) => tx.commit().await,
        None => Ok(()),
    })
    .await
    .expect("a commit");
    app.seed_item(user, last, 1).await;
    let mut seen = ids(first.items());
    let rest = follow(&me, Some(&first.string("/next_cursor")), 10, 3 - seen.len()).await.0;
    seen.extend(ids(&rest));
    assert_eq!(seen, [early.to_string(), late.to_string(), last.to_string()]);
}

#[tokio::test]
async fn a_reader_among_many_writers_ends_with_everything() {
    const WRITERS: usize = 4;
    const EACH: usize = 12;
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let mut notices = Vec::new();
    for number in 0..WRITERS * EACH {
        notices.push(app.seed_notice(&Seed::titled(&format!("市政{number}"))).await);
    }
    let user = me.id;
    let writers: Vec<_> = notices.chunks(EACH).map(<[NoticeId]>::to_vec).collect();
    let writing = app.inside(async move |deps| {
        let tasks = writers.into_iter().enumerate().map(|(writer, notices)| {
            let deps = deps.clone();
            tokio::spawn(async move {
                for (number, notice) in notices.into_iter().enumerate() {
                    let tx = deps.db.begin().await.expect("a transaction");
                    seed::item(&tx, user, notice, 1, deps.clock.now()).await.expect("an item");
                    // Held open for a while, each for another one, so that commits overtake each other.
                    let pause = u64::try_from((writer * 7 + number * 5) % 9).expect("a small number");
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    tx.commit().await.expect("a commit");
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.expect("a writer");
        }
    });
    let ((), (seen, _)) = tokio::join!(writing, follow(&me, None, 3, WRITERS * EACH));
    let mut seen = ids(&seen);
    seen.sort();
    let mut expected: Vec<String> = notices.iter().map(ToString::to_string).collect();
    expected.sort();
    assert_eq!(seen, expected, "each once");
}

#[tokio::test]
async fn a_cursor_that_is_too_old_or_of_another_database_has_expired() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let cursor = me.get(&format!("{PATH}/sync")).await.expect(200).string("/next_cursor");
    let again = format!("{PATH}/sync?cursor={cursor}");
    me.get(&again).await.expect(200);
    app.inside(async |deps| execute(deps.db.reader(), "UPDATE commit_order SET epoch = epoch + 1", []).await)
        .await
        .expect("another epoch");
    me.get(&again).await.expect(410).problem("cursor_expired");
    me.get(&format!("{PATH}/sync?cursor=nonsense")).await.expect(422).problem("invalid");
}

#[tokio::test]
async fn a_cursor_is_good_for_as_long_as_tombstones_are_kept() {
    let app = TestApp::with(|config| config.holdings.inbox_retention = Duration::from_secs(60)).await;
    let me = app.user().await;
    let cursor = me.get(&format!("{PATH}/sync")).await.expect(200).string("/next_cursor");
    app.world().advance(Duration::from_secs(59));
    me.get(&format!("{PATH}/sync?cursor={cursor}")).await.expect(200);
    app.world().advance(Duration::from_secs(2));
    me.get(&format!("{PATH}/sync?cursor={cursor}")).await.expect(410).problem("cursor_expired");
}

#[tokio::test]
async fn a_tombstone_is_forgotten_after_the_last_cursor_that_waits_for_it() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let app = TestApp::with(|config| config.holdings.inbox_retention = DAY).await;
    let me = app.user().await;
    let (kept, gone) = (given(&app, &me, "市政一").await, given(&app, &me, "市政二").await);
    me.delete(&format!("{PATH}/{gone}")).await.expect(204);
    let known = async || {
        app.inside(async |deps| housekeeping::prune(&deps).await).await.expect("housekeeping");
        let text = "SELECT COUNT(*) AS value FROM inbox_items";
        app.inside(async move |deps| value::<i64>(deps.db.reader(), text, []).await).await.expect("a count")
    };
    app.world().advance(DAY);
    assert_eq!(known().await, 2);
    app.world().advance(Duration::from_secs(2 * 60 * 60));
    assert_eq!(known().await, 1);
    let left = app.inside(async move |deps| inbox::find(deps.db.reader(), me.id, kept).await).await;
    assert!(left.expect("a query").is_some());
}

#[tokio::test]
async fn the_items_of_others_are_not_found() {
    let app = TestApp::spawn().await;
    let (me, other) = (app.user().await, app.user().await);
    let item = format!("{PATH}/{}", given(&app, &me, "市政一").await);
    other.get(&item).await.expect(404).problem("not_found");
    other.put(&format!("{item}/read"), Value::Null).await.expect(404);
    other.put(&format!("{item}/archive"), Value::Null).await.expect(404);
    other.delete(&item).await.expect(404);
    assert_eq!(other.get(PATH).await.expect(200).items().len(), 0);
    assert_eq!(unread(&me).await, 1);
}
