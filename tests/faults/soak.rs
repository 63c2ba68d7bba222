//! The soak: notices all the while, and now and then a notifier is killed, Redis is emptied, or the provider fails.
//!
//! `scripts/soak --minutes N` lets it run long; in the suite it runs for seconds, so that it stays able to.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use yizhan::sandbox::{Fault, Mode};

use super::servers::{OwnRedis, free_port};
use super::world::{ALL, Process, World};

/// Few, because there are many notices.
const USERS: u32 = 1_000;
/// How often a notice is published.
const NOTICE_EVERY: Duration = Duration::from_secs(2);
/// The table has so many lines.
const LINES: u32 = 30;

/// What runs, and what has happened to it.
struct Soak {
    world: World,
    door: Process,
    notifiers: Vec<Process>,
    redis: Option<OwnRedis>,
    environment: Vec<(String, String)>,
    random: StdRng,
    faults: [u32; 3],
}

impl Soak {
    fn start(&self) -> Process {
        let environment: Vec<_> =
            self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let roles = if self.world.shared() { "notifier,scheduler" } else { ALL };
        self.world.start(roles, &environment)
    }

    /// One of the faults, at random.
    async fn strike(&mut self) {
        let fault = self.random.random_range(0..3);
        self.faults[fault] += 1;
        match fault {
            0 if !self.notifiers.is_empty() => {
                let one = self.random.random_range(0..self.notifiers.len());
                self.notifiers[one].kill();
                self.notifiers[one] = self.start();
            }
            0 => {}
            1 => match self.redis.take() {
                // Emptied, or gone and back without what it held.
                Some(redis) if self.random.random_bool(0.5) => {
                    redis.say(&["FLUSHALL"]).await;
                    self.redis = Some(redis);
                }
                Some(redis) => {
                    let port = redis.port;
                    drop(redis);
                    self.redis = Some(OwnRedis::start(port).await);
                }
                None => self.world.run("DELETE FROM queue_entries").await,
            },
            _ => {
                let modes = [Mode::Error500, Mode::Throttle, Mode::Hang, Mode::Html502, Mode::Cut];
                let mode = modes[self.random.random_range(0..modes.len())];
                self.world.witness.state.set_fault(Fault { seconds: Some(3), ..Fault::of(mode) });
            }
        }
    }

    /// How much memory Redis says it uses, in KiB.
    async fn redis_kib(&self) -> u64 {
        let Some(redis) = &self.redis else { return 0 };
        let info = format!("{:?}", redis.say(&["INFO", "memory"]).await);
        let bytes = info.split("used_memory:").nth(1).and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
        bytes.and_then(|bytes| bytes.parse::<u64>().ok()).unwrap_or(0) / 1024
    }

    async fn line(&self, began: Instant, notices: i64) {
        let finished = self.world.count("SELECT count(*) AS n FROM fan_outs WHERE finished_at IS NOT NULL").await;
        let due = self.world.count("SELECT count(*) AS n FROM deliveries WHERE state IN ('due', 'sending')").await;
        let difference =
            if finished == notices { self.world.difference().await.to_string() } else { "under way".to_owned() };
        let memory: Vec<String> = std::iter::once(&self.door)
            .chain(&self.notifiers)
            .map(|one| format!("{}", one.resident_kib() / 1024))
            .collect();
        let [kills, emptied, provider] = self.faults;
        println!(
            "| {:>6.0} | {notices:>7} | {finished:>8} | {due:>7} | {difference:>9} | {:>14} | {:>9} | {kills:>5} | {emptied:>7} | {provider:>8} |",
            began.elapsed().as_secs_f64(),
            memory.join(" + "),
            self.redis_kib().await,
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soak_with_random_faults_loses_nothing_and_does_not_grow() {
    let seconds = std::env::var("YIZHAN_TEST_SOAK_SECONDS").ok();
    let length = Duration::from_secs(seconds.map_or(15, |seconds| seconds.parse().expect("a number of seconds")));
    let seed = std::env::var("YIZHAN_TEST_SEED").ok().map_or_else(rand::random, |seed| seed.parse().expect("a number"));
    println!("    YIZHAN_TEST_SEED={seed}");
    let world = World::of(USERS).await;
    let redis = if world.redis_url.is_some() { Some(OwnRedis::start(free_port()).await) } else { None };
    let environment: Vec<(String, String)> =
        redis.iter().map(|redis| ("REDIS_URL".to_owned(), OwnRedis::url(redis.port))).collect();
    let borrowed: Vec<_> = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let door = world.start(if world.shared() { "api" } else { ALL }, &borrowed);
    let random = StdRng::seed_from_u64(seed);
    let mut soak = Soak { world, door, notifiers: Vec::new(), redis, environment, random, faults: [0; 3] };
    if soak.world.shared() {
        soak.notifiers = vec![soak.start(), soak.start()];
    }
    println!(
        "| second | notices | finished | due now | audit off | memory, MiB    | Redis KiB | kills | emptied | provider |"
    );
    println!(
        "| -----: | ------: | -------: | ------: | --------: | -------------: | --------: | ----: | ------: | -------: |"
    );
    let (began, every) = (Instant::now(), length / LINES);
    let (mut notices, mut next_line, mut next_fault) = (0_i64, Duration::ZERO, Duration::from_secs(2));
    while began.elapsed() < length {
        soak.world.publish(&soak.door, &format!("soak {notices}")).await;
        notices += 1;
        if began.elapsed() >= next_fault {
            soak.strike().await;
            next_fault = began.elapsed() + Duration::from_millis(soak.random.random_range(2_000..8_000));
        }
        if began.elapsed() >= next_line {
            soak.line(began, notices).await;
            next_line = began.elapsed() + every;
        }
        tokio::time::sleep(NOTICE_EVERY).await;
    }
    soak.world.witness.state.set_fault(Fault::NONE);
    soak.world.settled(notices).await;
    soak.line(began, notices).await;
    assert_eq!(soak.world.difference().await, 0, "inbox items that differ from the audiences");
    let stats = soak.world.witness.state.stats();
    let accepted = soak.world.count("SELECT count(*) AS n FROM deliveries WHERE state = 'accepted'").await;
    assert_eq!(accepted, notices * i64::from(USERS), "everybody was told of everything");
    assert_eq!(stats.shown, accepted.unsigned_abs(), "and the witness says so too");
    assert_eq!(stats.shown_again, 0, "once");
    let tally = soak.world.witnessed();
    soak.world.report(&format!("a soak of {} s", length.as_secs()), tally, "-");
}
