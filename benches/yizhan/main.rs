//! `cargo bench`: one table; each operation beside its *bare* counterpart, measured in the same run.
//!
//! ```text
//! cargo bench                 the whole: 100,000 users, 20,000 notices; some minutes
//! cargo bench -- --quick      small sizes, to see that it works
//! cargo bench -- --embedded   only the embedded default
//! cargo bench -- --servers    only PostgreSQL and Redis
//! cargo bench -- push inbox   only these parts: publish, import, inbox, push, webhooks, read, search, preview, stream,
//!                             words
//! cargo bench -- search --searched=5000   how many notices are searched
//! ```
//!
//! *Bare* is the same rows into the same table with the same indexes, commit size and durability; or the same bodies
//! over as many connections to the same sandbox. The server is a process of its own, the release binary, so its memory
//! is its own. The sandbox and the callers share the machine with it: on two cores they are part of what is measured,
//! on both sides of a ratio.
//!
//! Promise: a line is printed for what was measured and for what could not be; a bare result below what
//! `FLOOR`s say an idle machine can do is called implausible. Not promised: the same figures on another day; nothing
//! fails here because something was slow.

#![expect(clippy::expect_used, reason = "a measurement that meets what it did not expect shall stop")]

mod feed;
mod finding;
mod import;
mod inbox;
mod load;
mod matching;
mod people;
mod preview;
mod process;
mod provider;
mod publish;
mod push;
mod reading;
mod seed;
mod servers;
mod stream;
mod table;
mod webhooks;
mod world;

use std::time::{Duration, Instant};

use servers::Servers;
use table::Table;
use world::{Pair, World};

/// How large everything is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Users who want what is published to all.
    pub users: u32,
    /// Notices that are there before.
    pub notices: u32,
    /// How long inboxes may be pre-filled.
    pub filling: Duration,
    /// How often everyone's inbox is filled, and filled by hand.
    pub rounds: u32,
    /// Publications that are timed one by one.
    pub publications: u32,
    /// Notices that are imported.
    pub imports: u32,
    /// Words of all subscriptions.
    pub words: u32,
    /// How long each kind of reading lasts.
    pub reading: Duration,
    /// Notices that are searched: half a year of a province.
    pub searched: u32,
    /// Notices of a month, to try filters against.
    pub month: u32,
}

const WHOLE: Size = Size {
    users: 100_000,
    notices: 20_000,
    filling: Duration::from_secs(20),
    rounds: 5,
    publications: 100,
    imports: 10_000,
    words: 100_000,
    reading: Duration::from_secs(4),
    searched: 116_830,
    month: 28_000,
};

const QUICK: Size = Size {
    users: 5_000,
    notices: 2_000,
    filling: Duration::from_secs(2),
    rounds: 2,
    publications: 10,
    imports: 1_000,
    words: 10_000,
    reading: Duration::from_secs(1),
    searched: 5_000,
    month: 3_000,
};

#[tokio::main]
async fn main() {
    let options: Vec<String> = std::env::args().skip(1).filter(|option| option != "--bench").collect();
    let chosen = |option: &str| options.iter().any(|given| given == option);
    let mut size = if chosen("--quick") { QUICK } else { WHOLE };
    let searched = options.iter().find_map(|option| option.strip_prefix("--searched="));
    size.searched = searched.map_or(size.searched, |text| text.parse().expect("--searched= is a number"));
    let parts = Parts(options.iter().filter(|option| !option.starts_with('-')).cloned().collect());
    rustls::crypto::aws_lc_rs::default_provider().install_default().expect("one TLS provider");
    let began = Instant::now();
    let servers = if chosen("--embedded") { Servers::none() } else { Servers::start() };
    let mut table = Table::new();
    for missing in &servers.missing {
        table.say(missing);
    }
    let mut pairs = Vec::new();
    if !chosen("--servers") {
        pairs.push(Pair::embedded());
    }
    pairs.extend(servers.postgres.as_ref().map(|url| Pair::postgres(url, servers.redis.as_deref())));
    for pair in pairs {
        eprintln!("== {}: laying down {} users and {} notices", pair.name, size.users, size.notices);
        measure(pair, size, &parts, &mut table).await;
    }
    if parts.have("words") {
        matching::measure(size, &mut table);
    }
    table.say(&format!("{} s in all; {} users, {} notices", began.elapsed().as_secs(), size.users, size.notices));
    println!("{table}");
}

/// What was asked for; everything when nothing was named.
struct Parts(Vec<String>);

impl Parts {
    fn have(&self, part: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|given| given == part)
    }
}

async fn measure(pair: Pair, size: Size, parts: &Parts, table: &mut Table) {
    let world = World::new(pair, size).await;
    table.head(&format!("{} ({})", world.pair.name, world.prefilled));
    // One process for everything but the single route, which is a setting of the channel.
    let server = world.start(&[]);
    let publisher = world.publisher(&server);
    if parts.have("publish") {
        publish::measure(&world, &publisher, table).await;
    }
    if parts.have("import") {
        import::measure(&world, &server, table).await;
    }
    if parts.have("inbox") {
        inbox::measure(&world, &publisher, table).await;
    }
    if parts.have("push") {
        push::batches(&world, &publisher, table).await;
    }
    table.memory(server.peak_mib());
    drop(server);
    if parts.have("push") {
        push::singles(&world, table).await;
    }
    if parts.have("webhooks") {
        webhooks::measure(&world, table).await;
    }
    if parts.have("read") {
        reading::measure(&world, table).await;
    }
    if parts.have("search") {
        finding::measure(&world, table).await;
    }
    if parts.have("preview") {
        preview::measure(&world, table).await;
    }
    if parts.have("stream") {
        stream::measure(&world, table).await;
    }
}
