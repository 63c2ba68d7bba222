//! What it came to, and whether the numbers add up: what the publisher did, what our tables say, and what the sandbox
//! wrote down by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::data::{self, Person};
use super::people::Cast;
use super::play::Played;
use super::progress::{HORIZON, Standing};
use super::text::{count, number, pad};
use crate::app::{Running, StartError};
use crate::domain::id::NoticeId;
use crate::domain::subscription::matches;
use crate::sandbox::{Code, Entry, LogQuery, SandboxState, Stats};
use crate::storage::facts;
use crate::storage::tally::{self, ByWord};

/// What the sandbox's log says, deliveries told apart by their idempotency keys.
#[derive(Debug, Default)]
struct Witness {
    /// Taken, and the sender was told.
    taken: i64,
    /// Taken, and no answer ever reached the sender.
    unheard: i64,
    gone: i64,
    refused: i64,
    /// Nothing but "not now", or no answer.
    put_off: i64,
    /// From the publisher's call to the first taking, in order.
    latencies: Vec<Duration>,
}

/// One delivery as the log shows it.
#[derive(Default)]
struct Traces {
    taken: bool,
    heard: bool,
    gone: bool,
    refused: bool,
}

fn read_log(sandbox: &SandboxState, played: &Played) -> Witness {
    let mut keys: BTreeMap<String, Traces> = BTreeMap::new();
    let mut witness = Witness::default();
    let mut after = 0;
    loop {
        let page = sandbox.log(&LogQuery { after, limit: Some(10_000), ..LogQuery::default() });
        let Some(newest) = page.items.last() else { break };
        after = newest.number;
        for entry in &page.items {
            let traces = keys.entry(entry.idempotency_key.to_string()).or_default();
            note(traces, entry);
            let first = entry.outcome.is_taken() && !entry.repeat;
            let began = played.began.get(&(entry.about.notice, entry.about.revision)).filter(|_| first);
            witness.latencies.extend(began.map(|began| entry.received_at.since(*began)));
        }
    }
    for traces in keys.values() {
        let kind = match traces {
            Traces { taken: true, heard: true, .. } => &mut witness.taken,
            Traces { taken: true, .. } => &mut witness.unheard,
            Traces { gone: true, .. } => &mut witness.gone,
            Traces { refused: true, .. } => &mut witness.refused,
            _ => &mut witness.put_off,
        };
        *kind += 1;
    }
    witness.latencies.sort_unstable();
    witness
}

fn note(traces: &mut Traces, entry: &Entry) {
    let heard = !entry.unanswered;
    traces.taken |= entry.outcome.is_taken();
    traces.heard |= entry.outcome.is_taken() && heard;
    traces.gone |= entry.outcome == Code::TokenGone && heard;
    traces.refused |= entry.outcome == Code::PayloadRefused && heard;
}

/// How many items there should be in the inboxes for notices that stand: everybody's filters held against every
/// edition, one by one, by the rule itself and not by the queries that are made of it; and an amendment concerns
/// whoever has the notice that it amends.
async fn expected_items(running: &Running) -> Result<i64, StartError> {
    let conn = running.deps.db.reader();
    let people = data::people()?;
    let mut holders: BTreeMap<NoticeId, BTreeSet<usize>> = BTreeMap::new();
    let mut withdrawn = BTreeSet::new();
    for edition in facts::announced(conn).await? {
        let said = facts::of_notice(conn, edition.notice_id, Some(edition.revision)).await?;
        let said = said.ok_or("an edition without facts")?.facts;
        let wants = |person: &Person| person.subscriptions.iter().any(|own| matches(&own.filter, &said).is_some());
        let matched = people.iter().enumerate().filter(|(_, person)| wants(person)).map(|(number, _)| number);
        let mut concerned: BTreeSet<usize> = matched.collect();
        concerned.extend(edition.amends.and_then(|amended| holders.get(&amended)).into_iter().flatten());
        holders.entry(edition.notice_id).or_default().append(&mut concerned);
        if edition.is_withdrawn {
            withdrawn.insert(edition.notice_id);
        }
    }
    let standing = holders.iter().filter(|(notice, _)| !withdrawn.contains(notice));
    Ok(i64::try_from(standing.map(|(_, people)| people.len()).sum::<usize>())?)
}

