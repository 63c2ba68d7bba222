//! `yizhan queue`: what waits and who works, from the command line.

use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::time::Instant;

use crate::app::{self, StartError};
use crate::cli::admin::plain;
use crate::config::Config;
use crate::domain::channel::Channel;
use crate::domain::delivery::Reason;
use crate::domain::id::NoticeId;
use crate::domain::time::Timestamp;
use crate::http::operator::dto::DeadLetterView;
use crate::services::Deps;
use crate::services::idempotency::Call;
use crate::services::operator::{self, DeadChunk, DeadEntry, DeadFilter, DeadLetter, Delivery, Explained, Standing};

/// How often a wait looks again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What to do with the queue.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows what waits and who works (the default).
    Show {
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Waits until everything that was announced is carried, such as before a maintenance; says so and fails when it
    /// is not by then. Held deliveries are not waited for.
    Drain {
        /// How many seconds to wait at most.
        #[arg(long, default_value_t = 300)]
        within: u64,
    },
    /// Shows dead letters with every try, the newest first.
    Dead(Dead),
    /// Has dead letters tried again. On the embedded default the server must not run: use the API there.
    Replay(Replay),
}

/// Which dead letters.
#[derive(Debug, Args)]
struct Which {
    /// Of this notice.
    #[arg(long)]
    notice: Option<NoticeId>,
    /// On this channel: deliveries alone.
    #[arg(long)]
    channel: Option<Channel>,
    /// For this reason: deliveries alone.
    #[arg(long)]
    reason: Option<Reason>,
    /// Dead since this instant or later, such as 2026-11-24T08:00:00+08:00.
    #[arg(long)]
    from: Option<Timestamp>,
    /// Dead before this instant.
    #[arg(long)]
    to: Option<Timestamp>,
}

impl Which {
    fn filter(&self) -> DeadFilter {
        let Self { notice, channel, reason, from, to } = *self;
        DeadFilter { notice, channel, reason, from, to }
    }
}

/// How dead letters are shown.
#[derive(Debug, Args)]
struct Dead {
    #[command(flatten)]
    which: Which,
    /// How many at most.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// One JSON object a line, as the operators' API has them.
    #[arg(long)]
    json: bool,
}

/// Which dead letters are tried again.
#[derive(Debug, Args)]
struct Replay {
    #[command(flatten)]
    which: Which,
    /// At most so many deliveries, and as many chunks.
    #[arg(long, default_value_t = 1_000)]
    limit: i64,
    /// A new delivery deadline, so many hours from now, where the old one has passed; never past a bid deadline.
    #[arg(long)]
    extend_hours: Option<u32>,
}

/// Does it.
pub async fn run(options: Options) -> Result<(), StartError> {
    let config = Config::from_env()?;
    match options.command.unwrap_or(Command::Show { json: false }) {
        Command::Show { json } => show(&look(&app::build(&config).await?).await?, json),
        Command::Drain { within } => drain(&app::build(&config).await?, Duration::from_secs(within)).await,
        Command::Dead(dead) => list(&app::build(&config).await?, &dead).await,
        Command::Replay(replay) => {
            let _lock = app::lock(&config)?;
            again(&app::build(&config).await?, replay).await
        }
    }
}

async fn look(deps: &Deps) -> Result<Standing, StartError> {
    operator::standing(deps).await.map_err(plain)
}

fn show(standing: &Standing, json: bool) -> Result<(), StartError> {
    if json {
        println!("{}", serde_json::to_string_pretty(standing)?);
        return Ok(());
    }
    let Standing { bells, outbox, fan_outs, oldest_at, workers, waiting, dead } = standing;
    let depth = |depth: &Option<u64>| depth.map_or_else(|| "?".to_owned(), |depth| depth.to_string());
    let bells: Vec<String> = bells.iter().map(|(lane, of)| format!("{} {lane}", depth(of))).collect();
    println!("bells      {}", bells.join(", "));
    println!("outbox     {outbox}");
    let oldest = oldest_at.map(|at| format!(", the oldest of {at}")).unwrap_or_default();
    println!("fan-outs   {fan_outs} unfinished{oldest}");
    for worker in workers {
        println!("worker     {}: {} chunks, {} plans", worker.owner, worker.chunks, worker.plans);
    }
    for one in waiting {
        println!("{:<10} {} on {}, the first at {}", one.state.as_str(), one.deliveries, one.channel, one.first_at);
    }
    let dead: Vec<String> = dead.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    println!("dead       {}", dead.join(", "));
    Ok(())
}

async fn drain(deps: &Deps, within: Duration) -> Result<(), StartError> {
    let until = Instant::now() + within;
    loop {
        let standing = look(deps).await?;
        if standing.is_carried() {
            println!("carried");
            return Ok(());
        }
        if Instant::now() >= until {
            show(&standing, false)?;
            return Err(format!("not carried within {} s", within.as_secs()).into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn list(deps: &Deps, dead: &Dead) -> Result<(), StartError> {
    let page = operator::list_dead_letters(deps, &dead.which.filter(), None, dead.limit).await.map_err(plain)?;
    let more = page.next.is_some();
    for letter in page.items {
        if dead.json {
            println!("{}", serde_json::to_string(&DeadLetterView::of(letter))?);
        } else {
            tell(&letter);
        }
    }
    if more {
        eprintln!("there are more than {}: raise --limit, or narrow with --to", dead.limit);
    }
    Ok(())
}

fn tell(letter: &DeadLetter) {
    match letter {
        DeadLetter::Delivery(Explained { delivery, tries }) => {
            let reason = delivery.reason.map(Reason::as_str).unwrap_or_default();
            let Delivery { notice_id, revision, channel, state, decided_at, user_id, .. } = delivery;
            println!(
                "{decided_at} delivery {state} {reason}: {notice_id} revision {revision} on {channel} to {user_id}"
            );
            for one in tries {
                let (outcome, detail) = (one.outcome.as_deref(), one.detail.as_deref());
                let began = one.began_at.map(|at| at.to_string()).unwrap_or_default();
                println!("  try {} {began} {} {}", one.number, outcome.unwrap_or("?"), detail.unwrap_or_default());
            }
        }
        DeadLetter::Chunk(DeadChunk { id, notice_id, users, attempts, died_at, .. }) => {
            println!("{died_at} chunk {id}: {notice_id}, {users} users, begun {attempts} times");
        }
        DeadLetter::Entry(DeadEntry { id, payload, reason, died_at }) => {
            println!("{died_at} queue entry {id} {reason}: {payload}");
        }
    }
}

async fn again(deps: &Deps, replay: Replay) -> Result<(), StartError> {
    let Replay { which, limit, extend_hours } = replay;
    let filter = which.filter();
    let extend = extend_hours.map(|hours| Duration::from_secs(u64::from(hours) * 60 * 60));
    let call = Call { caller: "command line".to_owned(), key: None, digest: [0; 32] };
    let done = operator::replay(deps, &call, &operator::Replay { filter, limit, extend }).await.map_err(plain)?;
    println!("{}", serde_json::to_string(&done)?);
    Ok(())
}
