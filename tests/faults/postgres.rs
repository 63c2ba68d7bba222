//! The database is restarted, cuts its connections, fails to serialise, is too slow, or has too few connections.
//!
//! The embedded default has no server that could do so: there somebody else holds the lock of its file.

use std::time::Duration;

use yizhan::domain::fanout::LEASE;

use super::servers::OwnPostgres;
use super::world::{ALL, BEHIND, Process, World, connect, notice, wait};

/// Slowly enough that something can happen in the middle.
const SLOWLY: (&str, &str) = ("YIZHAN_NOTIFIER_CONCURRENCY", "1");

/// Publishes as publishers do: while the database is busy the call is answered 503, and made again.
async fn publish_in_spite(world: &World, at: &Process, source_id: &str) {
    wait("it is published", async || {
        let answer =
            world.publisher(at).post_once("/v1/notices", &source_id.replace(' ', "-"), notice(source_id)).await;
        assert!(
            matches!(answer.status, 201 | 503),
            "a busy database is no fault of ours: {} {}",
            answer.status,
            answer.text
        );
        answer.status == 201
    })
    .await;
}

/// On the embedded default: somebody holds the lock of the file three times in the middle of a fan-out.
async fn locked_by_another(fault: &str) {
    let world = World::of(10_000).await;
    let process = world.start(ALL, &[SLOWLY]);
    world.publish(&process, "locked").await;
    let other = connect(world.database_url()).await;
    for received in [1_000, 3_000, 6_000] {
        world.received(received).await;
        sea_orm::ConnectionTrait::execute_unprepared(&other, "PRAGMA busy_timeout = 60000; BEGIN IMMEDIATE")
            .await
            .expect("the lock");
        // The fault itself: longer than a lease lasts.
        tokio::time::sleep(LEASE + Duration::from_secs(1)).await;
        sea_orm::ConnectionTrait::execute_unprepared(&other, "ROLLBACK").await.expect("it is free again");
    }
    world.settled(1).await;
    let tally = world.audit_everyone_once(&process).await;
    world.report(fault, tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_restarted_in_mid_fan_out_delays_and_loses_nothing() {
    if crate::all::support::Pair::of_this_run().postgres().is_none() {
        return locked_by_another("6 the database locked by another process three times").await;
    }
    let mut server = OwnPostgres::start(&[]).await;
    let world = World::on(&server.url(), 10_000).await;
    let (first, second) = (world.start(ALL, &[SLOWLY]), world.start(BEHIND, &[SLOWLY]));
    world.publish(&first, "restarted").await;
    // Once as an operator does it, and once as if it had crashed.
    for (received, signal) in [(2_000, "INT"), (5_000, "QUIT")] {
        world.received(received).await;
        server.end(signal).await;
        let answer = world.publisher(&first).post("/v1/notices", notice("away")).await;
        assert_eq!(answer.status, 503, "{}", answer.text);
        server.begin().await;
    }
    publish_in_spite(&world, &first, "after it").await;
    world.settled(2).await;
    let tally = world.audit_everyone_once(&first).await;
    [&first, &second].into_iter().for_each(Process::assert_calm);
    world.report("6 PostgreSQL restarted twice", tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_in_mid_fan_out_delay_and_lose_nothing() {
    let world = World::of(10_000).await;
    if !world.shared() {
        return locked_by_another("6 connections cut (another process holds the lock)").await;
    }
    let (first, second) = (world.start(ALL, &[SLOWLY]), world.start(BEHIND, &[SLOWLY]));
    world.publish(&first, "cut").await;
    for received in [1_000, 2_000, 3_000, 5_000, 7_000] {
        world.received(received).await;
        world
            .count(
                "SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .await;
    }
    publish_in_spite(&world, &first, "after it").await;
    world.settled(2).await;
    let tally = world.audit_everyone_once(&first).await;
    [&first, &second].into_iter().for_each(Process::assert_calm);
    world.report("6 all connections cut five times", tally, "-");
}

/// Lets one of so many statements that write what a fan-out writes do this, at random, on PostgreSQL.
async fn one_of(world: &World, many: u32, what: &str) {
    world
        .run(&format!(
            "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
               IF random() < 1.0 / {many} THEN {what}; END IF; RETURN NULL; END $$"
        ))
        .await;
    for table in ["notices", "outbox", "fan_outs", "chunks", "inbox_items", "deliveries"] {
        let text = format!(
            "CREATE TRIGGER fault AFTER INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION fault()"
        );
        world.run(&text).await;
    }
}

/// Publishes three notices while writes fail now and then, and audits what became of them.
async fn in_spite_of_failing_writes(world: &World, fault: &str) {
    let (first, second) = (world.start(ALL, &[]), world.start(BEHIND, &[]));
    for source_id in ["one", "two", "three"] {
        publish_in_spite(world, &first, source_id).await;
    }
    world.settled(3).await;
    let tally = world.audit_everyone_once(&first).await;
    [&first, &second].into_iter().for_each(Process::assert_calm);
    world.report(fault, tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_fail_to_serialise_are_made_again_and_lose_nothing() {
    let world = World::of(10_000).await;
    if !world.shared() {
        return locked_by_another("6 serialisation failures (another process holds the lock)").await;
    }
    one_of(&world, 17, "RAISE EXCEPTION 'could not serialize access' USING ERRCODE = '40001'").await;
    in_spite_of_failing_writes(&world, "6 one write of 17 a serialisation failure").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_that_are_cut_off_by_a_timeout_are_made_again_and_lose_nothing() {
    let world = World::of(10_000).await;
    if !world.shared() {
        return locked_by_another("6 statement timeouts (another process holds the lock)").await;
    }
    one_of(&world, 23, "PERFORM pg_sleep(2)").await;
    let name = world.database_url().rsplit('/').next().expect("a name").to_owned();
    world.run(&format!("ALTER DATABASE {name} SET statement_timeout = '1s'")).await;
    in_spite_of_failing_writes(&world, "6 one write of 23 cut off by a statement timeout").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_is_exhausted_delays_and_loses_nothing() {
    let world = World::of(5_000).await;
    // More work at a time than connections to do it with.
    let starved = [("YIZHAN_DATABASE_POOL", "2"), ("YIZHAN_NOTIFIER_CONCURRENCY", "2")];
    let process = world.start(ALL, &starved);
    let calls = (0..8).map(|call| {
        let (world, process) = (&world, &process);
        async move { publish_in_spite(world, process, &format!("starved {call}")).await }
    });
    futures_util::future::join_all(calls).await;
    world.settled(8).await;
    let tally = world.audit_everyone_once(&process).await;
    process.assert_calm();
    world.report("6 two connections for jobs and callers", tally, "-");
}