/// One line of the reckoning.
struct Check {
    what: String,
    left: i64,
    right: i64,
}

fn check(what: &str, left: i64, right: i64) -> Check {
    Check { what: what.to_owned(), left, right }
}

/// Prints it; says whether everything adds up.
pub async fn print(running: &Running, cast: &Cast, played: &Played, standing: &Standing) -> Result<bool, StartError> {
    let sandbox = running.sandbox.as_ref().ok_or("the sandbox is off")?;
    let conn = running.deps.db.reader();
    let (editions, fan_outs) = (tally::revisions(conn).await?, tally::fan_outs(conn).await?);
    let witness = read_log(sandbox, played);
    let stats = sandbox.stats();
    println!("\n小结 Summary");
    calls(played);
    deliveries(cast, standing);
    sandbox_lines(&stats, &witness);
    println!("\n核对 Do the numbers add up?");
    let mut fine = true;
    let mut reckoning = checks(played, standing, &editions, &fan_outs, &witness, &stats);
    let (found, expected) = (tally::standing_inbox_items(conn).await?, expected_items(running).await?);
    reckoning.push(check("有效公告的收件箱条目 items of notices that stand, matched one by one", found, expected));
    for Check { what, left, right } in reckoning {
        let same = left == right;
        fine &= same;
        let (mark, relation) = if same { ("✓", "=") } else { ("✗", "≠") };
        println!("  {mark} {what}: {} {relation} {}", number(left), number(right));
    }
    Ok(fine)
}

fn calls(played: &Played) {
    let calls = &played.calls;
    println!(
        "  已发布 published    {} = 新公告 new {} + 修订 revisions {} + 撤回 withdrawals {} + 内容重复 duplicates {}",
        number(count(calls.new + calls.revisions + calls.withdrawals + calls.duplicates)),
        calls.new,
        calls.revisions,
        calls.withdrawals,
        calls.duplicates
    );
    println!(
        "  调用 calls          {} (重复调用 repeated calls {}, 被拒 refused {})",
        number(count(calls.made)),
        calls.repeats,
        calls.refused
    );
    for reason in &played.reasons {
        println!("    ! {reason}");
    }
}

fn deliveries(cast: &Cast, standing: &Standing) {
    println!(
        "  用户 users          {}，订阅 subscriptions {}，设备 devices {}",
        cast.people, cast.subscriptions, cast.devices
    );
    println!("  收件箱 inbox items  {}", number(standing.matched));
    let states: Vec<String> =
        standing.deliveries.iter().map(|(state, rows)| format!("{} {state} {}", zh(state), number(*rows))).collect();
    println!(
        "  投递 deliveries     {} = {}",
        number(standing.deliveries.values().sum()),
        if states.is_empty() { "0".to_owned() } else { states.join(" + ") }
    );
}

fn sandbox_lines(stats: &Stats, witness: &Witness) {
    println!(
        "  沙箱 sandbox        {} 次推送 messages，{} 个投递 deliveries，显示 shown {}，去重 repeats dropped {}",
        number(count(stats.received)),
        number(count(stats.unique)),
        number(count(stats.shown)),
        number(count(stats.repeats))
    );
    let at = |percent: usize| {
        let index = witness.latencies.len().saturating_sub(1) * percent / 100;
        witness.latencies.get(index).copied().unwrap_or_default().as_secs_f64() * 1000.0
    };
    println!(
        "  发布到送达 latency  中位 median {:.0} ms，95% {:.0} ms，最长 longest {:.0} ms",
        at(50),
        at(95),
        at(100)
    );
}

