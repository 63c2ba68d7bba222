//! The bell, on every engine alike: taken once, the most urgent first; and what nobody takes is rung again.

use std::time::Duration;

use yizhan::config::Roles;
use yizhan::domain::fanout::Lane;
use yizhan::domain::id::{ChunkId, FanOutId};
use yizhan::queue::{Job, MAX_ENTRY_CHARS, turns};
use yizhan::services::{Deps, fanout};

use super::support::{TestApp, notice, subscription};

/// A door without anybody who takes bells, so that a test does.
async fn silent() -> TestApp {
    TestApp::with(|config| config.roles = Roles { api: true, notifier: false, scheduler: false }).await
}

fn jobs(count: usize) -> Vec<Job> {
    (0..count).map(|_| Job::ChunkV1(ChunkId::new())).collect()
}

async fn ring(deps: &Deps, lane: Lane, jobs: &[Job]) {
    deps.fan_out.queue.ring(lane, jobs).await.expect("a queue");
}

async fn take(deps: &Deps, most: usize) -> Vec<Job> {
    let taken = deps.fan_out.queue.take(most, &Lane::ALL).await.expect("a queue");
    taken.into_iter().map(|job| job.expect("an entry of ours")).collect()
}

async fn depths(deps: &Deps) -> Vec<u64> {
    let mut depths = Vec::new();
    for lane in Lane::ALL {
        depths.push(deps.fan_out.queue.depth(lane).await.expect("a queue"));
    }
    depths
}

#[tokio::test]
async fn the_most_urgent_lane_is_taken_first_and_each_lane_in_the_order_of_ringing() {
    let app = silent().await;
    app.inside(async |deps| {
        let (bulk, normal) = (jobs(3), jobs(3));
        let urgent = [Job::PlanV1(FanOutId::new())];
        ring(&deps, Lane::Bulk, &bulk).await;
        ring(&deps, Lane::Normal, &normal).await;
        ring(&deps, Lane::Urgent, &urgent).await;
        assert_eq!(depths(&deps).await, [1, 3, 3]);
        assert_eq!(take(&deps, 2).await, [urgent[0], normal[0]]);
        assert_eq!(take(&deps, 100).await, [&normal[1..], &bulk[..]].concat());
        assert_eq!(take(&deps, 1).await, []);
        assert_eq!(depths(&deps).await, [0, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn however_much_is_urgent_the_other_lanes_have_their_turns() {
    let app = silent().await;
    app.inside(async |deps| {
        let (urgent, normal, bulk) = (jobs(32), jobs(3), jobs(1));
        ring(&deps, Lane::Urgent, &urgent).await;
        ring(&deps, Lane::Normal, &normal).await;
        ring(&deps, Lane::Bulk, &bulk).await;
        let mut taken = Vec::new();
        for n in 0..16 {
            let some = deps.fan_out.queue.take(1, &turns(n)).await.expect("a queue");
            taken.extend(some.into_iter().map(|job| job.expect("an entry of ours")));
        }
        assert!(normal.iter().chain(&bulk).all(|job| taken.contains(job)), "each had its turn");
    })
    .await;
}

#[tokio::test]
async fn whoever_waits_for_a_bell_takes_none_and_may_go_away() {
    let app = silent().await;
    app.inside(async |deps| {
        let queue = &deps.fan_out.queue;
        tokio::select! {
            biased;
            heard = queue.heard(Duration::from_secs(60)) => panic!("nothing was rung: {heard:?}"),
            () = tokio::task::yield_now() => {}
        }
        let rung = jobs(1);
        let (heard, ()) = tokio::join!(queue.heard(Duration::from_secs(60)), ring(&deps, Lane::Normal, &rung));
        heard.expect("a bell was heard");
        assert_eq!(depths(&deps).await, [0, 1, 0], "hearing takes nothing");
        assert_eq!(take(&deps, 1).await, rung);
    })
    .await;
}

#[tokio::test]
async fn each_bell_has_one_taker_and_what_is_taken_is_gone_at_once() {
    let app = silent().await;
    app.inside(async |deps| {
        let mut rung = jobs(300);
        ring(&deps, Lane::Normal, &rung).await;
        let taker = async || {
            let mut taken = Vec::new();
            loop {
                let some = take(&deps, 7).await;
                if some.is_empty() {
                    return taken;
                }
                taken.extend(some);
            }
        };
        let (one, other, third) = tokio::join!(taker(), taker(), taker());
        let mut taken = [one, other, third].concat();
        taken.sort_by_key(ToString::to_string);
        rung.sort_by_key(ToString::to_string);
        assert_eq!(taken, rung);
        // A taker that dies now leaves nothing behind that would pass for a backlog.
        assert_eq!(depths(&deps).await, [0, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_foreign_entry_is_cut_and_handed_over_and_stops_nobody() {
    let app = silent().await;
    let garbage = "不是我们的".repeat(10_000);
    match &app.database().redis_url {
        Some(url) => {
            let client = redis::Client::open(url.as_str()).expect("an address");
            let mut conn = client.get_multiplexed_async_connection().await.expect("Redis answers");
            let key = "yizhan:{queue}:normal";
            redis::cmd("XADD").arg(key).arg("*").arg(&garbage).arg("x").exec_async(&mut conn).await.expect("an entry");
        }
        None => {
            let conn = app.database().connect().await;
            let text = format!("INSERT INTO queue_entries (lane, payload, taken_until) VALUES (1, '{garbage}', 0)");
            sea_orm::ConnectionTrait::execute_unprepared(&conn, &text).await.expect("an entry");
        }
    }
    app.inside(async |deps| {
        let ours = jobs(1);
        ring(&deps, Lane::Normal, &ours).await;
        let mut taken = deps.fan_out.queue.take(10, &Lane::ALL).await.expect("a queue").into_iter();
        let foreign = taken.next().expect("the foreign entry").expect_err("it is none of ours");
        assert!(foreign.0.starts_with("不是我们的") && foreign.0.chars().count() <= MAX_ENTRY_CHARS, "{}", foreign.0);
        assert_eq!(taken.next().expect("ours").expect("readable"), ours[0]);
    })
    .await;
}

#[tokio::test]
async fn a_dead_workers_chunk_is_rung_for_once_though_the_queue_is_full_of_others() {
    let app = silent().await;
    let reader = app.user().await;
    subscription().subscribe(&reader).await;
    notice().publish(&app.publisher().await).await;
    app.inside(async |deps| {
        fanout::relay(&deps).await.expect("the outbox is relayed");
        let [Job::PlanV1(id)] = take(&deps, 10).await[..] else { panic!("one plan") };
        fanout::plan(&deps, id).await.expect("a plan");
        let chunk = take(&deps, 10).await;
        assert_eq!(chunk.len(), 1);
        let others = jobs(50);
        ring(&deps, Lane::Normal, &others).await;
        assert_eq!(fanout::sweep(&deps).await.expect("a sweep"), 0, "nobody has begun it: it is left to its bell");
        // Its worker was killed: a lease stands in the row and has run out.
        sea_orm::ConnectionTrait::execute_unprepared(deps.db.reader(), "UPDATE chunks SET leased_until = 1")
            .await
            .expect("a lease");
        assert_eq!(fanout::sweep(&deps).await.expect("a sweep"), 1);
        assert_eq!(fanout::sweep(&deps).await.expect("a sweep"), 0, "once is enough");
        let mut waiting = take(&deps, 100).await;
        assert_eq!(waiting.split_off(50), chunk);
        assert_eq!(waiting, others);
    })
    .await;
}
