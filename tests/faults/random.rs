//! Notifiers are killed at random points of a big fan-out, while another one runs.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::world::{ALL, Process, World, connect};
use crate::all::support::Pair;

/// How often one is killed.
const KILLS: usize = 20;
/// A copy that dies may hold so many chunks.
const CONCURRENCY: (&str, &str) = ("YIZHAN_NOTIFIER_CONCURRENCY", "2");

/// The run's seed: `YIZHAN_TEST_SEED` repeats a run.
fn seed() -> u64 {
    let given = std::env::var("YIZHAN_TEST_SEED").ok();
    given.map_or_else(rand::random, |seed| seed.parse().expect("YIZHAN_TEST_SEED is a number"))
}

/// How long what a dead process had in its hands lay still: until every chunk of it was leased by another, or closed.
pub async fn recovery(database: String, dead: u32) -> Option<Duration> {
    let died = Instant::now();
    let conn = connect(&database).await;
    let count = async |sql: &str| -> i64 {
        let statement = sea_orm::Statement::from_string(sea_orm::ConnectionTrait::get_database_backend(&conn), sql);
        let row = sea_orm::ConnectionTrait::query_one_raw(&conn, statement).await.expect("a query").expect("a row");
        row.try_get("", "n").expect("a number")
    };
    let held = format!("SELECT count(*) AS n FROM chunks WHERE state = 'open' AND lease_owner LIKE '{dead}-%'");
    if count(&held).await == 0 {
        return None;
    }
    loop {
        if count(&held).await == 0 {
            return Some(died.elapsed());
        }
        assert!(died.elapsed() < Duration::from_secs(120), "nobody took over from {dead}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What was measured, in words.
pub fn in_words(mut recoveries: Vec<Duration>) -> String {
    recoveries.sort();
    let middle = recoveries.get(recoveries.len() / 2).copied().unwrap_or_default();
    let longest = recoveries.last().copied().unwrap_or_default();
    format!("{:.1} s, at most {:.1} s ({})", middle.as_secs_f64(), longest.as_secs_f64(), recoveries.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifiers_killed_at_twenty_random_points_lose_nothing_while_another_one_runs() {
    // The embedded default has one process: it is started again each time, and its fan-out is a smaller one.
    let shared = Pair::of_this_run().postgres().is_some();
    let users: u32 = if shared { 100_000 } else { 20_000 };
    let world = World::of(users).await;
    let seed = seed();
    println!("    YIZHAN_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut points: Vec<u64> = (0..KILLS).map(|_| random.random_range(0..u64::from(users) * 9 / 10)).collect();
    points.sort_unstable();
    let roles = if shared { "notifier,scheduler" } else { ALL };
    let door = shared.then(|| world.start("api", &[]));
    let mut pair: Vec<Process> = (0..if shared { 2 } else { 1 }).map(|_| world.start(roles, &[CONCURRENCY])).collect();
    world.publish(door.as_ref().unwrap_or(&pair[0]), "random").await;
    let mut recoveries = Vec::new();
    for point in points {
        world.received(point).await;
        let one = random.random_range(0..pair.len());
        pair[one].kill();
        recoveries.push(tokio::spawn(recovery(world.database_url().to_owned(), pair[one].pid())));
        pair[one] = world.start(roles, &[CONCURRENCY]);
    }
    world.settled(1).await;
    let mut measured = Vec::new();
    for recovery in recoveries {
        measured.extend(recovery.await.expect("it was taken over"));
    }
    let tally = world.audit_everyone_once(door.as_ref().unwrap_or(&pair[0])).await;
    world.report("1 a notifier killed at 20 random points", tally, &in_words(measured));
}
