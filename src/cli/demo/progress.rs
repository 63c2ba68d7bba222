//! What happens, while it happens: one block that is written over on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use chrono::Utc;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::play::Calls;
use super::text::{count, number, pad};
use crate::app::StartError;
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::storage::DbResult;
use crate::storage::tally::{self, ByWord};

/// A block is rewritten so often …
const BLOCK_EVERY: Duration = Duration::from_millis(500);
/// … and where nothing can be rewritten, a line is added so often.
const LINE_EVERY: Duration = Duration::from_secs(2);
/// What is due later than this is not waited for.
pub const HORIZON: Duration = Duration::from_secs(60);
/// How long nothing may change before the demo gives up waiting.
const STUCK: Duration = Duration::from_secs(45);

/// Where everything stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Items in inboxes.
    pub matched: i64,
    /// Deliveries by their state.
    pub deliveries: ByWord,
    /// Fan-outs that have not reached everyone.
    pub open: i64,
    /// Deliveries that are tried again soon.
    pub due_soon: i64,
}

impl Standing {
    /// As the rows say.
    pub async fn read(deps: &Deps) -> DbResult<Self> {
        let conn = deps.db.reader();
        Ok(Self {
            open: tally::open_fan_outs(conn).await?,
            due_soon: tally::due_before(conn, Timestamp::from(Utc::now()) + HORIZON).await?,
            matched: tally::inbox_items(conn).await?,
            deliveries: tally::deliveries(conn).await?,
        })
    }

    /// Deliveries in any of these states.
    pub fn of(&self, states: &[&str]) -> i64 {
        states.iter().filter_map(|state| self.deliveries.get(*state)).sum()
    }

    /// Deliveries that the provider has.
    pub fn delivered(&self) -> i64 {
        self.of(&["accepted", "delivered"])
    }

    /// Dead letters.
    pub fn dead(&self) -> i64 {
        self.of(&["refused", "exhausted", "unknown"])
    }

    fn is_settled(&self) -> bool {
        self.open == 0 && self.due_soon == 0
    }
}

/// Shows what happens until the publisher has ended and everything is settled, or stands still for too long.
pub async fn show(deps: &Deps, of: usize, calls: watch::Receiver<Calls>) -> Result<Standing, StartError> {
    let block = std::io::stdout().is_terminal();
    let mut beat = interval(if block { BLOCK_EVERY } else { LINE_EVERY });
    let mut look = interval(BLOCK_EVERY);
    for timer in [&mut beat, &mut look] {
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    let (began, mut moved) = (Instant::now(), Instant::now());
    let mut last = Standing::default();
    let mut screen = Screen { block, of, lines: 0, began, before: None };
    loop {
        look.tick().await;
        // Asked before reading: what is read afterwards has seen all of the publisher's calls.
        let over = calls.has_changed().is_err();
        let now = Standing::read(deps).await?;
        if now != last || !over {
            moved = Instant::now();
        }
        last = now;
        let settled = over && last.is_settled();
        if settled || beat.tick_now().await {
            screen.draw(*calls.borrow(), &last)?;
        }
        if settled || moved.elapsed() > STUCK {
            return Ok(last);
        }
    }
}

/// Whether a beat has come, without waiting for it.
trait TickNow {
    async fn tick_now(&mut self) -> bool;
}

impl TickNow for tokio::time::Interval {
    async fn tick_now(&mut self) -> bool {
        tokio::time::timeout(Duration::ZERO, self.tick()).await.is_ok()
    }
}

struct Screen {
    block: bool,
    of: usize,
    lines: usize,
    began: Instant,
    /// When it was last drawn, with how many published, matched and delivered.
    before: Option<(Instant, [i64; 3])>,
}

impl Screen {
    fn draw(&mut self, calls: Calls, standing: &Standing) -> std::io::Result<()> {
        let published = count(calls.made - calls.refused - calls.repeats);
        let counts = [published, standing.matched, standing.delivered()];
        let rates = self.rates(counts);
        let [matched, delivered] = [standing.matched, standing.delivered()].map(number);
        let (held, due, dead) = (standing.of(&["held"]), standing.of(&["due", "sending"]), standing.dead());
        let elapsed = self.began.elapsed().as_secs_f64();
        let mut out = std::io::stdout().lock();
        if self.block {
            let row = |label: &str, value: &str, rate: f64| {
                format!("  {} {} {}", pad(label, 20), pad(value, 14), format_args!("{rate:>8.1} /s"))
            };
            let [a, b, c] = rates;
            let rows = [
                row("已发布 published", &format!("{} / {}", number(published), self.of), a),
                row("已匹配 matched", &matched, b),
                row("已送达 delivered", &delivered, c),
                format!("  暂缓 held {held}   待重试 due {due}   死信 dead {dead}   未完成 open {}", standing.open),
                format!("  已用时 elapsed {elapsed:.1} s"),
            ];
            if self.lines > 0 {
                write!(out, "\x1b[{}A\x1b[J", self.lines)?;
            }
            self.lines = rows.len();
            writeln!(out, "{}", rows.join("\n"))?;
        } else {
            let [a, b, c] = rates;
            writeln!(
                out,
                "  {elapsed:6.1} s  已发布 published {published}/{} ({a:.1}/s)  已匹配 matched {matched} ({b:.1}/s)  \
                 已送达 delivered {delivered} ({c:.1}/s)  暂缓 held {held}  待重试 due {due}  死信 dead {dead}  \
                 未完成 open {}",
                self.of, standing.open
            )?;
        }
        out.flush()
    }

    /// Per second since it was last drawn.
    fn rates(&mut self, counts: [i64; 3]) -> [f64; 3] {
        let now = Instant::now();
        let (since, before) = self.before.unwrap_or((self.began, [0; 3]));
        self.before = Some((now, counts));
        let seconds = now.duration_since(since).as_secs_f64().max(0.001);
        let mut rates = [0.0; 3];
        for ((rate, now), before) in rates.iter_mut().zip(counts).zip(before) {
            *rate = f64::from(i32::try_from(now - before).unwrap_or(i32::MAX)) / seconds;
        }
        rates
    }
}
