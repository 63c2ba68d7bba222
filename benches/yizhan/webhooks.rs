//! Webhooks a second to 1,000 servers, each signed and each try recorded, beside the same HTTP client alone: the same
//! bodies, servers and number of calls at a time.
//!
//! Bounded by: a connection to each server, and the servers, which share the cores with whoever sends. What the engine
//! adds: everyone's inbox first, who has which endpoint, the JSON and its signature, the judgement of each address, and two
//! rows for each delivery, its outcome and its try.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use reqwest::redirect::Policy;
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use yizhan::domain::id::{DeliveryId, EndpointId, NoticeId, SubscriptionId, SubscriptionRowId, UserId, WebhookId};
use yizhan::domain::webhook::{Preset, Secret, Target};
use yizhan::storage;

use crate::table::{Rate, Table};
use crate::world::{To, World};

/// Servers, each of a user of its own.
const SERVERS: u32 = 1_000;
/// Notices, one right after the other: so many webhooks each.
const NOTICES: u32 = 10;
/// Calls at a time: what the channel does by itself.
const AT_ONCE: usize = 64;
/// The category that the servers' users want, and nobody else.
pub const CATEGORY: &str = "mining-right";

pub async fn measure(world: &World, table: &mut Table) {
    let port = servers();
    let urls: Vec<String> = (0..SERVERS).map(|number| url(number, port)).collect();
    users(world, &urls).await;
    let near = [("YIZHAN_WEBHOOK_HTTP", "on"), ("YIZHAN_WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")];
    let server = world.start(&near);
    let publisher = world.publisher(&server);
    let began = Instant::now();
    let mut notices = Vec::new();
    for _ in 0..NOTICES {
        notices.push(publisher.publish(To::Webhooks, "push").await.0);
    }
    for notice in &notices {
        world.delivered(*notice).await;
    }
    let ours = Rate { times: SERVERS * NOTICES, took: began.elapsed() }.per_second();
    for notice in notices {
        let taken = "SELECT count(*) AS n FROM attempts WHERE status = 200 AND notice_id = $1";
        assert_eq!(world.number(taken, notice).await, Some(i64::from(SERVERS)), "each try is recorded");
    }
    let bare = bare(&urls).await;
    table.rates(
        "webhooks, signed and recorded",
        ours,
        bare,
        None,
        "1,000 servers, 64 calls at a time; no floor measured",
    );
}

/// Each server has an address of its own on this machine's loopback.
fn url(number: u32, port: u16) -> String {
    format!("http://127.0.{}.{}:{port}/hook", 1 + number / 250, 1 + number % 250)
}

/// All of them on one port of a thread of their own: they read what they are sent and answer 200.
fn servers() -> u16 {
    let listener = std::net::TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], 0))).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    listener.set_nonblocking(true).expect("a listener of our own");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
    });
    port
}

async fn serve(mut stream: TcpStream) {
    let mut buffer = Vec::with_capacity(8 * 1024);
    while let Ok(read) = stream.read_buf(&mut buffer).await {
        if read == 0 {
            return;
        }
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let (head, body) = buffer.split_at(end + 4);
        let length = crate::load::header(head, "content-length").and_then(|text| text.parse::<usize>().ok());
        if body.len() < length.unwrap_or(0) {
            continue;
        }
        buffer.clear();
        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
            return;
        }
    }
}

/// A user for each server, who wants one category there.
async fn users(world: &World, urls: &[String]) {
    let tx = world.db.begin().await.expect("a transaction");
    for url in urls {
        let (user, webhook) = (UserId::new(), WebhookId::new());
        let text = "INSERT INTO users (id, display_name, role, created_at) VALUES ($1, 'integrator', 'user', 0)";
        storage::execute(&*tx, text, [user.into()]).await.expect("a user");
        let (row, subscription) = (SubscriptionRowId::new(), SubscriptionId::new());
        let filter = json!({ "categories": [CATEGORY] }).to_string();
        let text = "INSERT INTO subscriptions (id, subscription_id, user_id, name, filter, frequency, notice_types, stages, \
                      unknown_amount, started_position, created_at, started_at) \
                    VALUES ($1, $2, $3, 'mines', $4, 'immediate', '', '', true, 0, 0, 0)";
        let values = [row.into(), subscription.into(), user.into(), filter.into()];
        storage::execute(&*tx, text, values).await.expect("a subscription");
        let text = "INSERT INTO subscription_keys (term_id, category, region, user_id, subscription, subscription_id, \
                      started_position, notice_types, stages, unknown_amount, more_terms) \
                    VALUES (0, $1, '', $2, $3, $4, 0, '', '', true, false)";
        let values = [CATEGORY.into(), user.into(), row.into(), subscription.into()];
        storage::execute(&*tx, text, values).await.expect("a key");
        let secret = Some(Secret::of(webhook.as_uuid().as_bytes()));
        let target = Target { preset: Preset::Standard, url: url.clone(), secret, previous: None };
        let address = target.address().expect("an address");
        let now = yizhan::domain::time::Timestamp::from_millis(0);
        storage::webhook::insert(&tx, webhook, user, "bench", &address, now).await.expect("a webhook");
    }
    tx.commit().await.expect("a commit");
    if world.db.engine() == sea_orm::DbBackend::Postgres {
        world.db.writer().execute_unprepared("ANALYZE").await.expect("statistics");
    }
}

/// The client as the channel makes it, with bodies and headers that were written before.
async fn bare(urls: &[String]) -> f64 {
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .tcp_nodelay(true)
        .http1_only()
        .timeout(Duration::from_secs(10))
        .pool_max_idle_per_host(4)
        .build()
        .expect("a client");
    let notice = NoticeId::new();
    let body = json!({
        "type": "notice.published", "version": 1, "timestamp": "2030-01-01T00:00:00.000Z",
        "data": { "notice": {
            "id": notice, "revision": 1, "title": "采矿权出让公告 1", "summary": "", "language": "zh-CN",
            "category": "mining-right.extraction", "region": "430102", "notice_type": "M-OFFER",
            "url": format!("/v1/notices/{notice}"),
        } },
    })
    .to_string();
    let calls = (0..NOTICES).flat_map(|_| urls).map(|url| {
        let id = DeliveryId::of(notice, 1, EndpointId::new()).to_string();
        http.post(url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", "1893456000")
            .header("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
            .body(body.clone())
    });
    let calls: Vec<_> = calls.collect();
    let began = Instant::now();
    // On tasks of their own, as the engine's chunks are.
    let calls = calls.into_iter().map(|call| async move {
        let sent = async move {
            let answer = call.send().await.expect("an answer");
            assert_eq!(answer.status(), 200, "the servers take it");
            answer.bytes().await.expect("a whole answer");
        };
        tokio::spawn(sent).await.expect("a call");
    });
    stream::iter(calls).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    Rate { times: SERVERS * NOTICES, took: began.elapsed() }.per_second()
}
