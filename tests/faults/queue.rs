//! The queue is emptied, away, full, behind, or full of what is none of ours.

use super::proxy::Proxy;
use super::servers::{OwnRedis, free_port};
use super::world::{ALL, BEHIND, Process, USERS, World, wait};

/// One notifier works slowly enough that something can happen in the middle.
const SLOWLY: (&str, &str) = ("YIZHAN_NOTIFIER_CONCURRENCY", "1");

/// Where the queue is a table, what happens to a Redis can only happen to its rows.
async fn empty(world: &World) {
    match (&world.redis_url, &world.database) {
        (Some(_), Some(database)) => database.empty_redis().await,
        _ => world.run("DELETE FROM queue_entries").await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_emptied_in_mid_fan_out_delays_and_loses_nothing() {
    let world = World::new().await;
    let first = world.start(ALL, &[SLOWLY]);
    world.publish(&first, "emptied").await;
    let second = world.second(BEHIND, &[]);
    for messages in [1_000, 5_000, 9_000] {
        world.received(messages).await;
        empty(&world).await;
    }
    world.settled(1).await;
    let tally = world.audit_everyone_once(&first).await;
    [Some(&first), second.as_ref()].into_iter().flatten().for_each(Process::assert_calm);
    world.report("4 the queue emptied three times", tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_published_while_the_queue_is_away_flows_when_it_returns_and_again_when_it_comes_back_empty() {
    let world = World::new().await;
    if world.redis_url.is_none() {
        // Where the queue is a table it is away when nobody works it: the notifier comes later.
        let api = world.start("api", &[]);
        world.publish(&api, "away").await;
        if !world.shared() {
            drop(api);
        }
        let notifier = world.start(ALL, &[]);
        world.settled(1).await;
        let tally = world.audit_everyone_once(&notifier).await;
        return world.report("3 the queue away at publish", tally, "-");
    }
    let port = free_port();
    let process = world.start(ALL, &[("REDIS_URL", &OwnRedis::url(port))]);
    world.publish(&process, "away").await;
    assert_eq!(world.inboxes().await, 0, "nothing flows without the queue");
    let redis = OwnRedis::start(port).await;
    world.received(u64::from(USERS) / 2).await;
    // Away again in the middle, without persistence: it comes back empty.
    drop(redis);
    let redis = OwnRedis::start(port).await;
    world.received(u64::from(USERS) * 3 / 4).await;
    // And its streams deleted, one by one.
    for lane in ["urgent", "normal", "bulk"] {
        redis.say(&["DEL", &format!("yizhan:{{queue}}:{lane}")]).await;
    }
    world.settled(1).await;
    let tally = world.audit_everyone_once(&process).await;
    process.assert_calm();
    world.report("3, 4 Redis away at publish, restarted empty, its streams deleted", tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_out_of_memory_delays_and_loses_nothing() {
    let world = World::new().await;
    let redis = OwnRedis::start(free_port()).await;
    let url = OwnRedis::url(redis.port);
    // Where the queue is a table, its disk is the database's: `disk` fills it.
    let environment: &[(&str, &str)] =
        if world.redis_url.is_some() { &[SLOWLY, ("REDIS_URL", &url)] } else { &[SLOWLY] };
    let process = world.start(ALL, environment);
    world.publish(&process, "before").await;
    world.received(3_000).await;
    redis.say(&["CONFIG", "SET", "maxmemory", "1"]).await;
    world.publish(&process, "while it is full").await;
    world.publish(&process, "and another one").await;
    // The chunks that were rung before may still be worked; then nothing moves.
    if world.redis_url.is_some() {
        wait("bells cannot be rung", async || process.has_said("bells cannot be rung")).await;
    }
    redis.say(&["CONFIG", "SET", "maxmemory", "0"]).await;
    world.settled(3).await;
    let tally = world.audit_everyone_once(&process).await;
    process.assert_calm();
    world.report("5 Redis out of memory", tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_replica_that_lacks_the_last_writes_delays_and_loses_nothing() {
    let world = World::new().await;
    let (primary, replica) = (OwnRedis::start(free_port()).await, OwnRedis::start(free_port()).await);
    let address = Proxy::before(primary.port).await;
    let url = OwnRedis::url(address.port());
    let environment: &[(&str, &str)] =
        if world.redis_url.is_some() { &[SLOWLY, ("REDIS_URL", &url)] } else { &[SLOWLY] };
    replica.say(&["REPLICAOF", "127.0.0.1", &primary.port.to_string()]).await;
    wait("the replica follows", async || {
        format!("{:?}", replica.say(&["INFO", "replication"]).await).contains("master_link_status:up")
    })
    .await;
    let process = world.start(ALL, environment);
    world.publish(&process, "before").await;
    world.received(3_000).await;
    // From here on it hears nothing of what is written, and is promoted with what it has: bells that were taken
    // since come back, and bells that were rung since are lost.
    replica.say(&["REPLICAOF", "NO", "ONE"]).await;
    world.publish(&process, "while it is behind").await;
    world.received(9_000).await;
    address.turn_to(replica.port);
    drop(primary);
    world.settled(2).await;
    let tally = world.audit_everyone_once(&process).await;
    process.assert_calm();
    world.report("5 a replica promoted that lacks the last writes", tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_can_read_goes_to_the_dead_letters_byte_by_byte_and_stops_no_consumer() {
    let world = World::of(2_000).await;
    let process = world.start(ALL, &[]);
    let long = "废".repeat(5_000);
    let entries = ["nonsense", "chunk:v9:chk_0", "plan:v1:not-an-id", "", long.as_str()];
    match &world.redis_url {
        Some(url) => {
            let client = redis::Client::open(url.as_str()).expect("an address");
            let mut redis = client.get_multiplexed_async_connection().await.expect("Redis answers");
            // Somebody else's value in our stream's place: before anything is rung, and it is no stream at all.
            for lane in ["urgent", "bulk"] {
                let key = format!("yizhan:{{queue}}:{lane}");
                redis::cmd("SET").arg(key).arg("foreign").exec_async(&mut redis).await.expect("a foreign value");
            }
            let stream = "yizhan:{queue}:normal";
            for entry in entries {
                redis::cmd("XADD")
                    .arg(stream)
                    .arg("*")
                    .arg("j")
                    .arg(entry)
                    .exec_async(&mut redis)
                    .await
                    .expect("an entry");
            }
            let odd: &[u8] = b"\xff\xfe\x00raw";
            redis::cmd("XADD").arg(stream).arg("*").arg("j").arg(odd).exec_async(&mut redis).await.expect("raw bytes");
            let other = redis::cmd("XADD").arg(stream).arg("*").arg("task").arg("{}").exec_async(&mut redis).await;
            other.expect("another program's entry");
        }
        None => {
            for entry in entries {
                let text = format!("INSERT INTO queue_entries (lane, payload, taken_until) VALUES (1, '{entry}', 0)");
                world.run(&text).await;
            }
        }
    }
    let expected = if world.redis_url.is_some() { 9 } else { 5 };
    world.publish(&process, "among nonsense").await;
    world.settled(1).await;
    let dead = "SELECT count(*) AS n FROM dead_entries";
    wait("all are set aside", async || world.count(dead).await == expected).await;
    if world.redis_url.is_some() {
        let raw = r"SELECT count(*) AS n FROM dead_entries WHERE payload = '\xff\xfe\x00raw'";
        assert_eq!(world.count(raw).await, 1, "every byte can be told");
        let whole = r"SELECT count(*) AS n FROM dead_entries WHERE payload = 'task={}'";
        assert_eq!(world.count(whole).await, 1, "another program's entry is kept with its fields");
        assert_eq!(world.count("SELECT count(*) AS n FROM dead_entries WHERE payload = 'foreign'").await, 2);
    }
    let metrics = reqwest::get(format!("{}/metrics", process.url)).await.expect("metrics").text().await.expect("text");
    let counted = format!("yizhan_queue_unreadable_total {expected}");
    assert!(metrics.contains(&counted), "they are counted");
    let tally = world.audit_everyone_once(&process).await;
    world.report("bad input: entries of the queue that nobody can read", tally, "-");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_does_not_start_on_a_queue_that_throws_away_what_it_holds() {
    let world = World::of(1).await;
    let port = free_port();
    let url = OwnRedis::url(port);
    // Where the queue is a table there is no policy: what is refused there is such a Redis beside SQLite.
    let (_redis, reason) = match &world.redis_url {
        Some(_) => (Some(OwnRedis::start_with(port, "allkeys-lru").await), "maxmemory-policy is allkeys-lru"),
        None if world.shared() => return drop(world.start("notifier", &[])),
        None => (None, "REDIS_URL"),
    };
    let said = world.refused_start("notifier", &[("REDIS_URL", &url)]);
    assert!(said.contains(reason), "{said}");
}
