//! A provider fails in every way there is, and the other channels are no slower for it.

use serde_json::json;
use yizhan::sandbox::{Fault, Mode, Settings};

use super::goaway::{Ending, Front};
use super::witness::Witness;
use super::world::{ALL, USERS, World, wait};
use crate::all::support::Receiver;

/// Webhooks into this machine.
const HOOKS: [(&str, &str); 2] = [("YIZHAN_WEBHOOK_HTTP", "on"), ("YIZHAN_WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")];
/// People who have a webhook beside their phone.
const HOOKED: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_fails_in_turn_in_every_way_costs_its_own_channel_the_wait_and_no_other() {
    let world = World::of(2_000).await;
    let people = world.sign_in("reader", u32::try_from(HOOKED).expect("a number")).await;
    let receiver = Receiver::start().await;
    let process = world.start(ALL, &HOOKS);
    for (number, person) in people.iter().enumerate() {
        let body = json!({ "preset": "standard", "url": receiver.url(&format!("/{number}")), "label": "h" });
        person.at(&process).post("/v1/webhooks", body).await.expect(201);
    }
    let throttled = Fault { retry_after: Some(2), ..Fault::of(Mode::Throttle) };
    let faults = [Fault::of(Mode::Error500), throttled, Fault::of(Mode::Hang), Fault::of(Mode::Html502)];
    let mut hooks = 0;
    for (number, fault) in faults.into_iter().enumerate() {
        world.witness.state.set_fault(fault);
        let calls = world.witness.state.stats().calls;
        world.publish(&process, &format!("fault {number}")).await;
        // The fault lasts until the other channel has had everything: it waits for nothing of this one.
        hooks += HOOKED;
        receiver.received(hooks).await;
        // And until it was met: after the one before it the channel may rest for a while.
        wait("the fault was met", async || world.witness.state.stats().calls > calls).await;
        let taken = "SELECT count(*) AS n FROM deliveries WHERE channel = 'sandbox' AND state = 'accepted'";
        assert_eq!(world.count(taken).await, 0, "the channel that fails has delivered nothing");
    }
    world.witness.state.set_fault(Fault::NONE);
    world.settled(4).await;
    let tally = world.audit_everyone_once(&process).await;
    assert_eq!(receiver.so_far().len(), hooks, "no webhook was called twice");
    process.assert_calm();
    world.report("7 a provider with 500, 429, no answer, HTML with 502, in turn", tally, "-");
}

/// A provider takes calls and cuts the connection, in the middle of a fan-out, on a channel of this repeat class.
async fn cut_off(class: &str) -> (World, super::process::Process) {
    let deduplicate = class == "safe";
    let world = World::with(USERS, 0, Witness::with(Settings { deduplicate, ..Settings::default() })).await;
    let slowly = [("YIZHAN_SANDBOX_REPEAT", class), ("YIZHAN_NOTIFIER_CONCURRENCY", "1")];
    let process = world.start(ALL, &slowly);
    world.publish(&process, class).await;
    for received in [2_000, 6_000] {
        world.received(received).await;
        world.witness.state.set_fault(Fault::times(Mode::Cut, 4));
    }
    world.settled(1).await;
    (world, process)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_before_the_answer_repeats_with_the_same_key_where_the_provider_knows_it() {
    let (world, process) = cut_off("safe").await;
    let tally = world.audit_everyone_once(&process).await;
    assert!(tally.repeats > 0, "the calls were cut in the middle");
    world.report("8 connections cut before the answer, repeats safe", tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_before_the_answer_repeats_visibly_rather_than_lose() {
    let (world, process) = cut_off("visible").await;
    let tally = world.audit(&process).await;
    assert!(tally.repeats > 0 && tally.shown_again == tally.repeats, "{tally:?}");
    let taken = "SELECT count(*) AS n FROM deliveries WHERE state = 'accepted'";
    assert_eq!(world.count(taken).await, i64::from(USERS), "nobody was left out");
    world.report("8 connections cut before the answer, repeats visible", tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_before_the_answer_is_never_repeated_where_that_is_forbidden() {
    let (world, process) = cut_off("forbidden").await;
    let tally = world.audit(&process).await;
    assert_eq!((tally.repeats, tally.shown_again), (0, 0));
    let unknown = world.count("SELECT count(*) AS n FROM deliveries WHERE state = 'unknown'").await;
    let taken = world.count("SELECT count(*) AS n FROM deliveries WHERE state = 'accepted'").await;
    assert!(unknown > 0, "what was cut has no known outcome");
    assert_eq!(taken + unknown, i64::from(USERS), "and everything else was taken");
    world.report(&format!("8 connections cut before the answer, repeats forbidden: {unknown} unknown"), tally, "-");
}

/// A provider over HTTP/2 ends its connections now and then, in the middle of a fan-out.
async fn goes_away(class: &str) -> (World, super::process::Process, Front) {
    let deduplicate = class == "safe";
    let world = World::with(USERS, 0, Witness::with(Settings { deduplicate, ..Settings::default() })).await;
    let endings = [Ending::Gently, Ending::Abruptly, Ending::Unanswered];
    let front = Front::before(&world.witness.url, &endings).await;
    let environment =
        [("YIZHAN_SANDBOX_URL", front.url.as_str()), ("YIZHAN_SANDBOX_HTTP2", "on"), ("YIZHAN_SANDBOX_REPEAT", class)];
    let process = world.start(ALL, &environment);
    world.publish(&process, class).await;
    world.settled(1).await;
    assert!(front.ended() >= endings.len(), "connections were ended in every way");
    (world, process, front)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goaway_in_mid_fan_out_loses_nothing_on_a_channel_whose_provider_knows_repeats() {
    let (world, process, front) = goes_away("safe").await;
    let tally = world.audit_everyone_once(&process).await;
    world.report(&format!("8 {} GOAWAYs and cuts, repeats safe", front.ended()), tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goaway_in_mid_fan_out_repeats_visibly_rather_than_lose() {
    let (world, process, front) = goes_away("visible").await;
    let tally = world.audit(&process).await;
    let taken = "SELECT count(*) AS n FROM deliveries WHERE state = 'accepted'";
    assert_eq!(world.count(taken).await, i64::from(USERS), "nobody was left out");
    world.report(&format!("8 {} GOAWAYs and cuts, repeats visible", front.ended()), tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goaway_in_mid_fan_out_repeats_nothing_where_that_is_forbidden() {
    let (world, process, front) = goes_away("forbidden").await;
    let tally = world.audit(&process).await;
    assert_eq!((tally.repeats, tally.shown_again), (0, 0));
    let unknown = world.count("SELECT count(*) AS n FROM deliveries WHERE state = 'unknown'").await;
    let taken = world.count("SELECT count(*) AS n FROM deliveries WHERE state = 'accepted'").await;
    assert_eq!(taken + unknown, i64::from(USERS));
    world.report(&format!("8 {} GOAWAYs and cuts, repeats forbidden: {unknown} unknown", front.ended()), tally, "-");
}