fn checks(
    played: &Played,
    standing: &Standing,
    editions: &ByWord,
    fan_outs: &ByWord,
    witness: &Witness,
    stats: &Stats,
) -> Vec<Check> {
    let calls = &played.calls;
    let of = |groups: &ByWord, words: &[&str]| -> i64 { words.iter().filter_map(|word| groups.get(*word)).sum() };
    let done = calls.new + calls.duplicates + calls.revisions + calls.withdrawals + calls.repeats + calls.refused;
    let announced = calls.new + calls.revisions + calls.withdrawals;
    let corrected = &["revision", "editorial"];
    vec![
        check("调用之和 calls, by what they came to", count(done), count(calls.made)),
        check("被拒的调用 refused calls", count(calls.refused), 0),
        check("公告 notices published, stored", count(calls.new + calls.duplicates), of(editions, &["notice"])),
        check("修订 revisions published, stored", count(calls.revisions), of(editions, corrected)),
        check("撤回 withdrawals published, stored", count(calls.withdrawals), of(editions, &["withdrawal"])),
        check("每次公告一次分发 announced, fanned out", count(announced), fan_outs.values().sum()),
        check("未完成的分发 unfinished fan-outs", standing.open, 0),
        check(&format!("{} 秒内待重试 due within that time", HORIZON.as_secs()), standing.due_soon, 0),
        check("已送达 delivered, taken by the sandbox", standing.delivered(), witness.taken),
        check("失效地址 gone, told by the sandbox", standing.of(&["gone"]), witness.gone),
        check("被拒的推送 refused, by the sandbox", standing.of(&["refused"]), witness.refused),
        check(
            "沙箱的投递之和 the sandbox's deliveries, by outcome",
            witness.taken + witness.unheard + witness.gone + witness.refused + witness.put_off,
            count(stats.unique),
        ),
        check("重复显示 shown twice on a phone", count(stats.shown_again), 0),
    ]
}

/// A state's name in Chinese.
fn zh(state: &str) -> &'static str {
    match state {
        "sending" => "发送中",
        "due" => "待重试",
        "held" => "暂缓",
        "accepted" => "已接收",
        "delivered" => "已送达",
        "refused" => "被拒",
        "gone" => "失效",
        "exhausted" => "重试用尽",
        "expired" => "过期",
        "skipped" => "不再需要",
        "superseded" => "被取代",
        _ => "不明",
    }
}

/// Prints where to go from here.
pub fn print_addresses(running: &Running, cast: &Cast) {
    use super::people::{ADMIN, SHOWCASE};
    let url = running.url();
    println!("\n打开 Open");
    for (label, path) in [
        ("接口文档 API docs", "/docs"),
        ("沙箱 sandbox", "/sandbox"),
        ("健康状态 health", "/readyz"),
        ("公告 notices", "/v1/notices?region=430100"),
    ] {
        println!("  {} {url}{path}", pad(label, 20));
    }
    let password = cast.password();
    println!("\n登录 Sign in (密码 password: {password})");
    println!("  {} {SHOWCASE}", pad("用户 user", 20));
    println!("  {} {ADMIN}", pad("管理员 admin", 20));
    println!("  {} {}", pad("发布方密钥 key", 20), cast.key());
    println!("\n试试 Try");
    println!("  curl -s '{url}/v1/notices?category=construction&limit=3'");
    println!(
        "  TOKEN=$(curl -s {url}/v1/sessions -H 'content-type: application/json' -d \
         '{{\"kind\":\"email\",\"address\":\"{SHOWCASE}\",\"password\":\"{password}\"}}' \
         | sed 's/.*\"access_token\":\"\\([^\"]*\\).*/\\1/')"
    );
    println!("  curl -s '{url}/v1/inbox?limit=3' -H \"authorization: Bearer $TOKEN\"");
}
