//! The disk is full, and there are no file descriptors left.

use super::servers::OwnPostgres;
use super::shim::Shim;
use super::world::{ALL, Process, World, notice, wait};
use crate::all::support::Pair;

/// Slowly enough that something can happen in the middle.
const SLOWLY: (&str, &str) = ("YIZHAN_NOTIFIER_CONCURRENCY", "1");

/// Fills the disk in the middle of a fan-out until publishing is refused, and makes room again.
async fn filled(world: &World, process: Process, disk: &Shim) {
    world.publish(&process, "before").await;
    world.received(2_000).await;
    disk.fill_disk(true);
    let mut taken = 1;
    wait("publishing is refused for want of room", async || {
        // What fits into room that is there is taken, and it counts.
        let answer = world.publisher(&process).post("/v1/notices", notice(&format!("while {taken}"))).await;
        assert!(matches!(answer.status, 201 | 503), "{} {}", answer.status, answer.text);
        taken += i64::from(answer.status == 201);
        answer.status == 503
    })
    .await;
    disk.fill_disk(false);
    process.assert_calm();
    world.publish(&process, "after").await;
    world.settled(taken + 1).await;
    let tally = world.audit_everyone_once(&process).await;
    process.assert_calm();
    world.report("15 the database's disk full", tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_refuses_publishers_for_a_while_and_loses_nothing() {
    if Pair::of_this_run().postgres().is_some() {
        // The tables' disk: that of the log is PostgreSQL's own matter, it stops until there is room.
        let disk = Shim::new("/base/");
        let server = OwnPostgres::start(&disk.environment()).await;
        let world = World::on(&server.url(), 10_000).await;
        let process = world.start(ALL, &[SLOWLY]);
        filled(&world, process, &disk).await;
        return drop(world);
    }
    let world = World::of(10_000).await;
    let disk = Shim::new("yizhan.db");
    let environment = disk.environment();
    let mut environment: Vec<_> = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    environment.push(SLOWLY);
    let process = world.start(ALL, &environment);
    filled(&world, process, &disk).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_without_file_descriptors_goes_on_when_it_has_some_again() {
    let world = World::of(10_000).await;
    let process = world.start(ALL, &[SLOWLY]);
    world.publish(&process, "before").await;
    world.received(2_000).await;
    process.limit_files(process.open_files());
    let address = process.url.trim_start_matches("http://").to_owned();
    let mut callers = Vec::new();
    wait("it cannot take connections", async || {
        callers.extend(std::net::TcpStream::connect(&address).ok());
        process.has_said("open files")
    })
    .await;
    world.received(5_000).await;
    process.limit_files(1_024);
    drop(callers);
    world.publish(&process, "after").await;
    world.settled(2).await;
    let tally = world.audit_everyone_once(&process).await;
    process.assert_calm();
    world.report("15 no file descriptors left", tally, "-");
}
