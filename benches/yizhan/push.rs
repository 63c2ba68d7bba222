//! Pushes a second with recorded outcomes, beside the same HTTP client alone: the same bodies, connections and number
//! of calls at a time, to the same sandbox.
//!
//! Bounded by: the sandbox, which reads and books every message, and shares the cores with whoever sends. What the
//! engine adds: everyone's inbox first, who has which endpoint, the JSON, and a recorded outcome for each, in commits
//! of 1,000.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use uuid::Uuid;
use yizhan::domain::id::{DeliveryId, EndpointId, NoticeId};

use crate::seed;
use crate::table::{Rate, Table};
use crate::world::{Publisher, To, World};

/// Recipients of a batch and batches at a time: what the channel does by itself.
const BATCH: usize = 500;
const BATCHES_AT_ONCE: usize = 8;
/// Calls of the single route at a time: as many as the ceiling was measured with.
const SINGLES_AT_ONCE: usize = 64;
/// `reqwest` over HTTP/1.1 with 64 calls in flight.
const FLOOR: f64 = 67_000.0;

/// Batches of 500.
pub async fn batches(world: &World, publisher: &Publisher, table: &mut Table) {
    let ours = engine(world, publisher).await;
    let bare = bare(world, "/sandbox/v1/messages:batch", BATCH, BATCHES_AT_ONCE).await;
    table.rates("pushes, batches of 500", ours, bare, None, "inboxes filled and outcomes recorded; no floor measured");
}

/// One token a call.
pub async fn singles(world: &World, table: &mut Table) {
    let at_once = SINGLES_AT_ONCE.to_string();
    let server = world.start(&[("YIZHAN_SANDBOX_BATCH", "1"), ("YIZHAN_SANDBOX_IN_FLIGHT", &at_once)]);
    let ours = engine(world, &world.publisher(&server)).await;
    let bare = bare(world, "/sandbox/v1/messages", 1, SINGLES_AT_ONCE).await;
    table.rates("pushes, one a call", ours, bare, Some(FLOOR), "the same, 64 calls at a time");
}

async fn engine(world: &World, publisher: &Publisher) -> f64 {
    let before = world.provider.received();
    let began = Instant::now();
    let (notice, _) = publisher.publish(To::All, "push").await;
    world.delivered(notice).await;
    let took = began.elapsed();
    let accepted = "SELECT count(*) AS n FROM deliveries WHERE state = 'accepted' AND notice_id = $1";
    assert_eq!(world.number(accepted, notice).await, Some(i64::from(world.size.users)), "recorded outcomes");
    let repeats = world.provider.received() - before - u64::from(world.size.users);
    if repeats > 0 {
        eprintln!("   {repeats} pushes were repeated: answers came too late");
    }
    Rate { times: world.size.users, took }.per_second()
}

/// The client as the channel makes it, with bodies that were written before.
async fn bare(world: &World, route: &str, batch: usize, at_once: usize) -> f64 {
    let users = seed::users(&world.db).await;
    let url = format!("{}{route}", world.provider.url);
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .tcp_nodelay(true)
        .http1_only()
        .timeout(Duration::from_secs(10))
        .pool_max_idle_per_host(at_once)
        .build()
        .expect("a client");
    let bodies: Vec<Vec<u8>> = bodies(&users, batch);
    let began = Instant::now();
    let calls = bodies.into_iter().map(|body| {
        let request = http.post(&url).header("content-type", "application/json").body(body);
        // On tasks of their own, as the engine's chunks are.
        async move { tokio::spawn(call(request)).await.expect("a call") }
    });
    stream::iter(calls).buffer_unordered(at_once).collect::<Vec<()>>().await;
    Rate { times: world.size.users, took: began.elapsed() }.per_second()
}

async fn call(request: reqwest::RequestBuilder) {
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "the sandbox takes it");
    answer.bytes().await.expect("a whole answer");
}

/// What the engine would send: the same message to other keys.
fn bodies(users: &[Uuid], batch: usize) -> Vec<Vec<u8>> {
    let notice = NoticeId::new();
    let message = json!({
        "notice": notice, "revision": 1, "kind": "notice", "title": "道路工程施工招标公告 1", "body": "",
        "language": "zh-CN", "replace_key": notice.to_string(), "urgent": false,
        "expires_at": "2030-01-01T00:00:00.000Z", "url": format!("/v1/notices/{notice}"),
    });
    let recipient = |user: &Uuid| {
        let key = DeliveryId::of(notice, 1, EndpointId::new());
        json!({ "token": format!("sbx-{}", user.simple()), "idempotency_key": key })
    };
    let body = |some: &[Uuid]| match some {
        [one] => json!({ "message": message, "recipient": recipient(one) }),
        many => json!({ "message": message, "recipients": many.iter().map(recipient).collect::<Vec<Value>>() }),
    };
    users.chunks(batch).map(|some| body(some).to_string().into_bytes()).collect()
}
