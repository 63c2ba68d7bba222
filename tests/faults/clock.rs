//! Clocks step by an hour, forwards and backwards, in the middle of a fan-out with later tries.

use std::time::Duration;

use serde_json::json;
use yizhan::sandbox::{Fault, Mode};

use super::servers::OwnPostgres;
use super::shim::Shim;
use super::world::{ALL, Process, World, notice, wait};
use crate::all::support::Pair;

/// An hour ahead, an hour behind the real time, and right again.
const STEPS: [i64; 3] = [3_600, -3_600, 0];
/// Slowly enough that something can happen in the middle.
const SLOWLY: (&str, &str) = ("YIZHAN_NOTIFIER_CONCURRENCY", "1");

/// Whose clock steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Process,
    /// Later tries are due by it: they would wait for as long as it is put back.
    Database,
}

/// Lets a clock step in the middle of a fan-out while some calls fail, so that later tries are reckoned by it.
async fn step(world: &World, process: &Process, clock: &Shim, whose: Whose, fault: &str) {
    world.publish(process, "before").await;
    for (received, seconds) in [2_000, 4_000, 6_000].into_iter().zip(STEPS) {
        world.received(received).await;
        if whose == Whose::Database {
            let due = "SELECT count(*) AS n FROM deliveries WHERE state = 'due'";
            wait("no later try is due", async || world.count(due).await == 0).await;
        }
        clock.step_clock(seconds);
        world.witness.state.set_fault(Fault::times(Mode::Error500, 3));
        world.publish(process, &format!("at {seconds}")).await;
    }
    world.settled(4).await;
    let tally = world.audit_everyone_once(process).await;
    process.assert_calm();
    world.report(fault, tally, "-");
}

fn borrowed(environment: &[(String, String)]) -> Vec<(&str, &str)> {
    environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_whose_clock_steps_by_an_hour_both_ways_delivers_at_once_all_the_same() {
    let world = World::of(5_000).await;
    let clock = Shim::new("");
    let environment = clock.environment();
    let process = world.start(ALL, &[borrowed(&environment), vec![SLOWLY]].concat());
    let whose = if world.shared() { Whose::Process } else { Whose::Database };
    step(&world, &process, &clock, whose, "14 a process's clock stepped by an hour both ways").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_whose_clock_steps_by_an_hour_both_ways_delivers_at_once_all_the_same() {
    if Pair::of_this_run().postgres().is_none() {
        // The embedded database has its process's clock, which steps in the test above; here a second time, on its own.
        let world = World::of(2_000).await;
        let clock = Shim::new("");
        let environment = clock.environment();
        let process = world.start(ALL, &borrowed(&environment));
        clock.step_clock(3_600);
        world.publish(&process, "ahead").await;
        clock.step_clock(-3_600);
        world.publish(&process, "behind").await;
        world.settled(2).await;
        let tally = world.audit_everyone_once(&process).await;
        return world.report("14 the database's clock stepped by an hour both ways", tally, "-");
    }
    let clock = Shim::new("");
    let server = OwnPostgres::start(&clock.environment()).await;
    let world = World::on(&server.url(), 5_000).await;
    let process = world.start(ALL, &[SLOWLY]);
    step(&world, &process, &clock, Whose::Database, "14 the database's clock stepped by an hour both ways").await;
    drop(world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_due_while_nobody_was_there_is_published_once_by_two_schedulers_that_come_back() {
    let world = World::of(2_000).await;
    let mut first = world.start(ALL, &[]);
    let soon = chrono::Utc::now() + Duration::from_secs(1);
    for source_id in ["one", "two", "three"] {
        let body = json!({ "publish_at": soon.to_rfc3339(), "notice": notice(source_id) });
        world.publisher(&first).post("/v1/scheduled-notices", body).await.expect(201);
    }
    first.kill();
    let due = soon.timestamp_millis();
    wait("its time has passed", async || world.database_now().await > due).await;
    let second = world.start(ALL, &[]);
    let third = world.second(ALL, &[]);
    world.settled(3).await;
    assert_eq!(world.count("SELECT count(*) AS n FROM notices").await, 3);
    let tally = world.audit_everyone_once(&second).await;
    world.report("14 scheduled publishing over a downtime, two schedulers at once", tally, "-");
    drop(third);
}
