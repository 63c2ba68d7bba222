//! A tenth of the subscribers come, go, pause and change their filters while notices are carried to them.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt as _;
use serde_json::json;
use yizhan::domain::id::SubscriptionId;

use super::people::Person;
use super::process::Process;
use super::seed::{OTHER, WANTED};
use super::witness::Witness;
use super::world::{ALL, World, wait};

/// Subscribers.
const USERS: u32 = 10_000;
/// Of each of four ways to change: a tenth in all.
const EACH: u32 = USERS / 40;

/// What somebody does.
#[derive(Debug, Clone, Copy)]
enum Change {
    Comes,
    Goes,
    Pauses,
    Turns,
}

async fn change(at: &Process, person: &Person, change: Change, subscription: Option<SubscriptionId>) {
    let caller = person.at(at);
    let of = || format!("/v1/subscriptions/{}", subscription.expect("a subscription"));
    match change {
        Change::Comes => {
            let body = json!({ "name": "new", "filter": { "categories": [WANTED] }, "frequency": "immediate" });
            caller.post("/v1/subscriptions", body).await.expect(201)
        }
        Change::Goes => caller.delete(&of()).await.expect(204),
        Change::Pauses => {
            let until = chrono::Utc::now() + chrono::Duration::hours(1);
            caller.put(&format!("{}/pause", of()), json!({ "until": until.to_rfc3339() })).await.expect(200)
        }
        Change::Turns => caller.patch(&of(), json!({ "filter": { "categories": [OTHER] } })).await.expect(200),
    };
}

/// The subscriptions of seeded people, in the order of their users.
async fn subscriptions(world: &World, count: u32) -> Vec<SubscriptionId> {
    let text = format!("SELECT subscription_id FROM subscriptions ORDER BY user_id LIMIT {count}");
    let backend = sea_orm::ConnectionTrait::get_database_backend(&world.conn);
    let statement = sea_orm::Statement::from_string(backend, text);
    let rows = sea_orm::ConnectionTrait::query_all_raw(&world.conn, statement).await.expect("subscriptions");
    rows.iter().map(|row| row.try_get("", "subscription_id").expect("an id")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenth_of_the_subscribers_come_go_pause_and_turn_and_each_notice_reaches_its_audience() {
    let world = World::with(USERS, EACH, Witness::start()).await;
    let newcomers = world.sign_in("newcomer", EACH).await;
    let readers = world.sign_in("reader", 3 * EACH).await;
    let subscriptions = subscriptions(&world, 3 * EACH).await;
    let kinds = [Change::Goes, Change::Pauses, Change::Turns];
    let mut changes: Vec<(&Person, Change, Option<SubscriptionId>)> = Vec::new();
    for (at, (person, subscription)) in readers.iter().zip(&subscriptions).enumerate() {
        changes.push((person, kinds[at % 3], Some(*subscription)));
        if let Some(newcomer) = newcomers.get(at / 3).filter(|_| at % 3 == 0) {
            changes.push((newcomer, Change::Comes, None));
        }
    }
    let first = world.start(ALL, &[("YIZHAN_NOTIFIER_CONCURRENCY", "1")]);
    let second = world.second(ALL, &[("YIZHAN_NOTIFIER_CONCURRENCY", "1")]);
    let doors = [&first, second.as_ref().unwrap_or(&first)];
    let done = AtomicUsize::new(0);
    let total = changes.len();
    let changing = futures_util::stream::iter(changes.into_iter().enumerate()).for_each_concurrent(4, |(at, one)| {
        let (person, kind, subscription) = one;
        let done = &done;
        async move {
            change(doors[at % 2], person, kind, subscription).await;
            done.fetch_add(1, Ordering::SeqCst);
        }
    });
    let publishing = async {
        for part in 0..5 {
            wait("so many have changed", async || done.load(Ordering::SeqCst) >= total * part / 5).await;
            world.publish(&first, &format!("part {part}")).await;
        }
    };
    tokio::join!(changing, publishing);
    world.publish(&first, "after all").await;
    world.settled(6).await;
    assert_eq!(
        world.count("SELECT count(*) AS n FROM subscriptions WHERE ended_position IS NOT NULL").await,
        i64::from(2 * EACH)
    );
    let tally = world.audit(&first).await;
    assert_eq!(tally.shown_again, 0);
    // Who has gone or paused is asked at the door: skipped, and not sent.
    assert!(world.count("SELECT count(*) AS n FROM deliveries WHERE state = 'skipped'").await > 0);
    world.report("11 a tenth of the subscribers come, go, pause and turn", tally, "-");
}
