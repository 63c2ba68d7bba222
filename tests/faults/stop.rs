//! Processes are told to stop under load, and replaced one by one, as an upgrade does.

use std::sync::Mutex;

use super::world::{ALL, Process, World, notice, wait};

/// Notices that are published meanwhile.
const NOTICES: i64 = 12;

/// Publishes as publishers do who are told two addresses: who gets no answer, or 503, calls the next one with the same key.
async fn publish_somewhere(world: &World, doors: &Mutex<Vec<String>>, source_id: &str) {
    let mut tries = 0;
    wait("it is published", async || {
        tries += 1;
        let door = {
            let doors = doors.lock().expect("doors");
            doors.get(tries % doors.len().max(1)).cloned()
        };
        let Some(door) = door else { return false };
        let caller = crate::all::support::Caller::new(door).bearing(world.key.clone());
        let call = caller.request(reqwest::Method::POST, "/v1/notices").header("idempotency-key", source_id);
        let call = call.header("content-type", "application/json").body(notice(source_id).to_string());
        match call.send().await {
            Ok(answer) => {
                assert!(matches!(answer.status().as_u16(), 201 | 503), "{}", answer.status());
                answer.status() == 201
            }
            Err(_) => false,
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_upgrade_under_load_loses_nothing_and_repeats_nothing() {
    let world = World::of(5_000).await;
    let copies = if world.shared() { 2 } else { 1 };
    let mut running: Vec<Process> = (0..copies).map(|_| world.start(ALL, &[])).collect();
    let doors = Mutex::new(running.iter().map(|process| process.url.clone()).collect::<Vec<_>>());
    let publishing = async {
        for number in 0..NOTICES {
            publish_somewhere(&world, &doors, &format!("rolling-{number}")).await;
        }
    };
    let upgrading = async {
        for turn in 1..=4_u64 {
            world.received(turn * 8_000).await;
            // The new one first, where there may be two.
            let new = world.second(ALL, &[]);
            let mut old = running.remove(0);
            doors.lock().expect("doors").retain(|door| *door != old.url);
            assert!(old.stop().await.success(), "it ends in order:\n{}", old.said().join("\n"));
            let new = new.unwrap_or_else(|| world.start(ALL, &[]));
            doors.lock().expect("doors").push(new.url.clone());
            running.push(new);
        }
    };
    tokio::join!(publishing, upgrading);
    world.settled(NOTICES).await;
    let tally = world.audit_everyone_once(&running[0]).await;
    assert_eq!(tally.repeats, 0, "what was at hand was written down before it ended");
    running.iter().for_each(Process::assert_calm);
    world.report("15 SIGTERM under load, four times, as in a rolling upgrade", tally, "-");
}
