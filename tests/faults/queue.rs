//! The queue is emptied, or away; and the same call comes fifty times.

use std::process::{Child, Command, Stdio};

use super::world::{USERS, World, notice, wait};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_emptied_in_mid_fan_out_delays_and_loses_nothing() {
    let world = World::new().await;
    let first = world.start("api,notifier,scheduler", &[("YIZHAN_NOTIFIER_CONCURRENCY", "1")]);
    world.publisher(&first).post("/v1/notices", notice("emptied")).await.expect(201);
    let second = world.shared().then(|| world.start("notifier,scheduler", &[]));
    for messages in [1_000, 5_000, 9_000] {
        world.received(messages).await;
        world.database.empty_redis().await;
        world.count("SELECT count(*) AS n FROM queue_entries").await;
        sea_orm::ConnectionTrait::execute_unprepared(&world.conn, "DELETE FROM queue_entries").await.expect("emptied");
    }
    world.settled(1).await;
    world.audit_everyone_once().await;
    drop(second);
}

/// A Redis of the test's own, that can be away.
struct OwnRedis {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl OwnRedis {
    fn start(port: u16) -> Self {
        Self::start_with(port, "noeviction")
    }

    fn start_with(port: u16, policy: &str) -> Self {
        let folder = tempfile::TempDir::new().expect("a folder");
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--maxmemory-policy", policy])
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server runs");
        Self { child, port, folder }
    }

    fn url(port: u16) -> String {
        format!("redis://127.0.0.1:{port}/0")
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        assert!(self.folder.path().exists() && self.port > 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_published_while_the_queue_is_away_flows_when_it_returns() {
    let world = World::new().await;
    if world.database.redis_url.is_none() {
        // Where the queue is a table it is away when nobody works it: the notifier comes later.
        let api = world.start("api", &[]);
        world.publisher(&api).post("/v1/notices", notice("away")).await.expect(201);
        if !world.shared() {
            drop(api);
        }
        let _notifier = world.start("notifier,scheduler", &[]);
        world.settled(1).await;
        return world.audit_everyone_once().await;
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
    let url = OwnRedis::url(port);
    let process = world.start("api,notifier,scheduler", &[("REDIS_URL", &url)]);
    world.publisher(&process).post("/v1/notices", notice("away")).await.expect(201);
    assert_eq!(world.count("SELECT count(*) AS n FROM inbox_items").await, 0, "nothing flows without the queue");
    let redis = OwnRedis::start(port);
    world.received(u64::from(USERS) / 2).await;
    // Away again in the middle, without persistence: it comes back empty.
    drop(redis);
    let _redis = OwnRedis::start(port);
    world.settled(1).await;
    world.audit_everyone_once().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_publishes_with_one_idempotency_key_are_one_notice() {
    let world = World::new().await;
    let first = world.start("api,notifier,scheduler", &[]);
    let second = world.shared().then(|| world.start("api,notifier", &[]));
    let doors = [&first, second.as_ref().unwrap_or(&first)];
    let calls = (0..50).map(|call| {
        let publisher = world.publisher(doors[call % 2]);
        async move { publisher.post_once("/v1/notices", "the-same-key", notice("once")).await }
    });
    let answers = futures_util::future::join_all(calls).await;
    let mut ids: Vec<String> = answers.iter().map(|answer| answer.string("/id")).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "every call was answered with the same notice");
    let other = world.publisher(&first).post_once("/v1/notices", "the-same-key", notice("other")).await;
    other.problem("idempotency_key_reused");
    world.settled(1).await;
    wait("there is one notice", async || world.count("SELECT count(*) AS n FROM notices").await == 1).await;
    world.audit_everyone_once().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_does_not_start_on_a_queue_that_throws_away_what_it_holds() {
    let world = World::new().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
    let url = OwnRedis::url(port);
    // Where the queue is a table there is no policy: what is refused there is such a Redis beside SQLite.
    let (redis, reason) = match &world.database.redis_url {
        Some(_) => (Some(OwnRedis::start_with(port, "allkeys-lru")), "maxmemory-policy is allkeys-lru"),
        None if world.shared() => return drop(world.start("notifier", &[])),
        None => (None, "REDIS_URL"),
    };
    wait("Redis listens", async || redis.is_none() || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
    let said = world.refused_start("notifier", &[("REDIS_URL", &url)]);
    assert!(said.contains(reason), "{said}");
}
